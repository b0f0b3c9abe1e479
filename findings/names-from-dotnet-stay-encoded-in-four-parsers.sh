#!/usr/bin/env bash
# multipart/form-data: é.csv from .NET's HttpClient is called =?utf-8?B?w6kuY3N2?= by half of the servers
#
# Expected: MultipartFormDataContent writes a name past ASCII twice, as filename="=?utf-8?B?...?=" and as filename*=utf-8''... (dotnet/runtime, issue
#   121484). RFC 7578 wants neither, but what a mail or HTTP library's parser would read is the second, so servers do.
# Seen: busboy, @fastify/busboy, undici and werkzeug give é.csv. formidable, multiparty, multipart and starlette take the first, and leave it encoded.
# With: formidable 3.5.4, multiparty 4.3.1, undici 7.30.2, busboy 1.6.0, @fastify/busboy 3.2.6, werkzeug 3.1.9, multipart 2.0.1, starlette 1.10.0;
#   node 20; 2026-11-29. (The part is spelled here as that issue shows it; .NET itself was not run.)
# Matters: desktop programs that upload are often .NET. Their names lose the ending .csv, by which a server may choose its parser. Decode RFC 2047
#   words in names, or let the client send the name in a field of its own.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --silent --no-audit --no-fund --ignore-scripts --prefix . \
  formidable@3.5.4 multiparty@4.3.1 undici@7.30.2 busboy@1.6.0 @fastify/busboy@3.2.6
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check werkzeug==3.1.9 multipart==2.0.1 starlette==1.10.0 python-multipart==0.0.34
cat > read.mjs <<'JS'
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { Readable } from 'node:stream';
import { Busboy as fastify } from '@fastify/busboy';
import busboy from 'busboy';
import formidable from 'formidable';
import multiparty from 'multiparty';
import { Response } from 'undici';
const body = Buffer.from([
  '--X', 'Content-Type: text/csv',
  "Content-Disposition: form-data; name=f; filename=\"=?utf-8?B?w6kuY3N2?=\"; filename*=utf-8''%C3%A9.csv",
  '', 'id', '--X--', '',
].join('\r\n'));
const headers = { 'content-type': 'multipart/form-data; boundary=X', 'content-length': String(body.length) };
writeFileSync('body', body);
const request = () => Object.assign(Readable.from([body]), { headers, method: 'POST', url: '/' });
const uploadDir = process.cwd();
const names = (files) => files.f[0].originalFilename;
const events = (parser) => new Promise((done) => {
  parser.on('file', (name, stream, info) => { stream.resume(); done(info.filename ?? info); }).end(body);
});
const seen = {
  formidable: names((await formidable({ uploadDir }).parse(request()))[1]),
  multiparty: await new Promise((done, fail) => new multiparty.Form({ uploadDir }).parse(request(), (error, fields, files) =>
    (error ? fail(error) : done(names(files))))),
  undici: (await new Response(body, { headers }).formData()).get('f').name,
  busboy: await events(busboy({ headers })),
  '@fastify/busboy': await events(new fastify({ headers })),
};
console.log(seen);
const plain = 'é.csv', encoded = '=?utf-8?B?w6kuY3N2?=';
assert.deepEqual(seen, { formidable: encoded, multiparty: encoded, undici: plain, busboy: plain, '@fastify/busboy': plain });
JS
node read.mjs
venv/bin/python - <<'PY'
import asyncio, io, multipart
from starlette.datastructures import Headers
from starlette.formparsers import MultiPartParser
from werkzeug.formparser import parse_form_data
body, kind = open("body", "rb").read(), "multipart/form-data; boundary=X"
def environ():
    return {"REQUEST_METHOD": "POST", "CONTENT_TYPE": kind, "CONTENT_LENGTH": str(len(body)), "wsgi.input": io.BytesIO(body)}
async def starlette():
    async def stream():
        yield body
    return await MultiPartParser(Headers({"content-type": kind}), stream()).parse()
seen = {
    "werkzeug": parse_form_data(environ())[2]["f"].filename,
    "multipart": multipart.parse_form_data(environ())[1]["f"].filename,
    "starlette": asyncio.run(starlette())["f"].filename,
}
print(seen)
assert seen == {"werkzeug": "é.csv", "multipart": "=?utf-8?B?w6kuY3N2?=", "starlette": "=?utf-8?B?w6kuY3N2?="}
PY
