#!/usr/bin/env bash
# ExcelJS: the text "_x0041_" is written as it stands, so other readers make an A of it
#
# Expected: in a workbook _x0041_ is the escape for A, so a writer spells a literal "_x0041_" as "_x005F_x0041_", as XlsxWriter does, and a text comes back as
#   it was written.
# Seen: ExcelJS does not escape the underscore. calamine and read-excel-file read "A"; in a longer text (part_x0020_no) the piece becomes a blank. Line
#   ends of Windows go out raw as well, and calamine reads "a\r\nb" as "a\nb", which is XML's rule for them, while read-excel-file keeps the return.
# With: exceljs 4.4.0, read-excel-file 9.3.17, python-calamine 0.9.1, xlsxwriter 3.3.1; node 20; 2026-11-28.
# Matters: names of columns that came out of other XML tools (SharePoint's fields among them) have such pieces. Two columns may end up with one name, and a
#   file that was checked with ExcelJS means something else to the next reader.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check python-calamine==0.9.1 xlsxwriter==3.3.1
npm install --silent --no-audit --no-fund --ignore-scripts --prefix . exceljs@4.4.0 read-excel-file@9.3.17
cat > write.mjs <<'JS'
import assert from 'node:assert/strict';
import ExcelJS from 'exceljs';
import readExcelFile from 'read-excel-file/node';
const book = new ExcelJS.Workbook();
book.addWorksheet('s').addRow(['_x0041_', 'part_x0020_no', 'a\r\nb']);
await book.xlsx.writeFile('exceljs.xlsx');
let seen = await readExcelFile('exceljs.xlsx');
if (!Array.isArray(seen[0])) seen = seen[0].data;
console.log('exceljs 4.4.0, read-excel-file 9.3.17', JSON.stringify(seen));
assert.deepEqual(seen, [['A', 'part no', 'a\r\nb']]);
JS
node write.mjs
venv/bin/python - <<'PY'
import python_calamine, xlsxwriter
from importlib.metadata import version
texts = ["_x0041_", "part_x0020_no", "a\r\nb"]
book = xlsxwriter.Workbook("xlsxwriter.xlsx")
sheet = book.add_worksheet()
for column, text in enumerate(texts):
    sheet.write_string(0, column, text)
book.close()
seen = {name: python_calamine.CalamineWorkbook.from_path(name + ".xlsx").get_sheet_by_index(0).to_python()[0] for name in ("exceljs", "xlsxwriter")}
print("calamine", version("python-calamine"), seen)
assert seen["exceljs"] == ["A", "part no", "a\nb"]
assert seen["xlsxwriter"] == texts
PY
