#!/usr/bin/env bash
# cloudpathlib: an object that was replaced within a second is read from the cache, and an append writes the old text back
#
# Expected: the package keeps a local copy and asks the store for the object's state before it uses that; S3 tells a size and an ETag, so another
#   content is seen, also if it has another size.
# Seen: it compares times, and S3's Last-Modified has seconds. What another writer put in the same second is not seen, by a new CloudPath either,
#   while stat() and etag tell of the new object. open("a") then uploads the old text with the addition, so the other write is lost. A second later all
#   is right.
# With: cloudpathlib 0.26.0, boto3 1.44.8, against moto 5.2.5; 2026-11-29.
# Matters: workers that write state or a log in turns, and tests, do this within a second. Use a client with file_cache_mode "close_file", or read
#   with the store's own client where others write.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check 'cloudpathlib[s3]==0.26.0' boto3==1.44.8 'moto[s3]==5.2.5' flask==3.1.3 flask-cors==6.0.5
venv/bin/python -W ignore - 2>log <<'PY' || { cat log; exit 1; }
import time
from importlib.metadata import version
import boto3, cloudpathlib
from moto.server import ThreadedMotoServer
print(*(f"{p} {version(p)}" for p in ("cloudpathlib", "boto3", "moto")))
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
access = {"aws_access_key_id": "k", "aws_secret_access_key": "s"}
url = "http://%s:%s" % server.get_host_and_port()
store = boto3.client("s3", endpoint_url=url, region_name="us-east-1", **access)
store.create_bucket(Bucket="bkt")
client = cloudpathlib.S3Client(endpoint_url=url, **access)
def put(key, text):
    store.put_object(Bucket="bkt", Key=key, Body=text)
    return store.head_object(Bucket="bkt", Key=key)["LastModified"]
def replace(wait):
    for turn in range(50):
        key = f"log-{wait}-{turn}.txt"
        path = lambda: client.CloudPath(f"s3://bkt/{key}")
        first = put(key, b"one\n")
        path().read_text()
        time.sleep(wait)
        if (put(key, b"one\ntwo\n") == first) == (wait == 0):
            seen = path().read_text(), path().stat().st_size
            with path().open("a") as file:
                file.write("three\n")
            return seen, store.get_object(Bucket="bkt", Key=key)["Body"].read()
    raise SystemExit("no two writes within a second")
soon, later = replace(0), replace(1.1)
print("at once:", soon, "a second later:", later)
assert soon == (("one\n", 8), b"one\nthree\n")
assert later == (("one\ntwo\n", 8), b"one\ntwo\nthree\n")
server.stop()
PY
