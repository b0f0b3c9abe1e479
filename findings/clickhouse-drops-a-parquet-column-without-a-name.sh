#!/usr/bin/env bash
# ClickHouse (chDB): a Parquet column whose name is empty is not there
#
# Expected: SELECT * gives all columns, under a made-up name if one has none, or raises: DuckDB calls it C0, Polars, DataFusion and hyparquet keep "".
# Seen: the first SELECT * gives the other columns only, and nothing tells that the file has one more. (Asked again over the same connection it may raise that
#   a column's name cannot be empty, which is what one would have wished for at once.)
# With: chdb 4.4.0 (ClickHouse 26.9.2.1), pyarrow 26.0.1 as the writer, duckdb 2.0.1; 2026-11-28.
# Matters: an index that was saved as a column, or the empty first head of a CSV from a data frame, is the usual way to such a name. A copy through
#   ClickHouse loses that column, and row counts and checksums of the others still agree.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check chdb==4.4.0 pyarrow==26.0.1 duckdb==2.0.1
venv/bin/python - <<'PY'
import chdb, duckdb, pyarrow as pa, pyarrow.parquet as pq
print("chdb 4.4.0", "pyarrow", pa.__version__, "duckdb", duckdb.__version__)
pq.write_table(pa.Table.from_arrays([pa.array([1, 2]), pa.array([3, 4])], names=["", "b"]), "t.parquet")
relation = duckdb.sql("FROM 't.parquet'")
print("duckdb    ", relation.columns, relation.fetchall())
assert relation.columns == ["C0", "b"]
rows = str(chdb.query("SELECT * FROM file('t.parquet')", "JSONCompactEachRow")).split()
print("clickhouse", rows)
assert rows == ["[3]", "[4]"]
PY
