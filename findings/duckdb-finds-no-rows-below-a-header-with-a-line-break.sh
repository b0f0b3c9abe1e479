#!/usr/bin/env bash
# DuckDB: a CSV file whose header has a line break in quotes has no rows, if the dialect is told
#
# Expected: a spreadsheet writes lines with CR LF, and a break that somebody typed into a heading as LF alone, in quotes. In a cell of the data DuckDB
#   reads that. With the dialect told (auto_detect=false), there is nothing to guess about the heading either.
# Seen: with delimiter, quote, header and columns told, the table is empty, and nothing is said. With new_line told as well, its rows are there. The
#   same break in a cell of the data does no harm.
# With: duckdb 2.0.1; 2026-11-29.
# Matters: to tell everything is what careful callers do, and here it loses the whole file in silence.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check duckdb==2.0.1
venv/bin/python - <<'PY'
from importlib.metadata import version
import duckdb
print("duckdb", version("duckdb"))
def rows(content, more=""):
    open("a.csv", "wb").write(content)
    told = "auto_detect=false, delim=',', quote='\"', escape='\"', header=true, columns={'id': 'VARCHAR', 'note': 'VARCHAR'}"
    return duckdb.sql(f"select * from read_csv('a.csv', {told}{more})").fetchall()
plain = rows(b'id,note\r\n1,x\r\n2,"y\nz"\r\n')
broken = rows(b'id,"no\nte"\r\n1,x\r\n2,y\r\n')
mended = rows(b'id,"no\nte"\r\n1,x\r\n2,y\r\n', ", new_line='\\r\\n'")
print("break in a cell:", plain, "in the header:", broken, "with new_line:", mended)
assert plain == [("1", "x"), ("2", "y\nz")]
assert broken == []
assert mended == [("1", "x"), ("2", "y")]
PY
