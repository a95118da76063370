"""The job `requests` in ClickHouse, embedded (chdb): count everything, then take surplus copies back, like DuckDB's `subtract`.

Only ids that came more than once are looked at again (`argMin`); one `argMin` over all calls takes more than twice as long.
"""

import chdb.session

import calls
import logs

USED = ["request_id", "ts", "endpoint", "service", "region", "http_status", "error_code", "symptom", "scope", "is_success"]
# Types for what must not fail as a whole: a bad status or instant costs its row alone.
STRUCTURE = {"TIMESTAMP": "Nullable(String)", "DOUBLE": "Nullable(Float64)", "INTEGER": "Nullable(Int32)"}
STRUCTURE |= {"BIGINT": "Nullable(Int64)", "BOOLEAN": "Nullable(Bool)", "VARCHAR": "Nullable(String)"}
SETTINGS = {
    "input_format_allow_errors_ratio": 1,
    "input_format_null_as_default": 1,
    "input_format_csv_empty_as_default": 1,
    "input_format_defaults_for_omitted_fields": 1,
    "session_timezone": "'UTC'",
}
# As in `calls`: the answer is not an error.
ANSWERED = "(error_code IS NULL AND code_of_http BETWEEN 100 AND 399 AND coalesce(is_success, true))"


def day(text):
    """The instant at which a day begins."""
    return f"toDateTime64('{text}', 6, 'UTC')"


def instant(form, column):
    """A column as an instant."""
    return column if form == "parquet" else f"parseDateTime64BestEffortOrNull({column}, 6, 'UTC')"


def source(form, folder, name, used=USED):
    """The rows of one source with the columns that are used: what it is read from, its status, and whether it has none."""
    below = (str(path.relative_to(f"{folder}/logs")) for path in logs.files(f"{folder}/logs", name))
    paths = f"{folder}/logs/{{{','.join(below)}}}"
    if form == "parquet":
        return f"file('{paths}', 'Parquet')", "http_status", "http_status IS NULL"
    columns = {name: STRUCTURE[kind] for name, kind in logs.SOURCES[name].items()} | {"http_status": "Nullable(String)"}
    status, has_no_status = "toInt32OrNull(http_status)", "coalesce(http_status, '') = ''"
    if form.startswith("csv"):
        structure = ", ".join(f"{name} {kind}" for name, kind in columns.items())
        return f"file('{paths}', 'CSVWithNames', '{structure}')", status, has_no_status
    # Read as JSONEachRow, a line that was cut inside a text takes the line behind it along.
    structure = ", ".join(f"{name} {columns[name]}" for name in used)
    fields = ", ".join(f"tupleElement(r, '{name}') AS {name}" for name in used)
    table = f"""(SELECT _path, {fields} FROM (
        SELECT _path, JSONExtract(line, 'Tuple({structure})') AS r FROM file('{paths}', 'LineAsString')))"""
    return table, status, has_no_status


def rows(form, folder, codes, more=(), used=USED):
    """Readable calls of the day, classified, with `more` of what they say."""
    codes = ", ".join(map(str, codes))
    more = "".join(f", {column}" for column in more)
    parts = []
    for rank, name in enumerate(calls.LOGS):
        table, status, has_no_status = source(form, folder, name, used)
        parts.append(
            f"""SELECT request_id, {rank} AS rank, {instant(form, "ts")} AS at, toStartOfMinute(at) AS minute,
                multiIf(coalesce(service, '') != '', service, endsWith(endpoint, '/messages'), 'messages',
                    endsWith(endpoint, '/media'), 'media', 'management') AS service_name,
                coalesce(region, '-') AS region_name, {status} AS code_of_http,
                multiIf(
                    coalesce(scope, '') != '', 'other',
                    {ANSWERED}, 'good',
                    error_code IN ({codes}), 'bad',
                    error_code IS NULL AND code_of_http >= 500, 'bad',
                    error_code IS NULL AND code_of_http IS NULL AND ({rank} = 0 OR symptom IN ('reset', 'timeout')), 'bad',
                    'other') AS class{more}
            FROM {table}
            WHERE at >= {day(logs.DAY)} AND at < {day(logs.NEXT_DAY)}
                AND ({has_no_status} OR code_of_http BETWEEN 100 AND 999)"""
        )
    return " UNION ALL ".join(parts)


def settings(threads):
    """The settings of one measured run."""
    return ", ".join(f"{k} = {v}" for k, v in (SETTINGS | {"max_threads": threads}).items())


def query(form, folder, out, threads):
    """One measured run."""
    kept = "minute, service_name, region_name, class"
    with chdb.session.Session() as db:
        run = lambda text: db.query(f"{text} SETTINGS {settings(threads)}")
        selected = f"SELECT request_id, rank, at, {kept} FROM ({rows(form, folder, calls.platform_codes())})"
        run(f"CREATE TABLE events ENGINE = Memory AS {selected}")
        several = "SELECT request_id FROM events GROUP BY request_id HAVING count() > 1"
        run(f"CREATE TABLE copies ENGINE = Memory AS SELECT * FROM events WHERE request_id IN ({several})")
        run(
            f"""SELECT minute, service_name AS service, region_name AS region, class, sum(n)::Int64 AS events,
                sum(surplus)::Int64 AS duplicates
            FROM (
                SELECT {kept}, count()::Int64 AS n, 0::Int64 AS surplus FROM events GROUP BY {kept}
                UNION ALL
                SELECT {kept}, -count()::Int64, 0::Int64 FROM copies GROUP BY {kept}
                UNION ALL
                SELECT winner.1, winner.2, winner.3, winner.4, 1::Int64, (copies - 1)::Int64 FROM (
                    SELECT argMin(({kept}), (rank, at)) AS winner, count() AS copies FROM copies GROUP BY request_id))
            GROUP BY minute, service, region, class INTO OUTFILE '{out}' TRUNCATE FORMAT Parquet"""
        )
