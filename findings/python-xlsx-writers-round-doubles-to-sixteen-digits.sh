#!/usr/bin/env bash
# XlsxWriter and openpyxl: doubles go into the sheet with 16 digits, so they do not come back
#
# Expected: a cell of an .xlsx file is a double in text. Python's repr is the shortest text that comes back as the same double (17 digits at most), Excel
#   itself writes up to 17, and so does ExcelJS. A number written and read again should be equal.
# Seen: both Python writers format with 16 significant digits. 0.1 + 0.2 comes back as 0.3; 123456789012345.67 as 123456789012345.7; and the largest
#   double is rounded up past itself and comes back as infinity. 1/3 happens to survive. ExcelJS's file of the same numbers comes back equal.
# With: xlsxwriter 3.3.1, openpyxl 3.1.5, exceljs 4.4.0, read by python-calamine 0.9.1; 2026-11-28.
# Matters: most table libraries of Python write their workbooks with one of the two. A checksum, a join or a comparison of a workbook with its source
#   fails in the last digit, and finite becomes infinite at the edge. Compare numbers that went through a workbook with a tolerance.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check xlsxwriter==3.3.1 python-calamine==0.9.1 openpyxl==3.1.5
npm install --silent --no-audit --no-fund --ignore-scripts --prefix . exceljs@4.4.0
cat > write.mjs <<'JS'
import ExcelJS from 'exceljs';
const book = new ExcelJS.Workbook();
const sheet = book.addWorksheet('s');
for (const value of [0.1 + 0.2, 123456789012345.67, Number.MAX_VALUE, 1 / 3]) sheet.addRow([value]);
await book.xlsx.writeFile('exceljs.xlsx');
JS
node write.mjs
venv/bin/python - <<'PY'
import math, openpyxl, python_calamine, xlsxwriter
from importlib.metadata import version
print(*(f"{p} {version(p)}" for p in ("xlsxwriter", "openpyxl", "python-calamine")), "exceljs 4.4.0")
values = [0.1 + 0.2, 123456789012345.67, 1.7976931348623157e308, 1 / 3]
book = xlsxwriter.Workbook("xlsxwriter.xlsx")
sheet = book.add_worksheet()
for row, value in enumerate(values):
    sheet.write_number(row, 0, value)
book.close()
other = openpyxl.Workbook()
for value in values:
    other.active.append([value])
other.save("openpyxl.xlsx")
def read(name):
    return [row[0] for row in python_calamine.CalamineWorkbook.from_path(name + ".xlsx").get_sheet_by_index(0).to_python()]
print("written   ", values)
for name in ("xlsxwriter", "openpyxl"):
    back = read(name)
    print(f"{name:<10}", back)
    assert back[0] == 0.3 != values[0]
    assert back[1] == 123456789012345.7 != values[1]
    assert math.isinf(back[2])
    assert back[3] == values[3]
print("exceljs   ", read("exceljs"))
assert read("exceljs") == values
PY
