#!/usr/bin/env bash
# JSON lines: a field that first appears past the inferred rows is dropped by Polars and DataFusion, and kept by three others
#
# Expected: a field that a schema inferred from the first rows lacks is an error, as a value of another type there is one, or the reader looks at the whole
#   file: in JSON lines optional fields are the rule.
# Seen: with "refund" only in row 20001, Polars (read_ndjson and scan_ndjson) and DataFusion return a table without the column, in silence. pyarrow, DuckDB
#   and ClickHouse return it. In the same two, a late value of another type in a known field does raise (a text for a number).
# With: polars 2.1.0, datafusion 55.0.0, pyarrow 26.0.1, duckdb 2.0.1, chdb 4.4.0; 2026-11-28.
# Matters: rare fields are the interesting ones (errors, refunds, flags). A conversion to Parquet loses them and still has the right number of rows. Infer
#   from the whole file (`infer_schema_length=None` in Polars), or compare the keys.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check polars==2.1.0 datafusion==55.0.0 pyarrow==26.0.1 duckdb==2.0.1 chdb==4.4.0
venv/bin/python - <<'PY'
import chdb, datafusion, duckdb, json, polars as pl, pyarrow as pa, pyarrow.json as pj
print("polars", pl.__version__, "datafusion", datafusion.__version__, "pyarrow", pa.__version__, "duckdb", duckdb.__version__, "chdb 4.4.0")
with open("t.jsonl", "w") as out:
    out.write('{"id":1}\n' * 20000 + '{"id":2,"refund":9}\n')
last = str(chdb.query("SELECT * FROM file('t.jsonl') WHERE id = 2", "JSONEachRow")).strip()
seen = {
    "polars": pl.read_ndjson("t.jsonl").columns,
    "polars scan": pl.scan_ndjson("t.jsonl").collect().columns,
    "datafusion": datafusion.SessionContext().read_json("t.jsonl", file_extension=".jsonl").schema().names,
    "pyarrow": pj.read_json("t.jsonl").column_names,
    "duckdb": duckdb.sql("FROM read_json('t.jsonl')").columns,
    "clickhouse": list(json.loads(last)),
}
for name, columns in seen.items():
    print(f"{name:<11}", columns)
    assert list(columns) == (["id"] if name in ("polars", "polars scan", "datafusion") else ["id", "refund"]), name
PY
