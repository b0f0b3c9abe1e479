#!/usr/bin/env bash
# Miniflare's D1: every number that is bound is a REAL, so 42 in a TEXT column is '42.0', and true is '1.0'
#
# Expected: a whole number goes to SQLite as INTEGER, so that 42 in a TEXT column is '42', as it is with a literal in the statement, and as the number's own
#   text in JavaScript is.
# Seen: typeof(?) is 'real' for 1 and for true; an INSERT of 42 into a TEXT column stores '42.0'; and ?1 || '' of 3000000000 is '3000000000.0'. Columns
#   of INTEGER affinity turn it back, which is why it is seldom seen. BigInt is refused with D1_TYPE_ERROR.
# With: miniflare 4.20260426.0, node 20; 2026-11-28. (Seen in the local emulator; the hosted database was not asked.)
# Matters: ids in TEXT columns, keys put together in SQL and JSON made by SQL get a ".0", and a later comparison with the text '42' fails. Bind
#   String(n) for text, and CAST(? AS INTEGER) where SQL builds text.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --silent --no-audit --no-fund --ignore-scripts --prefix . miniflare@4.20260426.0
cat > run.mjs <<'JS'
import assert from 'node:assert/strict';
import { Miniflare } from 'miniflare';
const script = `export default { async fetch(request, { DB }) {
  await DB.exec('CREATE TABLE t (id INTEGER PRIMARY KEY, ref TEXT)');
  const first = (sql, ...values) => DB.prepare(sql).bind(...values).first();
  return Response.json([
    await first('SELECT typeof(?1) AS a, typeof(?2) AS b', 1, true),
    await first('INSERT INTO t (id, ref) VALUES (?1, ?1) RETURNING typeof(id) AS id, ref', 42),
    await first("SELECT ?1 || '' AS joined, 42 || '' AS literal", 3000000000),
    await first('INSERT INTO t (id, ref) VALUES (2, ?1) RETURNING ref', true),
  ]);
} }`;
const local = new Miniflare({ modules: true, script, d1Databases: ['DB'], compatibilityDate: '2026-04-01' });
const seen = await (await local.dispatchFetch('http://localhost/')).json();
await local.dispose();
console.log('miniflare 4.20260426.0', JSON.stringify(seen));
assert.deepEqual(seen, [
  { a: 'real', b: 'real' },
  { id: 'integer', ref: '42.0' },
  { joined: '3000000000.0', literal: '42' },
  { ref: '1.0' },
]);
JS
node run.mjs
