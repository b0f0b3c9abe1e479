#!/usr/bin/env bash
# DuckDB: whole rows that begin with `#` are left out of a table where the other rows' first column is then of numbers
#
# Expected: a row that has as many fields as the header is a row, whatever its first letter is; Python's csv, Polars and pyarrow read four. How
#   many rows a file has does not depend on whether rejects are asked for.
# Seen: the sniffer of read_csv tries `#` as the sign of comments for each file, and takes it where the columns become narrower: the rows `#2,B,3` and
#   `#4,D,5` are gone, and `count(*)` is 2, without a word. With `store_rejects` it is 4, and none is rejected; with letters in front of the other ids the
#   very same two rows are read as well.
# With: duckdb 2.0.1, polars 2.1.0, pyarrow 26.0.1; Python 3.11; 2026-11-29.
# Matters: numbers that are marked with `#` (rooms, tickets, positions) are common in one row of many. Pass `comment = ''`, and compare the number of rows with
#   what another reader counts.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check duckdb==2.0.1 polars==2.1.0 pyarrow==26.0.1
printf 'id,room,floor\n1,A,2\n#2,B,3\n3,C,4\n#4,D,5\n' > numbers.csv
printf 'id,room,floor\nx1,A,2\n#2,B,3\nx3,C,4\n#4,D,5\n' > words.csv
venv/bin/python - <<'PY'
import csv
import duckdb
import polars
import pyarrow
from pyarrow import csv as arrow

con = duckdb.connect()
count = lambda path, more="": con.execute(f"select count(*) from read_csv('{path}'{more})").fetchone()[0]
sniffed = con.execute("select Comment from sniff_csv('numbers.csv')").fetchone()[0]
kept = con.execute("select id from read_csv('numbers.csv')").fetchall()
asked = len(con.execute("select id from read_csv('numbers.csv', store_rejects = true)").fetchall())
rejects = con.execute("select count(*) from reject_errors").fetchone()[0]
print("duckdb", duckdb.__version__, repr(sniffed), kept, "with store_rejects:", asked, "rejects:", rejects)
print("words:", count("words.csv"), "without comments:", count("numbers.csv", ", comment = ''"))
others = [
    len(list(csv.reader(open("numbers.csv", newline="")))) - 1,
    polars.read_csv("numbers.csv").height,
    arrow.read_csv("numbers.csv").num_rows,
]
print("csv, polars", polars.__version__, "pyarrow", pyarrow.__version__, others)
assert sniffed == "#" and kept == [(1,), (3,)] and (asked, rejects) == (4, 0)
assert count("words.csv") == 4 and count("numbers.csv", ", comment = ''") == 4
assert others == [4, 4, 4]
PY
