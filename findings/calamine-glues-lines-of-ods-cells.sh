#!/usr/bin/env bash
# calamine (ODS): a line break inside a paragraph vanishes, and two words become one
#
# Expected: in OpenDocument a cell's text has paragraphs, and inside them elements for what XML would fold: text:s for blanks, text:tab,
#   text:line-break (ODF 1.3 part 3, 6.1). A reader that turns the first into blanks and sets a line end between paragraphs knows the third too.
# Seen: calamine turns text:s into blanks and paragraphs into lines, and drops text:line-break and text:tab: "Main St.", break, "Springfield" is "Main
#   St.Springfield". odfdo and SheetJS keep both, pandas' own engine the break.
# With: python-calamine 0.9.1, pandas 3.1.1 with odfpy 1.4.1, odfdo 3.27.3, xlsx (SheetJS) 0.18.5; node 20; 2026-11-29.
# Matters: addresses and lists in cells are where breaks are. Words that end up joined are no longer found by a search, and there is no sign of the
#   loss.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check python-calamine==0.9.1 pandas==3.1.1 odfpy==1.4.1 odfdo==3.27.3
npm install --silent --no-audit --no-fund --ignore-scripts --prefix . xlsx@0.18.5
venv/bin/python - <<'PY'
import json, subprocess
from importlib.metadata import version
import odfdo, pandas, python_calamine
from odf.opendocument import OpenDocumentSpreadsheet
from odf.table import Table, TableCell, TableRow
from odf.text import LineBreak, P, S, Tab
print(*(f"{p} {version(p)}" for p in ("python-calamine", "pandas", "odfpy", "odfdo")))
book = OpenDocumentSpreadsheet()
sheet = Table(name="t")
book.spreadsheet.addElement(sheet)
row = TableRow()
for piece in (S, LineBreak, Tab):
    paragraph = P(text="Main St.")
    paragraph.addElement(piece())
    paragraph.addText("Springfield")
    cell = TableCell(valuetype="string")
    cell.addElement(paragraph)
    row.addElement(cell)
sheet.addElement(row)
book.save("t.ods")
script = "const x = require('xlsx'); console.log(JSON.stringify(x.utils.sheet_to_json(x.readFile('t.ods').Sheets.t, { header: 1 })[0]))"
seen = {
    "calamine": python_calamine.CalamineWorkbook.from_path("t.ods").get_sheet_by_index(0).to_python()[0],
    "pandas": pandas.read_excel("t.ods", engine="odf", header=None).values.tolist()[0],
    "odfdo": odfdo.Document("t.ods").body.get_table(0).get_values()[0],
    "SheetJS": json.loads(subprocess.run(["node", "-e", script], check=True, capture_output=True, text=True).stdout),
}
for reader, cells in seen.items():
    print("%-8s" % reader, cells)
whole = ["Main St. Springfield", "Main St.\nSpringfield", "Main St.\tSpringfield"]
assert seen["odfdo"] == seen["SheetJS"] == whole
assert seen["pandas"][:2] == whole[:2]
assert seen["calamine"] == ["Main St. Springfield", "Main St.Springfield", "Main St.Springfield"]
PY
