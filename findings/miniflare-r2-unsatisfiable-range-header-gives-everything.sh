#!/usr/bin/env bash
# Miniflare's R2: a Range header past the object's end gives the whole object, and an offset past it raises
#
# Expected: bucket.get(key, { range: request.headers }) is made for passing a request's header on, so "bytes=9-10" of five bytes is 416 (RFC 9110), in R2's
#   terms the error "The requested range is not satisfiable", as { offset: 9 } gives.
# Seen: the header form returns all five bytes with range { offset: 0, length: 5 }. Two ranges in one header do the same, which RFC 9110 allows.
# With: miniflare 4.20260426.0, node 20; 2026-11-28. (Seen in the local emulator; the hosted bucket was not asked.)
# Matters: a Worker that answers 206 whenever it was given a Range header sends the start of the object under a Content-Range of its end, and a client that
#   resumes a finished download appends the whole file again. Compare the returned range with the one asked for.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --silent --no-audit --no-fund --ignore-scripts --prefix . miniflare@4.20260426.0
cat > run.mjs <<'JS'
import assert from 'node:assert/strict';
import { Miniflare } from 'miniflare';
const script = `export default { async fetch(request, { BUCKET }) {
  await BUCKET.put('k', 'hello');
  const get = async (range) => {
    try {
      const found = await BUCKET.get('k', { range });
      return [await found.text(), found.range];
    } catch (error) {
      return error.message;
    }
  };
  const header = (value) => get(new Headers({ range: value }));
  return Response.json([await header('bytes=1-2'), await header('bytes=9-10'), await get({ offset: 9 })]);
} }`;
const local = new Miniflare({ modules: true, script, r2Buckets: ['BUCKET'], compatibilityDate: '2026-04-01' });
const seen = await (await local.dispatchFetch('http://localhost/')).json();
await local.dispose();
console.log('miniflare 4.20260426.0', JSON.stringify(seen));
assert.deepEqual(seen[0], ['el', { offset: 1, length: 2 }]);
assert.deepEqual(seen[1], ['hello', { offset: 0, length: 5 }]);
assert.match(seen[2], /not satisfiable/);
JS
node run.mjs
