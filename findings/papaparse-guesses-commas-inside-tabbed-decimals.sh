#!/usr/bin/env bash
# Papa Parse: a tab-separated file with decimal commas is split at the commas, unless empty lines are skipped
#
# Expected: the header has tabs and no comma, each row has one tab, and CleverCSV says "tab"; a guess that fits the header wins, and an option about empty
#   lines has no say in it. (Every text file ends with a line end.)
# Seen: with its defaults Papa Parse says "," for it, and for | too. The header is then one field, the rows have three, and with `header: true` the
#   values are shifted under it. With `skipEmptyLines: true` the very same text is split at the tabs.
# With: papaparse 5.7.1, clevercsv 0.8.5; node 20; 2026-11-28.
# Matters: tab and decimal comma is what spreadsheets put on the clipboard and into .txt in most of Europe. Set the delimiter from the header line, or
#   refuse a guess whose result has errors of the type FieldMismatch.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check clevercsv==0.8.5
npm install --silent --no-audit --no-fund --ignore-scripts --prefix . papaparse@5.7.1
printf 'net\tgross\n1,50\t1,79\n3,25\t3,87\n' > t.tsv
venv/bin/python - <<'PY'
import clevercsv
from importlib.metadata import version
with open("t.tsv", newline="") as file:
    dialect = clevercsv.Sniffer().sniff(file.read())
print("clevercsv", version("clevercsv"), repr(dialect.delimiter))
assert dialect.delimiter == "\t"
PY
cat > read.mjs <<'JS'
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import Papa from 'papaparse';
const text = readFileSync('t.tsv', 'utf8');
const tabbed = Papa.parse(text, { header: true });
const piped = Papa.parse(text.replaceAll('\t', '|'));
const skipping = Papa.parse(text, { header: true, skipEmptyLines: true });
console.log('papaparse 5.7.1', JSON.stringify([tabbed.meta.delimiter, piped.meta.delimiter, skipping.meta.delimiter, tabbed.data[0]]));
assert.equal(tabbed.meta.delimiter, ',');
assert.equal(skipping.meta.delimiter, '\t');
assert.equal(piped.meta.delimiter, ',');
assert.deepEqual(tabbed.data[0], { 'net\tgross': '1', __parsed_extra: ['50\t1', '79'] });
JS
node read.mjs
