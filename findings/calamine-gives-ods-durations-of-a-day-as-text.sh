#!/usr/bin/env bash
# calamine (ODS): a duration of 24 hours or more is the text PT24H00M00S, in a column whose other cells are times
#
# Expected: an OpenDocument cell of the type time holds an XML Schema duration, so a reader gives each of them as a duration: calamine itself gives 36
#   hours out of an .xlsx as 1 day, 12:00:00, and odfdo gives a timedelta for every such cell.
# Seen: what fits a time of day is a datetime.time (10:00), and what does not is the attribute's text: PT24H00M00S, PT36H30M00S, and -PT01H00M00S for
#   what a subtraction made. Three kinds of cell, one column.
# With: python-calamine 0.9.1, odfdo 3.27.3, xlsxwriter 3.3.1, odfpy 1.4.1; 2026-11-29.
# Matters: time sheets saved as .ods turn into columns of text by the first long week, or lose those rows where a text is not a time. Parse texts that
#   begin with PT or -PT.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check python-calamine==0.9.1 odfpy==1.4.1 odfdo==3.27.3 xlsxwriter==3.3.1
venv/bin/python - <<'PY'
from datetime import time, timedelta
from importlib.metadata import version
import odfdo, python_calamine, xlsxwriter
from odf.opendocument import OpenDocumentSpreadsheet
from odf.table import Table, TableCell, TableRow
from odf.text import P
print(*(f"{p} {version(p)}" for p in ("python-calamine", "odfdo", "xlsxwriter", "odfpy")))
durations = ["PT10H00M00S", "PT24H00M00S", "PT36H30M00S", "-PT01H00M00S"]
book = OpenDocumentSpreadsheet()
sheet = Table(name="t")
book.spreadsheet.addElement(sheet)
for value in durations:
    row, cell = TableRow(), TableCell(valuetype="time", timevalue=value)
    cell.addElement(P(text="as shown"))
    row.addElement(cell)
    sheet.addElement(row)
book.save("t.ods")
book = xlsxwriter.Workbook("t.xlsx")
sheet = book.add_worksheet()
for row, days in enumerate((10 / 24, 1, 36.5 / 24)):
    sheet.write_number(row, 0, days, book.add_format({"num_format": "[h]:mm:ss"}))
book.close()
def calamine(path):
    return [row[0] for row in python_calamine.CalamineWorkbook.from_path(path).get_sheet_by_index(0).to_python()]
ods, xlsx = calamine("t.ods"), calamine("t.xlsx")
peer = [row[0] for row in odfdo.Document("t.ods").body.get_table(0).get_values()]
print("calamine .ods ", ods, "\ncalamine .xlsx", xlsx, "\nodfdo .ods    ", peer)
assert ods == [time(10), "PT24H00M00S", "PT36H30M00S", "-PT01H00M00S"]
assert xlsx == [timedelta(hours=10), timedelta(days=1), timedelta(hours=36.5)]
assert peer[:3] == xlsx
PY
