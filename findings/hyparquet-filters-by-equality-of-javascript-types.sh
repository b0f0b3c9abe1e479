#!/usr/bin/env bash
# hyparquet: the filter { id: 5 } finds nothing in a column of 64-bit integers, and { id: { $gt: 4 } } finds the 5
#
# Expected: a filter compares a cell with a value of the column's type, so a whole number is turned into what the column holds, or the filter raises
#   (it does so for a column that does not exist).
# Seen: INT64 arrives as BigInt, and $eq, $in and $ne compare strictly: { id: 5 } gives no row, { id: { $ne: 5 } } all of them. $gt and $lt mix both
#   kinds. For INT32 it is the other way around: 5n finds nothing. An ISO text against a DATE column finds nothing either.
# With: hyparquet 1.33.0, pyarrow 26.0.1 as the writer; node 20; 2026-11-29.
# Matters: which of the two a column is depends on the writer (DuckDB's INTEGER and pandas' int64 are not the same), so a filter works on one file and
#   finds nothing in the next. Look at the schema and make the value's type from it.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --silent --no-audit --no-fund --ignore-scripts --prefix . hyparquet@1.33.0
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check pyarrow==26.0.1
venv/bin/python - <<'PY'
import datetime, pyarrow, pyarrow.parquet
days = [datetime.date(2026, 11, 28), datetime.date(2026, 11, 29)]
pyarrow.parquet.write_table(pyarrow.table({"id": [5, 6], "small": pyarrow.array([5, 6], pyarrow.int32()), "day": days}), "t.parquet")
PY
cat > filter.mjs <<'JS'
import assert from 'node:assert/strict';
import { asyncBufferFromFile, parquetQuery } from 'hyparquet';
const file = await asyncBufferFromFile('t.parquet');
for (const [filter, rows] of [
  [{ id: 5 }, 0], [{ id: 5n }, 1], [{ id: { $in: [5, 6] } }, 0], [{ id: { $ne: 5 } }, 2], [{ id: { $gt: 5 } }, 1],
  [{ small: 5 }, 1], [{ small: 5n }, 0], [{ day: { $gte: '2026-11-29' } }, 0], [{ day: { $gte: new Date('2026-11-29') } }, 1],
]) {
  const { length } = await parquetQuery({ file, filter });
  console.log(filter, '->', length);
  assert.equal(length, rows);
}
await assert.rejects(parquetQuery({ file, filter: { none: 5 } }), /not found/);
JS
node filter.mjs
