"""The job `join`: what `requests` does, and each admitted message with its statuses, each notification with its attempts.

What the peers do, DuckDB here, is the day's rules for messages and notifications in SQL (`data/policy.toml`), as
far as the sample without stories needs them: no silent stretches of the webhook log, no notification without an id, no
message that two calls name. uptime-ledger keeps open items, delays and callers beside it, and writes its daybook and its
reports.
"""

import sys

import calls
import logs
from logs import BEGIN, DAY, END

LOGS = ["requests", "egress", "webhooks"]
CONFIG = "uptime-ledger.toml"

# Rows of the first hour of the day after tell of the day's last messages and notifications.
HORIZON = f"({END} + INTERVAL 1 HOUR)"
DEADLINE = "INTERVAL 10 MINUTE"
# Statuses as bits, so that all that was said of a message is one small number.
WORDS = {"sent": 1, "delivered": 2, "read": 4, "played": 8, "failed": 16}
SENT, DELIVERED, FAILED, OTHER = 1, 2 + 4 + 8, 16, 32
CASES = " ".join(f"WHEN '{word}' THEN {bit}" for word, bit in WORDS.items())
WORD = f"CASE status {CASES} ELSE {OTHER} END::UTINYINT"
# Answers to calls whose messages wait for the platform.
HELD = ["held_for_quality_assessment", "paused"]
# Where a path names the region.
REGION = "webhooks-[0-9]+-[0-9]+-[0-9]+-([^-./]+)"


def attempts(form, folder):
    """Readable webhook rows of the day and the hour after it; as in the config the region stands in the path."""
    return f"""
        SELECT ts, coalesce(event_ts, ts) AS event_ts, webhook_id, coalesce(nullif(service, ''), 'webhooks') AS service,
            region, nullif(message_id, '') AS message_id, CASE WHEN nullif(status, '') IS NOT NULL THEN {WORD} END AS word,
            error_code, coalesce(attempt_no, 0) AS attempt_no, outcome = 'none' AS is_internal,
            outcome = 'http' AND http_status BETWEEN 200 AND 299 AS is_success,
            outcome = 'http' AND http_status NOT BETWEEN 200 AND 299 AS is_refused
        FROM (
            SELECT {logs.instant(form, "ts")} AS ts, {logs.instant(form, "event_ts")} AS event_ts, webhook_id, service,
                message_id, status, error_code, attempt_no, coalesce(nullif(outcome, ''), 'http') AS outcome, {logs.STATUS},
                regexp_extract(filename, '{REGION}', 1) AS region
            FROM {logs.source(form, f"{folder}/logs", "webhooks")})
        WHERE ts >= {BEGIN} AND ts < {HORIZON} AND {logs.READABLE} AND (outcome <> 'http' OR NOT has_no_status)"""


# What all statuses of a message say together. Neither order nor copies can matter here.
STATES = f"""
    SELECT message_id, min(event_ts) FILTER (word <> {OTHER}) AS first_status, bit_or(word) AS words,
        coalesce(bit_or(word) FILTER (ts < {END}), 0) AS words_of_day,
        arg_min_null(error_code, event_ts) FILTER (word = {FAILED}) AS code
    FROM attempts WHERE message_id IS NOT NULL AND word IS NOT NULL GROUP BY message_id"""

# What all attempts of a notification say together.
NOTIFICATIONS = f"""
    SELECT webhook_id, any_value(service) AS service, any_value(region) AS region, min(event_ts) AS event_ts,
        min(ts) AS first_ts, max(ts) AS last_ts, min(attempt_no) AS first_no, bool_or(is_success) AS is_delivered,
        bool_or(is_refused) AS is_refused, arg_max(is_internal, ts) AS is_internal, count(*) FILTER (ts < {END}) AS copies
    FROM {{some}} GROUP BY webhook_id"""

# Up to when the webhook log of a region is known.
MARKS = "SELECT region, max(last_ts) AS known FROM notifications GROUP BY region"

