#!/usr/bin/env bash
# multipart/form-data: a browser's file called 5"disk.csv is 5%22disk.csv to half of the servers
#
# Expected: browsers write a quote in a file's name as %22 (the WHATWG's encoding of forms), and percent signs as they are, so that %22 cannot be told
#   from a literal one. Parsers agree on leaving it alone, or on undoing just this escape.
# Seen: formidable, multiparty, undici, werkzeug and multipart undo it; busboy, @fastify/busboy and starlette keep it. A file whose name has a real
#   "%22" is therefore renamed by the first five. In a field's name formidable and multiparty keep what they undo in a file's.
# With: formidable 3.5.4, multiparty 4.3.1, undici 7.30.2, busboy 1.6.0, @fastify/busboy 3.2.6, werkzeug 3.1.9, multipart 2.0.1, starlette 1.10.0;
#   node 20; 2026-11-29.
# Matters: names with inches or quoted titles are usual on macOS and Linux. A key or a record made from the name by one server is not found by
#   another. Keep the name as a label, and never as a key.
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
import { FormData, Response } from 'undici';
const form = new FormData();
form.append('a"b', new Blob(['x'], { type: 'text/csv' }), '5"disk.csv');
const sent = new Response(form);
const body = Buffer.from(await sent.clone().arrayBuffer());
const headers = { 'content-type': sent.headers.get('content-type'), 'content-length': String(body.length) };
assert.match(body.toString(), /name="a%22b"; filename="5%22disk.csv"/);
writeFileSync('body', body);
writeFileSync('type', headers['content-type']);
const request = () => Object.assign(Readable.from([body]), { headers, method: 'POST', url: '/' });
const uploadDir = process.cwd();
const names = (files) => Object.entries(files).map(([name, [file]]) => [name, file.originalFilename])[0];
const events = (parser) => new Promise((done) => {
  parser.on('file', (name, stream, info) => { stream.resume(); done([name, info.filename ?? info]); }).end(body);
});
const seen = {
  formidable: names((await formidable({ uploadDir }).parse(request()))[1]),
  multiparty: await new Promise((done, fail) => new multiparty.Form({ uploadDir }).parse(request(), (error, fields, files) =>
    (error ? fail(error) : done(names(files))))),
  undici: [...await sent.formData()].map(([name, file]) => [name, file.name])[0],
  busboy: await events(busboy({ headers })),
  '@fastify/busboy': await events(new fastify({ headers })),
};
console.log(seen);
const plain = '5"disk.csv', kept = '5%22disk.csv';
assert.deepEqual(seen, {
  formidable: ['a%22b', plain], multiparty: ['a%22b', plain], undici: ['a"b', plain], busboy: ['a%22b', kept], '@fastify/busboy': ['a%22b', kept],
});
JS
node read.mjs
venv/bin/python - <<'PY'
import asyncio, io, multipart
from starlette.datastructures import Headers
from starlette.formparsers import MultiPartParser
from werkzeug.formparser import parse_form_data
body, kind = open("body", "rb").read(), open("type").read()
def environ():
    return {"REQUEST_METHOD": "POST", "CONTENT_TYPE": kind, "CONTENT_LENGTH": str(len(body)), "wsgi.input": io.BytesIO(body)}
async def starlette():
    async def stream():
        yield body
    return await MultiPartParser(Headers({"content-type": kind}), stream()).parse()
seen = {
    "werkzeug": [(name, file.filename) for name, file in parse_form_data(environ())[2].items()],
    "multipart": [(name, file.filename) for name, file in multipart.parse_form_data(environ())[1].items()],
    "starlette": [(name, file.filename) for name, file in asyncio.run(starlette()).items()],
}
print(seen)
assert seen["werkzeug"] == seen["multipart"] == [('a"b', '5"disk.csv')]
assert seen["starlette"] == [("a%22b", "5%22disk.csv")]
PY
