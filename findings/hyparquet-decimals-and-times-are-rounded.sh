#!/usr/bin/env bash
# hyparquet: DECIMAL columns arrive as doubles, microseconds and nanoseconds as milliseconds
#
# Expected: a reader that hands INT64 over as BigInt, so as not to lose a digit, treats DECIMAL(38, s) with the same care, and raises or offers an option
#   for what a Date cannot hold.
# Seen: a decimal is computed in floating point: 12345678901234567890.12 arrives as 12345678901234567000, 1.000000000000000001 as 1. Timestamps of all
#   units arrive as Date, cut to the millisecond. Nothing is said.
# With: hyparquet 1.33.0, pyarrow 26.0.1 as the writer; node 20; 2026-11-28.
# Matters: money and keys made of microseconds in a page's preview differ from the file. Two rows that differ in the file look alike. Give the reader its
#   `parsers` for dates, and decode decimals yourself, where digits count.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check pyarrow==26.0.1
npm install --silent --no-audit --no-fund --ignore-scripts --prefix . hyparquet@1.33.0
venv/bin/python - <<'PY'
import decimal, pyarrow as pa, pyarrow.parquet as pq
print("pyarrow", pa.__version__)
pq.write_table(pa.table({
    "big": pa.array([decimal.Decimal("12345678901234567890.12")], pa.decimal128(38, 2)),
    "fine": pa.array([decimal.Decimal("1.000000000000000001")], pa.decimal128(38, 18)),
    "id": pa.array([9007199254740993]),
    "us": pa.array([1795861800123456], pa.timestamp("us", "UTC")),
}), "t.parquet")
PY
cat > read.mjs <<'JS'
import assert from 'node:assert/strict';
import { asyncBufferFromFile, parquetReadObjects } from 'hyparquet';
const [row] = await parquetReadObjects({ file: await asyncBufferFromFile('t.parquet') });
console.log('hyparquet 1.33.0', row);
assert.equal(row.big, 12345678901234567000);
assert.equal(row.fine, 1);
assert.equal(row.id, 9007199254740993n);
assert.equal(row.us.toISOString(), '2026-11-28T10:30:00.123Z');
JS
node read.mjs
