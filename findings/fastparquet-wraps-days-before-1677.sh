#!/usr/bin/env bash
# fastparquet: a day of the year 1 is read as a day of 1754
#
# Expected: DATE in Parquet is a number of days, which reaches millions of years. Where pandas' nanoseconds (1677 to 2262) cannot hold one, a reader
#   takes a coarser unit, as pandas has had since 2.0, or refuses.
# Seen: the days are multiplied until they wrap around: 0001-01-01 is 1754-08-30, without an error or a warning. pyarrow and DuckDB read it right.
# With: fastparquet 2026.9.0, pyarrow 26.0.1; 2026-11-29.
# Matters: 0001-01-01 and 9999-12-31 are the usual "never" of databases. They arrive as plausible days of other centuries.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check fastparquet==2026.9.0 pyarrow==26.0.1
venv/bin/python - <<'PY'
import datetime
from importlib.metadata import version
import fastparquet, pyarrow as pa, pyarrow.parquet as pq
print("fastparquet", version("fastparquet"), "pyarrow", version("pyarrow"))
days = [datetime.date(1, 1, 1), datetime.date(2024, 5, 1), datetime.date(9999, 12, 31)]
pq.write_table(pa.table({"until": days}), "days.parquet")
assert pq.read_table("days.parquet")["until"].to_pylist() == days
read = [str(day)[:10] for day in fastparquet.ParquetFile("days.parquet").to_pandas()["until"]]
print(read)
assert read[0] == "1754-08-30" and read[1] == "2024-05-01"
assert read[2] != "9999-12-31"
PY
