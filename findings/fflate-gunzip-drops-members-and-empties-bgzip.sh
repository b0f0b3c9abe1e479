#!/usr/bin/env bash
# fflate: gunzipSync takes the first member of a gzip file, and as many bytes as the LAST member's trailer says
#
# Expected: RFC 1952 lets a gzip file be a series of members, and zlib, pako, Go, Java and DecompressionStream all give their concatenation. A library
#   that only knew one member would stop with an error at the second.
# Seen: gunzipSync and gunzip size their output from the last four bytes of the file, which belong to the last member, fill it from the first member and
#   return without an error. A member of 1000 bytes and one of 4 give 4 bytes of the first. A file as bgzip writes it ends with an empty member, so the
#   result is empty. The streaming class of the same library (Gunzip) gives everything.
# With: fflate 0.8.3, node 20, pako 3.0.3; 2026-11-28.
# Matters: bgzip, `cat a.gz b.gz`, log shippers that append, and parallel compressors all write such files, and fflate is a usual choice in browsers.
#   An upload page that previews or counts rows with it shows a short or an empty file. Use its streaming class.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --silent --no-audit --no-fund --ignore-scripts --prefix . fflate@0.8.3 pako@3.0.3
cat > read.mjs <<'JS'
import assert from 'node:assert/strict';
import zlib from 'node:zlib';
import { gunzipSync, Gunzip } from 'fflate';
import { ungzip } from 'pako';
console.log('node', process.version, 'fflate 0.8.3 pako 3.0.3');
const long = Buffer.alloc(1000, 'x');
const two = Buffer.concat([zlib.gzipSync(long), zlib.gzipSync('tail')]);
// A block of bgzip's has an extra field; what counts here is that the last member is empty.
const blocks = Buffer.concat([zlib.gzipSync('a,b\n1,2\n'), Buffer.from('1f8b08040000000000ff0600424302001b0003000000000000000000', 'hex')]);
const text = (bytes) => Buffer.from(bytes).toString();
const streamed = (bytes) => {
  const parts = [];
  new Gunzip((part) => parts.push(Buffer.from(part))).push(bytes, true);
  return Buffer.concat(parts).toString();
};
console.log('two members  zlib', zlib.gunzipSync(two).length, 'pako', ungzip(two).length, 'Gunzip', streamed(two).length, 'gunzipSync', gunzipSync(two).length);
console.log('bgzip-like   zlib', zlib.gunzipSync(blocks).length, 'gunzipSync', gunzipSync(blocks).length);
assert.equal(zlib.gunzipSync(two).length, 1004);
assert.equal(ungzip(two).length, 1004);
assert.equal(streamed(two), long.toString() + 'tail');
assert.equal(text(gunzipSync(two)), 'xxxx');
assert.equal(zlib.gunzipSync(blocks).toString(), 'a,b\n1,2\n');
assert.equal(gunzipSync(blocks).length, 0);
JS
node read.mjs
