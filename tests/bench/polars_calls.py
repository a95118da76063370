"""The job `requests` in polars: the plan that counts everything and takes surplus copies back, like DuckDB's `subtract`.

Lazy and streaming. NDJSON is not among its formats here: one broken line ends the whole query, and there is no option that
leaves such lines out.
"""

import datetime

import polars as pl

import calls
import logs

BEGIN = datetime.datetime.fromisoformat(logs.DAY)
END = datetime.datetime.fromisoformat(logs.NEXT_DAY)
TYPES = {
    "TIMESTAMP": pl.Datetime("us"),
    "DOUBLE": pl.Float64,
    "INTEGER": pl.Int32,
    "BIGINT": pl.Int64,
    "BOOLEAN": pl.Boolean,
    "VARCHAR": pl.String,
}


def scan(form, folder, name):
    """The rows of one source, text where a bad value must cost its own row only."""
    paths = logs.files(f"{folder}/logs", name)
    if form == "parquet":
        names = pl.col("service", "region", "symptom", "scope", "endpoint").cast(pl.String)
        return pl.scan_parquet(paths).with_columns(names, pl.col("ts").dt.replace_time_zone(None))
    # Instants and statuses are read as text: a bad one would become null in silence, and a null status is a row.
    schema = {k: pl.String if k in ("ts", "http_status") else TYPES[v] for k, v in logs.SOURCES[name].items()}
    # A line that was cut short comes as a row with nulls at its end; every whole one has an endpoint.
    frame = pl.scan_csv(paths, schema=schema, ignore_errors=True).filter(pl.col("endpoint").is_not_null())
    return frame.with_columns(
        pl.col("ts").str.to_datetime("%Y-%m-%dT%H:%M:%S%.fZ", time_unit="us", strict=False),
        pl.col("http_status").cast(pl.Int32, strict=False),
        has_no_status=pl.col("http_status").is_null() | (pl.col("http_status") == ""),
    )


def rows(codes, form, folder):
    """Readable calls of the day, classified."""
    blank = lambda name: pl.col(name).is_null() | (pl.col(name) == "")
    code, status, scope = pl.col("error_code"), pl.col("http_status"), blank("scope")
    answered = code.is_null() & status.is_between(100, 399) & pl.col("is_success").ne_missing(False)
    parts = []
    for rank, name in enumerate(calls.LOGS):
        frame = scan(form, folder, name)
        has_no_status = status.is_null() if form == "parquet" else pl.col("has_no_status")
        no_answer = pl.lit(rank == 0) | pl.col("symptom").is_in(["reset", "timeout"]).fill_null(False)
        parts.append(
            frame.filter(
                pl.col("ts").is_between(BEGIN, END, closed="left"), has_no_status | status.is_between(100, 999)
            ).select(
                "request_id",
                pl.lit(rank, pl.Int8).alias("rank"),
                pl.col("ts").dt.truncate("1m").alias("minute"),
                pl.when(~blank("service"))
                .then("service")
                .when(pl.col("endpoint").str.ends_with("/messages"))
                .then(pl.lit("messages"))
                .when(pl.col("endpoint").str.ends_with("/media"))
                .then(pl.lit("media"))
                .otherwise(pl.lit("management"))
                .alias("service"),
                pl.col("region").fill_null("-"),
                pl.when(~scope)
                .then(pl.lit("other"))
                .when(answered)
                .then(pl.lit("good"))
                .when(code.is_in(codes))
                .then(pl.lit("bad"))
                .when(code.is_null() & (status >= 500))
                .then(pl.lit("bad"))
                .when(code.is_null() & status.is_null() & no_answer)
                .then(pl.lit("bad"))
                .otherwise(pl.lit("other"))
                .alias("class"),
            )
        )
    return pl.concat(parts)


def query(form, folder, out, threads):
    """One measured run; polars takes its threads from the environment."""
    events = rows(calls.platform_codes(), form, folder).collect(engine="streaming").lazy()
    keys = ["minute", "service", "region", "class"]
    counted = events.group_by(keys).agg(events=pl.len().cast(pl.Int64), duplicates=pl.lit(0, pl.Int64))
    twice = events.group_by("request_id").agg(n=pl.len()).filter(pl.col("n") > 1)
    surplus = (
        events.join(twice, on="request_id", how="semi")
        .sort("request_id", "rank", "minute")
        .filter(pl.col("request_id") == pl.col("request_id").shift(1))
        .group_by(keys)
        .agg(events=-pl.len().cast(pl.Int64), duplicates=pl.len().cast(pl.Int64))
    )
    both = pl.concat(pl.collect_all([counted, surplus], engine="streaming"))
    both.group_by(keys).agg(pl.col("events", "duplicates").sum()).write_parquet(out)
