#!/usr/bin/env python3
"""Speed and results beside other engines, on the same files in the same run.

`just bench` or `python3 tests/bench/peers.py --rows 1000000`. For each format the sample is written once; then the job and its
peers (DuckDB in two ways to dedupe, polars, ClickHouse) take turns, in two jobs: `requests` (calls alone) and `join` (the
sample's whole config: calls, messages with their statuses, notifications with their attempts). Every run is a process of its
own, so CPU seconds and peak memory are its own. The results are compared to the last event of every minute, service and region.

All use the same number of threads. What the peers leave out is said in `calls.py` and `join.py`.
"""

import argparse
import importlib.util
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import time

# Nothing is left beside the sources.
sys.dont_write_bytecode = True

import calls
import join
import logs

# What `pip install` gets; tests/bench/README.md names them.
PINNED = {"duckdb": "2.0.0", "polars": "2.1.0", "chdb": "4.4.0"}
# What the decoders take that the job uses, when nothing is made of the rows (`bare.rs`).
BARE = "bare decoders"
ROOT = pathlib.Path(__file__).resolve().parents[2]
JOBS = {"requests": calls, "join": join}
ME = [sys.executable, __file__]


def duckdb_by(variant):
    """DuckDB with one of two ways to dedupe."""
    return lambda job, *rest: JOBS[job].query(*rest, variant)


def polars(job, *rest):
    import polars_calls
    import polars_join

    {"requests": polars_calls, "join": polars_join}[job].query(*rest)


def chdb(job, *rest):
    import chdb_calls
    import chdb_join

    {"requests": chdb_calls, "join": chdb_join}[job].query(*rest)


# By name: what queries, which jobs, and which formats it has no way to read.
PEERS = {
    "DuckDB, subtract": (duckdb_by("subtract"), list(JOBS), ""),
    "DuckDB, distinct": (duckdb_by("distinct"), list(JOBS), ""),
    "polars": (polars, list(JOBS), "ndjson"),
    "ClickHouse": (chdb, list(JOBS), ""),
}


def compare(job, out, reports):
    """Runs in a child process: are the results of one run of a peer ours?"""
    import duckdb

    db = duckdb.connect()
    db.execute("SET TimeZone = 'UTC'")
    print(JOBS[job].compare(db, out, reports))


def measure(command, **more):
    """Runs a command: CPU seconds, wall seconds, peak memory in MB."""
    begin = time.monotonic()
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=os.environ | more)
    said = child.stderr.read().decode(errors="replace")
    _, status, usage = os.wait4(child.pid, 0)
    wall = time.monotonic() - begin
    code = os.waitstatus_to_exitcode(status)
    child.returncode = code
    # 3: published, and the sample holds things to look at.
    if code not in (0, 3):
        sys.exit(f"{' '.join(map(str, command))} ended with {code}:\n{said}")
    return usage.ru_utime + usage.ru_stime, wall, usage.ru_maxrss / 1024


def say(text):
    """Progress goes to stderr, so that stdout is the tables alone."""
    print(text, file=sys.stderr, flush=True)


def sample(args, form):
    """The folder with the sample, written unless it is there, and a second config that leaves out the webhooks."""
    folder = args.work / f"{args.rows}-{args.files}-{form}"
    if not (folder / "truth.json").exists() or not logs.files(folder / "logs", "webhooks"):
        say(f"{form}: writing the sample")
        shutil.rmtree(folder, ignore_errors=True)
        command = [args.binary, "sample", "--out", folder, "--days", "1", "--rows", str(args.rows), "--no-stories"]
        subprocess.run(command + ["--files", str(args.files)] + logs.FORMATS[form], check=True, stdout=subprocess.DEVNULL)
    (folder / calls.CONFIG).write_text(calls.config((folder / join.CONFIG).read_text()))
    return folder