# Calls of which copies are gone, counted by what became of their messages. An answer that is an error admits nothing
# unless a status says so.
MESSAGES = f"""
    SELECT minute, service, region, stream, CASE stream WHEN 'message' THEN outcome ELSE 'none' END AS outcome,
        CASE stream WHEN 'message' THEN timing ELSE 'none' END AS timing,
        CASE
            WHEN class <> 'good' AND is_update AND outcome IN ('sent', 'delivered') THEN 'good'
            WHEN stream = 'request' OR class <> 'good' THEN class
            WHEN is_held AND outcome <> 'failed' THEN 'good'
            WHEN timing IN ('late', 'overdue') THEN 'bad'
            WHEN timing = 'in_time' AND outcome IN ('sent', 'delivered') THEN 'good'
            WHEN outcome = 'failed' AND (code IS NULL OR code IN (SELECT code FROM platform_codes)) THEN 'bad'
            ELSE 'other' END AS class,
        count(*) AS events, coalesce(sum(bit_count(words_of_day)), 0)::BIGINT AS statuses
    FROM (
        SELECT *,
            CASE WHEN message_id IS NULL OR NOT is_answered AND outcome = 'none' THEN 'request' ELSE 'message' END AS stream
        FROM (
            SELECT minute, service, region, class, message_id, is_answered, is_update, is_held, code, words_of_day,
                CASE
                    WHEN words & {DELIVERED} > 0 THEN 'delivered'
                    WHEN words & {FAILED} > 0 THEN 'failed'
                    WHEN words & {SENT} > 0 THEN 'sent'
                    ELSE 'none' END AS outcome,
                CASE
                    WHEN is_held THEN 'none'
                    WHEN first_status <= ts + {DEADLINE} THEN 'in_time'
                    WHEN first_status IS NOT NULL THEN 'late'
                    WHEN known > ts + {DEADLINE} THEN 'overdue'
                    ELSE 'open' END AS timing
            FROM events LEFT JOIN states USING (message_id) LEFT JOIN ({MARKS}) USING (region)))
    GROUP BY ALL"""

# Notifications of events of the day: whether the platform did its part in time, and what the endpoint made of it.
DELIVERIES = f"""
    SELECT minute, service, region, 'notification' AS stream, outcome, timing,
        CASE
            WHEN timing = 'late' THEN 'bad'
            WHEN outcome = 'delivered' THEN 'good'
            WHEN outcome = 'internal' OR timing = 'stopped' THEN 'bad'
            ELSE 'other' END AS class,
        count(*) AS events, 0 AS statuses
    FROM (
        SELECT date_trunc('minute', event_ts) AS minute, service, region,
            CASE
                WHEN is_delivered THEN 'delivered'
                WHEN is_internal THEN 'internal'
                WHEN is_refused THEN 'refused'
                ELSE 'unreachable' END AS outcome,
            CASE
                WHEN first_no <= 1 AND first_ts > event_ts + {DEADLINE} THEN 'late'
                WHEN NOT is_delivered AND known > last_ts + INTERVAL 1 DAY THEN 'stopped'
                ELSE 'in_time' END AS timing
        FROM notifications LEFT JOIN ({MARKS}) USING (region)
        WHERE event_ts >= {BEGIN} AND event_ts < {END})
    GROUP BY ALL"""


def dedupe_calls(db, variant, selected):
    """Makes `events`, the calls without copies. Returns a query for how many there were with them."""
    if variant == "subtract":
        # Only ids that came twice are looked at again.
        db.execute(f"CREATE TEMP TABLE rows AS {selected}")
        db.execute("CREATE TEMP TABLE twice AS SELECT request_id FROM rows GROUP BY request_id HAVING count(*) > 1")
        db.execute(
            """CREATE TEMP VIEW events AS
                SELECT * FROM rows ANTI JOIN twice USING (request_id)
                UNION ALL
                SELECT * FROM rows SEMI JOIN twice USING (request_id)
                QUALIFY row_number() OVER (PARTITION BY request_id ORDER BY rank, ts) = 1"""
        )
        return "SELECT count(*) FROM rows"
    db.execute(
        f"""CREATE TEMP TABLE events AS SELECT *, count(*) OVER (PARTITION BY request_id) AS copies FROM ({selected})
            QUALIFY row_number() OVER (PARTITION BY request_id ORDER BY rank, ts) = 1"""
    )
    return "SELECT sum(copies) FROM events"


def group_attempts(db, variant):
    """Makes `notifications` of the attempts. Returns a query for how many rows of the day are copies."""
    if variant == "subtract":
        # Most notifications are one row, which says all that there is to group.
        db.execute("CREATE TEMP TABLE several AS SELECT webhook_id FROM attempts GROUP BY webhook_id HAVING count(*) > 1")
        db.execute("CREATE TEMP TABLE retried AS SELECT * FROM attempts SEMI JOIN several USING (webhook_id)")
        db.execute(
            f"""CREATE TEMP TABLE notifications AS {NOTIFICATIONS.format(some="retried")}
                UNION ALL
                SELECT webhook_id, service, region, event_ts, ts, ts, attempt_no, is_success, is_refused, is_internal,
                    (ts < {END})::BIGINT
                FROM attempts ANTI JOIN several USING (webhook_id)"""
        )
    else:
        db.execute(f"CREATE TEMP TABLE notifications AS {NOTIFICATIONS.format(some='attempts')}")
        db.execute("CREATE TEMP VIEW retried AS SELECT * FROM attempts")
    return f"""
        SELECT coalesce(sum(copies - 1), 0) FROM (
            SELECT count(*) AS copies FROM retried WHERE ts < {END} GROUP BY ts, webhook_id, attempt_no, message_id, word)"""


