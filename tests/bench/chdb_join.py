"""The job `join` in ClickHouse, embedded (chdb): aggregations by id, and one join of calls with what was said of their messages.

Calls and attempts are kept in memory once and all counted; what came more than once is taken back, aggregated by its id
(`argMin`), and counted again. One `argMin` over all calls would have to carry nine columns for every id and takes several
times as long.
"""

import chdb.session

import calls
import join
import logs
from chdb_calls import ANSWERED, USED, day, instant, rows, settings, source

OF_CALLS = USED + ["message_id", "message_status"]
OF_WEBHOOKS = ["ts", "event_ts", "webhook_id", "service", "message_id", "status", "error_code", "attempt_no", "outcome"]
OF_WEBHOOKS += ["http_status"]
BEGIN, END = day(logs.DAY), day(logs.NEXT_DAY)
DEADLINE = "INTERVAL 10 MINUTE"

# What the join asks of a call.
MORE = [
    "nullIf(message_id, '') AS message",
    f"coalesce(message_status, '') IN {tuple(join.HELD)} AS is_held",
    f"coalesce({ANSWERED}, false) AS is_answered",
    "coalesce(error_code = 2, false) AND coalesce(scope, '') = '' AS is_update",
]
CALL = ["at", "minute", "service_name", "region_name", "class", "message", "is_held", "is_answered", "is_update"]
# Every call counts; calls that came twice are taken back, and the first one of each is put in again.
WINNERS = f"SELECT argMin(({', '.join(CALL)}), (rank, at)) AS winner FROM copies GROUP BY request_id"
EVENTS = f"""
    SELECT {", ".join(CALL)}, 1 AS n FROM events
    UNION ALL SELECT {", ".join(CALL)}, -1 FROM copies
    UNION ALL SELECT {", ".join(f"winner.{place}" for place in range(1, len(CALL) + 1))}, 1 FROM ({WINNERS})"""

# What all statuses of a message say together. Neither order nor copies can matter here.
STATES = f"""
    SELECT message, minOrNullIf(event_at, word != {join.OTHER}) AS first_status, groupBitOr(word) AS words,
        groupBitOrIf(word, at < {END}) AS words_of_day,
        argMinIf(coalesce(error_code, -1), event_at, word = {join.FAILED}) AS code
    FROM attempts WHERE message IS NOT NULL AND word != 0 GROUP BY message"""

# Up to when the webhook log of a region is known.
MARKS = "SELECT region_name, max(at) AS known FROM attempts GROUP BY region_name"

# Calls counted by what became of their messages. An answer that is an error admits nothing unless a status says so.
MESSAGES = f"""
    SELECT minute, service_name, region_name, stream, if(stream = 'message', result, 'none') AS outcome,
        if(stream = 'message', time, 'none') AS timing,
        multiIf(
            class != 'good' AND is_update AND result IN ('sent', 'delivered'), 'good',
            stream = 'request' OR class != 'good', class,
            is_held AND result != 'failed', 'good',
            time IN ('late', 'overdue'), 'bad',
            time = 'in_time' AND result IN ('sent', 'delivered'), 'good',
            result = 'failed' AND (code = -1 OR code IN ({{codes}})), 'bad',
            'other') AS found,
        sum(n) AS events, sum(n * bitCount(words_of_day)) AS statuses
    FROM (
        SELECT *,
            multiIf(bitAnd(words, {join.DELIVERED}) > 0, 'delivered', bitAnd(words, {join.FAILED}) > 0, 'failed',
                bitAnd(words, {join.SENT}) > 0, 'sent', 'none') AS result,
            multiIf(is_held, 'none', first_status <= at + {DEADLINE}, 'in_time', first_status IS NOT NULL, 'late',
                known > at + {DEADLINE}, 'overdue', 'open') AS time,
            if(message IS NULL OR NOT is_answered AND result = 'none', 'request', 'message') AS stream
        FROM ({EVENTS}) AS events LEFT JOIN states USING (message) LEFT JOIN ({MARKS}) AS marks USING (region_name))
    GROUP BY ALL"""

# Every attempt as a notification of its own; then those with more than one taken back, and put in together.
SINGLE = "service_name, region_name, event_at, at AS first_at, at AS last_at, number, is_success, is_refused, is_internal"
NOTIFICATIONS = f"""
    SELECT {SINGLE}, 1 AS n FROM attempts
    UNION ALL SELECT {SINGLE}, -1 FROM retried
    UNION ALL SELECT any(service_name), any(region_name), min(event_at), min(at), max(at), min(number), max(is_success),
        max(is_refused), argMax(is_internal, at), 1 FROM retried GROUP BY webhook_id"""

