#!/usr/bin/env bash
# OpenDAL: a key with an empty segment or a blank at its end is written under another key
#
# Expected: S3's keys are opaque; a client sends the one it was given (boto3, minio-py) or refuses it (obstore: "contained empty path segment").
# Seen: op.write("a//b.csv") puts a/b.csv, and op.write("c.csv ") puts c.csv, without an error. The same names read back through OpenDAL, so it hides from
#   its own tests; what somebody else wrote as a//b.csv cannot be reached through it at all.
# With: opendal 0.47.12 (Python), boto3 1.44.8, against moto 5.2.5; 2026-11-28.
# Matters: two different keys become one, and the second overwrites the first. Keys that an event or a listing names are not those that a copy job fetches.
#   Do not let keys with empty segments or blanks at an end arise.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check 'moto[s3]==5.2.5' flask==3.1.3 flask-cors==6.0.5 boto3==1.44.8 opendal==0.47.12
venv/bin/python - 2>log <<'PY' || { cat log; exit 1; }
from importlib.metadata import version
import boto3, opendal
from moto.server import ThreadedMotoServer
print(*(f"{p} {version(p)}" for p in ("opendal", "boto3", "moto")))
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
host, port = server.get_host_and_port()
client = boto3.client("s3", endpoint_url=f"http://{host}:{port}", region_name="us-east-1", aws_access_key_id="k", aws_secret_access_key="s")
client.create_bucket(Bucket="bkt")
store = opendal.Operator("s3", bucket="bkt", endpoint=f"http://{host}:{port}", access_key_id="k", secret_access_key="s", region="us-east-1", root="/")
def keys():
    return [item["Key"] for item in client.list_objects_v2(Bucket="bkt").get("Contents", [])]
client.put_object(Bucket="bkt", Key="x//y.csv", Body=b"by boto3")
store.write("a//b.csv", b"1")
store.write("c.csv ", b"2")
print("there is", keys())
assert keys() == ["a/b.csv", "c.csv", "x//y.csv"]
assert bytes(store.read("a//b.csv")) == b"1"
try:
    store.read("x//y.csv")
    raise SystemExit("it was found")
except opendal.exceptions.NotFound:
    print("x//y.csv is not found")
server.stop()
PY
