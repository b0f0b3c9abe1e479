#!/usr/bin/env bash
# SAS transport files (XPORT 5): last rows of empty texts vanish, or rows that were never written appear
#
# Expected: what is written as three rows is read as three rows, whatever is in them; a file of a format that regulators archive says how many it has.
# Seen: version 5 has no row count, and pads its last record of 80 bytes with blanks, which an empty text is too. Of ["x", "y", ""] pyreadstat reads
#   two rows, of ["", "", ""] none, from its own file. pandas counts the padding as rows: eight rows for one x. A number in each row (a missing one is a
#   dot, not blanks) and version 8 (with a count; pandas does not read it) both keep all rows.
# With: pyreadstat 1.3.7, pandas 3.1.1; 2026-11-29.
# Matters: exports of comment or code columns alone are such tables. Two readers give two row counts of one file, and neither is right. Compare with a
#   count from elsewhere, or put a numeric column in.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check pyreadstat==1.3.7 pandas==3.1.1
venv/bin/python - <<'PY'
import pandas, pyreadstat
print("pyreadstat", pyreadstat.__version__, "pandas", pandas.__version__)
def rows(table, release=5):
    pyreadstat.write_xport(pandas.DataFrame(table), "t.xpt", file_format_version=release)
    one = len(pyreadstat.read_xport("t.xpt")[0])
    if release == 8:
        return one
    try:
        return one, len(pandas.read_sas("t.xpt", format="xport", encoding="infer"))
    except StopIteration:
        return one, "StopIteration"
for table in ({"a": ["x", "y", ""]}, {"a": ["", "", ""]}, {"a": ["x"]}, {"a": ["x", "y", ""], "n": [1.0, 2.0, None]}):
    print(table, "version 5:", rows(table), "version 8:", rows(table, 8))
    assert rows(table, 8) == len(table["a"])
assert rows({"a": ["x", "y", ""]}) == (2, 8)
assert rows({"a": ["", "", ""]}) == (0, "StopIteration")
assert rows({"a": ["x"]}) == (1, 8)
assert rows({"a": ["x", "y", ""], "n": [1.0, 2.0, None]}) == (3, 3)
PY
