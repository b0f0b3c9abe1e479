"""Reads Parquet files by one library: `read_python.py LIBRARY FOLDER NAME…`. The folder has NAME.parquet and NAME.kinds.json, a
list of the types of its columns. Writes NAME.LIBRARY.json: a list of cells for each column, in their normal form, or an error."""

import json
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

from normal import normal


def pyarrow(path: str) -> list[list[Any]]:
    import pyarrow.parquet

    return [column.to_pylist() for column in pyarrow.parquet.read_table(path).columns]


def polars(path: str) -> list[list[Any]]:
    import polars

    return [column.to_list() for column in polars.read_parquet(path)]


def duckdb(path: str) -> list[list[Any]]:
    import duckdb

    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    rows = connection.execute("FROM read_parquet($path)", {"path": path}).fetchall()
    return [list(column) for column in zip(*rows)]


def datafusion(path: str) -> list[list[Any]]:
    import datafusion

    # Row groups are read side by side, and their rows come in any order, unless there is one partition.
    config = datafusion.SessionConfig().with_target_partitions(1)
    frame = datafusion.SessionContext(config).read_parquet(path)
    return [column.to_pylist() for column in frame.to_arrow_table().columns]


def fastparquet(path: str) -> list[list[Any]]:
    import fastparquet

    frame = fastparquet.ParquetFile(path).to_pandas()
    columns = [frame.iloc[:, at] for at in range(frame.shape[1])]
    return [
        [None if missing else value for value, missing in zip(column.tolist(), column.isna())] for column in columns
    ]


READERS = {reader.__name__: reader for reader in (pyarrow, polars, duckdb, datafusion, fastparquet)}


def read(library: str, path: Path) -> dict[str, Any]:
    kinds = json.loads(path.with_suffix(".kinds.json").read_text())
    try:
        columns = READERS[library](str(path))
    except BaseException as error:  # A panic of Rust is none of the usual exceptions, and is an answer too.
        if isinstance(error, KeyboardInterrupt):
            raise
        return {"error": f"{type(error).__name__}: {error}"[:300]}
    return {"columns": [[normal(value, kind) for value in column] for column, kind in zip(columns, kinds)]}


def main() -> None:
    library, folder = sys.argv[1], Path(sys.argv[2])
    for name in sys.argv[3:]:
        path = folder / f"{name}.parquet"
        answer = {"version": version(library), **read(library, path)}
        path.with_suffix(f".{library}.json").write_text(json.dumps(answer))


if __name__ == "__main__":
    main()
