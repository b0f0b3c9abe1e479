#!/usr/bin/env bash
# DuckDB: a sum of BIGINTs, written to Parquet, is a DOUBLE
#
# Expected: sum() of BIGINT is HUGEINT, an exact 128-bit integer, and Parquet has DECIMAL(38, 0) on fixed_len_byte_array(16) for just that range, so an
#   exact aggregate stays exact in the file. (At the prompt it is exact, and so it is in DuckDB's CSV.)
# Seen: COPY ... TO 'x.parquet' declares HUGEINT and UHUGEINT columns as DOUBLE and rounds without a word: 9007199254740993 arrives as
#   9007199254740992. The same query to CSV keeps the digit. Casting to DECIMAL(38, 0) first keeps it in Parquet too.
# With: duckdb 2.0.1, pyarrow 26.0.1; 2026-11-28.
# Matters: a total of byte counts, amounts in minor units or ids which a report hands on as Parquet is off by a little, in the file only. Whoever
#   takes such files cannot tell: the column is an honest double by then. Cast sums before export.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check duckdb==2.0.1 pyarrow==26.0.1
venv/bin/python - <<'PY'
import duckdb, pyarrow as pa, pyarrow.parquet as pq
print("duckdb", duckdb.__version__, "pyarrow", pa.__version__)
con = duckdb.connect()
query = "SELECT sum(n) AS total, CAST(sum(n) AS DECIMAL(38, 0)) AS kept FROM (VALUES (9007199254740992::BIGINT), (1::BIGINT)) t(n)"
exact = con.sql(query).fetchall()[0]
con.sql(f"COPY ({query}) TO 'sum.parquet'")
con.sql(f"COPY ({query}) TO 'sum.csv'")
table = pq.read_table("sum.parquet")
text = open("sum.csv").read().splitlines()[1]
print("query  ", exact)
print("csv    ", text)
print("parquet", table.schema.field("total").type, table.to_pylist()[0])
assert exact[0] == 9007199254740993
assert text.split(",")[0] == "9007199254740993"
assert table.schema.field("total").type == pa.float64()
assert table.column("total")[0].as_py() == 9007199254740992.0
assert int(table.column("kept")[0].as_py()) == 9007199254740993
PY
