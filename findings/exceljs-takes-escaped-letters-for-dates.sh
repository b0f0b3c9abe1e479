#!/usr/bin/env bash
# ExcelJS: a number whose format has an escaped letter is read as a Date
#
# Expected: in a number format, a backslash makes the next character literal and an underscore stands for a space as wide as the next character, so
#   `0.0\h` shows 7.5 as "7.5h" and is no date. ExcelJS knows of the neighbouring case: a unit in quotes (`0.0"h"`) is a number to it.
# Seen: formats with \h, \d or _d give Date objects. 7.5 hours come back as 1900-01-06T12:00:00.000Z. calamine and read-excel-file give 7.5.
# With: exceljs 4.4.0, read-excel-file 9.3.17, xlsxwriter 3.3.1 as the writer, python-calamine 0.9.1; node 20; 2026-11-28.
# Matters: `0.0"h"` and `0.0\h` show the same in a time sheet, and whoever made it need not know which of them it has. The type of a cell depends
#   on that. Check the format yourself before trusting a Date.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check xlsxwriter==3.3.1 python-calamine==0.9.1
npm install --silent --no-audit --no-fund --ignore-scripts --prefix . exceljs@4.4.0 read-excel-file@9.3.17
venv/bin/python - <<'PY'
import python_calamine, xlsxwriter
from importlib.metadata import version
print(*(f"{p} {version(p)}" for p in ("xlsxwriter", "python-calamine")))
book = xlsxwriter.Workbook("t.xlsx")
sheet = book.add_worksheet()
for row, text in enumerate(('0.0"h"', '0.0\\h', '0.0\\d', '0.0_d')):
    sheet.write_number(row, 0, 7.5, book.add_format({"num_format": text}))
book.close()
seen = [row[0] for row in python_calamine.CalamineWorkbook.from_path("t.xlsx").get_sheet_by_index(0).to_python()]
print("calamine", seen)
assert seen == [7.5] * 4
PY
cat > read.mjs <<'JS'
import assert from 'node:assert/strict';
import ExcelJS from 'exceljs';
import readExcelFile from 'read-excel-file/node';
const book = new ExcelJS.Workbook();
await book.xlsx.readFile('t.xlsx');
const seen = [1, 2, 3, 4].map((row) => book.worksheets[0].getCell(row, 1).value);
let peer = await readExcelFile('t.xlsx');
if (!Array.isArray(peer[0])) peer = peer[0].data;
console.log('exceljs 4.4.0', JSON.stringify(seen), 'read-excel-file 9.3.17', JSON.stringify(peer.flat()));
const date = '1900-01-06T12:00:00.000Z';
assert.equal(JSON.stringify(seen), JSON.stringify([7.5, date, date, date]));
assert.deepEqual(peer.flat(), [7.5, 7.5, 7.5, 7.5]);
JS
node read.mjs
