#!/usr/bin/env bash
# pylightxl: of a workbook that was written as a stream all texts are empty, and rows of texts alone are missing
#
# Expected: the same table reads the same, whether its writer kept a table of shared strings or wrote texts into the cells (`t="inlineStr"`), as
#   writers do that keep no more than a row in memory.
# Seen: xlsxwriter writes the same rows twice, once with `constant_memory`. Of that file pylightxl gives '' for every text, numbers as they are, and
#   the last row, which has texts alone, is not there. No error, no warning. calamine reads both alike.
# With: pylightxl 1.61, xlsxwriter 3.3.1, python-calamine 0.9.1; 2026-11-29.
# Matters: reports that are exported by a server are streamed. A header of empty names and a count that is too small look like the sender's fault.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check pylightxl==1.61 xlsxwriter==3.3.1 python-calamine==0.9.1
venv/bin/python - <<'PY'
import pylightxl, python_calamine, xlsxwriter
from importlib.metadata import version
print(*(f"{p} {version(p)}" for p in ("pylightxl", "xlsxwriter", "python-calamine")))
table = [["city", "people"], ["Graz", 303270], ["Wien", 2014614], ["Linz", "unknown"]]
def read(streamed):
    book = xlsxwriter.Workbook("t.xlsx", {"constant_memory": streamed})
    sheet = book.add_worksheet("S")
    for row, cells in enumerate(table):
        for column, cell in enumerate(cells):
            sheet.write(row, column, cell)
    book.close()
    peer = python_calamine.CalamineWorkbook.from_path("t.xlsx").get_sheet_by_index(0).to_python()
    return list(pylightxl.readxl("t.xlsx").ws("S").rows), peer
for streamed in (False, True):
    seen, peer = read(streamed)
    print("streamed " if streamed else "at once  ", seen)
    assert peer == table, peer
    assert seen == ([["", ""], ["", 303270], ["", 2014614]] if streamed else table), seen
PY
