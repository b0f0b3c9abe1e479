#!/usr/bin/env bash
# pyorc: a timestamp without a zone is written as another time where the process has another zone
#
# Expected: ORC's `timestamp` is a wall clock ("timestamp with local time zone" is the instant), so a naive datetime of noon is written as noon and
#   read as a naive noon, wherever it happens.
# Seen: pyorc takes the naive datetime for local time and converts it to UTC before it writes. In India's zone noon is stored as 06:30; pyarrow reads
#   06:30, and pyorc 06:30 with the zone UTC, so what comes back neither equals nor can be compared with what was written. A datetime in UTC is stored
#   as it is.
# With: pyorc 0.12.0, pyarrow 26.0.1; 2026-11-29.
# Matters: tests run in UTC, as most servers do, and a laptop or a cluster with a local zone writes other data from the same rows. Attach UTC to naive
#   times before writing.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check pyorc==0.12.0 pyarrow==26.0.1
cat > zone.py <<'PY'
import datetime, sys
import pyarrow, pyarrow.orc, pyorc
noon = datetime.datetime(2026, 7, 1, 12)
utc = datetime.timezone.utc
with open("t.orc", "wb") as file, pyorc.Writer(file, "struct<a:timestamp,b:timestamp>") as writer:
    writer.write((noon, noon.replace(tzinfo=utc)))
with open("t.orc", "rb") as file:
    own = list(pyorc.Reader(file))[0]
other = [value.to_pydatetime() if hasattr(value, "to_pydatetime") else value for value in pyarrow.orc.read_table("t.orc").to_pylist()[0].values()]
print("pyorc", pyorc.__version__, "pyarrow", pyarrow.__version__, "written", noon.time(), "pyorc reads", *own, "pyarrow reads", *other)
expected = noon - datetime.timedelta(hours=float(sys.argv[1]))
assert [value.replace(tzinfo=None) for value in other] == [expected, noon]
assert [value.replace(tzinfo=None) for value in own] == [expected, noon] and own[0].utcoffset() == datetime.timedelta(0)
PY
TZ=UTC0 venv/bin/python zone.py 0
TZ=IST-5:30 venv/bin/python zone.py 5.5
