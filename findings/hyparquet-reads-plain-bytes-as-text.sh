#!/usr/bin/env bash
# hyparquet: a column of plain bytes is decoded as UTF-8, and what is not UTF-8 is replaced
#
# Expected: BYTE_ARRAY without a logical type is bytes (STRING is an annotation of its own), so a digest or a sketch arrives as Uint8Array, as a
#   fixed_len_byte_array of the same bytes does here.
# Seen: with the defaults the bytes FF 00 arrive as the text "\ufffd\u0000"; there is no way back from it. `utf8: false` gives Uint8Array, and leaves
#   annotated strings strings.
# With: hyparquet 1.33.0, pyarrow 26.0.1 as the writer; node 20; 2026-11-28.
# Matters: the default is kind to old writers that did not annotate strings, and it destroys binary columns in a preview or a copy, in silence. Pass
#   `utf8: false` wherever the annotation can be trusted.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check pyarrow==26.0.1
npm install --silent --no-audit --no-fund --ignore-scripts --prefix . hyparquet@1.33.0
venv/bin/python - <<'PY'
import pyarrow as pa, pyarrow.parquet as pq
print("pyarrow", pa.__version__)
pq.write_table(pa.table({"bytes": pa.array([b"\xff\x00"]), "fixed": pa.array([b"\xff\x00"], pa.binary(2)), "text": ["ok"]}), "t.parquet")
PY
cat > read.mjs <<'JS'
import assert from 'node:assert/strict';
import { asyncBufferFromFile, parquetReadObjects } from 'hyparquet';
const file = await asyncBufferFromFile('t.parquet');
const [byDefault] = await parquetReadObjects({ file });
const [strict] = await parquetReadObjects({ file, utf8: false });
console.log('hyparquet 1.33.0', byDefault, strict);
assert.equal(byDefault.bytes, '\ufffd\u0000');
assert.deepEqual([...byDefault.fixed], [255, 0]);
assert.deepEqual([...strict.bytes], [255, 0]);
assert.equal(strict.text, 'ok');
JS
node read.mjs
