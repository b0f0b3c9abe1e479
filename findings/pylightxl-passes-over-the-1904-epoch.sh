#!/usr/bin/env bash
# pylightxl: a workbook of the 1904 date system is read four years and a day early
#
# Expected: a workbook says in its workbookPr which epoch its dates count from (files that began on a Mac do), and a reader that turns serial numbers into
#   dates heeds it, as openpyxl, calamine, ExcelJS and read-excel-file do, or leaves numbers alone.
# Seen: pylightxl always counts from 1900, so 2026-11-28 comes back as 2022/11/27. The date is plausible, and its day and month are nearly right.
# With: pylightxl 1.61, xlsxwriter 3.3.1 as the writer, openpyxl 3.1.5; 2026-11-28.
# Matters: 1462 days is the one error in dates that no range check finds. Keep one such workbook among a reader's test files.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check pylightxl==1.61 xlsxwriter==3.3.1 openpyxl==3.1.5
venv/bin/python - <<'PY'
import datetime, openpyxl, pylightxl, xlsxwriter
from importlib.metadata import version
print(*(f"{p} {version(p)}" for p in ("pylightxl", "xlsxwriter", "openpyxl")))
seen = {}
for name, options in (("1900", {}), ("1904", {"date_1904": True})):
    book = xlsxwriter.Workbook(name + ".xlsx", options)
    sheet = book.add_worksheet("s")
    sheet.write_datetime(0, 0, datetime.datetime(2026, 11, 28), book.add_format({"num_format": "yyyy-mm-dd"}))
    book.close()
    seen[name] = (openpyxl.load_workbook(name + ".xlsx").active["A1"].value.date().isoformat(),
                  pylightxl.readxl(name + ".xlsx").ws("s").index(1, 1))
    print(name, "openpyxl", seen[name][0], "pylightxl", seen[name][1])
assert seen["1900"] == ("2026-11-28", "2026/11/28")
assert seen["1904"] == ("2026-11-28", "2022/11/27")
PY
