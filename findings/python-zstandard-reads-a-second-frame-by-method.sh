#!/usr/bin/env bash
# python-zstandard: of a file of two frames half of the methods give the first only
#
# Expected: frames of Zstandard one after another are the concatenation of their contents (RFC 8878, 3), so every way to decompress gives all of it,
#   as gzip's in Python do; or the one-shot functions raise since there is more.
# Seen: decompress(), ZstdDecompressor().decompress(), decompressobj() and read_to_iter() give the first frame and say nothing. open(),
#   stream_reader() and copy_stream() give both. decompress(..., allow_extra_data=False) raises.
# With: zstandard 0.25.0, backports.zstd 1.8.0; Python 3.11; 2026-11-29.
# Matters: log shippers append frames, and parallel compressors and `cat a.zst b.zst` make such files too. Code that reads small files by decompress()
#   and large ones by stream_reader() disagrees with itself, and loses rows of the small ones.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check zstandard==0.25.0 backports.zstd==1.8.0
venv/bin/python - <<'PY'
import io
from importlib.metadata import version
import backports.zstd, zstandard
print(*(f"{p} {version(p)}" for p in ("zstandard", "backports.zstd")))
file = zstandard.compress(b"id\n1\n") + zstandard.compress(b"2\n")
one = zstandard.ZstdDecompressor()
def copy():
    target = io.BytesIO()
    one.copy_stream(io.BytesIO(file), target)
    return target.getvalue()
first = {
    "decompress": zstandard.decompress(file), "ZstdDecompressor.decompress": one.decompress(file),
    "decompressobj": one.decompressobj().decompress(file), "read_to_iter": b"".join(one.read_to_iter(io.BytesIO(file))),
}
both = {
    "open": zstandard.open(io.BytesIO(file)).read(), "stream_reader": one.stream_reader(io.BytesIO(file)).read(), "copy_stream": copy(),
    "backports.zstd.decompress": backports.zstd.decompress(file),
}
for name, value in {**first, **both}.items():
    print("%-27s" % name, value)
assert set(first.values()) == {b"id\n1\n"} and set(both.values()) == {b"id\n1\n2\n"}
try:
    one.decompress(file, allow_extra_data=False)
    raise SystemExit("extra data is allowed now")
except zstandard.ZstdError as error:
    print(error)
PY
