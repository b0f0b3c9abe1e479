#!/usr/bin/env bash
# frictionless: a column of decimal commas is inferred as points on the earth
#
# Expected: in a file with semicolons, a column of 1,5 and 2,5 is text, or, with luck, numbers.
# Seen: it is a geopoint, whose form is "lon, lat", so the rows read as [1.0, 5.0] and [2.0, 5.0]; and so does "3,4" in quotes among commas. A price of
#   200,50 in the sample would have made it a string, since 200 is no longitude: the type depends on the prices.
# With: frictionless 5.21.0; 2026-11-28.
# Matters: describe() is used to write the schema that a feed is held to from then on. Small amounts from half of Europe become pairs of numbers there, valid
#   in every report. Give the detector the types that may occur.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check frictionless==5.21.0
venv/bin/python - <<'PY'
from importlib.metadata import version
from frictionless import Resource, describe
print("frictionless", version("frictionless"))
def look(name, text):
    with open(name, "w") as out:
        out.write(text)
    kinds = [(field.name, field.type) for field in describe(name).schema.fields]
    rows = [row["price"] if isinstance(row["price"], str) else [float(part) for part in row["price"]] for row in Resource(name).read_rows()]
    print(kinds, rows)
    return kinds, rows
small = look("small.csv", "price;item\n1,5;x\n2,5;y\n")
large = look("large.csv", "price;item\n1,5;x\n200,50;y\n")
assert small == ([("price", "geopoint"), ("item", "string")], [[1.0, 5.0], [2.0, 5.0]])
assert large == ([("price", "string"), ("item", "string")], ["1,5", "200,50"])
PY
