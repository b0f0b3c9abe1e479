#!/usr/bin/env bash
# apache-arrow (JavaScript): a decimal's text is its unscaled integer
#
# Expected: a decimal128(10, 2) of 123.45 prints as 123.45, as in every other Arrow implementation, or raises where JavaScript cannot hold it.
# Seen: String(value) is '12345', Number(value) is 12345, and JSON.stringify of the row gives the string "\"12345\"", with quotes of its own inside. The
#   scale is in the field's type only, so a column of scale 2 is a hundred times too large wherever somebody prints, adds up or serialises it.
# With: apache-arrow 21.2.0 (npm), pyarrow 26.0.1 as the writer; 2026-11-28.
# Matters: this is what a page gets from Arrow IPC, and from parquet-wasm's tables, which are handed on as Arrow. Amounts come out as cents or as
#   something else, column by column. Divide by 10 ** field.type.scale yourself, and write a test with two scales.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check pyarrow==26.0.1
npm install --silent --no-audit --no-fund --ignore-scripts --prefix . apache-arrow@21.2.0
venv/bin/python - <<'PY'
import decimal, pyarrow as pa
print("pyarrow", pa.__version__)
table = pa.table({"price": pa.array([decimal.Decimal("123.45"), decimal.Decimal("-0.01")], pa.decimal128(10, 2)),
                  "rate": pa.array([decimal.Decimal("0.07000"), decimal.Decimal("1.50000")], pa.decimal128(10, 5))})
with pa.OSFile("t.arrow", "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
    writer.write_table(table)
print(table.to_pylist())
PY
cat > read.mjs <<'JS'
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { tableFromIPC } from 'apache-arrow';
const table = tableFromIPC(readFileSync('t.arrow'));
const texts = table.schema.fields.map((f) => [String(f.type), [...table.getChild(f.name)].map(String)]);
const number = Number(table.getChild('price').get(0));
const json = JSON.stringify(table.get(0));
console.log('apache-arrow 21.2.0', JSON.stringify(texts), number, json);
assert.deepEqual(texts.map((t) => t[1]), [['12345', '-1'], ['7000', '150000']]);
assert.equal(number, 12345);
assert.equal(json, '{"price":"\\"12345\\"","rate":"\\"7000\\""}');
JS
node read.mjs
