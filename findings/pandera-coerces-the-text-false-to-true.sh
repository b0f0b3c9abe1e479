#!/usr/bin/env bash
# pandera: with coerce=True the texts "False" and "0" are True, and 1.9 is 1
#
# Expected: coercion in a validator turns a value into the type where that loses nothing, and reports the cell where it does not, as pandera does for
#   "x" in an int column, and as its own backend for Polars does for "False" in a bool column.
# Seen: bool takes every text that is not empty for True; int cuts fractions off, in pandas and in Polars. The nullable types of pandas ("boolean",
#   "Int64") are refused in the same places.
# With: pandera 0.35.0, pandas 3.1.1, polars 2.1.0; Python 3.11; 2026-11-29.
# Matters: flags of a CSV that was read as text are all True after a check that has passed, and amounts lose their cents when somebody declared int.
#   Use the nullable types, or check the texts before coercing.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check 'pandera[pandas,polars]==0.35.0' pandas==3.1.1 polars==2.1.0
venv/bin/python -W ignore - <<'PY'
from importlib.metadata import version
import pandas, pandera.errors, pandera.pandas, pandera.polars, polars
print(*(f"{p} {version(p)}" for p in ("pandera", "pandas", "polars")))
def check(module, frame, kind, values):
    column = module.Column(kind, coerce=True)
    try:
        return list(module.DataFrameSchema({"a": column}).validate(frame({"a": values}))["a"])
    except (pandera.errors.SchemaError, pandera.errors.SchemaErrors) as error:
        return type(error).__name__
flags, amounts = ["False", "0", "no", ""], [1.9, -1.9]
seen = {
    "pandas bool": check(pandera.pandas, pandas.DataFrame, bool, flags), "pandas int": check(pandera.pandas, pandas.DataFrame, int, amounts),
    "pandas boolean": check(pandera.pandas, pandas.DataFrame, "boolean", flags), "pandas Int64": check(pandera.pandas, pandas.DataFrame, "Int64", amounts),
    "polars bool": check(pandera.polars, polars.DataFrame, bool, flags), "polars int": check(pandera.polars, polars.DataFrame, int, amounts),
}
for item in seen.items():
    print(*item)
assert seen["pandas bool"] == [True, True, True, False] and seen["pandas int"] == seen["polars int"] == [1, -1]
assert all(seen[name].startswith("SchemaError") for name in ("pandas boolean", "pandas Int64", "polars bool"))
assert check(pandera.pandas, pandas.DataFrame, int, ["x"]).startswith("SchemaError")
PY
