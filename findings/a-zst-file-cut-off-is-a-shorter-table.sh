#!/usr/bin/env bash
# zstd: a .csv.zst that ends half way is a shorter table to pandas and DuckDB, and no error
#
# Expected: a Zstandard frame has an end (a last block), so a file that stops before it raises, as a cut .csv.gz does in pandas, DuckDB and everywhere
#   else.
# Seen: python-zstandard returns what it has, from open(), stream_reader() and copy_stream(), and so pandas gives 99530 of 200000 rows. DuckDB gives
#   as many, unless the cut leaves a row that it cannot read. Polars, pyarrow and backports.zstd raise. The same table as .gz raises in pandas and in
#   DuckDB.
# With: zstandard 0.25.0, pandas 3.1.1, duckdb 2.0.1; polars 2.1.0, pyarrow 26.0.1, backports.zstd 1.8.0; Python 3.11; 2026-11-29.
# Matters: an upload or a download that broke off is exactly such a file. It becomes a report with half of the rows. Compare the size or a digest of
#   the file before reading, or test it with backports.zstd or `zstd -t`.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check \
  zstandard==0.25.0 pandas==3.1.1 duckdb==2.0.1 polars==2.1.0 pyarrow==26.0.1 backports.zstd==1.8.0
venv/bin/python - <<'PY'
import gzip, io
from importlib.metadata import version
import backports.zstd, duckdb, pandas, polars, pyarrow, pyarrow.csv, zstandard
print(*(f"{p} {version(p)}" for p in ("zstandard", "pandas", "duckdb", "polars", "pyarrow", "backports.zstd")))
text = b"".join(b"%d\n" % (i * i) for i in range(200000))
whole, zipped = zstandard.compress(text), gzip.compress(text)
half = whole[: len(whole) // 2]
open("t.csv.zst", "wb").write(half)
open("t.csv.gz", "wb").write(zipped[: len(zipped) // 2])
def copy():
    target = io.BytesIO()
    zstandard.ZstdDecompressor().copy_stream(io.BytesIO(half), target)
    return target.getvalue()
readers = {
    "zstandard.open": lambda: zstandard.open("t.csv.zst").read().count(b"\n"),
    "stream_reader": lambda: zstandard.ZstdDecompressor().stream_reader(io.BytesIO(half)).read().count(b"\n"),
    "copy_stream": lambda: copy().count(b"\n"),
    "pandas": lambda: len(pandas.read_csv("t.csv.zst", header=None)),
    "DuckDB": lambda: duckdb.sql("select count(*) from read_csv('t.csv.zst', header = false)").fetchall()[0][0],
    "Polars": lambda: len(polars.read_csv("t.csv.zst", has_header=False)),
    "pyarrow": lambda: len(pyarrow.csv.read_csv(pyarrow.input_stream("t.csv.zst", compression="zstd"))),
    "backports.zstd": lambda: backports.zstd.open("t.csv.zst").read().count(b"\n"),
    "pandas (gz)": lambda: len(pandas.read_csv("t.csv.gz", header=None)),
    "DuckDB (gz)": lambda: duckdb.sql("select count(*) from read_csv('t.csv.gz', header = false)").fetchall()[0][0],
}
seen = {}
for name, read in readers.items():
    try:
        seen[name] = read()
    except Exception as error:
        seen[name] = type(error).__name__
    print("%-15s" % name, seen[name])
silent = list(readers)[:5]
assert all(isinstance(seen[name], int) and 0 < seen[name] < 200000 for name in silent), seen
assert all(isinstance(value, str) for name, value in seen.items() if name not in silent), seen
PY
