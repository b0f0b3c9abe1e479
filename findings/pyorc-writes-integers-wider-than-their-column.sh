#!/usr/bin/env bash
# pyorc: 40000 in a smallint column is 40000 to pyorc and -25536 to pyarrow, in the same file
#
# Expected: a value that its column's type cannot hold raises, as pyorc does for 2^63 in a bigint, and as a decimal with too many digits does.
# Seen: smallint and int columns take any 64-bit value. The run-length encoding holds it whole, so pyorc reads back what it wrote, while pyarrow cuts
#   it to the declared width: 40000 is -25536, 2^31 is -2147483648. In a tinyint column, 200 is -56 to both. Nothing is raised on either side.
# With: pyorc 0.12.0, pyarrow 26.0.1; 2026-11-29.
# Matters: a job tests its files with the library that wrote them, and sees nothing. Whoever loads them elsewhere gets negative ids and quantities.
#   Check ranges before writing, or declare bigint.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check pyorc==0.12.0 pyarrow==26.0.1
venv/bin/python - <<'PY'
import pyarrow, pyarrow.orc, pyorc
print("pyorc", pyorc.__version__, "pyarrow", pyarrow.__version__)
with open("t.orc", "wb") as file, pyorc.Writer(file, "struct<a:tinyint,b:smallint,c:int>") as writer:
    writer.write((200, 40000, 2 ** 31))
with open("t.orc", "rb") as file:
    own = list(pyorc.Reader(file))
other = list(pyarrow.orc.read_table("t.orc").to_pylist()[0].values())
print("pyorc reads", own, "pyarrow reads", other)
assert own == [(-56, 40000, 2147483648)]
assert other == [-56, -25536, -2147483648]
try:
    with open("u.orc", "wb") as file, pyorc.Writer(file, "struct<a:bigint>") as writer:
        writer.write((2 ** 63,))
    raise SystemExit("2^63 can be written now")
except TypeError as error:
    print(error)
PY
