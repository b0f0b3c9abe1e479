"""The same table read by the module `csv` of Python and by DuckDB, both told the dialect and to keep every cell as text."""

import csv
import gzip
import io
from pathlib import Path

import duckdb

from tables import Table

Rows = list[tuple[str | None, ...]]
CODECS = {"utf-16-le": "utf-16", "utf-16-be": "utf-16", "utf-16-bare": "utf-16-le"}

csv.field_size_limit(1 << 30)


class Failed(Exception):
    """A peer cannot read the table: its reason in few words."""


def by_csv(table: Table, data: bytes) -> Rows:
    """Rows of the width of the table. The module cannot tell an empty cell from a quoted empty one: both are empty texts."""
    encoding = CODECS.get(table.dialect.encoding, table.dialect.encoding)
    text = (gzip.decompress(data) if table.dialect.zipped else data).decode(encoding)
    lines = io.StringIO(text, newline="")
    width = table.width + table.dialect.trailing
    try:
        rows = list(csv.reader(lines, delimiter=table.dialect.delimiter, strict=True))
    except csv.Error as error:
        raise Failed(str(error).split(":")[0]) from error
    if table.width == 1:
        # A line of nothing is an empty list here, and at the end of the table it is no row.
        rows = [row or [""] for row in rows]
    body = rows[1:] if table.dialect.header else rows
    return [tuple(row[: table.width]) for row in body if len(row) == width]


def by_duckdb(connection: duckdb.DuckDBPyConnection, table: Table, path: Path) -> Rows:
    """Rows of the width of the table; those of another width are passed over, as consign rejects them."""
    width = table.width + table.dialect.trailing
    options = {
        "auto_detect": False,
        "columns": {f"c{number}": "VARCHAR" for number in range(width)},
        "delim": table.dialect.delimiter,
        "quote": '"',
        "escape": '"',
        "new_line": {"\n": "\\n", "\r\n": "\\r\\n", "\r": "\\r"}[table.dialect.line_end],
        "header": table.dialect.header,
        "all_varchar": True,
        "allow_quoted_nulls": False,
        "ignore_errors": bool(table.ragged),
        "parallel": False,
    }
    named = ", ".join(f"{name} = ${name}" for name in options)
    try:
        rows = connection.execute(f"FROM read_csv($path, {named})", {"path": str(path), **options}).fetchall()
    except duckdb.Error as error:
        raise Failed(reason(str(error))) from error
    return [row[: table.width] for row in rows]


def reason(message: str) -> str:
    """What a message of DuckDB says, without the row that it is about."""
    for line in message.splitlines():
        for known in (
            "Expected Number of Columns",
            "unterminated quote",
            "quote should be followed",
            "Maximum line size",
            "Invalid unicode",
            "new line",
            "not UTF-8",
        ):
            if known.lower() in line.lower():
                return known
    return message.splitlines()[0][:60]
