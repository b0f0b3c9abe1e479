#!/usr/bin/env bash
# multipart/form-data: a part with Content-Transfer-Encoding: base64 arrives decoded or as base64, by the server's parser
#
# Expected: RFC 2388 had this header in forms and RFC 7578 (4.7) deprecates it: senders should not use it, and parsers that see it either all decode
#   (it is MIME) or all take the bytes as they are.
# Seen: formidable, multiparty and undici's formData() give the file's bytes. busboy, @fastify/busboy, werkzeug, multipart and starlette give the
#   base64 text as the file's content, without an error. busboy reports the header's value beside it (info.encoding).
# With: formidable 3.5.4, multiparty 4.3.1, undici 7.30.2, busboy 1.6.0, @fastify/busboy 3.2.6, werkzeug 3.1.9, multipart 2.0.1, starlette 1.10.0;
#   node 20; 2026-11-29.
# Matters: mail gateways and old clients still send it. A size, a digest or a CSV made from such an upload is that of the encoding, a third too large,
#   and a change of the web framework changes what is stored. Look for the header, and refuse it.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --silent --no-audit --no-fund --ignore-scripts --prefix . \
  formidable@3.5.4 multiparty@4.3.1 undici@7.30.2 busboy@1.6.0 @fastify/busboy@3.2.6
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check werkzeug==3.1.9 multipart==2.0.1 starlette==1.10.0 python-multipart==0.0.34
printf '%s\r\n' '--X' 'Content-Disposition: form-data; name="f"; filename="a.csv"' 'Content-Type: text/csv' 'Content-Transfer-Encoding: base64' '' \
  'aWQsbgo3LDEK' '--X--' > body
cat > read.mjs <<'JS'
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { Readable } from 'node:stream';
import { Busboy as fastify } from '@fastify/busboy';
import busboy from 'busboy';
import formidable from 'formidable';
import multiparty from 'multiparty';
import { Response } from 'undici';
const body = readFileSync('body');
const headers = { 'content-type': 'multipart/form-data; boundary=X', 'content-length': String(body.length) };
const request = () => Object.assign(Readable.from([body]), { headers, method: 'POST', url: '/' });
const uploadDir = process.cwd();
const events = (parser) => new Promise((done) => {
  let text = '';
  parser.on('file', (name, stream) => stream.on('data', (piece) => { text += piece; }).on('end', () => done(text))).end(body);
});
const seen = {
  formidable: readFileSync((await formidable({ uploadDir }).parse(request()))[1].f[0].filepath, 'utf8'),
  multiparty: await new Promise((done, fail) => new multiparty.Form({ uploadDir }).parse(request(), (error, fields, files) =>
    (error ? fail(error) : done(readFileSync(files.f[0].path, 'utf8'))))),
  undici: await (await new Response(body, { headers }).formData()).get('f').text(),
  busboy: await events(busboy({ headers })),
  '@fastify/busboy': await events(new fastify({ headers })),
};
console.log(seen);
const plain = 'id,n\n7,1\n', encoded = 'aWQsbgo3LDEK';
assert.deepEqual(seen, { formidable: plain, multiparty: plain, undici: plain, busboy: encoded, '@fastify/busboy': encoded });
JS
node read.mjs
venv/bin/python - <<'PY'
import asyncio, io, multipart
from starlette.datastructures import Headers
from starlette.formparsers import MultiPartParser
from werkzeug.formparser import parse_form_data
body = open("body", "rb").read()
def environ():
    return {"REQUEST_METHOD": "POST", "CONTENT_TYPE": "multipart/form-data; boundary=X", "CONTENT_LENGTH": str(len(body)), "wsgi.input": io.BytesIO(body)}
async def starlette():
    async def stream():
        yield body
    form = await MultiPartParser(Headers({"content-type": "multipart/form-data; boundary=X"}), stream()).parse()
    return await form["f"].read()
seen = {
    "werkzeug": parse_form_data(environ())[2]["f"].read(),
    "multipart": multipart.parse_form_data(environ())[1]["f"].file.read(),
    "starlette": asyncio.run(starlette()),
}
print(seen)
assert set(seen.values()) == {b"aWQsbgo3LDEK"}
PY
