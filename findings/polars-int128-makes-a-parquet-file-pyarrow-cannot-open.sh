#!/usr/bin/env bash
# Polars: one Int128 column makes a Parquet file that pyarrow does not open at all
#
# Expected: Parquet has no 128-bit integer, so a writer refuses the column, or writes DECIMAL(38, 0); and a reader that does not know a column's type
#   still reads the others (projection is what the format is for).
# Seen: Polars writes fixed_len_byte_array(16), little-endian, with no logical type, and an Arrow schema in the metadata which says "Int, 128 bits".
#   pyarrow takes that schema first and raises "Integers with more than 64 bits not implemented" for the file as such, also for columns=["id"]. DuckDB
#   opens it and shows the column as BLOB, low byte first. Polars itself reads it well.
# With: polars 2.1.0, pyarrow 26.0.1, duckdb 2.0.1; 2026-11-28.
# Matters: sums and unsigned ids tempt one to Int128, and the file passes every test made with Polars. Whoever accepts Parquet from outside sees a file
#   whose footer is valid and which one reader lists and another refuses. Cast to Decimal(38, 0) before writing.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check polars==2.1.0 pyarrow==26.0.1 duckdb==2.0.1
venv/bin/python - <<'PY'
import duckdb, polars as pl, pyarrow as pa, pyarrow.parquet as pq
print("polars", pl.__version__, "pyarrow", pa.__version__, "duckdb", duckdb.__version__)
pl.DataFrame({"id": [1], "big": pl.Series([-5], dtype=pl.Int128)}).write_parquet("t.parquet")
print("polars ", pl.read_parquet("t.parquet").rows())
assert pl.read_parquet("t.parquet").rows() == [(1, -5)]
try:
    pq.read_table("t.parquet", columns=["id"])
    raise SystemExit("pyarrow read it")
except pa.ArrowNotImplementedError as error:
    print("pyarrow", error)
    assert "more than 64 bits" in str(error)
types = [str(t) for t in duckdb.sql("FROM 't.parquet'").types]
row = duckdb.sql("FROM 't.parquet'").fetchall()[0]
print("duckdb ", types, row)
assert types == ["BIGINT", "BLOB"] and row[1] == (-5).to_bytes(16, "little", signed=True)
PY
