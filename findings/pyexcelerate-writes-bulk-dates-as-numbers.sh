#!/usr/bin/env bash
# PyExcelerate: a date in a table given as data is 46355.4166 in the workbook, and the same date set in a cell is a date
#
# Expected: the package makes a date cell of a datetime, with a date's format, and new_sheet(data=...) is its fast way to fill a sheet with the same
#   cells.
# Seen: cells that were set one by one get the format. Those of data= get the serial number and none, so that Excel, calamine and openpyxl show and
#   read a number. Nothing warns.
# With: pyexcelerate 0.13.0, python-calamine 0.9.1; 2026-11-29.
# Matters: data= is the way that its description recommends for large exports, so the dates of large exports are numbers for whoever ingests them.
#   Pass them as ISO texts, or give the column a format.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check pyexcelerate==0.13.0 python-calamine==0.9.1
venv/bin/python - <<'PY'
import datetime
from importlib.metadata import version
import pyexcelerate, python_calamine
print(*(f"{p} {version(p)}" for p in ("pyexcelerate", "python-calamine")))
day = datetime.datetime(2026, 11, 29, 10)
def read(fill):
    book = pyexcelerate.Workbook()
    fill(book)
    book.save("t.xlsx")
    return python_calamine.CalamineWorkbook.from_path("t.xlsx").get_sheet_by_index(0).to_python()[0][0]
bulk = read(lambda book: book.new_sheet("t", data=[[day]]))
single = read(lambda book: book.new_sheet("t").set_cell_value(1, 1, day))
print("data=:", bulk, "set_cell_value:", single)
assert isinstance(bulk, float) and abs(bulk - 46355.41666667) < 1e-6
assert single == day
PY