def query(form, folder, out, threads, variant):
    """One measured run of DuckDB: the counts go to `out`, the totals to a file beside it."""
    db = calls.connect(folder, threads)
    more = ["ts", "http_status", "error_code", "is_success", "scope", "message_id", "message_status"]
    held = f"message_status IN {tuple(HELD)}"
    selected = f"""
        SELECT request_id, rank, ts, minute, service, region, class, nullif(message_id, '') AS message_id,
            coalesce({held}, false) AS is_held, coalesce({calls.ANSWERED}, false) AS is_answered,
            coalesce(error_code = 2 AND nullif(scope, '') IS NULL, false) AS is_update
        FROM ({calls.rows(form, folder, more)})"""
    count_calls = dedupe_calls(db, variant, selected)
    db.execute(f"CREATE TEMP TABLE attempts AS {attempts(form, folder)}")
    count_copies = group_attempts(db, variant)
    db.execute(f"CREATE TEMP TABLE states AS {STATES}")
    db.execute(f"CREATE TEMP TABLE counts AS {MESSAGES} UNION ALL {DELIVERIES}")
    db.execute(f"COPY counts TO '{out}' (FORMAT parquet)")
    totals = f"""
        SELECT *, calls_read - calls AS call_copies, rows_read - row_copies AS attempts, statuses - matched AS orphan_statuses
        FROM (SELECT
            ({count_calls}) AS calls_read,
            (SELECT sum(events) FROM counts WHERE stream <> 'notification') AS calls,
            (SELECT sum(copies) FROM notifications) AS rows_read,
            ({count_copies}) AS row_copies,
            (SELECT sum(bit_count(words_of_day)) FROM states) AS statuses,
            (SELECT sum(statuses) FROM counts) AS matched)"""
    db.execute(f"COPY ({totals}) TO '{totals_of(out)}' (FORMAT parquet)")


def totals_of(out):
    """Where the totals of a run stand."""
    return f"{out}.totals"


def compare_totals(db, out, ours):
    """Are rows, copies, and what the two logs make of each other the same? Returns ours."""
    names = "calls, call_copies, attempts, row_copies, statuses, orphan_statuses"
    theirs = db.execute(f"SELECT {names} FROM read_parquet('{totals_of(out)}')").fetchone()
    mine = db.execute(
        f"""SELECT sum(accepted) FILTER (log = 'requests'), sum(duplicate) FILTER (log = 'requests'),
                any_value(r['attempts']), sum(duplicate) FILTER (log = 'webhooks'), any_value(r['statuses']),
                any_value(r['orphan_statuses'])
            FROM '{ours}/intake.parquet',
                (SELECT map_from_entries(list((item, count))) AS r FROM '{ours}/reconciliation.parquet')"""
    ).fetchone()
    if theirs != mine:
        sys.exit(f"{names} differ: peer {theirs}, uptime-ledger {mine}")
    return mine


def compare_deliveries(db, out, ours):
    """Is what became of messages and notifications the same, over the day?"""
    keys = "stream, service, region, outcome, timing, class"
    differing = db.execute(
        f"""WITH d AS (SELECT {keys}, sum(events)::BIGINT AS events FROM '{out}' WHERE stream <> 'request' GROUP BY ALL),
            u AS (
                SELECT stream, service, region, outcome, timing,
                    CASE split_part(account, ':', 1) WHEN 'good' THEN 'good' WHEN 'bad' THEN 'bad' ELSE 'other' END AS class,
                    sum(events_net)::BIGINT AS events FROM '{ours}/deliveries.parquet' GROUP BY ALL)
            SELECT {keys}, d.events, u.events FROM d FULL JOIN u USING ({keys})
            WHERE d.events IS DISTINCT FROM u.events ORDER BY ALL"""
    ).fetchall()
    if differing:
        lines = "\n".join(map(str, differing))
        sys.exit(f"{len(differing)} deliveries differ ({keys}, peer, uptime-ledger):\n{lines}")


def compare(db, out, reports):
    """Are the results of one run of a peer ours?"""
    ours = f"{reports}/daily/{DAY}"
    events, _, rows, copies, statuses, orphans = (int(n) for n in compare_totals(db, out, ours))
    compare_deliveries(db, out, ours)
    differing, minutes = calls.differing_minutes(db, out, reports)
    if differing:
        sys.exit(f"{differing} of {minutes} minutes differ in good or bad events")
    said = f"{events:,} calls, {rows:,} attempts, {copies:,} copies of these, {statuses:,} statuses, {orphans:,} orphans"
    return f"{said}, {minutes:,} minutes: the same"
