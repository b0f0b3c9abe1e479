#!/usr/bin/env bash
# smart_open and pyarrow: five bytes are a multipart upload
#
# Expected: a file far below 5 MiB is one PutObject, as minio-py, s3fs, obstore, OpenDAL and Polars do it, so that its ETag is its MD5 and its event is
#   ObjectCreated:Put.
# Seen: both libraries open a multipart upload when the file is opened and send five bytes as part 1. The ETag is the MD5 of an MD5 with "-1" behind it,
#   S3's event for it is ObjectCreated:CompleteMultipartUpload, and it takes three requests. An empty file by smart_open is an upload opened, aborted, and
#   then a PutObject, so that only empty ones have an MD5.
# With: smart_open 9.0.2, pyarrow 26.0.1, minio 7.2.20, against moto 5.2.5; 2026-11-28.
# Matters: a consumer that subscribed to ObjectCreated:Put, or compares an ETag with an MD5 when there is "only one part", misses whatever data jobs of
#   Python write. Take ObjectCreated:* and never the size as a sign of the method. A writer that dies leaves an open upload, even of five bytes.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check 'moto[s3]==5.2.5' flask==3.1.3 flask-cors==6.0.5 boto3==1.44.8 smart_open==9.0.2 pyarrow==26.0.1 minio==7.2.20
venv/bin/python - 2>log <<'PY' || { cat log; exit 1; }
import io, logging
from importlib.metadata import version
import boto3, minio, pyarrow.fs, smart_open
from moto.server import ThreadedMotoServer
print(*(f"{p} {version(p)}" for p in ("smart_open", "pyarrow", "minio", "moto")))
lines = []
class Lines(logging.Handler):
    def emit(self, record):
        lines.append(record.getMessage())
log = logging.getLogger("werkzeug")
log.setLevel(logging.INFO)
log.addHandler(Lines())
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
host, port = server.get_host_and_port()
client = boto3.client("s3", endpoint_url=f"http://{host}:{port}", region_name="us-east-1", aws_access_key_id="k", aws_secret_access_key="s")
client.create_bucket(Bucket="bkt")
def with_smart_open(data):
    with smart_open.open("s3://bkt/key", "wb", transport_params={"client": client}) as out:
        out.write(data)
def with_pyarrow(data):
    files = pyarrow.fs.S3FileSystem(endpoint_override=f"{host}:{port}", scheme="http", access_key="k", secret_key="s", region="us-east-1")
    with files.open_output_stream("bkt/key") as out:
        out.write(data)
def with_minio(data):
    minio.Minio(f"{host}:{port}", "k", "s", secure=False, region="us-east-1").put_object("bkt", "key", io.BytesIO(data), len(data))
md5, composite = '"5d41402abc4b2a76b9719d911017c592"', '"62109206880d38a4010a98e11243924a-1"'
for name, write, data, etag, requests in (
        ("smart_open", with_smart_open, b"hello", composite, 3), ("pyarrow", with_pyarrow, b"hello", composite, 3),
        ("minio", with_minio, b"hello", md5, 1), ("smart_open, empty", with_smart_open, b"", '"d41d8cd98f00b204e9800998ecf8427e"', 3)):
    lines.clear()
    write(data)
    sent = [line for line in lines if "/bkt/key" in line]
    seen = client.head_object(Bucket="bkt", Key="key")["ETag"]
    print(f"{name:<17}", len(sent), "requests", seen)
    assert (seen, len(sent)) == (etag, requests), (name, sent)
server.stop()
PY
