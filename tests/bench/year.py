#!/usr/bin/env python3
"""A year's ledger: its size by kind of file, and how long the commands take that look at all of it.

`just year` or `python3 tests/bench/year.py`. The sample of a year is written once, and its logs are put in place day by day,
as they would be shipped: each night the job accounts the day before, restates the week and seals what is old enough. The last
nights are the daily runs that are measured; then a run with nothing new, `explain`, `report` and `verify`. A ledger that is
there is measured again without being built; `--check` compares its reports with those of another binary, byte for byte.
"""

import argparse
import collections
import datetime
import filecmp
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
# The sample's stories come on the first three days.
OUTAGE = "10:05"


def measure(command):
    """Runs a command: wall seconds, CPU seconds, peak memory in MB."""
    begin = time.monotonic()
    child = subprocess.Popen([str(part) for part in command], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    said = child.stderr.read().decode(errors="replace")
    _, status, usage = os.wait4(child.pid, 0)
    wall = time.monotonic() - begin
    code = os.waitstatus_to_exitcode(status)
    child.returncode = code
    # 3: published, and the sample holds things to look at.
    if code not in (0, 3):
        sys.exit(f"{' '.join(map(str, command))} ended with {code}:\n{said}")
    return wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


class Year:
    """The folder of a measured year."""

    def __init__(self, args):
        self.args = args
        self.folder = args.work / f"{args.days}-{args.rows}"
        self.reports = self.folder / "reports"
        self.first = args.last - datetime.timedelta(days=args.days - 1)

    def job(self, *more):
        return [self.args.binary, *more]

    def night(self, day, hour=3):
        """The command line of the night after a day."""
        clock = f"{day + datetime.timedelta(days=1)}T{hour:02}:00:00Z"
        return self.job("run", "--config", self.folder / "uptime-ledger.toml", "--out", self.reports, "--simulate", "--as-of", clock, "--quiet")

    def build(self):
        """Writes the sample and runs every night. Returns what the last ones took."""
        shutil.rmtree(self.folder, ignore_errors=True)
        shelf, logs = self.folder / "shelf", self.folder / "logs"
        # A sample has at most 366 days; the config of the first fits them all.
        for begin in range(0, self.args.days, 365):
            part = self.folder if begin == 0 else self.folder / f"part-{begin}"
            days = min(365, self.args.days - begin)
            first = self.first + datetime.timedelta(days=begin)
            more = ["--days", days, "--rows", self.args.rows, "--from", first, "--seed", 1 + begin, "--format", "parquet"]
            measure(self.job("sample", "--out", part, *more))
            shelf.mkdir(exist_ok=True)
            for path in (part / "logs").iterdir():
                path.rename(shelf / path.name)
        logs.mkdir(exist_ok=True)
        waiting = collections.defaultdict(list)
        for path in shelf.iterdir():
            found = next(part for part in (path.name[at : at + 10] for at in range(len(path.name))) if part[4::3] == "--")
            waiting[found].append(path)
        took = []
        for at in range(self.args.days):
            day = self.first + datetime.timedelta(days=at)
            for path in waiting[str(day)]:
                path.rename(logs / path.name)
            took.append(measure(self.night(day)))
            if at % 30 == 29:
                print(f"{day}: {took[-1][0]:.2f} s", file=sys.stderr, flush=True)
        return took[-self.args.repeat :]

    def sizes(self):
        """Bytes and files below the ledger, by kind."""
        kinds = collections.defaultdict(lambda: [0, 0])
        for path in self.reports.rglob("*"):
            if not path.is_file():
                continue
            parts = path.relative_to(self.reports).parts
            match parts:
                case ("ledger", "editions", _, _, name):
                    kind = f"editions/{name}"
                case ("ledger", name, *_):
                    kind = name
                case (name, *_):
                    kind = "reports"
            kinds[kind][0] += path.stat().st_size
            kinds[kind][1] += 1
        return dict(sorted(kinds.items(), key=lambda pair: -pair[1][0]))

    def timed(self):
        """What each command takes, a list of runs."""
        last = self.args.last
        some_day = self.first + datetime.timedelta(days=self.args.days // 2)
        ask = lambda *more: self.job(*more, "--out", self.reports)
        # The run before it draws what the last build has left.
        measure(self.night(last, 4))
        commands = {
            "run, nothing new": self.night(last, 5),
            f"explain --at {self.first}T{OUTAGE}Z": ask("explain", "--at", f"{self.first}T{OUTAGE}Z"),
            f"explain --at {some_day}T12:00Z": ask("explain", "--at", f"{some_day}T12:00Z"),
            f"explain --at {last}T12:00Z": ask("explain", "--at", f"{last}T12:00Z"),
            "history": ask("history"),
            "report": ask("report"),
            "verify": ask("verify"),
        }
        return {name: [measure(command) for _ in range(self.args.repeat)] for name, command in commands.items()}

    def check(self, other):
        """Are the reports those that another binary draws from the same ledger?"""
        with tempfile.TemporaryDirectory() as into:
            measure([other, "report", "--out", self.reports, "--into", into])
            files = [p.relative_to(into) for p in pathlib.Path(into).rglob("*") if p.is_file()]
            differing = [p for p in files if not filecmp.cmp(pathlib.Path(into) / p, self.reports / p, shallow=False)]
        if differing:
            sys.exit(f"{len(differing)} of {len(files)} files differ: {', '.join(map(str, differing[:5]))}")
        print(f"{len(files)} files of reports are the same", file=sys.stderr)


def arguments():
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=18_000, help="ordinary calls per day, with 1.4 webhook rows each")
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--last", type=datetime.date.fromisoformat, default=datetime.date(2026, 11, 17), help="last day")
    parser.add_argument("--repeat", type=int, default=3, help="runs of each; the median counts")
    parser.add_argument("--anew", action="store_true", help="build the ledger although one is there")
    parser.add_argument("--check", type=pathlib.Path, metavar="BINARY", help="another job that must draw the same reports")
    work = ROOT / "target" / "bench" / "year"
    parser.add_argument("--work", type=pathlib.Path, default=work, help="folder for logs and ledger; kept, and used again")
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    parser.add_argument("--binary", type=pathlib.Path, default=target / "release" / "uptime-ledger")
    return parser.parse_args()


def main():
    args = arguments()
    if not args.binary.exists():
        sys.exit(f"{args.binary} is not there; build it with: cargo build --release")
    year = Year(args)
    timed = {}
    if args.anew or not (year.reports / ".drawn").exists():
        timed["run, one new day"] = year.build()
    timed |= year.timed()
    if args.check:
        year.check(args.check)
    print(f"\n{args.days} days of {args.rows:,} calls, median of {args.repeat}\n")
    print("| command | wall s | CPU s | peak MB |\n| --- | ---: | ---: | ---: |")
    for name, runs in timed.items():
        wall, cpu, memory = (statistics.median(column) for column in zip(*runs))
        print(f"| {name} | {wall:.2f} | {cpu:.2f} | {memory:,.0f} |")
    sizes = year.sizes()
    print("\n| kind of file | files | MB |\n| --- | ---: | ---: |")
    for kind, (size, files) in sizes.items():
        print(f"| {kind} | {files:,} | {size / 1e6:,.2f} |")
    ledger = sum(size for kind, (size, _) in sizes.items() if kind != "reports")
    print(f"| ledger in all | | {ledger / 1e6:,.2f} |")


if __name__ == "__main__":
    main()
