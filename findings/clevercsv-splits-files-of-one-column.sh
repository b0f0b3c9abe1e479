#!/usr/bin/env bash
# CleverCSV: a file of one column is split at the @ of its addresses, or at the colons of its times
#
# Expected: the package was made to be better than the standard sniffer, and it tests each dialect for cells that look like known types (an address, a time),
#   so a column of them is one column. DuckDB's sniffer says so.
# Seen: a list of mail addresses gives the delimiter "@", and a list of times gives ":". A list of names gives the empty delimiter, as it should.
# With: clevercsv 0.8.5, duckdb 2.0.1; 2026-11-28.
# Matters: lists of one column (subscribers, ids, timestamps) are common uploads, and a wrong delimiter there makes a table of two columns that looks right.
#   Offer a sniffer the delimiters you accept, and take "one column" as an answer.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check clevercsv==0.8.5 duckdb==2.0.1
venv/bin/python - <<'PY'
import clevercsv, duckdb
from importlib.metadata import version
print("clevercsv", version("clevercsv"), "duckdb", duckdb.__version__)
expected = {"mail\na@x.example\nb@y.example\nc@z.example\n": "@",
            "at\n2026-11-28 10:00:00\n2026-11-28 11:00:00\n2026-11-28 12:30:00\n": ":",
            "name\nalice\nbob\ncarol\n": ""}
for number, (text, delimiter) in enumerate(expected.items()):
    seen = clevercsv.Sniffer().sniff(text).delimiter
    name = f"{number}.csv"
    with open(name, "w") as out:
        out.write(text)
    columns = duckdb.sql(f"FROM '{name}'").columns
    print(repr(text[:20]), "clevercsv", repr(seen), "duckdb", columns)
    assert seen == delimiter and len(columns) == 1
PY
