#!/usr/bin/env bash
# tdigest (Python): with few distinct values the quantiles are invented, not only inexact
#
# Expected: a t-digest is exact for small data and most accurate at its ends; the median of 999 zeros and one 1000 is 0, and so is the 99th percentile.
# Seen: the package merges equal values into one centroid and interpolates straight through the gap: percentile(50) is 1, percentile(90) is 801 and
#   percentile(99) is 981, all from a column in which 99.9 percent of the values are 0. cdf(0) is 0.4995. DuckDB's digest (approx_quantile) says 0.
# With: tdigest 0.5.2.2, duckdb 2.0.1; 2026-11-28.
# Matters: a count of retries, an error flag or a size that is mostly 0 is just what is profiled with such a sketch, and the answer looks like data.
#   Test a quantile sketch with heavy duplicates, not with random floats.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check tdigest==0.5.2.2 duckdb==2.0.1
venv/bin/python - <<'PY'
from importlib.metadata import version
import duckdb
from tdigest import TDigest
print("tdigest", version("tdigest"), "duckdb", duckdb.__version__)
digest = TDigest()
digest.batch_update([0] * 999 + [1000])
seen = [round(digest.percentile(p)) for p in (50, 90, 99)]
peer = duckdb.sql("""SELECT approx_quantile(x, 0.5), approx_quantile(x, 0.9), approx_quantile(x, 0.99)
    FROM (SELECT 0.0::DOUBLE AS x FROM range(999) UNION ALL SELECT 1000.0)""").fetchall()[0]
print("tdigest p50 p90 p99:", seen, "cdf(0):", digest.cdf(0))
print("duckdb  p50 p90 p99:", list(peer))
assert seen == [1, 801, 981]
assert abs(digest.cdf(0) - 0.4995) < 1e-9
assert list(peer) == [0.0, 0.0, 0.0]
PY
