#!/usr/bin/env python3
"""Threads beside an engine of tasks, on the same made-up logs, in turns: `just bench-engines 6000000`.

Prints wall time, CPU seconds and peak memory of the run and of its largest worker, and what the tasks left in the exchange
for each row. Every run must publish the same bytes.
"""

import argparse
import hashlib
import os
import pathlib
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time

STAGE = re.compile(r"^(\w+): (\d+) tasks(?: in \d+ attempts)?, (?:(\d+) rows, )?(\d+) MB left in the exchange, ([\d.]+) CPU s, at most (\d+) MiB", re.M)


def tree(folder):
    """A hash of every file that a run has written, but its lock."""
    total = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.name != ".lock":
            total.update(str(path.relative_to(folder)).encode() + b"\0" + path.read_bytes())
    return total.hexdigest()


def run(binary, config, out, options):
    """Wall and CPU seconds of a run with all its processes, its own peak memory in MiB, and what it told."""
    command = ["/usr/bin/time", "-f", "peak %M", binary, "run", "--config", config, "--out", out, "--date", "2026-11-18"]
    command += ["--simulate", "--as-of", "2026-11-20T06:00:00Z", *options]
    before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    wall, after = time.monotonic() - begun, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode not in (0, 3):
        sys.exit(f"{command}: {done.stderr}")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return wall, cpu, int(re.search(r"peak (\d+)", done.stderr)[1]) >> 10, done.stderr


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("binary")
    parser.add_argument("--rows", type=int, default=1_000_000, help="calls; webhook rows are 1.4 times as many")
    parser.add_argument("--format", default="csv")
    parser.add_argument("--tasks", default="32")
    parser.add_argument("--reducers", default="4")
    parser.add_argument("--times", type=int, default=3)
    parser.add_argument("--logs", help="a folder that an earlier run of this made, or for this one")
    parser.add_argument("--engine", nargs=argparse.REMAINDER, help="options in place of `--engine processes`")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        scratch = pathlib.Path(scratch)
        logs = pathlib.Path(args.logs) if args.logs else scratch / "logs"
        if not logs.exists():
            sample = [args.binary, "sample", "--out", logs, "--days", "1", "--rows", str(args.rows), "--format", args.format]
            subprocess.run(sample, check=True, stdout=subprocess.DEVNULL)
        config, exchange = logs / "uptime-ledger.toml", scratch / "exchange"
        engine = args.engine or ["--engine", "processes"]
        engine += ["--exchange", exchange, "--tasks", args.tasks, "--reducers", args.reducers]
        sides, trees = {"threads": [], "tasks": []}, set()
        for turn in range(args.times):
            for name, options in (("threads", []), ("tasks", engine)):
                out = scratch / f"{name}-{turn}"
                sides[name].append(run(args.binary, config, out, options))
                trees.add(tree(out))
                subprocess.run(["rm", "-rf", out], check=True)
        median = lambda name, at: statistics.median(one[at] for one in sides[name])
        for name in sides:
            wall, cpu, peak = (median(name, at) for at in range(3))
            print(f"{name:8} wall {wall:7.2f} s  CPU {cpu:7.2f} s  peak of the run {peak:5} MiB")
        stages = STAGE.findall(sides["tasks"][-1][3])
        rows = sum(int(stage[2] or 0) for stage in stages)
        left = sum(int(stage[3]) for stage in stages)
        for stage, tasks, _, megabytes, cpu, peak in stages:
            print(f"  {stage:7} {tasks:>5} tasks  {megabytes:>6} MB  {cpu:>7} CPU s  at most {peak} MiB")
        print(f"CPU of tasks over threads {median('tasks', 1) / median('threads', 1):.2f}; {left * 1e6 / max(rows, 1):.1f} bytes a row")
        print("the same bytes" if len(trees) == 1 else "DIFFERENT BYTES")
        return 0 if len(trees) == 1 else 1


if __name__ == "__main__":
    sys.exit(main())
