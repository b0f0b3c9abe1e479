#!/usr/bin/env bash
# DataFusion: in JSON lines, a fraction past the rows it inferred from is cut off
#
# Expected: the schema is inferred from the first rows, so a later 2.75 in a column taken for integers raises, as it does in DataFusion's own CSV reader and
#   in Polars; or it widens the column, as in DuckDB, ClickHouse and pyarrow.
# Seen: read_json gives 2 for 2.75, and -2 for -2.9, with no error. The same values in CSV raise "Error while parsing value '2.75' as type 'Int64'".
# With: datafusion 55.0.0, polars 2.1.0, duckdb 2.0.1; 2026-11-28.
# Matters: prices that begin whole are a common column. Sums are a little low, and nothing in the result says so. Pass a schema.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check datafusion==55.0.0 polars==2.1.0 duckdb==2.0.1
venv/bin/python - <<'PY'
import datafusion, duckdb, polars as pl
print("datafusion", datafusion.__version__, "polars", pl.__version__, "duckdb", duckdb.__version__)
numbers = ["1"] * 1500 + ["2.75", "-2.9"]
with open("t.jsonl", "w") as out:
    out.writelines('{"price":%s}\n' % number for number in numbers)
with open("t.csv", "w") as out:
    out.write("price\n" + "\n".join(numbers) + "\n")
context = datafusion.SessionContext()
last = [row["price"] for row in context.read_json("t.jsonl", file_extension=".jsonl").to_pylist()[-2:]]
print("json      ", last)
assert last == [2, -2]
for name, read in (("csv", lambda: context.read_csv("t.csv").to_pylist()), ("polars", lambda: pl.read_ndjson("t.jsonl"))):
    try:
        read()
        raise SystemExit(name + " read it")
    except Exception as error:
        print(f"{name:<10}", str(error)[:90])
        assert "2.75" in str(error)
peer = [row[0] for row in duckdb.sql("SELECT price FROM read_json('t.jsonl') OFFSET 1500").fetchall()]
print("duckdb    ", peer)
assert peer == [2.75, -2.9]
PY
