#!/usr/bin/env bash
# avsc: a schema inferred from values has 32-bit floats, so a time in milliseconds is rounded to two minutes
#
# Expected: a number of JavaScript is a double. Type.forValue, which makes a schema for a given value, picks int or long for whole numbers and double
#   for the rest, so that the value passes through its own schema unchanged.
# Seen: whole numbers past 31 bits and all fractions give "float". 1764439200123 comes back as 1764439228416, 28 seconds later; 3000000001 as
#   3000000000; 0.1 as 0.10000000149011612. Only numbers that overflow a float (1e39), or are 2^53 - 1 and more, give "double".
# With: avsc 5.7.9; node 20; 2026-11-29.
# Matters: events are written so, schema first seen with the first event, and times and amounts look right until they are compared. Give forValue a
#   typeHook that makes long or double of it, or write the schema by hand.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --silent --no-audit --no-fund --ignore-scripts --prefix . avsc@5.7.9
cat > infer.cjs <<'JS'
const assert = require('node:assert/strict');
const avro = require('avsc');
const type = avro.Type.forValue({ id: 3000000001, price: 0.1, at: 1764439200123, small: 7, large: 1e39 });
const back = type.fromBuffer(type.toBuffer({ id: 3000000001, price: 0.1, at: 1764439200123, small: 7, large: 1e39 }));
console.log('avsc', require('avsc/package.json').version, JSON.stringify(type), { ...back });
assert.deepEqual(type.fields.map((field) => field.type.toString()), ['"float"', '"float"', '"float"', '"int"', '"double"']);
assert.deepEqual({ ...back }, { id: 3000000000, price: Math.fround(0.1), at: 1764439228416, small: 7, large: 1e39 });
JS
node infer.cjs
