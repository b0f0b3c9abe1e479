#!/usr/bin/env bash
# fastparquet: integers that pyarrow wrote as differences come back as other integers
#
# Expected: DELTA_BINARY_PACKED is an encoding of the Parquet format since 2013, and fastparquet lists it as supported. So 64-bit integers that
#   pyarrow writes with it are read as they were, or refused.
# Seen: differences that need more than 24 bits lose their high bits: 1, 5, 1099511627776 is read as 1, 5, 16777216. Nothing warns. A column of
#   smaller steps is right, so a first look at a file shows nothing.
# With: fastparquet 2026.9.0, pyarrow 26.0.1; 2026-11-29.
# Matters: writers choose this encoding for ids and timestamps, since it is small. A reader matrix has to compare cells, not only open files.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check fastparquet==2026.9.0 pyarrow==26.0.1
venv/bin/python - <<'PY'
from importlib.metadata import version
import fastparquet, pyarrow as pa, pyarrow.parquet as pq
print("fastparquet", version("fastparquet"), "pyarrow", version("pyarrow"))
def through(values):
    table = pa.table({"id": pa.array(values, pa.int64())})
    pq.write_table(table, "ids.parquet", use_dictionary=False, column_encoding={"id": "DELTA_BINARY_PACKED"})
    assert pq.read_table("ids.parquet")["id"].to_pylist() == values
    return fastparquet.ParquetFile("ids.parquet").to_pandas()["id"].tolist()
small, wide = through([1, 5, 9, 1000]), through([1, 5, 2**40])
print("small steps", small, "one wide step", wide)
assert small == [1, 5, 9, 1000]
assert wide == [1, 5, 16777216]
PY
