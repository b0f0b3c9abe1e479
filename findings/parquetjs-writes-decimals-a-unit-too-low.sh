#!/usr/bin/env bash
# @dsnp/parquetjs: DECIMAL columns are floored in binary, so 1.15 is written as 1.14 and -0.07 as -0.08
#
# Expected: a value with no more digits than the column's scale is written as it is; a writer that multiplies by 10^scale rounds to the nearest.
# Seen: 1.15 * 100 is 114.99999999999999 in doubles and is floored to 114; -0.07 * 100 is -7.000000000000001 and is floored to -8. Any reader
#   sees a valid DECIMAL(10, 2). A DATE is not floored: an hour before 1970 is written as 1970-01-01.
# With: @dsnp/parquetjs 1.8.8, read by pyarrow 26.0.1; node 20; 2026-11-28.
# Matters: of all amounts from 0.00 to 9.99 69 lose a cent, which no schema check finds. Write amounts as INT64 of minor units, or add half
#   a unit before.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check pyarrow==26.0.1
npm install --silent --no-audit --no-fund --ignore-scripts --prefix . @dsnp/parquetjs@1.8.8
cat > write.mjs <<'JS'
import parquet from '@dsnp/parquetjs';
const write = async (name, type, values) => {
  const writer = await parquet.ParquetWriter.openFile(new parquet.ParquetSchema({ x: type }), name);
  for (const x of values) await writer.appendRow({ x });
  await writer.close();
};
await write('few.parquet', { type: 'DECIMAL', precision: 10, scale: 2 }, [1.15, -0.07, 1.25]);
await write('all.parquet', { type: 'DECIMAL', precision: 10, scale: 2 }, Array.from({ length: 1000 }, (_, i) => i / 100));
await write('day.parquet', { type: 'DATE' }, [new Date('1969-12-31T23:00:00Z'), new Date('2026-11-28T23:00:00Z')]);
JS
node write.mjs
venv/bin/python - <<'PY'
import pyarrow as pa, pyarrow.parquet as pq
def read(name):
    return pq.read_table(name + ".parquet").column("x")
few, days = read("few"), [str(day) for day in read("day").to_pylist()]
wrong = sum(int(value * 100) != cents for cents, value in enumerate(read("all").to_pylist()))
print("@dsnp/parquetjs 1.8.8, pyarrow", pa.__version__, few.type, [str(v) for v in few.to_pylist()], "of 1000:", wrong, days)
assert [str(v) for v in few.to_pylist()] == ["1.14", "-0.08", "1.25"]
assert wrong == 69
assert days == ["1970-01-01", "2026-11-28"]
PY
