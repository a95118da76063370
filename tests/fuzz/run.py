#!/usr/bin/env python3
"""Runs every fuzz target for a while: `just fuzz` or `python3 tests/fuzz/run.py --seconds 900`.

Needs `cargo install cargo-fuzz`; a stable compiler is enough, because no sanitizer is used: the code under test has no
unsafe blocks, overflow and bounds are checked. First inputs are logs of the sample in every format, and the files that people
write. What was found lies in `artifacts/`, inputs that reached something new in `corpus/`.
"""

import argparse
import pathlib
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
TARGETS = ["text", "files", "documents", "stored"]
# By way of `text`: which logs are its first inputs.
TEXTS = [("requests", "ndjson"), ("requests", "csv"), ("webhooks", "ndjson"), ("webhooks", "csv"), ("requests", "csv"), ("webhooks", "csv")]
NGINX = b'{"time_iso8601":"2026-11-18T10:00:00+00:00","request_id":"a","status":"200","request_time":"0.012","request_uri":"/v23.0/1/messages","upstream_status":"200"}\n'
COMBINED = b'10.0.0.1 - - [18/Nov/2026:10:00:00 +0000] "POST /v23.0/1/messages HTTP/1.1" 200 12 "-" "curl/8"\n'
PAYLOAD = b'{"object":"whatsapp_business_account","entry":[{"id":"1","changes":[{"field":"messages","value":{"metadata":{"phone_number_id":"2"},"statuses":[{"id":"wamid.x","status":"sent","timestamp":"1795000000","recipient_id":"3"}]}}]}]}\n'
# Of compressed and other files: format, what the sample is told, the way of `files`.
FILES = [("parquet", [], 0), ("ndjson.gz", ["--compression", "gz"], 1), ("ndjson.zst", ["--compression", "zst"], 2), ("csv.gz", ["--compression", "gz"], 3), ("csv", [], 4)]


def sample(binary, folder, form, more):
    command = [binary, "sample", "--out", folder, "--days", "1", "--rows", "12", "--no-stories", "--format", form.split(".")[0]]
    subprocess.run(command + more, check=True, stdout=subprocess.DEVNULL)
    return {log: sorted((folder / "logs").glob(f"{log}-2026-11-18-*"))[0].read_bytes() for log in ("requests", "webhooks")}


def seeds(binary):
    """First inputs by target: a name, the way, the bytes."""
    with tempfile.TemporaryDirectory() as folder:
        for form, more, way in FILES:
            for log, bytes in sample(binary, pathlib.Path(folder) / form, form, more).items():
                yield "files", f"{log}.{form}", way + (0 if log == "requests" else 132), bytes
                if form == "csv":
                    texts = {(log, "csv"): bytes}
                    for number, text in enumerate(TEXTS):
                        if text in texts:
                            yield "text", f"{number}-{log}.csv", number, texts[text]
        # A ledger of one day: its daybook, its journal, its tables.
        day = pathlib.Path(folder) / "csv"
        run = [binary, "run", "--config", day / "uptime-ledger.toml", "--date", "2026-11-18", "--out", day / "out", "--quiet"]
        if subprocess.run(run, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode not in (0, 3):
            sys.exit("the sample cannot be run")
        ledger = day / "out" / "ledger"
        daybook = sorted(path for path in next(ledger.glob("daybooks/*")).rglob("*") if path.is_file())
        for way, path in enumerate([*daybook, ledger / "journal.ndjson", *sorted((day / "out").rglob("*.parquet"))]):
            yield "stored", f"{path.parent.name}-{path.name}", min(way, len(daybook) + 1), path.read_bytes()
        for log, bytes in sample(binary, pathlib.Path(folder) / "plain", "ndjson", []).items():
            yield "text", f"{log}.ndjson", TEXTS.index((log, "ndjson")), bytes
    for way, bytes in enumerate([NGINX, COMBINED, PAYLOAD], len(TEXTS)):
        yield "text", f"preset-{way}", way, bytes
    people = [path for folder in ("data", "tests/days", "tests/mistakes") for path in sorted((ROOT / folder).rglob("*"))]
    ways = {"uptime-ledger.toml": 0, "policy.toml": 1, "error_catalog.csv": 2, "overrides.csv": 3}
    for path in people:
        if path.name in ways:
            yield "documents", f"{path.parent.name}-{path.name}", ways[path.name], path.read_bytes()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=int, default=60, help="time of each target")
    parser.add_argument("--targets", type=lambda text: text.split(","), default=TARGETS, help="some of " + ", ".join(TARGETS))
    parser.add_argument("--binary", type=pathlib.Path, default=ROOT / "target" / "release" / "uptime-ledger", help="makes the sample")
    args = parser.parse_args()
    for target, name, way, bytes in seeds(args.binary):
        folder = HERE / "corpus" / target
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(way.to_bytes() + bytes)
    if not shutil.which("cargo-fuzz"):
        sys.exit("cargo-fuzz is missing: cargo install cargo-fuzz")
    failed = []
    for target in args.targets:
        command = ["cargo", "fuzz", "run", "--fuzz-dir", HERE, "--sanitizer", "none", target, "--"]
        command += [f"-max_total_time={args.seconds}", "-max_len=16384", "-timeout=20", "-print_final_stats=1"]
        if subprocess.run(command, cwd=ROOT).returncode:
            failed.append(target)
    if failed:
        sys.exit(f"findings in {', '.join(failed)}: see {HERE / 'artifacts'}")


if __name__ == "__main__":
    main()
