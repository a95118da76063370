#!/usr/bin/env python3
"""Every engine on hard logs and in every format, compared byte by byte with threads: `just engines`.

Processes, Spark (`local-cluster`), Dask and Ray. Logs: four formats; more than 1,000 bad rows a file, copies over files, late
quotes, a corrupt gzip. Tasks 1, 7 and 40, reducers 1, 5 and 64. Meanwhile every fifth task of each stage runs a second time.
Makes virtual environments in `--venv`.
"""

import argparse
import gzip
import os
import pathlib
import subprocess
import sys
import tempfile
import threading
import time

import spark

PROGRAMS = {"dask": "distributed==2026.7.1", "ray": "ray==2.60.0"}
RECIPES = pathlib.Path(__file__).resolve().parents[2] / "data/engines"
# Format with compression, tasks, reducers; `hard` has rounds of its own.
CASES = [("hard", "7", "5"), ("ndjson gz", "1", "1"), ("ndjson zst", "40", "64"), ("parquet zst", "7", "64"), ("csv none", "40", "5")]
HEADER = "ts,request_id,http_status,business_id,message_id,error_code,region,note\n"
FILLER = "a note that makes the rows of this file long enough for several chunks of it"


def row(file, n, note):
    status = {0: "503", 1: "4o4"}.get(n % 97, "200")
    message = f"m-{file}{n}" if n % 3 == 0 and status == "200" else ""
    at = f"2026-11-18T{n // 3600 % 24:02}:{n // 60 % 60:02}:{n % 60:02}Z"
    return f"{at},{file}-{n},{status},b-{n % 40},{message},,{('eu', 'us')[n % 2]},{note}\n"


def hard_logs(folder):
    """A file of three chunks with 1,200 bad rows, one with late quotes, copies over both, a file that ends too early."""
    folder.mkdir()
    rows = 120_000
    for file, count in (("a", rows), ("b", rows * 3 // 4)):
        late = '"two\nlines"'
        text = "".join(row(file, n, late if file == "b" and n + 500 > count else FILLER) for n in range(count))
        (folder / f"{file}.csv").write_text(HEADER + text)
    copies = "".join(row("ab"[n % 2], n, FILLER) for n in range(0, rows * 3 // 4, 11))
    (folder / "copies.csv").write_text(HEADER + copies)
    packed = gzip.compress((HEADER + "".join(row("cut", n, FILLER) for n in range(5_000))).encode())
    (folder / "cut.csv.gz").write_bytes(packed[:-100])
    (folder / "uptime-ledger.toml").write_text(
        'salt = "the salt of hard logs"\n[[source]]\nname = "requests"\npaths = ["*.csv.gz", "[abc]*.csv"]\n'
    )
    return folder / "uptime-ledger.toml"


class Again(threading.Thread):
    """Runs every fifth task of each stage once more, as soon as the stage has begun."""

    def __init__(self, binary, exchange):
        super().__init__(daemon=True)
        self.binary, self.exchange, self.is_over, self.count = binary, exchange, False, 0

    def run(self):
        known, running = set(), []
        while not self.is_over:
            for path in set(self.exchange.glob("run-*/*/*/job.json")) - known:
                known.add(path)
                running += [self.begin(path, task) for task in range(0, 40, 5)]
            time.sleep(0.005)
        for worker in running:
            # A task that there is not, or a run that is over meanwhile, is told by another code.
            self.count += worker.wait() == 0

    def begin(self, job, task):
        command = [self.binary, "worker", job.parent.name.split("-")[0], "--job", job, "--task", str(task)]
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def environment(venv, program):
    """The Python of a virtual environment that has a program."""
    python = venv / "bin/python3"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", venv], check=True)
    if subprocess.run([python, "-m", "pip", "install", "--quiet", program]).returncode:
        sys.exit(f"{program} could not be installed into {venv}")
    return python


def engines(options, scratch):
    exchange = ["--exchange", scratch / "exchange"]
    yield "processes", ["--engine", "processes", *exchange]
    yield "spark", spark.spark(scratch)
    for name, program in PROGRAMS.items():
        if name in options.engines:
            python = environment(options.venv / name, program)
            words = [python, RECIPES / f"{name}_tasks.py", "{stage}", "{indexes}", "{job}"]
            yield name, ["--engine", "command", *exchange, "--engine-command", *words]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("binary", type=pathlib.Path)
    parser.add_argument("--venv", type=pathlib.Path, default=pathlib.Path(tempfile.gettempdir()) / "uptime-ledger-engines")
    parser.add_argument("--engines", nargs="+", default=["processes", "spark", "dask", "ray"])
    options = parser.parse_args()
    options.venv.mkdir(parents=True, exist_ok=True)
    options.binary = options.binary.resolve()
    os.environ["UPTIME_LEDGER"] = str(options.binary)
    with tempfile.TemporaryDirectory() as scratch:
        trial, scratch, server = spark.Trial(options.binary, pathlib.Path(scratch)), pathlib.Path(scratch), None
        try:
            if "spark" in options.engines:
                environment(options.venv / "spark", spark.PYSPARK)
                server = spark.Server(options.venv.resolve() / "spark", scratch / "server", False)
            configs = {}
            for name, _, _ in CASES:
                if name == "hard":
                    configs[name] = hard_logs(scratch / "hard")
                else:
                    log, packed = name.split()
                    words = ["--days", "1", "--rows", "4000", "--files", "2", "--format", log, "--compression", packed]
                    configs[name] = trial.sample(name.replace(" ", "-"), *words)
                trial.run(configs[name], f"{name}-threads")
            for engine, words in engines(options, scratch):
                if engine not in options.engines:
                    continue
                for name, tasks, reducers in CASES:
                    again = Again(options.binary, scratch / "exchange")
                    again.start()
                    code, told = trial.run(configs[name], f"{name}-{engine}", "--tasks", tasks, "--reducers", reducers, *words)
                    again.is_over = True
                    again.join()
                    what = f"{engine}, {name}, {tasks} tasks, {reducers} reducers, {again.count} run twice"
                    trial.check(f"{what}: it ends well", code in (0, 3), told)
                    trial.same(what, f"{name}-threads", f"{name}-{engine}", told)
            left = list((scratch / "exchange").iterdir())
            trial.check("exchanges of runs that ended well are empty", not left, left)
        finally:
            if server:
                server.stop()
    sys.exit(f"{len(trial.wrong)} wrong: {trial.wrong}" if trial.wrong else 0)


if __name__ == "__main__":
    main()
