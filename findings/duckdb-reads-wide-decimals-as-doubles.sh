#!/usr/bin/env bash
# DuckDB: a Parquet DECIMAL of more than 38 digits is read as DOUBLE, however small its values
#
# Expected: DuckDB's DECIMAL ends at 38 digits, so a column declared wider either raises or is cut down to DECIMAL(38, s) where the values fit. Polars
#   raises; DataFusion and pyarrow read it exactly.
# Seen: DECIMAL(40, 2) becomes DOUBLE at once. 12345678901234567.89 reads as 12345678901234568.0: the cents are gone, and DESCRIBE is all that tells.
# With: duckdb 2.0.1, pyarrow 26.0.1 as the writer, datafusion 55.0.0, polars 2.1.0; 2026-11-28.
# Matters: warehouses declare amounts wider than they need (BigQuery's BIGNUMERIC, sums of DECIMAL(38, s) elsewhere). A profile or a conversion with
#   DuckDB silently turns such money into floats. Look at the precision in the footer first.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check duckdb==2.0.1 pyarrow==26.0.1 datafusion==55.0.0 polars==2.1.0
venv/bin/python - <<'PY'
import datafusion, decimal, duckdb, polars as pl, pyarrow as pa, pyarrow.parquet as pq
print("duckdb", duckdb.__version__, "pyarrow", pa.__version__, "datafusion", datafusion.__version__, "polars", pl.__version__)
value = decimal.Decimal("12345678901234567.89")
pq.write_table(pa.table({"d38": pa.array([value], pa.decimal128(38, 2)), "d40": pa.array([value], pa.decimal256(40, 2))}), "t.parquet")
relation = duckdb.sql("FROM 't.parquet'")
types, row = [str(t) for t in relation.types], relation.fetchall()[0]
print("duckdb    ", types, row)
peer = datafusion.SessionContext().read_parquet("t.parquet").to_pylist()[0]
print("datafusion", peer)
assert types == ["DECIMAL(38,2)", "DOUBLE"] and row == (value, 12345678901234568.0)
assert peer == {"d38": value, "d40": value}
try:
    pl.read_parquet("t.parquet")
    raise SystemExit("polars read it")
except pl.exceptions.InvalidOperationError as error:
    print("polars    ", error)
PY
