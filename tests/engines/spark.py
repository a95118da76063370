#!/usr/bin/env python3
"""Runs the job on a real Spark server and compares every byte with threads: `just spark`.

Makes a virtual environment with pyspark in `--venv`, starts a server with two executors on loopback, and stops it. Cases: a
sample; 1.5 million calls of which three workers and two executors are killed; a run that is stopped and resumed; a server
that is not there; with `--standalone` also a node that is lost. `--measure` adds CPU seconds of 6 million calls.
"""

import argparse
import hashlib
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

PYSPARK = "pyspark==4.3.0"
PORT = 15002
AT = ["--simulate", "--as-of", "2026-11-25T06:00:00Z"]
# Each kill comes in the first moment of a worker of its stage.
KILLS = [("map", "worker"), ("map", "executor"), ("dedupe", "worker"), ("join", "worker"), ("join", "executor")]


def tree(folder):
    """Every file that a run has written, but its lock, with a hash of its content."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file() and path.name != ".lock")
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def children(pid):
    return [int(word) for word in subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True).stdout.split()]


def cpu_seconds(pid):
    """User and system time of a process itself."""
    try:
        words = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return 0.0
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


class Server:
    """A Spark Connect server with executors that are processes of their own."""

    def __init__(self, venv, scratch, is_standalone):
        self.home = next(venv.glob("lib/python3.*/site-packages/pyspark"))
        self.scratch, self.log, self.others = scratch, scratch / "server.log", []
        scratch.mkdir(parents=True)
        environment = os.environ | {"SPARK_HOME": str(self.home), "SPARK_LOCAL_IP": "127.0.0.1", "SPARK_LOCAL_HOSTNAME": "localhost"}
        environment |= {"SPARK_LOCAL_DIRS": str(scratch / "local"), "SPARK_WORKER_DIR": str(scratch / "worker")}
        environment |= {"PATH": f"{venv}/bin:{os.environ['PATH']}"}
        self.environment = environment
        master, options = "local-cluster[2,1,1024]", []
        if is_standalone:
            master = "spark://127.0.0.1:17077"
            self.others.append(self.start("master", "master.Master", "--host", "127.0.0.1", "--port", "17077", "--webui-port", "17080"))
            time.sleep(5)
            for n in (1, 2):
                words = ["--host", "127.0.0.1", "--port", f"1710{n}", "--webui-port", f"1711{n}", "-c", "1", "-m", "2g"]
                self.others.append(self.start(f"worker{n}", "worker.Worker", *words, "-d", str(scratch / f"w{n}"), master))
            options = ["--conf", "spark.executor.cores=1", "--conf", "spark.cores.max=2"]
        settings = {
            "spark.driver.host": "127.0.0.1",
            "spark.driver.bindAddress": "127.0.0.1",
            "spark.connect.grpc.binding.address": "127.0.0.1",
            "spark.connect.grpc.binding.port": PORT,
            "spark.executor.memory": "1024m",
            "spark.ui.enabled": "false",
            "spark.shuffle.readHostLocalDisk": "false",
        }
        command = [self.home / "bin/spark-submit", "--master", master, "--driver-memory", "1g", *options]
        command += [word for key, value in settings.items() for word in ("--conf", f"{key}={value}")]
        command += ["--class", "org.apache.spark.sql.connect.service.SparkConnectServer"]
        with open(self.log, "w") as log:
            self.process = subprocess.Popen(command, env=environment, stdout=log, stderr=log, start_new_session=True)
        self.wait("Spark Connect server started", 120)

    def start(self, name, main, *words):
        command = [self.home / "bin/spark-class", f"org.apache.spark.deploy.{main}", *words]
        with open(self.scratch / f"{name}.log", "w") as log:
            return subprocess.Popen(command, env=self.environment, stdout=log, stderr=log, start_new_session=True)

    def wait(self, words, seconds):
        until = time.monotonic() + seconds
        while words not in self.log.read_text(errors="replace"):
            if time.monotonic() > until or self.process.poll() is not None:
                sys.exit(f"the Spark server did not say `{words}`:\n{self.log.read_text(errors='replace')[-3000:]}")
            time.sleep(0.3)

    def jvms(self):
        return [self.process.pid, *children(self.process.pid)]

    def workers(self, stage=""):
        """Executors with their workers of ours."""
        parents = children(self.process.pid) + [executor for other in self.others for executor in children(other.pid)]
        for executor in parents:
            for worker in children(executor):
                try:
                    command = pathlib.Path(f"/proc/{worker}/cmdline").read_text().replace("\0", " ")
                except OSError:
                    continue
                if "uptime-ledger" in command and f" worker {stage}" in command:
                    yield executor, worker

    def stop(self):
        for process in [self.process, *reversed(self.others)]:
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            process.wait()


class Killer(threading.Thread):
    """Kills workers and executors in the given order, each as soon as there is one."""

    def __init__(self, server, plan):
        super().__init__(daemon=True)
        self.server, self.plan, self.is_over = server, list(plan), False

    def run(self):
        while self.plan and not self.is_over:
            stage, what = self.plan[0]
            for executor, worker in self.server.workers(stage):
                try:
                    os.kill(worker if what == "worker" else executor, signal.SIGKILL)
                except ProcessLookupError:
                    break
                print(f"  killed -9 a {what} during {stage}", flush=True)
                self.plan.pop(0)
                time.sleep(0.3 if what == "worker" else 1)
                break
            time.sleep(0.01)


class Trial:
    def __init__(self, binary, scratch):
        self.binary, self.scratch, self.wrong = binary, scratch, []

    def check(self, what, is_right, told=""):
        print(f"{'ok  ' if is_right else 'WRONG'} {what}", flush=True)
        if not is_right:
            self.wrong.append(what)
            print(told, flush=True)

    def sample(self, name, *options):
        subprocess.run([self.binary, "sample", "--out", self.scratch / name, *options], check=True, stdout=subprocess.DEVNULL)
        return self.scratch / name / "uptime-ledger.toml"

    def command(self, config, out, *options):
        out = self.scratch / out
        return [self.binary, "run", "--config", config, "--out", out, "--from", "2026-11-18", "--to", "2026-11-18", *AT, *options]

    def run(self, config, out, *options):
        done = subprocess.run(self.command(config, out, *options), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        return done.returncode, done.stderr

    def same(self, what, one, other, told):
        one, other = tree(self.scratch / one), tree(self.scratch / other)
        differ = [name for name in one.keys() | other.keys() if one.get(name) != other.get(name)]
        self.check(f"{what}: {len(one)} files, the same bytes", len(one) > 20 and not differ, f"{differ}\n{told}")


def spark(scratch, *more):
    return ["--engine", "spark", "--remote", f"sc://127.0.0.1:{PORT}", "--exchange", scratch / "exchange", *more]


def trials(trial, server, options):
    scratch = trial.scratch
    config = trial.sample("small", "--days", "1", "--rows", "20000", "--format", "parquet")
    trial.run(config, "small-threads")
    code, told = trial.run(config, "small-spark", *spark(scratch, "--tasks", "7", "--reducers", "5"))
    trial.check("a sample is read", code in (0, 3), told)
    trial.same("a sample", "small-threads", "small-spark", told)

    code, told = trial.run(config, "absent", "--engine", "spark", "--remote", "sc://127.0.0.1:9", "--exchange", scratch / "unused")
    trial.check("a server that is not there is told", code == 1 and "no Spark Connect server at" in told, told)
    if options.quick:
        return

    config = trial.sample("big", "--days", "1", "--rows", str(options.rows), "--format", "csv")
    trial.run(config, "big-threads")
    killer = Killer(server, KILLS)
    killer.start()
    code, told = trial.run(config, "big-spark", *spark(scratch, "--tasks", "24", "--reducers", "16"))
    killer.is_over = True
    killer.join()
    trial.check("a run whose workers and executors are killed ends well", code in (0, 3), told)
    trial.check("all were killed", not killer.plan, f"left: {killer.plan}")
    again = re.findall(r"^\w+: (\d+) tasks in (\d+) attempts, ", told, re.M)
    trial.check("attempts that were lost are counted", any(int(all) > int(tasks) for tasks, all in again), told)
    trial.check("Spark has lost executors", "Lost executor" in server.log.read_text(errors="replace"))
    trial.same("a run with kills", "big-threads", "big-spark", told)

    if server.others:
        node = server.others[1]

        def lose():
            while not any(True for _ in server.workers("map")):
                time.sleep(0.02)
            os.killpg(node.pid, signal.SIGKILL)
            print("  killed -9 a node during map", flush=True)

        lost = threading.Thread(target=lose, daemon=True)
        lost.start()
        code, told = trial.run(config, "node-spark", *spark(scratch, "--tasks", "24", "--reducers", "16"))
        trial.check("a run that has lost a node ends well", code in (0, 3), told)
        trial.same("a run that has lost a node", "big-threads", "node-spark", told)

    running = subprocess.Popen(
        trial.command(config, "stopped", *spark(scratch, "--tasks", "24", "--reducers", "16")),
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )
    while running.poll() is None and not list((scratch / "exchange").glob("run-*/*/map-0/*-*.json")):
        time.sleep(0.02)
    running.terminate()
    told = running.communicate()[1]
    trial.check("a stopped run says so", running.returncode == 1 and "stopped by SIGTERM" in told, told)
    time.sleep(5)
    trial.check("no worker is left after five seconds", not list(server.workers()))
    trial.check("nothing was published", not (scratch / "stopped/availability.csv").exists())
    run = re.search(r"--resume (run-\w+)", told)
    code, told = trial.run(config, "stopped", *spark(scratch, "--tasks", "24", "--reducers", "16", "--resume", run[1] if run else "run-0"))
    trial.same("a run that is resumed", "big-threads", "stopped", told)
    trial.check("exchanges of runs that ended well are empty", not list((scratch / "exchange").iterdir()))



def measure(trial, server, options):
    config = trial.sample("measured", "--days", "1", "--rows", str(options.measure), "--format", "csv")
    for name, words in (("threads", []), ("spark", spark(trial.scratch, "--tasks", "32", "--reducers", "4"))):
        before = sum(cpu_seconds(pid) for pid in server.jvms())
        usage, begun = os.times(), time.monotonic()
        code, told = trial.run(config, f"measured-{name}", *words)
        own = os.times().children_user + os.times().children_system - usage.children_user - usage.children_system
        jvm = sum(cpu_seconds(pid) for pid in server.jvms()) - before
        workers = sum(float(cpu) for cpu in re.findall(r", ([\d.]+) CPU s, at most", told))
        print(f"{name}: wall {time.monotonic() - begun:.1f} s; CPU of the run {own:.1f} s, of workers {workers:.1f} s, of JVMs {jvm:.1f} s")
        print("".join(f"  {line}\n" for line in told.splitlines() if " tasks, " in line), end="")
    trial.same("the measured runs", "measured-threads", "measured-spark", told)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("binary", type=pathlib.Path)
    parser.add_argument("--venv", type=pathlib.Path, default=pathlib.Path(tempfile.gettempdir()) / "uptime-ledger-spark")
    parser.add_argument("--rows", type=int, default=1_500_000)
    parser.add_argument("--quick", action="store_true", help="the sample and a server that is not there")
    parser.add_argument("--standalone", action="store_true")
    parser.add_argument("--measure", type=int, default=0, metavar="ROWS")
    options = parser.parse_args()
    if not list(options.venv.glob("lib/python3.*/site-packages/pyspark")):
        subprocess.run([sys.executable, "-m", "venv", options.venv], check=True)
        subprocess.run([options.venv / "bin/pip", "install", "--quiet", PYSPARK], check=True)
    if not shutil.which("java"):
        sys.exit("Spark needs Java 17: install it (Debian: default-jre-headless)")
    with tempfile.TemporaryDirectory() as scratch:
        trial = Trial(options.binary.resolve(), pathlib.Path(scratch))
        server = Server(options.venv.resolve(), trial.scratch / "server", options.standalone)
        try:
            trials(trial, server, options)
            if options.measure:
                measure(trial, server, options)
        finally:
            server.stop()
    sys.exit(f"{len(trial.wrong)} wrong: {trial.wrong}" if trial.wrong else 0)


if __name__ == "__main__":
    main()
