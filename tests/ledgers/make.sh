#!/usr/bin/env bash
# Makes the ledgers of this folder with a given binary: tests/ledgers/make.sh BINARY FOLDER
#
# Writes FOLDER/<version> and FOLDER/<version>-own-policy: a config, its logs, an override file, and in `reports.tar.zst` the
# reports folder as five nights of the daily job leave it. The same binary gives the same bytes in it. Needs tar and zstd.
set -euo pipefail

binary=$(realpath "$1")
into=$(realpath -m "$2")
data=$(realpath "$(dirname "${BASH_SOURCE[0]}")/../../data")
version=$("$binary" --version | cut -d' ' -f2)
clock=()
if "$binary" run --help | grep -q -- --simulate; then
    clock=(--simulate)
fi
HEADER=ts,request_id,business_id,region,endpoint,http_status,error_code,message_id
OVERRIDES=id,direction,start,end,service,region,business_id,error_code,account,reason,ticket,author,approver,created_at,note

# Calls of a day: two every hour; all fail from 10:00 to 10:14 on the 12th; in between callers whose token is refused.
calls() {
    local day=$1 at
    for at in {00..23}:05; do
        echo "${day}T$at:01Z,$day-$at-a,b1,eu,/1/media,200,,"
        echo "${day}T$at:02Z,$day-$at-b,b2,eu,/1/messages,200,,"
    done
    for at in 07:10 07:11 07:12; do
        echo "${day}T$at:00Z,$day-$at-x,b1,eu,/1/media,401,190,"
    done
    if [[ $day == *-12 ]]; then
        for at in 10:{00..14}; do
            echo "${day}T$at:00Z,$day-$at-f,b2,eu,/1/messages,503,131016,"
        done
    fi
}

# A call that admits a message.
admitted() {
    echo "$1T$2:00Z,$1-$3,b1,eu,/1/messages,200,,$3"
}

# A status of a message: when it comes, which message, the status.
status() {
    printf '{"ts":"%s","webhook_id":"%s-%s","service":"messages","region":"eu","message_id":"%s","status":"%s","outcome":"http","http_status":200}\n' \
        "$1" "$2" "$3" "$2" "$3"
}

run() {
    local ended=0
    "$binary" run --config uptime-ledger.toml --as-of "$1" "${clock[@]}" --quiet 2>>told || ended=$?
    [[ $ended == 0 || $ended == 3 ]] || { cat told; exit 1; }
}

# Five nights in the folder that is at hand.
nights() {
    local day
    mkdir logs
    echo "$OVERRIDES" >overrides.csv
    for day in 2026-11-{10..14}; do
        { echo "$HEADER"; calls "$day"; admitted "$day" 12:00 "m${day: -2}"; } >"logs/requests-$day.csv"
        status "${day}T12:00:30Z" "m${day: -2}" delivered >"logs/webhooks-$day.ndjson"
    done
    # Nobody ever tells what became of this one.
    admitted 2026-11-10 13:00 lost >>logs/requests-2026-11-10.csv
    # A row that cannot be read.
    echo "noon,2026-11-11-bad,b1,eu,/1/media,200,," >>logs/requests-2026-11-11.csv
    # A message that was sent at once and delivered two days later.
    admitted 2026-11-12 18:00 slow >>logs/requests-2026-11-12.csv
    status 2026-11-12T18:00:20Z slow sent >>logs/webhooks-2026-11-12.ndjson
    # The same that failed in between: it is settled by a later webhook log.
    admitted 2026-11-13 19:00 late >>logs/requests-2026-11-13.csv
    status 2026-11-13T19:00:20Z late failed >>logs/webhooks-2026-11-13.ndjson
    status 2026-11-14T08:00:00Z slow delivered >>logs/webhooks-2026-11-14.ndjson
    status 2026-11-14T08:00:01Z late delivered >>logs/webhooks-2026-11-14.ndjson
    mkdir waiting
    mv logs/* waiting

    for day in 2026-11-{10..14}; do
        mv waiting/*-"$day".* logs
        touch -d "$day 23:59:59Z" logs/*-"$day".*
        case $day in
            *-13)
                # A log of the day before comes late, and a reviewer excuses a part of the outage.
                { echo "$HEADER"; echo "2026-11-12T15:00:00Z,found,b1,eu,/1/media,503,131016,"; } >logs/requests-2026-11-12-late.csv
                touch -d "2026-11-13 23:59:59Z" logs/requests-2026-11-12-late.csv
                span=2026-11-12T10:00Z,2026-11-12T10:05Z
                echo "load-test,to_uptime,$span,messages,eu,,131016,,caller-misuse,OPS-1,ann,bob,2026-11-13T09:00Z,announced" >>overrides.csv
                ;;
        esac
        # The night after a day. The last one seals the first day.
        run "$(date -u -d "$day + 1 day" +%F)T03:00:00Z"
    done
    rm -rf waiting told reports/.lock
    "$binary" verify --config uptime-ledger.toml
    "$binary" history --config uptime-ledger.toml
    tar --format=ustar --sort=name --owner=0 --group=0 --numeric-owner --mtime='2026-11-15 03:00:00Z' -c reports | zstd -q -19 >reports.tar.zst
    rm -r reports
}

config() {
    cat <<'TOML'
# Made by tests/ledgers/make.sh.
salt = "pinch"
slot = "5m"

[[source]]
name = "edge"
paths = ["logs/requests-{date}*.csv"]

[[source]]
name = "webhooks"
log = "webhooks"
paths = ["logs/webhooks-{date}.ndjson"]

[[service]]
name = "messages"
endpoints = ["/{id}/messages"]

[[service]]
name = "media"
endpoints = ["/{id}/media"]

[[component]]
name = "Cloud API"
services = ["messages", "media"]
target_percent = 99.9

[definition]
min_events = 2

[limits]
coverage_percent = 0

[webhooks]
retry_days = 2

# Windows are short, so that five nights are enough to seal a day.
[overrides]
path = "overrides.csv"
review_days = 3
grace_hours = 6

[outputs]
formats = []
TOML
}

rule() {
    printf '[[rule]]\nid = "%s"\nwhen = { %s }\naccount = "%s"\nbecause = "%s"\ncites = ["R6"]\n\n' "$1" "$2" "$3" "$4"
}

for name in "$version" "$version-own-policy"; do
    rm -rf "${into:?}/$name"
    mkdir -p "$into/$name"
    cd "$into/$name"
    config >uptime-ledger.toml
    if [[ $name == *-own-policy ]]; then
        printf 'policy = "policy.toml"\ncatalogue = "catalogue.csv"\n%s\n' "$(config)" >uptime-ledger.toml
        {
            rule missed 'stream = "message", timing = ["late", "overdue"]' bad:platform:missed "What was admitted has to arrive."
            rule undelivered 'stream = "message", outcome = "failed"' user:recipient "The recipient could not be reached."
            rule delivered 'stream = "message"' good "It arrived, or it may still arrive."
            rule notified 'stream = "notification"' good "The endpoint took it."
            rule platform 'fault = "platform"' bad:platform:error "The catalogue says that the platform failed."
            rule caller 'fault = "caller"' user:caller "The catalogue says that the caller made a mistake."
            rule answered 'http_status = "200-299"' good "It was answered."
            printf '[[reason]]\nid = "caller-misuse"\ndirection = "to_uptime"\nto = "user:caller"\nbecause = "A load test."\ncites = ["R2"]\n'
        } >policy.toml
        grep -E '^(code|190|131016),' "$data/error_catalog.csv" >catalogue.csv
    fi
    nights
done
