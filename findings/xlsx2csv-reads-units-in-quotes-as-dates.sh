#!/usr/bin/env bash
# xlsx2csv: a number whose format has a unit in quotes becomes a piece of a date
#
# Expected: in a number format, text in quotes is literal, so `0" days"` shows 45000 as "45000 days" and says nothing about dates; a converter to CSV
#   gives 45000 (its format being "not a date"), as calamine, openpyxl and ExcelJS do.
# Seen: any d, m, y, h or s is taken for a field of a date, the digits' place holder is kept as text, and the number is lost: `0" days"` gives the cell
#   `0" 15ays"`, `0.0"m"` gives `0.0"03"`, and `#,##0\ "Stk"` gives `#,##0 "stk"`, without the number and without a warning.
# With: xlsx2csv 0.8.6, xlsxwriter 3.3.1 as the writer, python-calamine 0.9.1; 2026-11-28.
# Matters: units in formats are what people do in workbooks of sizes, durations and stock. The CSV has a text where every other reader has a number.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check xlsx2csv==0.8.6 xlsxwriter==3.3.1 python-calamine==0.9.1
venv/bin/python - <<'PY'
import csv, io, subprocess, python_calamine, xlsxwriter
from importlib.metadata import version
print(*(f"{p} {version(p)}" for p in ("xlsx2csv", "xlsxwriter", "python-calamine")))
formats = ['0.00', '0" days"', '0.0"m"', '#,##0\\ "Stk"']
book = xlsxwriter.Workbook("t.xlsx")
sheet = book.add_worksheet()
for row, text in enumerate(formats):
    sheet.write_number(row, 0, 45000, book.add_format({"num_format": text}))
book.close()
peer = [row[0] for row in python_calamine.CalamineWorkbook.from_path("t.xlsx").get_sheet_by_index(0).to_python()]
text = subprocess.run(["venv/bin/xlsx2csv", "t.xlsx"], check=True, capture_output=True, text=True).stdout
seen = [row[0] for row in csv.reader(io.StringIO(text))]
for line in zip(formats, peer, seen):
    print("format %-16s calamine %-8s xlsx2csv %s" % line)
assert peer == [45000.0] * 4
assert seen == ["45000", '0" 15ays"', '0.0"03"', '#,##0 "stk"'], seen
PY
