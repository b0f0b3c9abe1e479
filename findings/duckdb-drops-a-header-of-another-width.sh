#!/usr/bin/env bash
# DuckDB's CSV reader: a header that names fewer columns than the rows have vanishes, and one that names more makes a table of one column
#
# Expected: an error, or the names that are there with made-up ones for the rest (pandas takes surplus cells for an index, pyarrow raises, Polars raises
#   or cuts): in any case the line with the names is not lost, and columns stay columns.
# Seen: `id,name` above rows of four cells gives column0 to column3; neither a column nor a row has the words `id` and `name`. With four
#   names above rows of two cells the whole file is one VARCHAR column whose name is the header line. Nothing is raised. Only
#   with store_rejects = true the first file keeps its names, and then has no rows and four rejects.
# With: duckdb 2.0.1; 2026-11-29.
# Matters: programs that append a column without naming it, and forms whose last questions nobody answered, write such files every day. Of 97 files of
#   open data eleven were so. Whoever profiles with DuckDB sees no sign of it: compare the columns with the first line.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check duckdb==2.0.1
venv/bin/python - <<'PY'
import duckdb
print("duckdb", duckdb.__version__)
def read(text, options=""):
    open("t.csv", "w").write(text)
    relation = duckdb.sql(f"FROM read_csv('t.csv'{options})")
    seen = relation.columns, relation.fetchall()
    print(*seen)
    return seen
short = "id,name\n1,A,2.5,x\n2,B,3.5,y\n"
assert read(short) == (["column0", "column1", "column2", "column3"], [(1, "A", 2.5, "x"), (2, "B", 3.5, "y")])
assert read(short, ", store_rejects = true") == (["id", "name"], [])
assert duckdb.sql("SELECT count(*) FROM reject_errors").fetchall() == [(4,)]
assert read("id,name,approve,reject\n1,A\n2,B\n") == (["id,name,approve,reject"], [("1,A",), ("2,B",)])
PY
