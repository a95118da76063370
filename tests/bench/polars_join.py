"""The job `join` in polars: count every call and every attempt, then take back what copies and retries counted too much.

Lazy and streaming, and like `polars_calls` without NDJSON. What stands in DuckDB's `join` word for word, the rules, stands
here as expressions; an id that came once is never grouped, for its row says all that there is to group.
"""

import datetime
import itertools
import re

import polars as pl

import calls
import join
import logs
from polars_calls import ANSWERED, BEGIN, CLASS, CODE, END, STATUS, blank, first_of, rows, scan, several, surplus_of

HORIZON = END + datetime.timedelta(hours=1)
DEADLINE = datetime.timedelta(minutes=10)
RETRY_PAUSE = datetime.timedelta(days=1)
STREAM = pl.Enum(["request", "message", "notification"])
OUTCOME = pl.Enum(["none", "sent", "delivered", "failed", "internal", "refused", "unreachable"])
TIMING = pl.Enum(["none", "in_time", "late", "overdue", "open", "stopped"])
KEYS = ["minute", "service", "region", "stream", "outcome", "timing", "class"]


def filled(name, otherwise=None):
    """A column of text in which a blank is something else."""
    return pl.when(~blank(name)).then(name).otherwise(pl.lit(otherwise, pl.String))


def attempts(form, folder):
    """Readable webhook rows of the day and the hour after it; as in the config the region stands in the path."""
    region_of = lambda path: re.search(join.REGION, str(path))[1]
    parts = [
        scan(form, list(paths), "webhooks").with_columns(region=pl.lit(region))
        for region, paths in itertools.groupby(sorted(logs.files(f"{folder}/logs", "webhooks"), key=region_of), region_of)
    ]
    frame = pl.concat(parts).with_columns(outcome=filled("outcome", "http"), is_2xx=STATUS.is_between(200, 299))
    is_http = pl.col("outcome") == "http"
    return frame.filter(
        pl.col("ts").is_between(BEGIN, HORIZON, closed="left"), ~is_http | ~pl.col("has_no_status")
    ).select(
        "ts",
        pl.coalesce("event_ts", "ts").alias("event_ts"),
        "webhook_id",
        filled("service", "webhooks").alias("service"),
        "region",
        filled("message_id").alias("message_id"),
        pl.when(~blank("status"))
        .then(pl.col("status").replace_strict(join.WORDS, default=join.OTHER, return_dtype=pl.UInt8))
        .alias("word"),
        "error_code",
        pl.col("attempt_no").fill_null(0).cast(pl.Int32).alias("attempt_no"),
        (pl.col("outcome") == "none").alias("is_internal"),
        (is_http & pl.col("is_2xx").fill_null(False)).alias("is_success"),
        (is_http & ~pl.col("is_2xx").fill_null(True)).alias("is_refused"),
    )


def states(told):
    """What all statuses of a message say together."""
    word = pl.col("word")
    said = told.filter(pl.col("message_id").is_not_null(), word.is_not_null())
    failed = said.filter(word == join.FAILED).group_by("message_id").agg(code=CODE.sort_by("event_ts").first())
    words = said.select(
        "message_id",
        word,
        first_status=pl.when(word != join.OTHER).then("event_ts"),
        words_of_day=pl.when(pl.col("ts") < END).then(word).otherwise(pl.lit(0, pl.UInt8)),
    )
    words = words.group_by("message_id").agg(
        pl.col("first_status").min(), pl.col("word").bitwise_or().alias("words"), pl.col("words_of_day").bitwise_or()
    )
    return words.join(failed, on="message_id", how="left")


def messages(called, surplus, stated, marks, codes):
    """Calls counted by what became of their messages, copies with a minus."""
    one = [called.with_columns(n=pl.lit(1, pl.Int64)), surplus.with_columns(n=pl.lit(-1, pl.Int64))]
    words, due = pl.col("words"), pl.col("ts") + DEADLINE
    outcome, timing, class_, stream = (pl.col(name) for name in ("outcome", "timing", "class", "stream"))
    has = lambda bits: (words & bits) > 0
    arrived = outcome.is_in(["sent", "delivered"])
    is_message = stream == "message"
    return (
        pl.concat(one)
        .join(stated, on="message_id", how="left")
        .join(marks, on="region", how="left")
        .with_columns(
            outcome=first_of(
                OUTCOME,
                (has(join.DELIVERED), "delivered"),
                (has(join.FAILED), "failed"),
                (has(join.SENT), "sent"),
                otherwise="none",
            ),
            timing=first_of(
                TIMING,
                (pl.col("is_held"), "none"),
                (pl.col("first_status") <= due, "in_time"),
                (pl.col("first_status").is_not_null(), "late"),
                (pl.col("known") > due, "overdue"),
                otherwise="open",
            ),
        )
        .with_columns(
            # An answer that is an error admits nothing unless a status says so.
            stream=first_of(
                STREAM,
                (pl.col("message_id").is_null() | ~pl.col("is_answered") & (outcome == "none"), "request"),
                otherwise="message",
            )
        )
        .select(
            "minute",
            "service",
            "region",
            "stream",
            pl.when(is_message).then(outcome).otherwise(pl.lit("none", OUTCOME)).alias("outcome"),
            pl.when(is_message).then(timing).otherwise(pl.lit("none", TIMING)).alias("timing"),
            pl.when((class_ == "good") & is_message | (class_ != "good") & pl.col("is_update") & arrived)
            .then(
                first_of(
                    CLASS,
                    (class_ != "good", "good"),
                    (pl.col("is_held") & (outcome != "failed"), "good"),
                    (timing.is_in(["late", "overdue"]), "bad"),
                    ((timing == "in_time") & arrived, "good"),
                    ((outcome == "failed") & (pl.col("code").is_null() | pl.col("code").is_in(codes)), "bad"),
                    otherwise="other",
                )
            )
            .otherwise(class_)
            .alias("class"),
            "n",
            (pl.col("n") * pl.col("words_of_day").bitwise_count_ones().fill_null(0).cast(pl.Int64)).alias("statuses"),
        )
        .group_by(KEYS)
        .agg(events=pl.col("n").sum(), statuses=pl.col("statuses").sum())
    )


