#!/bin/sh
# Runs the tasks of a stage with GNU parallel: parallel.sh {stage} {indexes} {job}
# Over ssh: SSHLOGINS=node1,node2 (uptime-ledger on their PATH, the exchange under the same path).
set -eu
stage=$1 indexes=$2 job=$3
echo "$indexes" | tr , '\n' | parallel --will-cite --quote --retries 4 --halt now,fail=1 ${SSHLOGINS:+--sshlogin "$SSHLOGINS"} \
    "${UPTIME_LEDGER:-uptime-ledger}" worker "$stage" --job "$job" --task {} > /dev/null
