#!/usr/bin/env bash
# Miniflare's D1: a typed array is stored element by element as bytes, so 300 becomes 44 and 1.5 becomes 1
#
# Expected: a typed array is a view on its bytes, so a Float64Array of two is a blob of 16 bytes, or it is refused, as a plain array with a text in it is.
# Seen: D1 makes an array of numbers of it and keeps each one's low byte. Uint16Array [1, 300] is the blob 01 2C, Float64Array [1.5, -1] is 01 FF. Only
#   Uint8Array and ArrayBuffer hold what was given: the same Uint16Array's .buffer is 01 00 2C 01.
# With: miniflare 4.20260426.0, node 20; 2026-11-28. (Seen in the local emulator; the hosted database was not asked.)
# Matters: embeddings and sketches are kept as Float32Array and Uint32Array. They come back as so many bytes as there were elements, with no error on
#   either way. Bind `new Uint8Array(a.buffer, a.byteOffset, a.byteLength)`.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --silent --no-audit --no-fund --ignore-scripts --prefix . miniflare@4.20260426.0
cat > run.mjs <<'JS'
import assert from 'node:assert/strict';
import { Miniflare } from 'miniflare';
const script = `export default { async fetch(request, { DB }) {
  const short = new Uint16Array([1, 300]);
  const seen = [];
  for (const value of [new Uint8Array([1, 44]), short, new Float64Array([1.5, -1]), short.buffer]) {
    seen.push(await DB.prepare('SELECT hex(?1)').bind(value).first('hex(?1)'));
  }
  return Response.json(seen);
} }`;
const local = new Miniflare({ modules: true, script, d1Databases: ['DB'], compatibilityDate: '2026-04-01' });
const seen = await (await local.dispatchFetch('http://localhost/')).json();
await local.dispose();
console.log('miniflare 4.20260426.0', JSON.stringify(seen));
assert.deepEqual(seen, ['012C', '012C', '01FF', '01002C01']);
JS
node run.mjs
