#!/usr/bin/env bash
# SheetJS: a date formatted as dd.mm.yyyy is 46355 in the CSV
#
# Expected: the library makes the text that Excel shows (sheet_to_csv, raw: false), and knows letters of dates beside any separator; dd.mm.yyyy is
#   what programs of half of Europe write into workbooks.
# Seen: a dot after a date's letter is taken for the start of fractions of a second, the format fails inside, and the cell has no text, so that the
#   CSV gets the serial number. dd\.mm\.yyyy, dd/mm/yyyy and yyyy-mm-dd are shown. With cellDates the text is 11/29/26, the American form. SSF.format
#   itself throws.
# With: xlsx 0.18.5 (the last on npm under this name) and @e965/xlsx 0.20.3 (the later release), xlsxwriter 3.3.1 as the writer; node 20; 2026-11-29.
# Matters: Excel escapes the dots when somebody types such a format; libraries that write workbooks pass it on as it is. One column, by who made it,
#   is dates or five-digit numbers. Read the numbers (raw) and format dates yourself.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --silent --no-audit --no-fund --ignore-scripts --prefix . xlsx@0.18.5 @e965/xlsx@0.20.3
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check xlsxwriter==3.3.1
venv/bin/python - <<'PY'
import xlsxwriter
book = xlsxwriter.Workbook("t.xlsx")
sheet = book.add_worksheet("t")
for row, text in enumerate(("yyyy-mm-dd", "dd/mm/yyyy", "dd\\.mm\\.yyyy", "dd.mm.yyyy", "d. mmmm yyyy", "dd.mm.yyyy hh:mm")):
    sheet.write_number(row, 0, 46355.75, book.add_format({"num_format": text}))
book.close()
PY
cat > read.cjs <<'JS'
const assert = require('node:assert/strict');
for (const name of ['xlsx', '@e965/xlsx']) {
  const library = require(name);
  const lines = (options) => library.utils.sheet_to_csv(library.readFile('t.xlsx', options).Sheets.t).trim().split('\n');
  const seen = lines({});
  console.log(name, library.version, seen, lines({ cellDates: true }).slice(3));
  assert.deepEqual(seen, ['2026-11-29', '29/11/2026', '29.11.2026', '46355.75', '46355.75', '46355.75']);
  assert.deepEqual(lines({ cellDates: true }).slice(3), ['11/29/26', '11/29/26', '11/29/26']);
  assert.throws(() => library.SSF.format('dd.mm.yyyy', 46355));
}
JS
node read.cjs