def notifications(told, retried):
    """Every attempt as a notification of its own; then those with more than one taken back, and put in together."""
    single = [
        "service",
        "region",
        "event_ts",
        pl.col("ts").alias("first_ts"),
        pl.col("ts").alias("last_ts"),
        pl.col("attempt_no").alias("first_no"),
        pl.col("is_success").alias("is_delivered"),
        "is_refused",
        "is_internal",
    ]
    together = retried.group_by("webhook_id").agg(
        pl.col("service", "region").first(),
        pl.col("event_ts").min(),
        pl.col("ts").min().alias("first_ts"),
        pl.col("ts").max().alias("last_ts"),
        pl.col("attempt_no").min().alias("first_no"),
        pl.col("is_success").any().alias("is_delivered"),
        pl.col("is_refused").any(),
        pl.col("is_internal").sort_by("ts").last(),
    )
    parts = [(told.select(single), 1), (retried.select(single), -1), (together.drop("webhook_id"), 1)]
    return pl.concat([frame.with_columns(n=pl.lit(n, pl.Int64)) for frame, n in parts])


def deliveries(notified, marks):
    """Notifications of events of the day: whether the platform did its part in time, and what the endpoint made of it."""
    outcome, timing, event_ts = pl.col("outcome"), pl.col("timing"), pl.col("event_ts")
    return (
        notified.filter(event_ts.is_between(BEGIN, END, closed="left"))
        .join(marks, on="region", how="left")
        .select(
            event_ts.dt.truncate("1m").alias("minute"),
            "service",
            "region",
            pl.lit("notification", STREAM).alias("stream"),
            first_of(
                OUTCOME,
                (pl.col("is_delivered"), "delivered"),
                (pl.col("is_internal"), "internal"),
                (pl.col("is_refused"), "refused"),
                otherwise="unreachable",
            ).alias("outcome"),
            first_of(
                TIMING,
                ((pl.col("first_no") <= 1) & (pl.col("first_ts") > event_ts + DEADLINE), "late"),
                (~pl.col("is_delivered") & (pl.col("known") > pl.col("last_ts") + RETRY_PAUSE), "stopped"),
                otherwise="in_time",
            ).alias("timing"),
            "n",
        )
        .with_columns(
            first_of(
                CLASS,
                (timing == "late", "bad"),
                (outcome == "delivered", "good"),
                ((outcome == "internal") | (timing == "stopped"), "bad"),
                otherwise="other",
            ).alias("class")
        )
        .group_by(KEYS)
        .agg(events=pl.col("n").sum(), statuses=pl.lit(0, pl.Int64))
    )


def totals(called, told, retried, stated, counts):
    """Rows, copies, and what the two logs make of each other."""
    size = lambda frame: frame.select(pl.len()).collect(engine="streaming").item()
    of_day = pl.col("ts") < END
    retried = retried.filter(of_day)
    row_copies = size(retried) - size(retried.unique(["ts", "webhook_id", "attempt_no", "message_id", "word"]))
    counted = counts.filter(pl.col("stream") != "notification")["events"].sum()
    statuses = stated.select(pl.col("words_of_day").bitwise_count_ones().cast(pl.Int64).sum()).collect().item()
    return pl.DataFrame(
        {
            "calls": counted,
            "call_copies": size(called) - counted,
            "attempts": size(told.filter(of_day)) - row_copies,
            "row_copies": row_copies,
            "statuses": statuses,
            "orphan_statuses": statuses - counts["statuses"].sum(),
        }
    )


def query(form, folder, out, threads):
    """One measured run; polars takes its threads from the environment."""
    codes = calls.platform_codes()
    more = [
        "ts",
        filled("message_id").alias("message_id"),
        pl.col("message_status").is_in(join.HELD).fill_null(False).alias("is_held"),
        ANSWERED.fill_null(False).alias("is_answered"),
        ((CODE == 2) & blank("scope")).fill_null(False).alias("is_update"),
    ]
    called = rows(codes, form, folder, more).collect(engine="streaming").lazy()
    told = attempts(form, folder).collect(engine="streaming").lazy()
    marks = told.group_by("region").agg(known=pl.col("ts").max())
    shared = [surplus_of(called, "ts"), several(told, "webhook_id"), states(told), marks]
    surplus, retried, stated, marks = (frame.lazy() for frame in pl.collect_all(shared, engine="streaming"))
    both = [messages(called, surplus, stated, marks, codes), deliveries(notifications(told, retried), marks)]
    counts = pl.concat(pl.collect_all(both, engine="streaming"))
    counts.filter(pl.col("events") != 0).write_parquet(out)
    totals(called, told, retried, stated, counts).write_parquet(join.totals_of(out))
