#!/usr/bin/env bash
# hyparquet: orderBy on texts with one null leaves them unsorted, and among numbers null stands where 0 would
#
# Expected: parquetQuery's orderBy sorts, with missing values all at one end, as SQL, pandas and Polars do, and NaN there too.
# Seen: rows are compared by JavaScript's < and >, which are false between a text and null, and false for NaN. b, null, a, zz comes out as b, null, a,
#   zz; 3, NaN, 1, 2 as it was; and 3, null, -2, 5 as -2, null, 3, 5. With rowEnd: 2 one gets the first two of that, so b and null.
# With: hyparquet 1.33.0, hyparquet-writer 0.17.0; node 20; 2026-11-29.
# Matters: a page's "top ten" of a column shows other rows than the ten largest as soon as one cell is empty, and no row looks wrong. Filter the
#   column for { $ne: null } and sort rows yourself.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --silent --no-audit --no-fund --ignore-scripts --prefix . hyparquet@1.33.0 hyparquet-writer@0.17.0
cat > sort.mjs <<'JS'
import assert from 'node:assert/strict';
import { parquetQuery } from 'hyparquet';
import { parquetWriteBuffer } from 'hyparquet-writer';
const sort = async (data, options) => {
  const file = parquetWriteBuffer({ columnData: [{ name: 'a', data }] });
  const seen = (await parquetQuery({ file, orderBy: 'a', ...options })).map((row) => row.a);
  console.log(data, '->', seen);
  return seen;
};
assert.deepEqual(await sort(['b', 'a', 'zz']), ['a', 'b', 'zz']);
assert.deepEqual(await sort(['b', null, 'a', 'zz']), ['b', null, 'a', 'zz']);
assert.deepEqual(await sort(['b', null, 'a', 'zz'], { rowEnd: 2 }), ['b', null]);
assert.deepEqual(await sort([3, NaN, 1, 2]), [3, NaN, 1, 2]);
assert.deepEqual(await sort([3, null, -2, 5]), [-2, null, 3, 5]);
JS
node sort.mjs
