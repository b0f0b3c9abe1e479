#!/usr/bin/env bash
# pyarrow (ORC): a table with 9999-12-31 can be written and not read back
#
# Expected: the unit of an Arrow timestamp survives as far as the format lets it, or at least what write_table accepts read_table returns. pyarrow's
#   Parquet does both.
# Seen: ORC files of pyarrow come back in nanoseconds, whatever unit they were written in, and those end in 2262. One 9999-12-31 among the rows makes
#   read_table raise ArrowInvalid for the whole table; columns=["id"] can still be read. pyorc reads the same file.
# With: pyarrow 26.0.1, pyorc 0.12.0; 2026-11-29.
# Matters: 9999-12-31 is how databases say "valid until further notice". An export to ORC goes through, and its reader finds out. The changed unit
#   also makes a schema check after a round trip fail.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check pyorc==0.12.0 pyarrow==26.0.1
venv/bin/python - <<'PY'
import datetime
import pyarrow, pyarrow.orc, pyarrow.parquet, pyorc
print("pyorc", pyorc.__version__, "pyarrow", pyarrow.__version__)
until = [datetime.datetime(9999, 12, 31), datetime.datetime(2026, 1, 1)]
table = pyarrow.table({"id": [1, 2], "until": pyarrow.array(until, pyarrow.timestamp("ms"))})
pyarrow.parquet.write_table(table, "t.parquet")
assert pyarrow.parquet.read_table("t.parquet").equals(table)
pyarrow.orc.write_table(table, "t.orc")
try:
    raise SystemExit(f"it can be read now: {pyarrow.orc.read_table('t.orc')}")
except pyarrow.ArrowInvalid as error:
    print("ArrowInvalid:", error)
assert pyarrow.orc.read_table("t.orc", columns=["id"])["id"].to_pylist() == [1, 2]
with open("t.orc", "rb") as file:
    seen = [row[1].replace(tzinfo=None) for row in pyorc.Reader(file)]
print("pyorc", *seen)
assert seen == until
pyarrow.orc.write_table(table.slice(1), "u.orc")
unit = pyarrow.orc.read_table("u.orc").schema.field("until").type
print("written as timestamp[ms], read as", unit)
assert unit == pyarrow.timestamp("ns")
PY
