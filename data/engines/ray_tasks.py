#!/usr/bin/env python3
"""Runs the tasks of a stage on a Ray cluster: ray_tasks.py {stage} {indexes} {job}, with RAY_ADDRESS=ray://host:10001.

Without RAY_ADDRESS a cluster of this machine is started for the stage. Needs `pip install ray`.
"""

import os
import subprocess
import sys

import ray

PROGRAM = os.environ.get("UPTIME_LEDGER", "uptime-ledger")


@ray.remote(num_cpus=1, max_retries=3, retry_exceptions=True)
def work(stage, index, job):
    command = [PROGRAM, "worker", stage, "--job", job, "--task", index]
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    if done.returncode:
        raise RuntimeError(f"task {index} ended with {done.returncode}: {done.stderr.strip()}")


def main():
    stage, indexes, job = sys.argv[1:]
    ray.init(address=os.environ.get("RAY_ADDRESS"), include_dashboard=False, log_to_driver=False, logging_level="error")
    ray.get([work.remote(stage, index, job) for index in indexes.split(",")])


if __name__ == "__main__":
    try:
        main()
    except RuntimeError as error:
        sys.exit(str(error))
