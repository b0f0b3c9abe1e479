#!/usr/bin/env bash
# @aws-sdk/lib-storage: the checksum of the whole file is sent as that of each part
#
# Expected: an uploader that takes PutObject's parameters and cuts a large body into parts reckons the parts' checksums itself, and hands a given one
#   over with CompleteMultipartUpload, as that of the whole object.
# Seen: with ChecksumCRC32, ChecksumCRC64NVME or ContentMD5 in `params`, a body of up to 5 MiB is one PutObject, which is right. One byte more, and
#   both UploadPart requests bear the value of the whole. boto3's upload_fileobj does it right for a CRC; for ChecksumSHA256 it asks for a FULL_OBJECT
#   checksum, which S3's documentation offers for CRCs only.
# With: @aws-sdk/lib-storage 3.1175.0, @aws-sdk/client-s3 3.1175.0, boto3 1.44.8, against a server that keeps a list of requests; node 20; 2026-11-29.
# Matters: a store that checks (S3, MinIO) answers BadDigest for each part, so that small files go up and large ones never do, which looks like a
#   fault of the network. Leave the checksum out, or upload with the client's own commands.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --silent --no-audit --no-fund --ignore-scripts --prefix . @aws-sdk/lib-storage@3.1175.0 @aws-sdk/client-s3@3.1175.0
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check boto3==1.44.8
cat > upload.py <<'PY'
import io, sys
import boto3
from boto3.s3.transfer import TransferConfig
client = boto3.client("s3", endpoint_url=sys.argv[1], region_name="us-east-1", aws_access_key_id="k", aws_secret_access_key="s")
size = 5 * 2 ** 20
for given in ({"ChecksumCRC32": "AAAAAA=="}, {"ChecksumSHA256": "A" * 43 + "="}):
    config = TransferConfig(multipart_threshold=size, multipart_chunksize=size, use_threads=False)
    client.upload_fileobj(io.BytesIO(bytes(size + 1)), "b", "k", ExtraArgs=given, Config=config)
PY
cat > upload.mjs <<'JS'
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createServer } from 'node:http';
import { promisify } from 'node:util';
import { S3Client } from '@aws-sdk/client-s3';
import { Upload } from '@aws-sdk/lib-storage';
let requests = [];
const server = createServer((request, response) => request.resume().on('end', () => {
  const { searchParams } = new URL(request.url, 'http://host');
  const kind = searchParams.has('uploads') ? 'create' : searchParams.has('partNumber') ? 'part' : request.method === 'POST' ? 'complete' : 'put';
  const sums = Object.entries(request.headers).filter(([name]) => /^(content-md5|x-amz-checksum-(crc|sha|type).*)$/.test(name))
    .map((pair) => pair.join('='));
  requests.push([kind, ...sums.sort()].join(' '));
  response.setHeader('ETag', '"e"');
  response.end({
    create: '<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>',
    complete: '<CompleteMultipartUploadResult><ETag>"e-2"</ETag></CompleteMultipartUploadResult>',
  }[kind]);
})).listen(0, '127.0.0.1');
await new Promise((done) => server.once('listening', done));
const endpoint = `http://127.0.0.1:${server.address().port}`;
const client = new S3Client({ endpoint, region: 'us-east-1', forcePathStyle: true, credentials: { accessKeyId: 'k', secretAccessKey: 's' } });
const upload = async (size, given) => {
  requests = [];
  await new Upload({ client, params: { Bucket: 'b', Key: 'k', Body: Buffer.alloc(size), ...given } }).done();
  console.log(size, given, requests);
  return requests;
};
const limit = 5 * 2 ** 20;
assert.deepEqual(await upload(limit, { ChecksumCRC32: 'AAAAAA==' }), ['put x-amz-checksum-crc32=AAAAAA==']);
const parts = (list) => list.filter((line) => line.startsWith('part'));
assert.deepEqual(parts(await upload(limit + 1, { ChecksumCRC32: 'AAAAAA==' })), Array(2).fill('part x-amz-checksum-crc32=AAAAAA=='));
const whole = '1B2M2Y8AsgTpgAmY7PhCfg==';
assert.ok(parts(await upload(limit + 1, { ContentMD5: whole })).every((line) => line.includes(`content-md5=${whole}`)));
requests = [];
await promisify(execFile)('venv/bin/python', ['upload.py', endpoint]);
console.log('boto3', requests);
assert.equal(parts(requests).some((line) => /AAAAAA/.test(line)), false);
assert.ok(requests.includes('complete x-amz-checksum-crc32=AAAAAA== x-amz-checksum-type=FULL_OBJECT'));
assert.ok(requests.includes(`complete x-amz-checksum-sha256=${'A'.repeat(43)}= x-amz-checksum-type=FULL_OBJECT`));
server.close();
client.destroy();
JS
node upload.mjs 2>log || { cat log; exit 1; }
