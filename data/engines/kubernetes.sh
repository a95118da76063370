#!/bin/sh
# Runs the tasks of a stage as a Kubernetes Indexed Job and waits for its end: kubernetes.sh {stage} {tasks} {job}
# IMAGE has uptime-ledger as /usr/local/bin/uptime-ledger; logs and exchange are in a bucket that SERVICE_ACCOUNT may use.
set -eu
stage=$1 tasks=$2 job=$3
name="uptime-ledger-$stage-$(date +%s)"
kubectl create -f - <<YAML
apiVersion: batch/v1
kind: Job
metadata:
  name: $name
spec:
  completionMode: Indexed
  completions: $tasks
  parallelism: ${PARALLELISM:-$tasks}
  backoffLimitPerIndex: 3
  ttlSecondsAfterFinished: 86400
  podFailurePolicy:
    rules:
      - action: FailJob
        onExitCodes:
          operator: In
          values: [64, 70]
  template:
    spec:
      restartPolicy: Never
      serviceAccountName: ${SERVICE_ACCOUNT:-default}
      containers:
        - name: worker
          image: $IMAGE
          command: ["/usr/local/bin/uptime-ledger", "worker", "$stage", "--job", "$job"]
          resources:
            requests: {cpu: "1", memory: 2Gi}
            limits: {memory: 2Gi}
YAML
while :; do
    state=$(kubectl get job "$name" -o 'jsonpath={.status.conditions[?(@.status=="True")].type}')
    case $state in
    *Complete*) exit 0 ;;
    *Failed*)
        kubectl logs --selector "batch.kubernetes.io/job-name=$name" --tail 5 >&2
        exit 1
        ;;
    esac
    sleep 2
done
