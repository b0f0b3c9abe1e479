#!/usr/bin/env bash
# datasketches: an empty string is no value to the counting sketches, and NaN none to the quantile sketches
#
# Expected: "" is a value like any other, as COUNT(DISTINCT) has it, and as the frequent items sketch of the very same library has it; and n of a
#   quantile sketch is the number of update() calls.
# Seen: HLL, theta and CPC sketches drop "" without a word: {"", "a"} is estimated as 1 and {""} as 0, with the sketch still saying that it is empty. The
#   frequent strings sketch counts it. The KLL sketch drops NaN, so n is 2 after three updates, while HLL counts NaN as one distinct value.
# With: datasketches 5.2.0; 2026-11-28.
# Matters: a profile that counts rows by n and distinct values by HLL disagrees with the table in just the columns that hold empty text or NaN. Count
#   both outside of the sketch, and add one.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check datasketches==5.2.0
venv/bin/python - <<'PY'
from importlib.metadata import version
import datasketches as ds
print("datasketches", version("datasketches"))
for name, make in (("hll", lambda: ds.hll_sketch(12)), ("theta", ds.update_theta_sketch), ("cpc", ds.cpc_sketch)):
    sketch = make()
    sketch.update("")
    alone = (sketch.get_estimate(), sketch.is_empty())
    sketch.update("a")
    both = sketch.get_estimate()
    print(f'{name}: {{""}} {alone}, {{"", "a"}} {both:.3f}')
    assert alone == (0.0, True) and round(both) == 1
frequent = ds.frequent_strings_sketch(5)
for text in ("", "a", "a"):
    frequent.update(text)
items = sorted(item[:2] for item in frequent.get_frequent_items(ds.frequent_items_error_type.NO_FALSE_POSITIVES))
print("frequent:", items)
assert items == [("", 1), ("a", 2)]
kll, hll = ds.kll_doubles_sketch(200), ds.hll_sketch(12)
for number in (1.0, float("nan"), 2.0):
    kll.update(number)
    hll.update(number)
print("kll n after 1, NaN, 2:", kll.n, "; hll:", round(hll.get_estimate()))
assert kll.n == 2 and round(hll.get_estimate()) == 3
PY
