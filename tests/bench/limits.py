#!/usr/bin/env python3
"""Time and memory of runs over logs that stand at the limits of data/limits.md.

Each case is a log of its own and a run of its own process with the memory that is the default; printed are the size of the log, wall and CPU
seconds, and peak memory. What does not depend on the log (code, tables, zones) is the first line.
"""

import argparse
import os
import resource
import subprocess
import tempfile
import time
from pathlib import Path

DAY = "2026-11-20"
AT = "2026-11-21T06:00:00Z"
HEAD = "ts,request_id,business_id,service,region,http_status,error_code\n"


def instant(n):
    second = n % 86_400
    return f"{DAY}T{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}Z"


def csv(folder, rows):
    """Writes rows of (caller, service, region, status, code) as CSV."""
    with open(folder / "log.csv", "w") as log:
        log.write(HEAD)
        for n, (caller, service, region, status, code) in enumerate(rows):
            log.write(f"{instant(n)},r-{n},{caller},{service},{region},{status},{code}\n")


def ndjson(folder, lines):
    with open(folder / "log.ndjson", "w") as log:
        log.writelines(lines)


def row(n, rest):
    return f'{{"ts":"{instant(n)}","request_id":"r-{n}","service":"media","region":"eu","http_status":500{rest}}}\n'


def overrides(folder, count):
    """One failure a minute and caller, and as many override rows that each move one of them."""
    csv(folder, ((f"b{n // 1440}", "media", "eu", 500, 131016) for n in range(count)))
    rows = ["id,direction,start,end,service,region,business_id,error_code,account,reason,ticket,author,approver,created_at,note\n"]
    for n in range(count):
        minute = n % 86_400 // 60
        start, end = (f"{DAY}T{m // 60:02}:{m % 60:02}Z" for m in (minute, (minute + 1) % 1440))
        if minute == 1439:
            end = "2026-11-21T00:00Z"
        rows.append(f"o{n},to_uptime,{start},{end},media,,b{n // 1440},131016,,caller-misuse,T,ann,bob,2026-11-21T01:00:00Z,\n")
    (folder / "overrides.csv").write_text("".join(rows))
    (folder / "job.toml").write_text(
        'regions = ["eu"]\n[[source]]\nname = "requests"\npaths = ["log.csv"]\nneighbours = 0\n'
        '[[service]]\nname = "media"\n[overrides]\npath = "overrides.csv"\n'
    )


CASES = [
    ("nothing special: 1,000 rows", lambda f: csv(f, (("b", "media", "eu", 200, "") for _ in range(1_000)))),
    ("1,000 services in 1,000 rows", lambda f: csv(f, (("b", f"svc{n}", "eu", 500, "") for n in range(1_000)))),
    ("1,000 regions in 1,000 rows", lambda f: csv(f, (("b", "media", f"r{n}", 500, "") for n in range(1_000)))),
    ("256 pairs of names, one row each", lambda f: csv(f, (("b", f"s{n % 16}", f"r{n // 16}", 200, "") for n in range(256)))),
    ("4,096 pairs of names, every minute", lambda f: csv(f, (("b", f"s{n % 64}", f"r{n // 64 % 64}", 200 + n % 2 * 300, "") for n in range(400_000)))),
    ("100,000 codes", lambda f: csv(f, (("b", "media", "eu", 500, n) for n in range(100_000)))),
    ("1,000,000 failures of 720 callers", lambda f: csv(f, ((f"b{n // 86_400 * 60 + n % 60}", "media", "eu", 500, "") for n in range(1_000_000)))),
    ("200,000 callers, all failing", lambda f: csv(f, ((f"b{n}", "media", "eu", 500, "") for n in range(200_000)))),
    ("1,000,000 callers, all failing", lambda f: csv(f, ((f"b{n}", "media", "eu", 500, "") for n in range(1_000_000)))),
    ("8 KiB reasons, 20,000 rows", lambda f: ndjson(f, (row(n, ',"scope":"' + "x" * 8_000 + '"') for n in range(20_000)))),
    ("4 MB values, 40 rows", lambda f: ndjson(f, (row(n, ',"scope":"' + "x" * 4_000_000 + '"') for n in range(40)))),
    ("15 MB lines, 10 rows", lambda f: ndjson(f, (row(n, ',"k":"' + "x" * 15_000_000 + '"') for n in range(10)))),
    ("64 levels of JSON, 20,000 rows", lambda f: ndjson(f, (row(n, ',"k":' + "[" * 60 + "]" * 60) for n in range(20_000)))),
    ("one line without an end, 400 MB", lambda f: ndjson(f, ("x" * 1_000_000 for _ in range(400)))),
    ("two quotes a line, 200,000 lines", lambda f: (f / "log.csv").write_text(HEAD + '"a"\n' * 200_000)),
    ("1,000,000 bad rows", lambda f: ndjson(f, ("{not a row}\n" for _ in range(1_000_000)))),
    ("10,000 override rows", lambda f: overrides(f, 10_000)),
    ("1,000 override rows", lambda f: overrides(f, 1_000)),
]


def run(binary, folder):
    out = folder / "reports"
    command = [binary, "run", "--date", DAY, "--simulate", "--as-of", AT, "--out", out, "--quiet"]
    config = folder / "job.toml"
    logs = [folder / name for name in ("log.csv", "log.ndjson") if (folder / name).exists()]
    command += ["--config", config] if config.exists() else ["--preset", "canonical", "--requests", *logs]
    began = time.monotonic()
    with open(os.devnull, "w") as nothing:
        child = subprocess.Popen(list(map(str, command)), stdout=nothing, stderr=nothing)
        _, status, used = os.wait4(child.pid, 0)
    wall = time.monotonic() - began
    return os.waitstatus_to_exitcode(status), wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, sum(p.stat().st_size for p in logs)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("binary")
    parser.add_argument("--only", help="cases whose name has this text")
    options = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_AS, (8 << 30, 8 << 30))
    print("| log | MB | exit | wall s | CPU s | peak MiB |\n| --- | ---: | ---: | ---: | ---: | ---: |")
    for name, make in CASES:
        if options.only and options.only not in name:
            continue
        with tempfile.TemporaryDirectory() as folder:
            folder = Path(folder)
            make(folder)
            code, wall, cpu, peak, size = run(os.path.abspath(options.binary), folder)
            print(f"| {name} | {size / 1e6:,.1f} | {code} | {wall:.1f} | {cpu:.1f} | {peak:,.0f} |", flush=True)


if __name__ == "__main__":
    main()
