#!/usr/bin/env bash
# csv-stringify, fast-csv, Papa Parse, json2csv: one row, three dates and two falses
#
# Expected: a CSV writer of JavaScript writes true and false by name, and a Date as the ISO text that JSON.stringify gives it.
# Seen: csv-stringify writes true as 1 and false as NOTHING, so false, null, undefined and '' are the same cell, and a Date as milliseconds since 1970.
#   fast-csv writes a Date as String(date) does: in the server's zone, in English, and without its milliseconds. Papa Parse and json2csv do what one
#   expects. All four with their defaults.
# With: csv-stringify 6.9.0, fast-csv 5.0.8, papaparse 5.7.1, @json2csv/plainjs 7.0.8; node 20; 2026-11-28.
# Matters: a file from one of the two is valid and wrong: a flag column is 1-or-missing, a time column is an integer or changes its instant's precision
#   and its text with the server's zone. Give both writers their casts (`cast: { boolean, date }`, a `transform`).
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --silent --no-audit --no-fund --ignore-scripts --prefix . csv-stringify@6.9.0 fast-csv@5.0.8 papaparse@5.7.1 @json2csv/plainjs@7.0.8
cat > write.mjs <<'JS'
import assert from 'node:assert/strict';
import { stringify } from 'csv-stringify/sync';
import { writeToString } from 'fast-csv';
import Papa from 'papaparse';
import { Parser } from '@json2csv/plainjs';
console.log('node', process.version, 'csv-stringify 6.9.0 fast-csv 5.0.8 papaparse 5.7.1 @json2csv/plainjs 7.0.8');
const rows = [{ yes: true, no: false, at: new Date('2026-11-28T10:30:00.250Z') }];
const seen = {
  'csv-stringify': stringify(rows).trim(),
  'fast-csv': (await writeToString(rows)).trim(),
  papaparse: Papa.unparse(rows, { header: false }),
  json2csv: new Parser({ header: false }).parse(rows),
};
console.log(seen);
assert.deepEqual(seen, {
  'csv-stringify': '1,,1795861800250',
  'fast-csv': 'true,false,Sat Nov 28 2026 12:30:00 GMT+0200 (Eastern European Standard Time)',
  papaparse: 'true,false,2026-11-28T10:30:00.250Z',
  json2csv: 'true,false,"2026-11-28T10:30:00.250Z"',
});
JS
TZ=Europe/Helsinki LANG=C node write.mjs
