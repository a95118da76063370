#!/bin/sh
# Runs the tasks of a stage as an AWS Batch array job and waits for its end: aws-batch.sh {stage} {tasks} {job}
# QUEUE and DEFINITION name a job queue and a job definition whose image has uptime-ledger; its role may use the bucket.
set -eu
stage=$1 tasks=$2 job=$3
array="--array-properties size=$tasks"
env=
if [ "$tasks" -eq 1 ]; then # An array has at least two tasks.
    array=
    env=', "environment": [{"name": "AWS_BATCH_JOB_ARRAY_INDEX", "value": "0"}]'
fi
command="\"command\": [\"uptime-ledger\", \"worker\", \"$stage\", \"--job\", \"$job\"]"
# shellcheck disable=SC2086
id=$(aws batch submit-job --job-name "uptime-ledger-$stage" --job-queue "$QUEUE" --job-definition "$DEFINITION" $array \
    --retry-strategy attempts=4 --container-overrides "{$command$env}" --query jobId --output text)
while :; do
    state=$(aws batch describe-jobs --jobs "$id" --query 'jobs[0].[status,statusReason]' --output text)
    case $state in
    SUCCEEDED*) exit 0 ;;
    FAILED*)
        echo "$state" >&2
        exit 1
        ;;
    esac
    sleep 10
done
