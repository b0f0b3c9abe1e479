#!/usr/bin/env bash
# pyarrow.csv: one id of 2^63 or more makes the column double, and rounds the small ids too
#
# Expected: Arrow has uint64, so a column of unsigned 64-bit ids is inferred as that; or as text, since float64 cannot hold them.
# Seen: inference goes from int64 straight to double. 9007199254740993 in another row becomes 9007199254740992, with no error. Polars and DuckDB keep all
#   digits (in a 128-bit integer).
# With: pyarrow 26.0.1, polars 2.1.0, duckdb 2.0.1; 2026-11-28.
# Matters: half of all 64-bit hashes are that large, so it takes two rows to turn a key column into rounded numbers, and joins and distinct counts go wrong
#   later. Name the column's type in ConvertOptions.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check pyarrow==26.0.1 polars==2.1.0 duckdb==2.0.1
venv/bin/python - <<'PY'
import duckdb, polars as pl, pyarrow as pa, pyarrow.csv as csv
print("pyarrow", pa.__version__, "polars", pl.__version__, "duckdb", duckdb.__version__)
ids = [9007199254740993, 18446744073709551615]
with open("t.csv", "w") as out:
    out.write("id\n" + "".join(f"{i}\n" for i in ids))
column = csv.read_csv("t.csv").column("id")
print("pyarrow", column.type, [int(v) for v in column.to_pylist()])
polars, duck = pl.read_csv("t.csv"), duckdb.sql("FROM 't.csv'")
print("polars ", polars.schema["id"], polars["id"].to_list())
print("duckdb ", duck.types[0], [row[0] for row in duck.fetchall()])
assert column.type == pa.float64() and column[0].as_py() == 9007199254740992.0
assert polars["id"].to_list() == ids and [row[0] for row in duck.fetchall()] == ids
PY
