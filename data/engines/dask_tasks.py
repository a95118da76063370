#!/usr/bin/env python3
"""Runs the tasks of a stage on a Dask cluster: dask_tasks.py {stage} {indexes} {job}, with DASK_SCHEDULER=tcp://host:8786.

Without DASK_SCHEDULER a cluster of this machine is started for the stage. Needs `pip install distributed`.
"""

import os
import subprocess
import sys

from dask.distributed import Client, wait

PROGRAM = os.environ.get("UPTIME_LEDGER", "uptime-ledger")


def work(stage, index, job):
    command = [PROGRAM, "worker", stage, "--job", job, "--task", index]
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    if done.returncode:
        raise RuntimeError(f"task {index} ended with {done.returncode}: {done.stderr.strip()}")


def main():
    stage, indexes, job = sys.argv[1:]
    with Client(os.environ.get("DASK_SCHEDULER")) as client:
        tasks = [client.submit(work, stage, index, job, retries=3, pure=False) for index in indexes.split(",")]
        wait(tasks)
        client.gather(tasks)


if __name__ == "__main__":
    try:
        main()
    except RuntimeError as error:
        sys.exit(str(error))
