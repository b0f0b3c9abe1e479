#!/usr/bin/env bash
# frictionless, tableschema, csvw: 1_000 and full-width digits are valid integers
#
# Expected: CSV on the Web takes XML Schema's spelling of an integer (a sign, and digits from 0 to 9), and Table Schema has XML Schema's for numbers.
#   So a validator of either refuses 1_000 and the digits of other scripts (１２, ٣), as readers with a declared type do.
# Seen: all three hand the cell to Python's int() and say that it is valid: 1000, 12 and 3. A number 1_000.5 is too. Polars and pyarrow, told the same
#   types, refuse each of these cells; DuckDB takes 1_000 and refuses the other two.
# With: frictionless 5.21.0, tableschema 1.21.0, csvw 4.1.1; duckdb 2.0.1, polars 2.1.0, pyarrow 26.0.1; Python 3.11; 2026-11-29.
# Matters: article codes like 12_345 pass as integers and lose their form; and a file that a gate called valid fails at the load. Add a pattern to the
#   field where it counts.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check \
  frictionless==5.21.0 tableschema==1.21.0 csvw==4.1.1 duckdb==2.0.1 polars==2.1.0 pyarrow==26.0.1
venv/bin/python -W ignore - <<'PY'
from decimal import Decimal
from importlib.metadata import version
import duckdb, polars, pyarrow, pyarrow.csv, tableschema
from csvw.metadata import Datatype
from frictionless import fields
print(*(f"{p} {version(p)}" for p in ("frictionless", "tableschema", "csvw", "duckdb", "polars", "pyarrow")))
texts = ["1_000", "１２", "٣"]
seen = {
    "frictionless": [fields.IntegerField(name="a").read_cell(text) for text in texts],
    "tableschema": [tableschema.Field({"name": "a", "type": "integer"}).cast_value(text) for text in texts],
    "csvw": [Datatype.fromvalue("integer").read(text) for text in texts],
}
print(seen)
assert seen == {"frictionless": [(1000, None), (12, None), (3, None)], "tableschema": [1000, 12, 3], "csvw": [1000, 12, 3]}
assert fields.NumberField(name="a").read_cell("1_000.5") == (Decimal("1000.5"), None)
readers = {
    "duckdb": lambda: duckdb.sql("select a from read_csv('t.csv', columns = {'a': 'BIGINT'}, header = true)").fetchall(),
    "polars": lambda: polars.read_csv("t.csv", schema={"a": polars.Int64}),
    "pyarrow": lambda: pyarrow.csv.read_csv("t.csv", convert_options=pyarrow.csv.ConvertOptions(column_types={"a": pyarrow.int64()})),
}
for text in texts:
    with open("t.csv", "w", encoding="utf-8") as file:
        file.write(f"a\n{text}\n")
    for name, read in readers.items():
        try:
            result = read()
        except Exception as error:
            result = type(error).__name__
        print(text, name, result)
        assert result == [(1000,)] if (text, name) == ("1_000", "duckdb") else isinstance(result, str)
PY
