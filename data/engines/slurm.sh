#!/bin/sh
# Runs the tasks of a stage as a Slurm array and waits for its end: slurm.sh {stage} {indexes} {job}
# uptime-ledger is on the PATH of the nodes, logs and exchange on a shared disk.
set -eu
stage=$1 indexes=$2 job=$3
exec sbatch --wait --array="$indexes" --job-name="uptime-ledger-$stage" --cpus-per-task=1 --mem=2G --requeue \
    --wrap="exec uptime-ledger worker $stage --job '$job' > /dev/null"
