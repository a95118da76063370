#!/usr/bin/env python3
"""Runs every fuzz target for a while: `just fuzz` or `python3 tests/fuzz/run.py --seconds 900`.

Needs `cargo install cargo-fuzz`; a stable compiler is enough, because no sanitizer is used: the code under test has no
unsafe blocks, overflow and bounds are checked. First inputs are logs of the sample in every format, and the files that people
write. What was found lies in `artifacts/`, inputs that reached something new in `corpus/`.
"""

import argparse
import bz2
import lzma
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
DAY = "2026-11-18"
TARGETS = ["text", "files", "documents", "stored"]
# By way of `text`: which logs are its first inputs.
TEXTS = [("requests", "ndjson"), ("requests", "csv"), ("webhooks", "ndjson"), ("webhooks", "csv")]
TEXTS += [("requests", "csv"), ("webhooks", "csv")]
# One line for each preset of other logs, in the order of the ways behind these.
PRESETS = [
    b'{"time_iso8601":"2026-11-18T10:00:00+00:00","request_id":"a","status":"200","request_time":"0.012"}',
    b'10.0.0.1 - - [18/Nov/2026:10:00:00 +0000] "POST /v23.0/1/messages HTTP/1.1" 200 12 "-" "curl/8"',
    b'{"object":"whatsapp_business_account","entry":[{"id":"1","changes":[{"field":"messages","value":{"metadata":{},"statuses":'
    b'[{"id":"wamid.x","status":"sent","timestamp":"1795000000","recipient_id":"3"}]}}]}]}',
]
# Of compressed and other files: format, what the sample is told, the way of `files`.
PACKED = {form: ["--compression", form.split(".")[1]] for form in ("ndjson.gz", "ndjson.zst", "csv.gz")}
FILES = ["parquet", "ndjson.gz", "ndjson.zst", "csv.gz", "csv"]


def sample(binary, folder, form):
    """A few rows of the sample in a format: the bytes of a file of calls, and of one of webhook rows."""
    command = [binary, "sample", "--out", folder, "--days", "1", "--rows", "12", "--no-stories"]
    command += ["--format", form.split(".")[0], *PACKED.get(form, [])]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    first = lambda log: sorted((folder / "logs").glob(f"{log}-{DAY}-*"))[0].read_bytes()
    return {log: first(log) for log in ("requests", "webhooks")}


def seeds(binary):
    """First inputs by target: a name, the way, the bytes."""
    people = [path for folder in ("data", "tests/days", "tests/mistakes") for path in sorted((ROOT / folder).rglob("*"))]
    ways = {"uptime-ledger.toml": 0, "policy.toml": 1, "error_catalog.csv": 2, "overrides.csv": 3}
    for path in people:
        if path.name in ways:
            yield "documents", f"{path.parent.name}-{path.name}", ways[path.name], path.read_bytes()
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        logs = {form: sample(binary, folder / form, form) for form in [*FILES, "ndjson"]}
        yield from stored(binary, folder / "csv")
    for way, form in enumerate(FILES):
        for log, bytes in logs[form].items():
            # From 128 on it is taken for a webhook log; 136 is a multiple of the number of names.
            yield "files", f"{log}.{form}", way + (0 if log == "requests" else 136), bytes
    for way, (form, pack) in enumerate((("xz", lzma.compress), ("bz2", bz2.compress)), 6):
        for log, bytes in logs["csv"].items():
            yield "files", f"{log}.csv.{form}", way + (0 if log == "requests" else 136), pack(bytes)
    for way, (log, form) in enumerate(TEXTS):
        yield "text", f"{way}-{log}.{form}", way, logs[form][log]
    for way, line in enumerate(PRESETS, len(TEXTS)):
        yield "text", f"preset-{way}", way, line + b"\n"


def stored(binary, sample):
    """What a run writes and reads again: its daybook file by file, its journal, its tables."""
    command = [binary, "run", "--config", sample / "uptime-ledger.toml", "--date", DAY, "--out", sample / "out", "--quiet"]
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    # 3: published, and the sample holds things to look at.
    if done.returncode not in (0, 3):
        sys.exit(f"the sample cannot be run:\n{done.stderr}")
    ledger = sample / "out" / "ledger"
    daybook = sorted(path for path in next(ledger.glob("daybooks/*")).rglob("*") if path.is_file())
    tables = sorted((sample / "out").rglob("*.parquet"))
    last = len(daybook) + 2
    for way, path in enumerate([*daybook, ledger / "journal.ndjson"]):
        yield "stored", path.name, way, path.read_bytes()
    for path in tables:
        yield "stored", f"{path.parent.name}-{path.name}", last, path.read_bytes()
    for name, bytes in exchange(binary, sample):
        yield "stored", name, last - 1, bytes


def exchange(binary, sample):
    """Jobs, receipts and objects that a run leaves behind which was stopped in its last stage."""
    with tempfile.TemporaryDirectory() as folder:
        script = 'for place in $(echo $2 | tr , " "); do "$0" worker $1 --job $3 --task $place || exit 1; done; [ $1 != join ]'
        command = [binary, "run", "--config", sample / "uptime-ledger.toml", "--date", DAY, "--out", sample / "again", "--quiet"]
        command += ["--engine", "command", "--exchange", folder]
        command += ["--engine-command", "sh", "-c", script, binary, "{stage}", "{indexes}", "{job}"]
        subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for path in sorted(pathlib.Path(folder).rglob("*")):
            if path.suffix in (".json", ".ulx") and path.stat().st_size < 16384:
                yield f"{path.parent.name}-{path.name}", path.read_bytes()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=int, default=60, help="time of each target")
    some = lambda text: text.split(",")
    parser.add_argument("--targets", type=some, default=TARGETS, help="some of " + ", ".join(TARGETS))
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    binary = target / "release" / "uptime-ledger"
    parser.add_argument("--binary", type=pathlib.Path, default=binary, help="makes the sample")
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
