#!/usr/bin/env python3
"""Speed and results beside DuckDB, on the same files in the same run.

`just bench` or `python3 tests/bench/peers.py --rows 1000000`. For each format the sample is written once; then the job and
DuckDB (two ways to dedupe) take turns. Every run is a process of its own, so CPU seconds and peak memory are its own.
The results are compared: accepted events, duplicates, and good and bad events of every minute, service and region.

Both use the same number of threads. DuckDB does less: it reads, dedupes, classifies by a CASE over status, code and
symptom, and counts; the job also keeps balances, latencies, evidence and the caller's share, and writes its reports.
"""

import argparse
import importlib.util
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import time

DUCKDB = "2.0.0"
DAY = "2026-11-18"
FORMATS = {
    "parquet": ["--format", "parquet"],
    "ndjson": ["--format", "ndjson"],
    "ndjson.gz": ["--format", "ndjson", "--compression", "gz"],
    "ndjson.zst": ["--format", "ndjson", "--compression", "zst"],
    "csv": ["--format", "csv"],
    "csv.gz": ["--format", "csv", "--compression", "gz"],
}
ROOT = pathlib.Path(__file__).resolve().parents[2]

# The canonical schema in its order; types only where a query needs them.
COLUMNS = {
    "ts": "TIMESTAMP",
    "duration_ms": "DOUBLE",
    "request_id": "VARCHAR",
    "trace_id": "VARCHAR",
    "business_id": "VARCHAR",
    "service": "VARCHAR",
    "endpoint": "VARCHAR",
    "region": "VARCHAR",
    "http_status": "INTEGER",
    "reached": "VARCHAR",
    "symptom": "VARCHAR",
    "error_code": "BIGINT",
    "error_subcode": "BIGINT",
    "is_transient": "BOOLEAN",
    "is_success": "BOOLEAN",
    "message_id": "VARCHAR",
    "message_status": "VARCHAR",
    "scope": "VARCHAR",
    "recipient_area": "VARCHAR",
    "client_platform": "VARCHAR",
    "client_version": "VARCHAR",
}


def source(form, logs, name):
    """The rows of one source, as DuckDB reads them; rows that it cannot read are left out."""
    paths = f"{logs}/{name}-*"
    columns = "{" + ", ".join(f"{k}: '{v}'" for k, v in COLUMNS.items()) + "}"
    if form == "parquet":
        return f"read_parquet('{paths}')"
    if form.startswith("csv"):
        return f"read_csv('{paths}', header = true, delim = ',', columns = {columns}, ignore_errors = true)"
    # A bad value of a typed column would only become null and the row would stay, so the status is judged below.
    columns = columns.replace("http_status: 'INTEGER'", "http_status: 'VARCHAR'")
    return f"read_json('{paths}', format = 'newline_delimited', columns = {columns}, ignore_errors = true)"


