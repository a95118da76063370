"""The logs of the sample, as DuckDB reads them.

Both log schemas in the order of `data/logs.md`, and the rows of one source in any of the sample's formats. Which rows
are good enough to count is decided where they are used; here only what cannot be read at all is left out.
"""

import pathlib

DAY, NEXT_DAY = "2026-11-18", "2026-11-19"
BEGIN, END = f"TIMESTAMP '{DAY}'", f"(TIMESTAMP '{DAY}' + INTERVAL 1 DAY)"

# Formats, with what `sample` must be told to write them.
FORMATS = {
    "parquet": ["--format", "parquet"],
    "ndjson": ["--format", "ndjson"],
    "ndjson.gz": ["--format", "ndjson", "--compression", "gz"],
    "ndjson.zst": ["--format", "ndjson", "--compression", "zst"],
    "csv": ["--format", "csv"],
    "csv.gz": ["--format", "csv", "--compression", "gz"],
}

# The canonical schemas in their order; types only where a query needs them.
CALLS = {
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
WEBHOOKS = {
    "ts": "TIMESTAMP",
    "event_ts": "TIMESTAMP",
    "webhook_id": "VARCHAR",
    "business_id": "VARCHAR",
    "service": "VARCHAR",
    "region": "VARCHAR",
    "field": "VARCHAR",
    "message_id": "VARCHAR",
    "status": "VARCHAR",
    "error_code": "BIGINT",
    "attempt_no": "INTEGER",
    "outcome": "VARCHAR",
    "http_status": "INTEGER",
}
SOURCES = {"requests": CALLS, "egress": CALLS, "webhooks": WEBHOOKS}

# What `http_status` must be for a row to count; has_no_status is asked before the text of NDJSON becomes a number.
READABLE = "(has_no_status OR http_status BETWEEN 100 AND 999)"
STATUS = "try_cast(http_status AS INTEGER) AS http_status, http_status IS NULL AS has_no_status"


def instant(form, column):
    """A column as an instant in UTC. Parquet's has a zone, and a plain cast would go through the calendar row by row."""
    return f"make_timestamp(epoch_us({column}))" if form == "parquet" else column


def files(logs, name):
    """Files of one source, those of the day after among them: rows and copies near midnight lie there."""
    found = [q for p in pathlib.Path(logs).glob(f"{name}-*") for q in (p.iterdir() if p.is_dir() else [p])]
    return sorted(found)


def source(form, logs, name):
    """The rows of one source, with their `filename`; rows that DuckDB cannot read are left out."""
    paths = "[" + ", ".join(f"'{path}'" for path in files(logs, name)) + "]"
    columns = "{" + ", ".join(f"{k}: '{v}'" for k, v in SOURCES[name].items()) + "}"
    if form == "parquet":
        return f"read_parquet({paths}, filename = true)"
    if form.startswith("csv"):
        options = "header = true, delim = ',', filename = true, ignore_errors = true"
        return f"read_csv({paths}, {options}, columns = {columns})"
    # A bad value of a typed column would only become null and the row would stay, so the status is judged by READABLE.
    columns = columns.replace("http_status: 'INTEGER'", "http_status: 'VARCHAR'")
    options = "format = 'newline_delimited', filename = true, ignore_errors = true"
    return f"read_json({paths}, {options}, columns = {columns})"
