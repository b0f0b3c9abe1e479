#!/usr/bin/env bash
# fastavro: in a union of double and long, an int is written as the double, and rounded
#
# Expected: a value goes into the branch that fits its type best, so 2^60 + 1, an int, is written as long, wherever long stands in the union.
# Seen: the first branch that takes the value wins, and double takes an int: with ["double", "long"] 1152921504606846977 comes back as
#   1.152921504606847e+18, in fastavro and in Avro's own package, which read the same file. With ["long", "double"] it comes back whole, and a float does too.
# With: fastavro 1.13.1, avro 1.12.2; 2026-11-28.
# Matters: unions of numbers come out of schema generators and of widened columns, in any order. Ids and amounts lose digits by a schema that names their
#   type. Put long in front of double, or hand the value over as a (branch, value) pair.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check fastavro==1.13.1 avro==1.12.2
venv/bin/python - <<'PY'
import io
from importlib.metadata import version
import fastavro
from avro.datafile import DataFileReader
from avro.io import DatumReader
print(*(f"{p} {version(p)}" for p in ("fastavro", "avro")))
def trip(union, value):
    file = io.BytesIO()
    fastavro.writer(file, {"type": "record", "name": "r", "fields": [{"name": "x", "type": union}]}, [{"x": value}])
    mine = next(fastavro.reader(io.BytesIO(file.getvalue())))["x"]
    theirs = next(DataFileReader(io.BytesIO(file.getvalue()), DatumReader()))["x"]
    print(union, repr(value), "->", repr(mine), repr(theirs))
    assert type(mine) is type(theirs) and mine == theirs
    return mine
number = 2**60 + 1
back = trip(["double", "long"], number)
assert isinstance(back, float) and back != number
assert trip(["long", "double"], number) == number
assert trip(["long", "double"], 0.5) == 0.5
assert trip(["double", "long"], ("long", number)) == number
PY
