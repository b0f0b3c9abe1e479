#!/usr/bin/env bash
# @dsnp/parquetjs: unsigned columns of other writers come out negative, and DECIMAL(9, 2) as bytes
#
# Expected: Parquet stores UINT_32 and UINT_64 in signed physical types and says so in the column's logical and converted type; the package knows the
#   names UINT_32 and UINT_64 in its own schemas, so it reads them back as what they are.
# Seen: 4294967295 arrives as -1, and 18446744073709551615 as -1n. UINT_16 is right, since it fits. A DECIMAL on fixed_len_byte_array arrives as a
#   Buffer of its big-endian unscaled value, with no sign of its scale in the row.
# With: @dsnp/parquetjs 1.8.8, pyarrow 26.0.1 as the writer; node 20; 2026-11-28.
# Matters: hashes, sizes and ids are just what writers declare unsigned. Half of all 64-bit hashes change their sign, and a comparison or a join with the
#   writer's own numbers misses them.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check pyarrow==26.0.1
npm install --silent --no-audit --no-fund --ignore-scripts --prefix . @dsnp/parquetjs@1.8.8
venv/bin/python - <<'PY'
import decimal, pyarrow as pa, pyarrow.parquet as pq
print("pyarrow", pa.__version__)
pq.write_table(pa.table({
    "u16": pa.array([65535], pa.uint16()),
    "u32": pa.array([4294967295], pa.uint32()),
    "u64": pa.array([18446744073709551615], pa.uint64()),
    "price": pa.array([decimal.Decimal("-3.30")], pa.decimal128(9, 2)),
}), "t.parquet")
print(pq.ParquetFile("t.parquet").schema.to_arrow_schema())
PY
cat > read.mjs <<'JS'
import assert from 'node:assert/strict';
import parquet from '@dsnp/parquetjs';
const reader = await parquet.ParquetReader.openFile('t.parquet');
const row = await reader.getCursor().next();
await reader.close();
console.log('@dsnp/parquetjs 1.8.8', row);
assert.equal(row.u16, 65535);
assert.equal(row.u32, -1);
assert.equal(row.u64, -1n);
assert.ok(Buffer.isBuffer(row.price) && row.price.readInt32BE(0) === -330);
JS
node read.mjs
