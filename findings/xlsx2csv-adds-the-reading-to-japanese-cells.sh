#!/usr/bin/env bash
# xlsx2csv: a Japanese text with a phonetic guide comes out with its reading behind it, where the text stands in the cell
#
# Expected: the reading of a Japanese text (`rPh`, ECMA-376 part 1, 18.4.6) is shown above it on request and is no part of the value, whether the
#   text stands in the table of shared strings or in the cell itself (`inlineStr`).
# Seen: of a shared string xlsx2csv gives the text alone; of the same string in the cell it gives the text and the reading as one word, 東京トウキョウ.
#   calamine gives 東京 for both.
# With: xlsx2csv 0.8.6, python-calamine 0.9.1; 2026-11-29.
# Matters: programs that stream workbooks write texts into the cells. Names and places then match nothing that they are joined with.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check xlsx2csv==0.8.6 python-calamine==0.9.1
venv/bin/python - <<'PY'
import subprocess, zipfile, python_calamine
from importlib.metadata import version
print(*(f"{p} {version(p)}" for p in ("xlsx2csv", "python-calamine")))
MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
REL = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"
TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml"
guided = '<t>東京</t><rPh sb="0" eb="2"><t>トウキョウ</t></rPh>'
parts = {
    "[Content_Types].xml": f'<Types xmlns="{PACKAGE}/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    + "".join(f'<Override PartName="/xl/{p}.xml" ContentType="{TYPE}.{t}+xml"/>' for p, t in
              (("workbook", "sheet.main"), ("worksheets/sheet1", "worksheet"), ("sharedStrings", "sharedStrings"))) + "</Types>",
    "_rels/.rels": f'<Relationships xmlns="{PACKAGE}/relationships"><Relationship Id="a" Type="{REL}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
    "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{PACKAGE}/relationships"><Relationship Id="a" Type="{REL}/worksheet" Target="worksheets/sheet1.xml"/>'
    f'<Relationship Id="b" Type="{REL}/sharedStrings" Target="sharedStrings.xml"/></Relationships>',
    "xl/workbook.xml": f'<workbook xmlns="{MAIN}" xmlns:r="{REL}"><sheets><sheet name="S" sheetId="1" r:id="a"/></sheets></workbook>',
    "xl/sharedStrings.xml": f'<sst xmlns="{MAIN}"><si>{guided}</si></sst>',
    "xl/worksheets/sheet1.xml": f'<worksheet xmlns="{MAIN}"><sheetData><row r="1"><c r="A1" t="s"><v>0</v></c></row>'
    f'<row r="2"><c r="A2" t="inlineStr"><is>{guided}</is></c></row></sheetData></worksheet>',
}
with zipfile.ZipFile("t.xlsx", "w") as book:
    for name, text in parts.items():
        book.writestr(name, text)
peer = [row[0] for row in python_calamine.CalamineWorkbook.from_path("t.xlsx").get_sheet_by_index(0).to_python()]
seen = subprocess.run(["venv/bin/xlsx2csv", "t.xlsx"], check=True, capture_output=True, text=True).stdout.split()
print("shared, in the cell: calamine", peer, "xlsx2csv", seen)
assert peer == ["東京", "東京"]
assert seen == ["東京", "東京トウキョウ"], seen
PY
