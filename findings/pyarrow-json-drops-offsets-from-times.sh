#!/usr/bin/env bash
# pyarrow.json: texts that look like times become times without a zone, and one row with a fraction turns the column back to text
#
# Expected: JSON has no times, so strings stay strings unless a schema says otherwise (Polars, DataFusion); a reader that does guess keeps "has an offset"
#   apart from "has none" (DuckDB: TIMESTAMP WITH TIME ZONE).
# Seen: read_json infers timestamp[s], with no zone. "10:00:00+02:00", "10:00:00" and "10:00:00Z" in one column become the naive 08:00, 10:00 and 10:00:
#   the local time and the instant are one column now, and which was which is lost. A plain date becomes midnight. But a single row with milliseconds
#   ("10:00:00.123Z") anywhere in the block leaves the whole column as text, so the type depends on the data.
# With: pyarrow 26.0.1, duckdb 2.0.1, polars 2.1.0; 2026-11-28.
# Matters: logs and event exports in JSON lines mix such forms. The first file is hours off, the second has another schema. Give read_json an
#   explicit_schema with strings, and parse times yourself.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check pyarrow==26.0.1 duckdb==2.0.1 polars==2.1.0 pytz==2026.2
venv/bin/python - <<'PY'
import datetime, duckdb, json, polars as pl, pyarrow as pa, pyarrow.json as pj
print("pyarrow", pa.__version__, "duckdb", duckdb.__version__, "polars", pl.__version__)
def read(name, values):
    with open(name, "w") as out:
        out.writelines(json.dumps({"t": value}) + "\n" for value in values)
    column = pj.read_json(name).column("t")
    return str(column.type), [str(value) for value in column.to_pylist()]
mixed = read("mixed.jsonl", ["2026-11-28T10:00:00+02:00", "2026-11-28T10:00:00", "2026-11-28T10:00:00Z"])
finer = read("finer.jsonl", ["2026-11-28T10:00:00Z", "2026-11-28T10:00:00.123Z"])
print("mixed", *mixed)
print("finer", *finer)
assert mixed == ("timestamp[s]", ["2026-11-28 08:00:00", "2026-11-28 10:00:00", "2026-11-28 10:00:00"])
assert finer == ("string", ["2026-11-28T10:00:00Z", "2026-11-28T10:00:00.123Z"])
print("polars", pl.read_ndjson("mixed.jsonl").schema, "duckdb on finer", [str(t) for t in duckdb.sql("FROM read_json('finer.jsonl')").types])
assert pl.read_ndjson("mixed.jsonl").schema["t"] == pl.String
assert [str(t) for t in duckdb.sql("FROM read_json('finer.jsonl')").types] == ["TIMESTAMP WITH TIME ZONE"]
PY
