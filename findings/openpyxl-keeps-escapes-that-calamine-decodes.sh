#!/usr/bin/env bash
# openpyxl: characters that a workbook escapes as _xHHHH_ stay escaped, unless the text itself looks escaped: then it is changed
#
# Expected: a string of a workbook spells characters that XML cannot hold as _xHHHH_ (a carriage return is _x000D_), and a literal "_x000D_" as
#   "_x005F_x000D_". A reader undoes both, as calamine and ExcelJS do, or neither.
# Seen: openpyxl undoes the escape of the underscore only. A cell of "first\r\nsecond" reads as "first_x000D_\nsecond"; the literal text "_x005F_" reads as
#   "_"; and a literal "_x000D_" reads right, so it is the same text now as a carriage return. calamine gives all three as they were written.
# With: openpyxl 3.1.5, python-calamine 0.9.1, xlsxwriter 3.3.1 as the writer; 2026-11-28.
# Matters: cells of several lines that came from Windows forms have carriage returns. The same workbook gives two texts, by which engine a table library
#   picks (openpyxl or calamine), and from openpyxl's there is no way back, since a real "_x000D_" looks the same.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check openpyxl==3.1.5 python-calamine==0.9.1 xlsxwriter==3.3.1
venv/bin/python - <<'PY'
import openpyxl, python_calamine, xlsxwriter
from importlib.metadata import version
print(*(f"{p} {version(p)}" for p in ("openpyxl", "python-calamine", "xlsxwriter")))
texts = ["first\r\nsecond", "_x005F_", "_x000D_"]
book = xlsxwriter.Workbook("t.xlsx")
sheet = book.add_worksheet()
for row, text in enumerate(texts):
    sheet.write_string(row, 0, text)
book.close()
calamine = [row[0] for row in python_calamine.CalamineWorkbook.from_path("t.xlsx").get_sheet_by_index(0).to_python()]
opened = [row[0] for row in openpyxl.load_workbook("t.xlsx").active.iter_rows(values_only=True)]
for line in zip(texts, calamine, opened):
    print("written %-18r calamine %-18r openpyxl %r" % line)
assert calamine == texts
assert opened == ["first_x000D_\nsecond", "_", "_x000D_"]
PY
