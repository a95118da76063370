"""Logs of other programs beside ours: CPU seconds and GB/s of one thread, the same calls in each format.

    python3 tests/bench/formats.py BINARY --rows 10000000
"""

import argparse
import os
import pathlib
import resource
import subprocess
import tempfile

DAY = "2026-11-18"
FORMATS = {
    "canonical NDJSON": ("a.ndjson", 'preset = "canonical"'),
    "combined": ("a.log", 'preset = "combined"'),
    "nginx by log_format": (
        "a.log",
        'preset = "nginx"\n'
        "log_format = '''$remote_addr - $remote_user [$time_local] \"$request\" $status $body_bytes_sent"
        ' "$http_user_agent" rt=$request_time uct="$upstream_connect_time" uht="$upstream_header_time"'
        " urt=\"$upstream_response_time\" us=\"$upstream_status\" ua=\"$upstream_addr\" rid=$request_id'''",
    ),
    "Envoy JSON": ("a.log", 'preset = "envoy"'),
    "ALB": ("a.log", 'preset = "alb"'),
}


def line(form, n, hour, minute, second, ms):
    status = 503 if n % 500 == 0 else 200
    path, rid = f"/v21.0/{100000 + n % 997}/messages", f"{n:032x}"
    iso = f"{DAY}T{hour:02}:{minute:02}:{second:02}.{ms:03}Z"
    clf = f"18/Nov/2026:{hour:02}:{minute:02}:{second:02} +0000"
    if form == "canonical NDJSON":
        return (
            f'{{"ts":"{iso}","duration_ms":{ms}.5,"request_id":"{rid}","business_id":"b{n % 50}","service":"messages",'
            f'"endpoint":"{path}","region":"eu","http_status":{status}}}\n'
        )
    if form == "combined":
        return f'10.0.0.1 - - [{clf}] "POST {path} HTTP/1.1" {status} 512 "-" "sdk/1.0"\n'
    if form == "nginx by log_format":
        return (
            f'10.0.0.1 - - [{clf}] "POST {path} HTTP/1.1" {status} 512 "sdk/1.0" rt=0.{ms:03} uct="0.001" uht="0.0{ms:03}"'
            f' urt="0.{ms:03}" us="{status}" ua="10.0.0.2:80" rid={rid}\n'
        )
    if form == "Envoy JSON":
        return (
            f'{{"start_time":"{iso}","method":"POST","path":"{path}","protocol":"HTTP/1.1","response_code":{status},'
            f'"response_flags":"-","response_code_details":"via_upstream","duration":{ms},"request_id":"{rid}",'
            f'"authority":"graph.example","upstream_host":"10.0.0.2:80"}}\n'
        )
    return (
        f"https {iso[:-1]}000Z app/lb/50dc 10.0.0.1:{n % 60000} 10.0.0.2:80 0.000 0.{ms:03} 0.000 {status} {status} 0 57"
        f' "POST https://graph.example:443{path} HTTP/1.1" "sdk/1.0" ECDHE TLSv1.2 arn:aws:x "Root=1-{n:08x}" "graph.example"'
        f' "arn:aws:acm" 1 {iso[:-1]}000Z "forward" "-" "-" "10.0.0.2:80" "{status}"\n'
    )


def write(form, path, rows):
    with open(path, "w", buffering=1 << 20) as log:
        for n in range(rows):
            ms = n * 86_400_000 // rows
            second = ms // 1000
            log.write(line(form, n, second // 3600, second // 60 % 60, second % 60, ms % 1000))


def measure(binary, folder, runs):
    best = None
    for _ in range(runs):
        subprocess.run(["rm", "-rf", folder / "reports"], check=True)
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        args = ["run", "--config", folder / "uptime-ledger.toml", "--date", DAY, "--threads", "1", "--quiet"]
        done = subprocess.run([binary, *args, "--simulate", "--as-of", "2026-11-19T06:00:00Z"], capture_output=True)
        assert done.returncode in (0, 3), done.stderr.decode()
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        best = cpu if best is None else min(best, cpu)
    return best


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("binary")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    print(f"{'format':22} {'bytes a row':>11} {'CPU s':>7} {'ns a row':>9} {'GB/s':>6}")
    for form, (name, source) in FORMATS.items():
        with tempfile.TemporaryDirectory() as place:
            folder = pathlib.Path(place)
            write(form, folder / name, options.rows)
            config = f'[[source]]\nname = "edge"\npaths = ["{name}"]\n{source}\n'
            services = '[[service]]\nname = "messages"\nendpoints = ["/{id}/messages"]\n'
            (folder / "uptime-ledger.toml").write_text(config + services)
            size = os.path.getsize(folder / name)
            cpu = measure(options.binary, folder, options.runs)
            rows = options.rows
            print(f"{form:22} {size / rows:11.0f} {cpu:7.2f} {cpu / rows * 1e9:9.0f} {size / cpu / 1e9:6.2f}", flush=True)


main()
