"""The job `requests` in ClickHouse, embedded (chdb): one aggregation by id that keeps the winner's columns and counts copies.

That is how ClickHouse dedupes best: `argMin` needs no second pass and no window.
"""

import chdb

import calls
import logs

USED = ["request_id", "ts", "endpoint", "service", "region", "http_status", "error_code", "symptom", "scope", "is_success"]
# Types for what must not fail as a whole: a bad status or instant costs its row alone.
STRUCTURE = {"TIMESTAMP": "Nullable(String)", "DOUBLE": "Nullable(Float64)", "INTEGER": "Nullable(String)"}
STRUCTURE |= {"BIGINT": "Nullable(Int64)", "BOOLEAN": "Nullable(Bool)", "VARCHAR": "Nullable(String)"}
SETTINGS = {
    "input_format_allow_errors_ratio": 1,
    "input_format_null_as_default": 1,
    "input_format_csv_empty_as_default": 1,
    "input_format_defaults_for_omitted_fields": 1,
    "session_timezone": "'UTC'",
}


def source(form, folder, name):
    """The rows of one source: what it is read from, its instant and its status."""
    below = (str(path.relative_to(f"{folder}/logs")) for path in logs.files(f"{folder}/logs", name))
    paths = f"{folder}/logs/{{{','.join(below)}}}"
    if form == "parquet":
        return f"file('{paths}', 'Parquet')", "ts", "http_status", "http_status IS NULL"
    columns = {name: STRUCTURE[kind] for name, kind in logs.SOURCES[name].items()}
    instant = "parseDateTime64BestEffortOrNull(ts, 6, 'UTC')"
    status = "toInt32OrNull(http_status)"
    if form.startswith("csv"):
        structure = ", ".join(f"{name} {kind}" for name, kind in columns.items())
        return f"file('{paths}', 'CSVWithNames', '{structure}')", instant, status, "coalesce(http_status, '') = ''"
    # Read as JSONEachRow, a line that was cut inside a text takes the line behind it along.
    structure = ", ".join(f"{name} {columns[name]}" for name in USED)
    fields = ", ".join(f"tupleElement(r, '{name}') AS {name}" for name in USED)
    table = f"""(SELECT {fields} FROM (
        SELECT JSONExtract(line, 'Tuple({structure})') AS r FROM file('{paths}', 'LineAsString')))"""
    return table, instant, status, "coalesce(http_status, '') = ''"


def rows(form, folder, codes):
    """Readable calls of the day, classified."""
    begin, end = (f"toDateTime64('{day}', 6, 'UTC')" for day in (logs.DAY, logs.NEXT_DAY))
    codes = ", ".join(map(str, codes))
    parts = []
    for rank, name in enumerate(calls.LOGS):
        table, instant, status, has_no_status = source(form, folder, name)
        parts.append(
            f"""SELECT request_id, {rank} AS rank, {instant} AS at, toStartOfMinute(at) AS minute,
                multiIf(coalesce(service, '') != '', service, endsWith(endpoint, '/messages'), 'messages',
                    endsWith(endpoint, '/media'), 'media', 'management') AS service_name,
                coalesce(region, '-') AS region_name, {status} AS code_of_http,
                multiIf(
                    coalesce(scope, '') != '', 'other',
                    error_code IS NULL AND code_of_http BETWEEN 100 AND 399 AND coalesce(is_success, true), 'good',
                    error_code IN ({codes}), 'bad',
                    error_code IS NULL AND code_of_http >= 500, 'bad',
                    error_code IS NULL AND code_of_http IS NULL AND ({rank} = 0 OR symptom IN ('reset', 'timeout')), 'bad',
                    'other') AS class
            FROM {table}
            WHERE at >= {begin} AND at < {end} AND ({has_no_status} OR code_of_http BETWEEN 100 AND 999)"""
        )
    return " UNION ALL ".join(parts)


def query(form, folder, out, threads):
    """One measured run."""
    settings = ", ".join(f"{k} = {v}" for k, v in (SETTINGS | {"max_threads": threads}).items())
    text = f"""
        SELECT winner.1 AS minute, winner.2 AS service, winner.3 AS region, winner.4 AS class,
            count()::Int64 AS events, sum(copies - 1)::Int64 AS duplicates
        FROM (
            SELECT argMin((minute, service_name, region_name, class), (rank, at)) AS winner, count() AS copies
            FROM ({rows(form, folder, calls.platform_codes())}) GROUP BY request_id)
        GROUP BY minute, service, region, class
        INTO OUTFILE '{out}' TRUNCATE FORMAT Parquet SETTINGS {settings}"""
    chdb.query(text)
