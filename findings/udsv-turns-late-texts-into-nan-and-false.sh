#!/usr/bin/env bash
# uDSV: past the first ten lines, a text in a column of numbers is NaN, in one of dates an invalid date, and in one of flags false
#
# Expected: a typed parser that finds types in the first rows raises, or gives the text, where a later cell is of another type, as Papa Parse and d3
#   give it.
# Seen: "n/a" in row 12 is NaN in the column of numbers, an Invalid Date in the column of dates, and false in the column of true and false, without an
#   error. The same cell in the first ten lines makes the column text. 2026-02-30 is the date 2026-03-02.
# With: udsv 0.7.3, papaparse 5.7.1; node 20; 2026-11-29.
# Matters: "n/a", "unknown" and footnotes are what stands in the later rows. A flag that is not known reads as no. Pass the schema's types as "s" and
#   convert cells with a check.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --silent --no-audit --no-fund --ignore-scripts --prefix . udsv@0.7.3 papaparse@5.7.1
cat > read.mjs <<'JS'
import assert from 'node:assert/strict';
import Papa from 'papaparse';
import { inferSchema, initParser } from 'udsv';
const read = (text) => { const schema = inferSchema(text); return [schema.cols.map((col) => col.type), initParser(schema).typedArrs(text)]; };
const rows = (count) => `n,day,paid\n${'1,2026-11-29,true\n'.repeat(count)}n/a,n/a,n/a\n`;
const [types, late] = read(rows(11));
console.log('udsv', types, late.at(-1));
assert.deepEqual(types, ['n', 'd', 'b:true']);
assert.ok(Number.isNaN(late.at(-1)[0]) && late.at(-1)[1] instanceof Date && Number.isNaN(+late.at(-1)[1]) && late.at(-1)[2] === false);
const [, early] = read(rows(5));
console.log('in row 6', early.at(-1));
assert.equal(early.at(-1)[0], 'n/a');
assert.equal(read('day\n2026-02-30\n')[1][0][0].toISOString().slice(0, 10), '2026-03-02');
const peer = Papa.parse(rows(11), { dynamicTyping: true, skipEmptyLines: true }).data.at(-1);
console.log('papaparse', peer);
assert.deepEqual(peer, ['n/a', 'n/a', 'n/a']);
JS
node read.mjs
