#!/usr/bin/env bash
# DuckDB's CSV reader: a table whose header has a year is read without its header, and the year becomes a value
#
# Expected: `state,2021` above shares is a header to a person, to pandas, Polars and pyarrow (which take the first line always). A reader that decides by
#   types has the word `state` above other words, and a whole number above fractions.
# Seen: columns column0 and column1; the first row is ('state', 2021.0), so a sum over the column is 2021 too high. The same with 1940, 1945, 1950 above
#   fractions. One more word in the header than numbers changes nothing; a word in place of the year does.
# With: duckdb 2.0.1, polars 2.1.0, pyarrow 26.0.1; 2026-11-29.
# Matters: tables that grow to the right by a year are what statistical offices publish. Five of 602 files of one newspaper's data are so. Say
#   `header = true` where it is known.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check duckdb==2.0.1 polars==2.1.0 pyarrow==26.0.1
venv/bin/python - <<'PY'
import duckdb, polars as pl, pyarrow as pa, pyarrow.csv as pc
print("duckdb", duckdb.__version__, "polars", pl.__version__, "pyarrow", pa.__version__)
def seen(text):
    open("t.csv", "w").write(text)
    relation = duckdb.sql("FROM read_csv('t.csv')")
    columns, rows = relation.columns, relation.fetchall()
    print("duckdb", columns, rows[0], "polars", pl.read_csv("t.csv").columns, "pyarrow", pc.read_csv("t.csv").column_names)
    assert pl.read_csv("t.csv").columns == pc.read_csv("t.csv").column_names == text.split("\n")[0].split(",")
    return columns, rows[0]
assert seen("state,2021\nA,-14.6\nB,3.5\n") == (["column0", "column1"], ("state", 2021.0))
assert seen("kind,1940,1945,1950\nA,22.2,44.5,59.6\nB,1.5,2.5,3.5\n") == (["column0", "column1", "column2", "column3"], ("kind", 1940.0, 1945.0, 1950.0))
assert seen("state,region,2021\nA,N,-14.6\nB,S,3.5\n")[1] == ("state", "region", 2021.0)
assert seen("state,share\nA,-14.6\nB,3.5\n")[0] == ["state", "share"]
PY
