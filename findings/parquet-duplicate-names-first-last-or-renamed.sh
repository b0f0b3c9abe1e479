#!/usr/bin/env bash
# Parquet with two columns of one name: the first, the last, both, or an error, by the reader
#
# Expected: a writer refuses a schema with two columns of one name, or every reader does; at worst they agree on which one "a" is.
# Seen: pyarrow writes the file without a word; its read_table raises ArrowInvalid, its ParquetFile.read gives both. hyparquet's rows hold the first
#   column, @dsnp/parquetjs' rows the last, DuckDB has `a` and `a_1`, Polars raises. DuckDB also renames `A` beside `a` (to `A_1`).
# With: pyarrow 26.0.1, duckdb 2.0.1, polars 2.1.0, hyparquet 1.33.0, @dsnp/parquetjs 1.8.8; 2026-11-28.
# Matters: joins make such tables easily. A preview in the browser and a load on the server then show different values under one name, both in silence.
#   Refuse duplicate leaf names (also by case) from the footer, before any row is read.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check pyarrow==26.0.1 duckdb==2.0.1 polars==2.1.0
npm install --silent --no-audit --no-fund --ignore-scripts --prefix . hyparquet@1.33.0 @dsnp/parquetjs@1.8.8
venv/bin/python - <<'PY'
import duckdb, polars as pl, pyarrow as pa, pyarrow.parquet as pq
print("pyarrow", pa.__version__, "duckdb", duckdb.__version__, "polars", pl.__version__)
for name, names in (("same", ["a", "a"]), ("case", ["a", "A"])):
    pq.write_table(pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=names), name + ".parquet")
try:
    pq.read_table("same.parquet")
    raise SystemExit("pyarrow read it")
except pa.ArrowInvalid as error:
    print("pyarrow", str(error)[:50])
assert pq.ParquetFile("same.parquet").read().column_names == ["a", "a"]
try:
    pl.read_parquet("same.parquet")
    raise SystemExit("polars read it")
except pl.exceptions.DuplicateError as error:
    print("polars ", str(error).splitlines()[0])
seen = [(duckdb.sql(f"FROM '{n}.parquet'").columns, duckdb.sql(f"FROM '{n}.parquet'").fetchall()[0]) for n in ("same", "case")]
print("duckdb ", seen)
assert seen == [(["a", "a_1"], (1, 2)), (["a", "A_1"], (1, 2))]
PY
cat > read.mjs <<'JS'
import assert from 'node:assert/strict';
import { asyncBufferFromFile, parquetReadObjects } from 'hyparquet';
import parquet from '@dsnp/parquetjs';
const first = await parquetReadObjects({ file: await asyncBufferFromFile('same.parquet') });
const reader = await parquet.ParquetReader.openFile('same.parquet');
const last = await reader.getCursor().next();
await reader.close();
console.log('hyparquet 1.33.0', first, '@dsnp/parquetjs 1.8.8', last);
assert.deepEqual(first, [{ a: 1n }]);
assert.equal(last.a, 2n);
JS
node read.mjs
