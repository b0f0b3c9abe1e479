"""The tools, each called as its first page of documentation does: a path, and nothing else."""

import datetime
import json
import math
import subprocess
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import pandas
import polars
import pyarrow
import pyarrow.csv
import pyarrow.parquet

from traps import Trap


@dataclass(frozen=True)
class Read:
    """A table as a tool returned it."""

    names: list[str]
    types: list[str]
    columns: list[Sequence[Any]]
    told: list[str] = field(default_factory=list)  # What the tool said, in few words, of each column or of the file.


Tool = Callable[[Path, Trap], Read]


def by_duckdb(path: Path, _trap: Trap) -> Read:
    with duckdb.connect() as connection:
        relation = connection.read_csv(str(path))
        names, types = relation.columns, [str(kind) for kind in relation.types]
        return Read(names, types, list(zip(*relation.fetchall(), strict=True)))


def by_polars(path: Path, _trap: Trap) -> Read:
    frame = polars.read_csv(path)
    return Read(frame.columns, [str(kind) for kind in frame.dtypes], [column.to_list() for column in frame])


def by_pyarrow(path: Path, _trap: Trap) -> Read:
    table = pyarrow.csv.read_csv(path)
    return Read(
        table.column_names, [str(kind) for kind in table.schema.types], [column.to_pylist() for column in table.columns]
    )


def by_pandas(path: Path, _trap: Trap) -> Read:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        frame = pandas.read_csv(path)
    told = sorted({warning.category.__name__ for warning in caught})
    columns = [frame.iloc[:, at].tolist() for at in range(frame.shape[1])]
    return Read([str(name) for name in frame.columns], [str(kind) for kind in frame.dtypes], columns, told)


def by_consign(program: str) -> Tool:
    """`consign convert IN OUT`. What the profile counts is told."""

    def read(path: Path, trap: Trap) -> Read:
        out = path.with_suffix(".parquet")
        ended = subprocess.run([program, "convert", path, out], capture_output=True, encoding="utf-8", check=False)
        if ended.returncode != 0:
            raise ValueError(ended.stderr.strip())
        table = pyarrow.parquet.read_table(out)
        profile = json.loads(Path(f"{out}.profile.json").read_bytes())
        types = [named(column) for column in profile["columns"]]
        return Read(table.column_names, types, [column.to_pylist() for column in table.columns], told(profile, trap))

    return read


def named(column: dict[str, Any]) -> str:
    return f"decimal({column['precision']}, {column['scale']})" if column["type"] == "decimal" else str(column["type"])


def told(profile: dict[str, Any], trap: Trap) -> list[str]:
    """What the profile says of the column that is asked for, and of rows and dialect."""
    columns = profile["columns"]
    asked = columns if trap.key is None else columns[trap.column : trap.column + 1]
    counts = ("null_tokens", "padded", "offsets", "unit", "original_name")
    said = [name for column in asked for name in counts if column.get(name)]
    said += ["rejects"] * bool(profile["rejects"]) + ["skipped_lines"] * bool(profile["skipped_lines"])
    return said + ["dialect"] * profile["dialect"]["spaced_delimiters"]


TOOLS: dict[str, tuple[str, Tool]] = {
    "DuckDB": (duckdb.__version__, by_duckdb),
    "Polars": (polars.__version__, by_polars),
    "pyarrow": (pyarrow.__version__, by_pyarrow),
    "pandas": (pandas.__version__, by_pandas),
}


@dataclass(frozen=True)
class Answer:
    """What a tool made of a cell."""

    mark: str
    value: str
    kind: str = ""


KEPT, VISIBLE, SILENT = "kept", "visible", "silent"


def ask(tool: Tool, path: Path, trap: Trap) -> Answer:
    try:
        read = tool(path, trap)
    except Exception as error:  # Whatever a tool raises is how it tells.
        return Answer(VISIBLE, "error", type(error).__name__)
    said = ", ".join(read.told)
    changed = VISIBLE if said else SILENT
    if trap.key is None:
        names = ", ".join(read.names).replace("\ufeff", "U+FEFF ")
        return Answer(KEPT if trap.keeps(read.names) else changed, names, said)
    row = find(read.columns[0], trap.key)
    if row is None:
        count = len(read.columns)
        return Answer(changed, "no such row", said or f"{count} column{'s' * (count != 1)}")
    value, kind = plain(read.columns[trap.column][row]), read.types[trap.column]
    kept = trap.keeps(value)
    if kept and trap.beside is not None:
        other = find(read.columns[0], trap.beside)
        kept = other is not None and plain(read.columns[trap.column][other]) != value
    return Answer(KEPT if kept else changed, shown(value), f"{kind}; {said}" if said and not kept else kind)


def find(keys: Sequence[Any], key: str) -> int | None:
    """The row of a key, which a tool may have made an integer or a double of."""

    def matches(found: Any) -> bool:
        if isinstance(found, float) and found.is_integer():
            found = int(found)
        return str(found) == key

    return next((at for at, found in enumerate(keys) if matches(found)), None)


def plain(value: Any) -> Any:
    """A value of Python: pandas has a class of its own for moments, and a number for what is missing."""
    return value.to_pydatetime() if isinstance(value, pandas.Timestamp) and value.nanosecond == 0 else value


def shown(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, str):
        return f'"{value}"' if len(value) <= 24 else f'"{value[:24]}…'
    if isinstance(value, float) and math.isnan(value):
        return "NaN"
    if isinstance(value, datetime.datetime | datetime.date | datetime.time):
        return value.isoformat()
    return str(value)
