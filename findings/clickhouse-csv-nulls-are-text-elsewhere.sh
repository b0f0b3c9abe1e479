#!/usr/bin/env bash
# ClickHouse (chDB): NULL in its CSV is \N, which DuckDB, Polars and pyarrow read as a text of two characters
#
# Expected: in CSV a missing value is an empty field without quotes and an empty text is "" (DuckDB and Polars write them so); \N belongs to the
#   tab-separated dumps of databases.
# Seen: format CSV writes \N, without quotes. All three readers give the text \N. In a column of numbers that makes the whole column text, in all of them.
#   DuckDB moreover gives NULL for the "" beside it, so that the missing and the empty text have changed places.
# With: chdb 4.4.0 (ClickHouse 26.9.2.1), duckdb 2.0.1, polars 2.1.0, pyarrow 26.0.1; 2026-11-28.
# Matters: counts of missing values are 0, a sum fails, and \N becomes a customer's name. Have ClickHouse write with format_csv_null_representation = '',
#   or tell the reader of \N.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check chdb==4.4.0 duckdb==2.0.1 polars==2.1.0 pyarrow==26.0.1
venv/bin/python - <<'PY'
import chdb, duckdb, polars as pl, pyarrow as pa, pyarrow.csv as csv
print("chdb 4.4.0", "duckdb", duckdb.__version__, "polars", pl.__version__, "pyarrow", pa.__version__)
query = "SELECT * FROM values('id Int64, n Nullable(Int64), t Nullable(String)', (1, 5, 'a'), (2, NULL, NULL), (3, 7, '')) ORDER BY id"
text = str(chdb.query(query, "CSVWithNames"))
print(repr(text))
assert text == '"id","n","t"\n1,5,"a"\n2,\\N,\\N\n3,7,""\n'
with open("t.csv", "w") as out:
    out.write(text)
seen = {
    "duckdb": duckdb.sql("SELECT n, t FROM 't.csv' ORDER BY id").fetchall(),
    "polars": pl.read_csv("t.csv").select("n", "t").rows(),
    "pyarrow": [(row["n"], row["t"]) for row in csv.read_csv("t.csv").to_pylist()],
}
for name, rows in seen.items():
    print(f"{name:<8}", rows)
    assert [row[0] for row in rows] == ["5", "\\N", "7"], name
    assert [row[1] for row in rows][:2] == ["a", "\\N"], name
assert seen["duckdb"][2] == ("7", None)
PY
