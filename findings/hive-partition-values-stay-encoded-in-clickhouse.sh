#!/usr/bin/env bash
# Hive partitions: ClickHouse reads a%20b where everybody writes "a b", and DataFusion a text where there is NULL
#
# Expected: all writers percent-encode a partition's value in its folder's name and spell NULL as __HIVE_DEFAULT_PARTITION__, so all readers undo both.
# Seen: pyarrow, DuckDB and Polars do, each with the others' folders. chDB takes the folder's text as it stands: "a b" is a%20b, "x/y" is x%2Fy, and NULL
#   is the text __HIVE_DEFAULT_PARTITION__. DataFusion decodes, but gives NULL as that text too.
# With: pyarrow 26.0.1 as the writer, duckdb 2.0.1, polars 2.1.0, datafusion 55.0.0, chdb 4.4.0 (ClickHouse 26.9.2.1); 2026-11-28.
# Matters: GROUP BY and joins on the partition key miss in silence, only for the values with a blank, a slash, a colon or letters past ASCII (times of
#   day, names of customers). Whoever lays out folders for several readers should allow keys of [A-Za-z0-9_.-] only, and no NULL.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check pyarrow==26.0.1 duckdb==2.0.1 polars==2.1.0 datafusion==55.0.0 chdb==4.4.0
venv/bin/python - <<'PY'
import json, chdb, datafusion, duckdb, polars as pl, pyarrow as pa, pyarrow.dataset as ds
print("pyarrow", pa.__version__, "duckdb", duckdb.__version__, "polars", pl.__version__, "datafusion", datafusion.__version__, "chdb 4.4.0")
values = ["plain", "a b", "x/y", "10:30", None]
table = pa.table({"p": pa.array(values), "v": list(range(len(values)))})
ds.write_dataset(table, "d", format="parquet", partitioning=ds.partitioning(pa.schema([("p", pa.string())]), flavor="hive"))
def ordered(rows):
    return [row["p"] for row in sorted(rows, key=lambda row: row["v"])]
seen = {
    "pyarrow": ordered(ds.dataset("d", partitioning="hive").to_table().to_pylist()),
    "duckdb": ordered({"p": p, "v": v} for p, v in duckdb.sql("SELECT p, v FROM read_parquet('d/**/*.parquet', hive_partitioning = true)").fetchall()),
    "polars": ordered(pl.scan_parquet("d", hive_partitioning=True).collect().to_dicts()),
    "datafusion": ordered(datafusion.SessionContext().read_parquet("d", table_partition_cols=[("p", pa.string())]).to_pylist()),
    "clickhouse": ordered(json.loads(line) for line in str(chdb.query("SELECT p, v FROM file('d/**/*.parquet')", "JSONEachRow")).splitlines() if line),
}
for name, got in seen.items():
    print(f"{name:<10}", got)
null = "__HIVE_DEFAULT_PARTITION__"
assert seen["pyarrow"] == seen["duckdb"] == seen["polars"] == values
assert seen["datafusion"] == ["plain", "a b", "x/y", "10:30", null]
assert seen["clickhouse"] == ["plain", "a%20b", "x%2Fy", "10%3A30", null]
PY
