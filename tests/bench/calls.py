"""The job `requests`: copies of calls counted once, the rules, and counts per minute, service and region.

The peers do less than uptime-ledger here: they read, dedupe, classify by a CASE over status, code and symptom, and count;
the job also keeps balances, latencies, evidence and the caller's share, and writes its reports.
"""

import csv
import pathlib
import re
import sys

import logs
from logs import BEGIN, DAY, END

LOGS = ["requests", "egress"]
CONFIG = "requests.toml"
# The answer is not an error.
ANSWERED = "(error_code IS NULL AND http_status BETWEEN 100 AND 399 AND is_success IS DISTINCT FROM false)"


def config(text):
    """The sample's config without its webhooks, so that admitted messages stay calls that were answered."""
    blocks = re.split(r"(?m)^(?=\[)", text)
    kept = [b for b in blocks if 'name = "webhooks"' not in b and not b.startswith("[webhooks]")]
    return "".join(kept).replace(', "webhooks"', "")


def platform_codes():
    """Error codes that are the platform's own failure, from the catalogue."""
    with (pathlib.Path(__file__).resolve().parents[2] / "data" / "error_catalog.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["fault"] == "platform" and not row["subcode"]]
    return sorted(int(row["code"]) for row in rows if "-" not in row["code"])


def connect(folder, threads):
    """A DuckDB for one measured run, with the codes as a constant set."""
    import duckdb

    db = duckdb.connect(config={"threads": int(threads), "temp_directory": f"{folder}/tmp"})
    db.execute("SET preserve_insertion_order = false")
    db.execute("SET TimeZone = 'UTC'")
    db.execute("CREATE TEMP TABLE platform_codes AS SELECT unnest(?)::BIGINT AS code", [platform_codes()])
    return db


def rows(form, folder, more=()):
    """Readable calls of the day, classified, with `more` of their columns; what nobody asks for DuckDB does not read."""
    more = "".join(f", {column}" for column in more)
    parts = []
    for rank, name in enumerate(LOGS):
        parts.append(
            f"""SELECT request_id, {logs.instant(form, "ts")} AS ts, {rank} AS rank, endpoint, service,
                coalesce(region, '-') AS region, {logs.STATUS}, error_code, symptom, scope, is_success, message_id,
                message_status FROM {logs.source(form, f"{folder}/logs", name)}"""
        )
    return f"""
        SELECT request_id, rank, date_trunc('minute', ts) AS minute,
            coalesce(nullif(service, ''), CASE
                WHEN endpoint LIKE '%/messages' THEN 'messages'
                WHEN endpoint LIKE '%/media' THEN 'media'
                ELSE 'management' END) AS service,
            region,
            CASE
                WHEN nullif(scope, '') IS NOT NULL THEN 'other'
                WHEN {ANSWERED} THEN 'good'
                WHEN error_code IN (SELECT code FROM platform_codes) THEN 'bad'
                WHEN error_code IS NULL AND http_status >= 500 THEN 'bad'
                WHEN error_code IS NULL AND http_status IS NULL
                    AND (rank = 0 OR symptom IN ('reset', 'timeout')) THEN 'bad'
                ELSE 'other' END AS class{more}
        FROM ({" UNION ALL ".join(parts)})
        WHERE ts >= {BEGIN} AND ts < {END} AND {logs.READABLE}"""


def query(form, folder, out, threads, variant):
    """One measured run of DuckDB."""
    db = connect(folder, threads)
    selected = rows(form, folder)
    if variant == "subtract":
        # Count everything, then take back the surplus copies: only ids that came twice are looked at again.
        db.execute(f"CREATE TEMP TABLE events AS {selected}")
        result = """
            SELECT minute, service, region, class, sum(n)::BIGINT AS events, sum(surplus)::BIGINT AS duplicates FROM (
                SELECT minute, service, region, class, count(*) AS n, 0 AS surplus FROM events GROUP BY ALL
                UNION ALL
                SELECT minute, service, region, class, -1 AS n, 1 AS surplus FROM (
                    SELECT *, row_number() OVER (PARTITION BY request_id ORDER BY rank, minute) AS copy
                    FROM events WHERE request_id IN (
                        SELECT request_id FROM events GROUP BY request_id HAVING count(*) > 1))
                WHERE copy > 1)
            GROUP BY ALL"""
    else:
        result = f"""
            SELECT minute, service, region, class, count(*)::BIGINT AS events, sum(copies - 1)::BIGINT AS duplicates FROM (
                SELECT minute, service, region, class, count(*) OVER (PARTITION BY request_id) AS copies
                FROM ({selected})
                QUALIFY row_number() OVER (PARTITION BY request_id ORDER BY rank, minute) = 1)
            GROUP BY ALL"""
    db.execute(f"COPY ({result}) TO '{out}' (FORMAT parquet)")


def differing_minutes(db, out, reports):
    """Minutes of services and regions, and in how many of them the good or bad events are not the same."""
    differing, minutes = db.execute(
        f"""WITH d AS (
                SELECT minute, service, region, sum(events) FILTER (class = 'good') AS good,
                    sum(events) FILTER (class = 'bad') AS bad FROM '{out}' GROUP BY ALL),
            u AS (
                SELECT slot_start::TIMESTAMP AS minute, scope AS service, region, events_good_net AS good, events_bad_net AS bad
                FROM '{reports}/daily/{DAY}/slots.parquet' WHERE scope_kind = 'service' AND region <> '*')
            SELECT count(*) FILTER (coalesce(d.good, 0) <> coalesce(u.good, 0) OR coalesce(d.bad, 0) <> coalesce(u.bad, 0)),
                count(*) FROM d FULL JOIN u USING (minute, service, region)"""
    ).fetchone()
    return differing, minutes


def compare(db, out, reports):
    """Are the results of one run of a peer ours?"""
    theirs = db.execute(f"SELECT sum(events), sum(duplicates) FROM '{out}'").fetchone()
    mine = db.execute(f"SELECT sum(accepted), sum(duplicate) FROM '{reports}/daily/{DAY}/intake.parquet'").fetchone()
    if theirs != mine:
        sys.exit(f"events and duplicates differ: peer {theirs}, uptime-ledger {mine}")
    differing, minutes = differing_minutes(db, out, reports)
    if differing:
        sys.exit(f"{differing} of {minutes} minutes differ in good or bad events")
    return f"{int(mine[0]):,} events, {int(mine[1]):,} duplicates, {minutes:,} minutes: the same"
