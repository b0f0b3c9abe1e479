#!/usr/bin/env bash
# pandas (SAS transport files): 0 is read as 5.397605346934028e-79
#
# Expected: XPORT numbers are IBM floating point, in which zero is eight bytes of zero. A reader of it gives 0.0, as pyreadstat does.
# Seen: read_sas reckons exponent and fraction apart and has no case for zero, so each one becomes 2 to the power of -260. Other numbers are right.
#   value == 0 is never true, and a division by it gives huge numbers instead of an infinity.
# With: pandas 3.1.1, pyreadstat 1.3.7 (as the writer, and as the other reader); 2026-11-29.
# Matters: doses, counts and flags of clinical data come in this format, and most of their values are 0. Sums and rounded output look right, while
#   filters, distinct values and group keys do not. Read with pyreadstat.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check pyreadstat==1.3.7 pandas==3.1.1
venv/bin/python - <<'PY'
import pandas, pyreadstat
print("pyreadstat", pyreadstat.__version__, "pandas", pandas.__version__)
values = [0.0, 1.0, -2.5, 1e-70]
pyreadstat.write_xport(pandas.DataFrame({"a": values}), "t.xpt", file_format_version=5)
assert open("t.xpt", "rb").read()[-80:][:16] == bytes(8) + bytes.fromhex("4110000000000000")
seen = pandas.read_sas("t.xpt", format="xport")["a"].tolist()
peer = pyreadstat.read_xport("t.xpt")[0]["a"].tolist()
print("pandas", seen, "pyreadstat", peer)
assert peer[:3] == values[:3]
assert seen[0] == 2.0 ** -260 and seen[1:3] == values[1:3]
PY
