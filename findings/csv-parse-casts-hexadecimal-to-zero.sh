#!/usr/bin/env bash
# csv-parse: with `cast: true`, 0x1F becomes 0
#
# Expected: casting takes what is a decimal number and leaves other texts alone (Papa Parse), or takes JavaScript's own reading of a number, in which 0x1F is
#   31 (d3.autoType). No reading of it is 0.
# Seen: csv-parse tests a cell with arithmetic, which knows 0x, 0o and 0b, and then converts it with parseFloat, which does not: every such cell is 0.
# With: csv-parse 7.0.3, papaparse 5.7.1, d3-dsv 3.0.2; node 20; 2026-11-28.
# Matters: transaction hashes, addresses of ledgers, register dumps and colour codes of the form 0x... are ids in CSV. A whole key column turns into zeros,
#   and rows begin to be "duplicates". Cast by column.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --silent --no-audit --no-fund --ignore-scripts --prefix . csv-parse@7.0.3 papaparse@5.7.1 d3-dsv@3.0.2
cat > read.mjs <<'JS'
import assert from 'node:assert/strict';
import { parse } from 'csv-parse/sync';
import Papa from 'papaparse';
import { autoType, csvParse } from 'd3-dsv';
const text = 'id,mode,mask,n\n0x00c0ffee,0o755,0b101,1e3\n0xdeadbeef,0o644,0b111,12\n';
const cast = parse(text, { columns: true, cast: true });
const papa = Papa.parse(text, { header: true, dynamicTyping: true, skipEmptyLines: true }).data;
const d3 = [...csvParse(text, autoType)];
console.log('csv-parse 7.0.3', cast, 'papaparse 5.7.1', papa[0], 'd3-dsv 3.0.2', d3[0]);
assert.deepEqual(cast, [{ id: 0, mode: 0, mask: 0, n: 1000 }, { id: 0, mode: 0, mask: 0, n: 12 }]);
assert.deepEqual(papa[0], { id: '0x00c0ffee', mode: '0o755', mask: '0b101', n: 1000 });
assert.equal(d3[0].id, 0xc0ffee);
JS
node read.mjs