def take_turns(args, form, name, folder):
    """Runs uptime-ledger and its peers by turns and compares what they found; returns the lines of the table."""
    job, reports = JOBS[name], folder / f"reports-{name}"
    ours = [args.binary, "run", "--config", folder / job.CONFIG, "--date", logs.DAY, "--out", reports]
    ours += ["--threads", str(args.threads), "--quiet"]
    if args.memory:
        ours += ["--memory", args.memory]
    able = [who for who in args.peers if name in PEERS[who][1] and form.split(".")[0] != PEERS[who][2]]
    out = {who: folder / f"{name}-{who.replace(', ', '-')}.parquet" for who in able}
    logs_of_job = [path for log in job.LOGS for path in logs.files(folder / "logs", log)]
    size = sum(path.stat().st_size for path in logs_of_job) / 1e6
    bare = [args.binary.parent / "examples" / "bare", str(args.threads), *logs_of_job]
    runs = {"uptime-ledger": []} | {who: [] for who in out} | {BARE: []}
    for _ in range(args.repeat):
        shutil.rmtree(reports, ignore_errors=True)
        runs["uptime-ledger"].append(measure(ours))
        if bare[0].exists():
            runs[BARE].append(measure(bare))
        for who in out:
            child = ME + ["--child", "query", who, name, form, folder, out[who], str(args.threads)]
            runs[who].append(measure(child, POLARS_MAX_THREADS=str(args.threads)))
    for who in out:
        done = subprocess.run(ME + ["--child", "compare", name, out[who], reports], capture_output=True, text=True)
        say(f"{form}, {name}, {who}: {(done.stdout or done.stderr).strip()}")
        if done.returncode:
            sys.exit(1)
    base = statistics.median(cpu for cpu, _, _ in runs["uptime-ledger"])
    lines = []
    for who, measured in ((who, measured) for who, measured in runs.items() if measured):
        cpu, wall, memory = (statistics.median(column) for column in zip(*measured))
        lines.append(f"| {form} ({size:,.0f} MB) | {who} | {cpu:.2f} | {wall:.2f} | {memory:,.0f} | {cpu / base:.1f} |")
    return lines


def some_of(known):
    """A type of argument: names from a list, with commas between them."""

    def names(text):
        found = text.split(",")
        if unknown := [name for name in found if name not in known]:
            raise argparse.ArgumentTypeError(f"{', '.join(unknown)}: not among {', '.join(known)}")
        return found

    return names


def chosen_peers(text):
    """A type of argument: all variants of the named peers."""
    named = some_of({who.split(",")[0] for who in PEERS})(text)
    return [who for who in PEERS if who.split(",")[0] in named]


def arguments():
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000, help="ordinary calls of the day")
    parser.add_argument("--jobs", type=some_of(JOBS), default=list(JOBS), help="some of " + ", ".join(JOBS))
    parser.add_argument("--peers", type=chosen_peers, default=list(PEERS), help="some of DuckDB, polars, ClickHouse")
    formats = list(logs.FORMATS)
    parser.add_argument("--formats", type=some_of(formats), default=formats, help="some of " + ", ".join(formats))
    parser.add_argument("--repeat", type=int, default=3, help="runs of each; the median counts")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--memory", help="what the job may hold in memory before it spills, such as 64MiB")
    parser.add_argument("--files", type=int, default=1, help="files per region")
    work = ROOT / "target" / "bench"
    parser.add_argument("--work", type=pathlib.Path, default=work, help="folder for logs and results; kept, and used again")
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    parser.add_argument("--binary", type=pathlib.Path, default=target / "release" / "uptime-ledger")
    return parser.parse_args()


def main():
    args = arguments()
    if missing := [f"{name}=={version}" for name, version in PINNED.items() if importlib.util.find_spec(name) is None]:
        sys.exit(f"not all peers are there; install them with: pip install {' '.join(missing)}")
    if not args.binary.exists():
        sys.exit(f"{args.binary} is not there; build it with: cargo build --release")
    lines = {name: [] for name in args.jobs}
    for form in args.formats:
        folder = sample(args, form)
        for name in args.jobs:
            lines[name] += take_turns(args, form, name, folder)
    memory = f", {args.memory} for the job" if args.memory else ""
    for name in args.jobs:
        print(f"\n{name}: {args.rows:,} calls, {args.threads} threads{memory}, median of {args.repeat}\n")
        print("| logs | who | CPU s | wall s | peak MB | CPU beside ours |\n| --- | --- | ---: | ---: | ---: | ---: |")
        print("\n".join(lines[name]))


if __name__ == "__main__":
    if sys.argv[1:3] == ["--child", "query"]:
        PEERS[sys.argv[3]][0](*sys.argv[4:])
    elif sys.argv[1:3] == ["--child", "compare"]:
        compare(*sys.argv[3:])
    else:
        main()
