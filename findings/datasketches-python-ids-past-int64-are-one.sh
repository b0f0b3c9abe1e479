#!/usr/bin/env bash
# datasketches (Python): integers of 2^63 and more are hashed as doubles
#
# Expected: the library has overloads for 64-bit integers, signed and unsigned, in C++ and Java, so an unsigned 64-bit id (a hash, a snowflake) counts as
#   itself; if Python's binding could not take it, it would raise.
# Seen: update() falls through to the overload for doubles. A thousand consecutive ids from 2^63 on are estimated as 1, in the HLL and in the theta
#   sketch; the same thousand from 2^62 on are estimated as about a thousand.
# With: datasketches 5.2.0; 2026-11-28.
# Matters: a profile of a column of unsigned 64-bit hashes counts half of them (those with the top bit set) in buckets of 2048 neighbours. Random hashes
#   hide that; ids that are dense near each other do not. Feed such columns as bytes in text, or as two's complement.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check datasketches==5.2.0
venv/bin/python - <<'PY'
from importlib.metadata import version
import datasketches
print("datasketches", version("datasketches"))
def distinct(make, start):
    sketch = make()
    for i in range(1000):
        sketch.update(start + i)
    return sketch.get_estimate()
for name, make in (("hll", lambda: datasketches.hll_sketch(12)), ("theta", datasketches.update_theta_sketch)):
    below, above = distinct(make, 2**62), distinct(make, 2**63)
    print(f"{name}: 1000 ids from 2^62: {below:.1f}; from 2^63: {above:.1f}")
    assert 950 < below < 1050
    assert round(above) == 1
PY
