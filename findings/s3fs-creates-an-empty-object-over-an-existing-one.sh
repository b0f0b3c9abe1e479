#!/usr/bin/env bash
# s3fs: open(key, "xb") refuses an object that exists, unless nothing is written: then it empties it
#
# Expected: mode x creates or raises. s3fs sends If-None-Match: * for it (small writes, large ones, pipe_file and put_file with mode="create"), so the
#   store decides, and an empty file is no other case.
# Seen: with b"n" written FileExistsError is raised and the object stays. With open(key, "xb").close(), or a write of b"", the object that was there
#   is replaced by an empty one, and nothing is raised. pipe_file(key, b"", mode="create") does raise.
# With: s3fs 2026.9.0, aiobotocore 3.10.0, against moto 5.2.5; 2026-11-29.
# Matters: markers and locks (_SUCCESS, .lock) are the empty files that are created so, and two workers both get the lock. Write a byte, or use
#   pipe_file.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check \
  s3fs==2026.9.0 fsspec==2026.9.0 aiobotocore==3.10.0 boto3==1.43.117 'moto[s3]==5.2.5' flask==3.1.3 flask-cors==6.0.5
venv/bin/python -W ignore - 2>log <<'PY' || { cat log; exit 1; }
from importlib.metadata import version
import boto3, s3fs
from moto.server import ThreadedMotoServer
print(*(f"{p} {version(p)}" for p in ("s3fs", "aiobotocore", "moto")))
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
url = "http://%s:%s" % server.get_host_and_port()
client = boto3.client("s3", endpoint_url=url, region_name="us-east-1", aws_access_key_id="k", aws_secret_access_key="s")
client.create_bucket(Bucket="bkt")
files = s3fs.S3FileSystem(endpoint_url=url, key="k", secret="s", use_listings_cache=False, client_kwargs={"region_name": "us-east-1"})
def attempt(action):
    client.put_object(Bucket="bkt", Key="lock", Body=b"owner 1")
    try:
        action()
        outcome = "no error"
    except FileExistsError as error:
        outcome = type(error).__name__
    return outcome, client.get_object(Bucket="bkt", Key="lock")["Body"].read()
def write(data):
    with files.open("bkt/lock", "xb") as file:
        file.write(data)
seen = {
    "a byte": attempt(lambda: write(b"n")), "nothing": attempt(lambda: files.open("bkt/lock", "xb").close()),
    "an empty write": attempt(lambda: write(b"")),
    "pipe_file of nothing": attempt(lambda: files.pipe_file("bkt/lock", b"", mode="create")),
}
for item in seen.items():
    print(*item)
refused, emptied = ("FileExistsError", b"owner 1"), ("no error", b"")
assert seen == {"a byte": refused, "nothing": emptied, "an empty write": emptied, "pipe_file of nothing": refused}
server.stop()
PY
