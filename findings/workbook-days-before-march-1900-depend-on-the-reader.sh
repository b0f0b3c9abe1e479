#!/usr/bin/env bash
# Workbooks: a day before March 1900 is another day by reader, and two serial numbers become one day
#
# Expected: readers of one file agree on its dates. Excel's serial 1 is 1900-01-01, and 60 is a 29 February 1900 that no calendar has, so a reader can
#   only refuse it, or leave it as the number.
# Seen: calamine and openpyxl give 1900-02-28 for 59 and for 60 alike, so that two different cells are one day afterwards. pylightxl and xlsx2csv
#   give the day before for all serials below 61: 1 is 1899-12-31, and 60 is 1900-02-28. From 61 on all agree. None warns.
# With: xlsxwriter 3.3.1 as the writer; python-calamine 0.9.1, openpyxl 3.1.5, pylightxl 1.61, xlsx2csv 0.8.6; 2026-11-29.
# Matters: small numbers under a date format are dates of birth of registers, and place holders. A converter that promises to change no cell must
#   leave 60 as a number.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check xlsxwriter==3.3.1 python-calamine==0.9.1 openpyxl==3.1.5 pylightxl==1.61 xlsx2csv==0.8.6
venv/bin/python - <<'PY'
import csv, io, subprocess, openpyxl, pylightxl, python_calamine, xlsxwriter
from importlib.metadata import version
print(*(f"{p} {version(p)}" for p in ("xlsxwriter", "python-calamine", "openpyxl", "pylightxl", "xlsx2csv")))
serials = [1, 58, 59, 60, 61]
book = xlsxwriter.Workbook("t.xlsx")
sheet, day = book.add_worksheet("S"), book.add_format({"num_format": "yyyy-mm-dd"})
for row, serial in enumerate(serials):
    sheet.write_number(row, 0, serial, day)
book.close()
text = subprocess.run(["venv/bin/xlsx2csv", "t.xlsx"], check=True, capture_output=True, text=True).stdout
seen = {
    "calamine": [str(r[0]) for r in python_calamine.CalamineWorkbook.from_path("t.xlsx").get_sheet_by_index(0).to_python()],
    "openpyxl": [str(r[0])[:10] for r in openpyxl.load_workbook("t.xlsx").active.iter_rows(values_only=True)],
    "pylightxl": [r[0].replace("/", "-") for r in pylightxl.readxl("t.xlsx").ws("S").rows],
    "xlsx2csv": [r[0] for r in csv.reader(io.StringIO(text))],
}
print("serial   ", *(f"{serial:>10}" for serial in serials))
for reader, days in seen.items():
    print(f"{reader:9}", *days)
late = ["1900-01-01", "1900-02-27", "1900-02-28", "1900-02-28", "1900-03-01"]
early = ["1899-12-31", "1900-02-26", "1900-02-27", "1900-02-28", "1900-03-01"]
assert seen == {"calamine": late, "openpyxl": late, "pylightxl": early, "xlsx2csv": early}
PY
