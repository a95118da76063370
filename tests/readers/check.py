"""Reads every table of a reports folder with DuckDB, pandas and polars, as CSV and as Parquet; all must see the same.

check.py REPORTS: exit code 1 with the first difference.
"""

import datetime
import decimal
import pathlib
import sys

import duckdb
import pandas
import polars


def plain(value):
    """A value as it is compared, whatever an engine calls its type."""
    if value is None or (isinstance(value, float) and value != value) or value is pandas.NaT:
        return None
    if isinstance(value, (pandas.Timestamp, datetime.datetime)):
        if value.tzinfo is not None:
            value = value.astimezone(datetime.timezone.utc)
        return value.strftime("%Y-%m-%dT%H:%M:%S.%f")
    if isinstance(value, datetime.date):
        return value.isoformat()
    if isinstance(value, (bool,)) or type(value).__name__ == "bool_":
        return bool(value)
    if isinstance(value, decimal.Decimal):
        return f"{value:.6f}"
    if hasattr(value, "item"):
        value = value.item()
    return value


def written(text, like):
    """A cell of CSV, as the value of the Parquet column beside it; text is harmless there and raw in Parquet."""
    if text is None or text == "":
        return None
    if isinstance(like, bool):
        return text == "true"
    if isinstance(like, (int, float)):
        return type(like)(text)
    if isinstance(like, str) and len(like) == 26 and like[10:11] == "T":
        body, _, part = text.rstrip("Z").partition(".")
        return f"{body}.{part:0<6}"
    if isinstance(like, str) and like != text and text == "'" + like:
        return like
    return text


def rows(columns, table):
    return [tuple(plain(row[name]) for name in columns) for row in table]


def same(path, engine, found, want):
    if len(found) != len(want):
        sys.exit(f"{path}: {engine} reads {len(found)} rows, not {len(want)}")
    for number, (mine, theirs) in enumerate(zip(found, want)):
        if mine != theirs:
            sys.exit(f"{path}: {engine}, row {number + 1}: {mine} is not {theirs}")


def main(reports):
    tables = sorted(p for p in reports.rglob("*.parquet") if "ledger" not in p.relative_to(reports).parts)
    for parquet in tables:
        csv = parquet.with_suffix(".csv")
        connection = duckdb.connect()
        connection.execute("SET TimeZone = 'UTC'")
        found = connection.execute("FROM read_parquet(?)", [str(parquet)])
        columns = [column[0] for column in found.description]
        want = [tuple(plain(value) for value in row) for row in found.fetchall()]
        same(parquet, "polars", rows(columns, polars.read_parquet(parquet).to_dicts()), want)
        frame = pandas.read_parquet(parquet, dtype_backend="pyarrow")
        same(parquet, "pandas", rows(columns, frame.astype(object).where(frame.notna(), None).to_dict("records")), want)

        texts = {
            "duckdb": connection.execute(
                "FROM read_csv(?, header = true, all_varchar = true, strict_mode = true, delim = ',', quote = '\"', escape = '\"',"
                " max_line_size = 10000000)",
                [str(csv)],
            ).fetchall(),
            "polars": polars.read_csv(csv, infer_schema=False).rows(),
            "pandas": list(
                pandas.read_csv(csv, dtype=str, keep_default_na=False).itertuples(index=False, name=None)
            ),
        }
        for engine, cells in texts.items():
            if len(cells) != len(want):
                sys.exit(f"{csv}: {engine} reads {len(cells)} rows, not {len(want)}")
            for number, (row, values) in enumerate(zip(cells, want)):
                mine = tuple(written(text, like) for text, like in zip(row, values))
                if mine != values:
                    sys.exit(f"{csv}: {engine}, row {number + 1}: {mine} is not {values}")
    print(f"{len(tables)} tables")


main(pathlib.Path(sys.argv[1]))
