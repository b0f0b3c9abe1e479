#!/usr/bin/env bash
# pyarrow's S3 filesystem: deleting the only file of a folder creates an object
#
# Expected: S3 has no folders, so delete_file sends one DeleteObject, and a bucket that held one object is empty afterwards.
# Seen: after the deletion pyarrow puts an object of no bytes, d/, of the type application/x-directory, so that the "folder" goes on being there.
# With: pyarrow 26.0.1, against moto 5.2.5; 2026-11-28.
# Matters: a clean-up job's deletion makes an ObjectCreated:Put of size 0, which a feed of uploads takes for a new, empty upload, and which needs the right
#   to write. Leave keys that end in a slash, or have that type, out of an ingest.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check 'moto[s3]==5.2.5' flask==3.1.3 flask-cors==6.0.5 boto3==1.44.8 pyarrow==26.0.1
venv/bin/python - 2>log <<'PY' || { cat log; exit 1; }
from importlib.metadata import version
import boto3, pyarrow.fs
from moto.server import ThreadedMotoServer
print(*(f"{p} {version(p)}" for p in ("pyarrow", "moto")))
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
host, port = server.get_host_and_port()
client = boto3.client("s3", endpoint_url=f"http://{host}:{port}", region_name="us-east-1", aws_access_key_id="k", aws_secret_access_key="s")
client.create_bucket(Bucket="bkt")
client.put_object(Bucket="bkt", Key="d/a.csv", Body=b"x")
files = pyarrow.fs.S3FileSystem(endpoint_override=f"{host}:{port}", scheme="http", access_key="k", secret_key="s", region="us-east-1")
files.delete_file("bkt/d/a.csv")
left = [(item["Key"], item["Size"]) for item in client.list_objects_v2(Bucket="bkt").get("Contents", [])]
kind = client.head_object(Bucket="bkt", Key="d/")["ContentType"]
print("left behind", left, kind)
assert left == [("d/", 0)] and kind == "application/x-directory"
server.stop()
PY