# Notifications of events of the day: whether the platform did its part in time, and what the endpoint made of it.
DELIVERIES = f"""
    SELECT toStartOfMinute(event_at) AS minute, service_name, region_name, 'notification' AS stream,
        multiIf(is_success, 'delivered', is_internal, 'internal', is_refused, 'refused', 'unreachable') AS outcome,
        multiIf(number <= 1 AND first_at > event_at + {DEADLINE}, 'late',
            NOT is_success AND known > last_at + INTERVAL 1 DAY, 'stopped', 'in_time') AS timing,
        multiIf(timing = 'late', 'bad', outcome = 'delivered', 'good', outcome = 'internal' OR timing = 'stopped', 'bad',
            'other') AS found,
        sum(n) AS events, 0 AS statuses
    FROM ({NOTIFICATIONS}) AS notifications LEFT JOIN ({MARKS}) AS marks USING (region_name)
    WHERE event_at >= {BEGIN} AND event_at < {END}
    GROUP BY ALL"""

# Rows, copies, and what the two logs make of each other.
TOTALS = f"""
    SELECT *, calls_read - calls AS call_copies, rows_read - row_copies AS attempts, statuses - matched AS orphan_statuses
    FROM (SELECT
        (SELECT count() FROM events) AS calls_read,
        (SELECT sum(events) FROM counts WHERE stream != 'notification') AS calls,
        (SELECT count() FROM attempts WHERE at < {END}) AS rows_read,
        (SELECT count() - uniqExact(at, webhook_id, number, coalesce(message, ''), word) FROM retried WHERE at < {END})
            AS row_copies,
        (SELECT sum(bitCount(words_of_day)) FROM states) AS statuses,
        (SELECT sum(statuses) FROM counts) AS matched)"""


def attempts(form, folder):
    """Readable webhook rows of the day and the hour after it; as in the config the region stands in the path."""
    table, status, has_no_status = source(form, folder, "webhooks", OF_WEBHOOKS)
    words, bits = list(join.WORDS), list(join.WORDS.values())
    return f"""
        SELECT assumeNotNull({instant(form, "ts")}) AS at, coalesce({instant(form, "event_ts")}, at) AS event_at, webhook_id,
            if(coalesce(service, '') = '', 'webhooks', service)::LowCardinality(String) AS service_name,
            extract(_path, '{join.REGION}')::LowCardinality(String) AS region_name, nullIf(message_id, '') AS message,
            if(coalesce(status, '') = '', 0, transform(coalesce(status, ''), {words}, {bits}, {join.OTHER}))::UInt8 AS word,
            error_code, coalesce(attempt_no, 0) AS number, {status} AS code_of_http,
            coalesce(nullIf(outcome, ''), 'http') AS result, result = 'none' AS is_internal,
            result = 'http' AND coalesce(code_of_http BETWEEN 200 AND 299, false) AS is_success,
            result = 'http' AND coalesce(code_of_http NOT BETWEEN 200 AND 299, false) AS is_refused
        FROM {table}
        WHERE {instant(form, "ts")} >= {BEGIN} AND at < {END} + INTERVAL 1 HOUR
            AND ({has_no_status} OR code_of_http BETWEEN 100 AND 999) AND (result != 'http' OR NOT {has_no_status})"""


def query(form, folder, out, threads):
    """One measured run."""
    codes = calls.platform_codes()
    with chdb.session.Session() as db:
        run = lambda text: db.query(f"{text} SETTINGS {settings(threads)}")
        keep = lambda name, text: run(f"CREATE TABLE {name} ENGINE = Memory AS {text}")
        several = "SELECT * FROM {table} WHERE {key} IN (SELECT {key} FROM {table} GROUP BY {key} HAVING count() > 1)"
        keep("events", f"SELECT request_id, rank, {', '.join(CALL)} FROM ({rows(form, folder, codes, MORE, OF_CALLS)})")
        keep("copies", several.format(table="events", key="request_id"))
        keep("attempts", attempts(form, folder))
        keep("retried", several.format(table="attempts", key="webhook_id"))
        keep("states", STATES)
        keep("counts", f"{MESSAGES.format(codes=', '.join(map(str, codes)))} UNION ALL {DELIVERIES}")
        names = "minute, service_name AS service, region_name AS region, stream, outcome, timing, found AS class, events"
        run(f"SELECT {names}, statuses FROM counts WHERE events != 0 INTO OUTFILE '{out}' TRUNCATE FORMAT Parquet")
        run(f"{TOTALS} INTO OUTFILE '{join.totals_of(out)}' TRUNCATE FORMAT Parquet")