def rows(form, logs):
    """Readable rows of the day, classified. Platform codes come from the catalogue, as a constant set."""
    parts = []
    for rank, name in enumerate(["requests", "egress"]):
        parts.append(
            f"""SELECT request_id, ts::TIMESTAMP AS ts, {rank} AS rank, endpoint, service, coalesce(region, '-') AS region,
                try_cast(http_status AS INTEGER) AS http_status, http_status IS NULL AS has_no_status,
                error_code, symptom, scope, is_success FROM {source(form, logs, name)}"""
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
                WHEN error_code IS NULL AND http_status BETWEEN 100 AND 399 AND is_success IS DISTINCT FROM false THEN 'good'
                WHEN error_code IN (SELECT code FROM platform_codes) THEN 'bad'
                WHEN error_code IS NULL AND http_status >= 500 THEN 'bad'
                WHEN error_code IS NULL AND http_status IS NULL
                    AND (rank = 0 OR symptom IN ('reset', 'timeout')) THEN 'bad'
                ELSE 'other' END AS class
        FROM ({" UNION ALL ".join(parts)})
        WHERE ts >= TIMESTAMP '{DAY}' AND ts < TIMESTAMP '{DAY}' + INTERVAL 1 DAY
            AND (has_no_status OR http_status BETWEEN 100 AND 999)"""


def query(form, folder, variant, out, threads):
    """Runs in a child process: one measured DuckDB run."""
    import duckdb

    db = duckdb.connect(config={"threads": threads, "temp_directory": f"{folder}/tmp"})
    db.execute("SET preserve_insertion_order = false")
    db.execute(
        f"""CREATE TEMP TABLE platform_codes AS SELECT code::BIGINT AS code
            FROM read_csv('{ROOT}/data/error_catalog.csv', header = true, all_varchar = true)
            WHERE fault = 'platform' AND subcode IS NULL AND code NOT LIKE '%-%'"""
    )
    selected = rows(form, f"{folder}/logs")
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


def compare(out, reports):
    """Runs in a child process: are the results of one DuckDB run ours?"""
    import duckdb

    ours = f"{reports}/daily/{DAY}"
    db = duckdb.connect()
    one = lambda sql: db.execute(sql).fetchone()
    theirs = one(f"SELECT sum(events), sum(duplicates) FROM '{out}'")
    mine = one(f"SELECT sum(accepted), sum(duplicate) FROM '{ours}/intake.parquet'")
    if theirs != mine:
        sys.exit(f"events and duplicates differ: DuckDB {theirs}, uptime-ledger {mine}")
    differing, minutes = one(
        f"""WITH d AS (
                SELECT minute, service, region, sum(events) FILTER (class = 'good') AS good,
                    sum(events) FILTER (class = 'bad') AS bad FROM '{out}' GROUP BY ALL),
            u AS (
                SELECT slot_start::TIMESTAMP AS minute, scope AS service, region, events_good_net AS good, events_bad_net AS bad
                FROM '{ours}/slots.parquet' WHERE scope_kind = 'service' AND region <> '*')
            SELECT count(*) FILTER (coalesce(d.good, 0) <> coalesce(u.good, 0) OR coalesce(d.bad, 0) <> coalesce(u.bad, 0)),
                count(*) FROM d FULL JOIN u USING (minute, service, region)"""
    )
    if differing:
        sys.exit(f"{differing} of {minutes} minutes differ in good or bad events")
    print(f"{int(mine[0]):,} events, {int(mine[1]):,} duplicates, {minutes:,} minutes: the same")


def measure(command):
    """Runs a command: CPU seconds, wall seconds, peak memory in MB."""
    begin = time.monotonic()
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    said = child.stderr.read().decode(errors="replace")
    _, status, usage = os.wait4(child.pid, 0)
    wall = time.monotonic() - begin
    code = os.waitstatus_to_exitcode(status)
    child.returncode = code
    # 3: published, and the sample holds things to look at.
    if code not in (0, 3):
        sys.exit(f"{' '.join(map(str, command))} ended with {code}:\n{said}")
    return usage.ru_utime + usage.ru_stime, wall, usage.ru_maxrss / 1024


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000, help="ordinary calls of the day")
    parser.add_argument("--formats", default=",".join(FORMATS), help="some of " + ", ".join(FORMATS))
    parser.add_argument("--repeat", type=int, default=3, help="runs of each; the median counts")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--files", type=int, default=1, help="files per region")
    parser.add_argument("--work", type=pathlib.Path, help="folder for logs and results; kept, and used again")
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    parser.add_argument("--binary", type=pathlib.Path, default=target / "release" / "uptime-ledger")
    args = parser.parse_args()

    if importlib.util.find_spec("duckdb") is None:
        sys.exit(f"DuckDB for Python is not there; install it with: pip install duckdb=={DUCKDB}")
    if not args.binary.exists():
        sys.exit(f"{args.binary} is not there; build it with: cargo build --release")
    work = args.work or ROOT / "target" / "bench"
    me = [sys.executable, __file__]
    say = lambda text: print(text, file=sys.stderr, flush=True)
    lines = []
    for form in args.formats.split(","):
        folder = work / f"{args.rows}-{args.files}-{form}"
        if not (folder / "truth.json").exists():
            say(f"{form}: writing the sample")
            shutil.rmtree(folder, ignore_errors=True)
            sample = [args.binary, "sample", "--out", folder, "--days", "1", "--rows", str(args.rows), "--no-stories"]
            subprocess.run(sample + ["--files", str(args.files)] + FORMATS[form], check=True, stdout=subprocess.DEVNULL)
        size = sum(p.stat().st_size for p in (folder / "logs").iterdir()) / 1e6
        reports = folder / "reports"
        job = [args.binary, "run", "--config", folder / "uptime-ledger.toml", "--date", DAY, "--out", reports]
        job += ["--threads", str(args.threads), "--quiet"]
        runs = {"uptime-ledger": [], "DuckDB, subtract": [], "DuckDB, distinct": []}
        for _ in range(args.repeat):
            shutil.rmtree(reports, ignore_errors=True)
            runs["uptime-ledger"].append(measure(job))
            for variant in ["subtract", "distinct"]:
                out = folder / f"{variant}.parquet"
                child = me + ["--child", "query", form, folder, variant, out, str(args.threads)]
                runs[f"DuckDB, {variant}"].append(measure(child))
        for variant in ["subtract", "distinct"]:
            done = subprocess.run(me + ["--child", "compare", folder / f"{variant}.parquet", reports], capture_output=True, text=True)
            say(f"{form}, {variant}: {(done.stdout or done.stderr).strip()}")
            if done.returncode:
                sys.exit(1)
        base = statistics.median(cpu for cpu, _, _ in runs["uptime-ledger"])
        for name, measured in runs.items():
            cpu, wall, memory = (statistics.median(column) for column in zip(*measured))
            lines.append(f"| {form} ({size:,.0f} MB) | {name} | {cpu:.2f} | {wall:.2f} | {memory:,.0f} | {cpu / base:.1f} |")
    print(f"{args.rows:,} calls, {args.threads} threads, median of {args.repeat}\n")
    print("| logs | who | CPU s | wall s | peak MB | CPU beside ours |\n| --- | --- | ---: | ---: | ---: | ---: |")
    print("\n".join(lines))


if __name__ == "__main__":
    if sys.argv[1:3] == ["--child", "query"]:
        form, folder, variant, out, threads = sys.argv[3:]
        query(form, folder, variant, out, int(threads))
    elif sys.argv[1:3] == ["--child", "compare"]:
        compare(*sys.argv[3:])
    else:
        main()
