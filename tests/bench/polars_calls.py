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
# With a fixed number of digits polars needs a quarter of the time that any number takes; the sample always writes six.
INSTANT = "%Y-%m-%dT%H:%M:%S.%6fZ"
CLASS = pl.Enum(["good", "bad", "other"])
# As in `calls`: the answer is not an error.
CODE, STATUS = pl.col("error_code"), pl.col("http_status")
ANSWERED = CODE.is_null() & STATUS.is_between(100, 399) & pl.col("is_success").ne_missing(False)


def blank(name):
    """Nothing is said in a column of text."""
    return pl.col(name).is_null() | (pl.col(name) == "")


def first_of(kind, *cases, otherwise):
    """The first name of a kind whose condition holds."""
    chain = pl
    for condition, name in cases:
        chain = chain.when(condition).then(pl.lit(name, kind))
    return chain.otherwise(pl.lit(otherwise, kind))


def scan(form, paths, name):
    """Readable rows of some files of one source, text where a bad value must cost its own row only."""
    if form == "parquet":
        frame = pl.scan_parquet(paths).with_columns(pl.col(pl.Categorical).cast(pl.String))
        frame = frame.with_columns(pl.col(pl.Datetime("us", "UTC")).dt.replace_time_zone(None), has_no_status=STATUS.is_null())
    else:
        # Instants and statuses are read as text: a bad one would become null in silence, and a null status is a row.
        as_text = ("ts", "event_ts", "http_status")
        schema = {k: pl.String if k in as_text else TYPES[v] for k, v in logs.SOURCES[name].items()}
        frame = pl.scan_csv(paths, schema=schema, ignore_errors=True)
        if "endpoint" in schema:
            # A line that was cut short comes as a row with nulls at its end; every whole call has an endpoint.
            frame = frame.filter(pl.col("endpoint").is_not_null())
        instants = [k for k in schema if k.endswith("ts")]
        frame = frame.with_columns(
            pl.col(instants).str.to_datetime(INSTANT, time_unit="us", strict=False),
            STATUS.cast(pl.Int32, strict=False),
            has_no_status=blank("http_status"),
        )
    return frame.filter(pl.col("has_no_status") | STATUS.is_between(100, 999))


def rows(codes, form, folder, more=()):
    """Readable calls of the day, classified, with `more` of what they say."""
    parts = []
    for rank, name in enumerate(calls.LOGS):
        frame = scan(form, logs.files(f"{folder}/logs", name), name)
        no_answer = pl.lit(rank == 0) | pl.col("symptom").is_in(["reset", "timeout"]).fill_null(False)
        parts.append(
            frame.filter(pl.col("ts").is_between(BEGIN, END, closed="left")).select(
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
                first_of(
                    CLASS,
                    (~blank("scope"), "other"),
                    (ANSWERED, "good"),
                    (CODE.is_in(codes), "bad"),
                    (CODE.is_null() & (STATUS >= 500), "bad"),
                    (CODE.is_null() & STATUS.is_null() & no_answer, "bad"),
                    otherwise="other",
                ).alias("class"),
                *more,
            )
        )
    return pl.concat(parts)


def several(frame, name):
    """Rows whose id came more than once; a few whose id only has the hash of another may be among them."""
    hashes = frame.group_by(pl.col(name).hash().alias("hash")).agg(n=pl.len()).filter(pl.col("n") > 1)
    return frame.join(hashes, left_on=pl.col(name).hash(), right_on="hash", how="semi")


def surplus_of(events, when):
    """Copies of calls beyond the first one: only ids that came twice are looked at again."""
    copies = several(events, "request_id").sort("request_id", "rank", when)
    return copies.filter(pl.col("request_id") == pl.col("request_id").shift(1))


def query(form, folder, out, threads):
    """One measured run; polars takes its threads from the environment."""
    events = rows(calls.platform_codes(), form, folder).collect(engine="streaming").lazy()
    keys = ["minute", "service", "region", "class"]
    n = pl.len().cast(pl.Int64)
    counted = events.group_by(keys).agg(events=n, duplicates=pl.lit(0, pl.Int64))
    surplus = surplus_of(events, "minute").group_by(keys).agg(events=-n, duplicates=n)
    both = pl.concat(pl.collect_all([counted, surplus], engine="streaming"))
    both.group_by(keys).agg(pl.col("events", "duplicates").sum()).write_parquet(out)
