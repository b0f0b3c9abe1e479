#!/usr/bin/env bash
# xlsxturbo: 01-02-2024 and 01-13-2024 in one column become 1 February and 13 January
#
# Expected: a converter that finds types in a CSV finds one for a column: a column with 01-13-2024 has the month first, and so has its 01-02-2024.
#   Quoted cells, or a column with other texts, stay text.
# Seen: each cell is looked at alone. By default a date is read with the day first, and with the month first where that is no date. 007 and "007" are
#   7, and the texts Nan and Inf are empty cells, in columns of names as well.
# With: xlsxturbo 1.12.1, python-calamine 0.9.1; 2026-11-29.
# Matters: of American dates those up to the 12th of a month change places with another day, and the workbook shows real dates. Nan is a first name,
#   and INF a department. Pass date_order, and write texts by df_to_xlsx, which takes the types of a data frame.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check xlsxturbo==1.12.1 python-calamine==0.9.1
venv/bin/python - <<'PY'
import datetime
from importlib.metadata import version
import python_calamine, xlsxturbo
print(*(f"{p} {version(p)}" for p in ("xlsxturbo", "python-calamine")))
with open("t.csv", "w") as file:
    file.write('name,id,day\nAnn,A-1,01-02-2024\nNan,"007",01-13-2024\nInf,"0815",12-12-2024\n')
def read(**options):
    xlsxturbo.csv_to_xlsx("t.csv", "t.xlsx", **options)
    return python_calamine.CalamineWorkbook.from_path("t.xlsx").get_sheet_by_index(0).to_python()
seen = read()
print(*seen, sep="\n")
assert [row[2] for row in seen[1:]] == [datetime.date(2024, 2, 1), datetime.date(2024, 1, 13), datetime.date(2024, 12, 12)]
assert [row[:2] for row in seen[1:]] == [["Ann", "A-1"], ["", 7.0], ["", 815.0]]
assert read(date_order="mdy")[1][2] == datetime.date(2024, 1, 2)
PY
