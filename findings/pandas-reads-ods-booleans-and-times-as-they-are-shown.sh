#!/usr/bin/env bash
# pandas (ODS): TRUE in a German sheet is False, a time loses the seconds that are not shown, and 36:00 stops the whole file
#
# Expected: an OpenDocument cell has its value in attributes (office:boolean-value, office:time-value), beside a text which is how it was shown to
#   somebody. A reader takes the value, as pandas does for numbers and for dates in the same file.
# Seen: for booleans pandas compares the text with "TRUE", so WAHR, VRAI and VERDADERO are False (and so is "true"). For times it parses the text:
#   10:05:03.5 shown as 10:05 is 10:05. A duration shown as 36:00 raises DateParseError, and no other cell can be read. calamine gives True and the
#   exact time.
# With: pandas 3.1.1 (engine "odf", odfpy 1.4.1), python-calamine 0.9.1; 2026-11-29.
# Matters: whole columns of flags turn into False by the language of the office that saved the file. Nothing is missing, so no check finds it. Use
#   engine="calamine" for .ods.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check pandas==3.1.1 odfpy==1.4.1 python-calamine==0.9.1
venv/bin/python - <<'PY'
import datetime
from importlib.metadata import version
import pandas
from odf.opendocument import OpenDocumentSpreadsheet
from odf.table import Table, TableCell, TableRow
from odf.text import P
print(*(f"{p} {version(p)}" for p in ("pandas", "odfpy", "python-calamine")))
def read(engine, cells):
    book = OpenDocumentSpreadsheet()
    sheet = Table(name="t")
    book.spreadsheet.addElement(sheet)
    for shown, attributes in cells:
        row, cell = TableRow(), TableCell(**attributes)
        cell.addElement(P(text=shown))
        row.addElement(cell)
        sheet.addElement(row)
    book.save("t.ods")
    return pandas.read_excel("t.ods", engine=engine, header=None)[0].tolist()
flags = [(shown, {"valuetype": "boolean", "booleanvalue": "true"}) for shown in ("TRUE", "WAHR", "VRAI", "VERDADERO", "true")]
time = [("10:05", {"valuetype": "time", "timevalue": "PT10H05M03.500S"})]
long = [("36:00", {"valuetype": "time", "timevalue": "PT36H00M00S"})]
seen = {engine: (read(engine, flags), read(engine, time)) for engine in ("odf", "calamine")}
for engine, values in seen.items():
    print(engine, *values)
assert seen["calamine"] == ([True] * 5, [datetime.time(10, 5, 3, 500000)])
assert seen["odf"] == ([True, False, False, False, False], [datetime.time(10, 5)])
try:
    raise SystemExit(f"36:00 can be read now: {read('odf', long)}")
except ValueError as error:
    print("odf", type(error).__name__, error)
    assert type(error).__name__ == "DateParseError"
PY
