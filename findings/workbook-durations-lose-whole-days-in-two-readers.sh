#!/usr/bin/env bash
# Workbooks: two readers take the whole days out of a duration
#
# Expected: `[h]:mm:ss` is the format for durations (ECMA-376 part 1, 18.8.31: brackets count on past 24 hours), so 1.5 is 36:00:00. A reader gives 36
#   hours, or the number.
# Seen: xlsx2csv and pylightxl give the time of day that is left: 36 hours are 12:00, 246 hours are 06:00, and exactly one day is 00:00. With
#   `[mm]:ss`, which is a duration too, xlsx2csv gives the number (1.5), pylightxl 12:00:00. calamine and openpyxl give 1 day, 12:00:00 for both.
# With: xlsxwriter 3.3.1 as the writer; xlsx2csv 0.8.6, pylightxl 1.61, python-calamine 0.9.1, openpyxl 3.1.5; 2026-11-29.
# Matters: time sheets and machine hours add up to more than a day. Sums made from the CSV are too small by whole days, and each cell looks right.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check xlsxwriter==3.3.1 xlsx2csv==0.8.6 pylightxl==1.61 python-calamine==0.9.1 openpyxl==3.1.5
venv/bin/python - <<'PY'
import csv, io, subprocess, openpyxl, pylightxl, python_calamine, xlsxwriter
from importlib.metadata import version
print(*(f"{p} {version(p)}" for p in ("xlsxwriter", "xlsx2csv", "pylightxl", "python-calamine", "openpyxl")))
days = [0.25, 1, 1.5, 10.25]
book = xlsxwriter.Workbook("t.xlsx")
sheet = book.add_worksheet("S")
for column, text in enumerate(("[h]:mm:ss", "[mm]:ss")):
    form = book.add_format({"num_format": text})
    for row, number in enumerate(days):
        sheet.write_number(row, column, number, form)
book.close()
text = subprocess.run(["venv/bin/xlsx2csv", "t.xlsx"], check=True, capture_output=True, text=True).stdout
seen = {
    "calamine": [[str(cell) for cell in row] for row in python_calamine.CalamineWorkbook.from_path("t.xlsx").get_sheet_by_index(0).to_python()],
    "openpyxl": [[str(cell) for cell in row] for row in openpyxl.load_workbook("t.xlsx").active.iter_rows(values_only=True)],
    "xlsx2csv": list(csv.reader(io.StringIO(text))),
    "pylightxl": list(pylightxl.readxl("t.xlsx").ws("S").rows),
}
for reader, rows in seen.items():
    print(f"{reader:9}", rows)
whole = ["6:00:00", "1 day, 0:00:00", "1 day, 12:00:00", "10 days, 6:00:00"]
assert seen["calamine"] == seen["openpyxl"] == [[cell, cell] for cell in whole]
assert seen["xlsx2csv"] == [["06:00", "0.25"], ["00:00", "1"], ["12:00", "1.5"], ["06:00", "10.25"]]
assert seen["pylightxl"] == [[cell, cell] for cell in ("06:00:00", "00:00:00", "12:00:00", "06:00:00")]
PY
