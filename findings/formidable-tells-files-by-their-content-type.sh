#!/usr/bin/env bash
# formidable: a field that states its Content-Type is a file, and a file that does not is a text field
#
# Expected: in multipart/form-data the filename parameter makes a part a file, and Content-Type is optional for both kinds (RFC 7578, 4.2 and 4.4: a
#   part without one is text/plain), as multiparty and busboy have it.
# Seen: formidable looks at Content-Type alone. A JSON document sent as a field with its type is in the files, with no name; a file with a filename
#   and no type is in the fields, decoded as UTF-8, so that other bytes are replaced; its filename is nowhere.
# With: formidable 3.5.4, multiparty 4.3.1, busboy 1.6.0; node 20; 2026-11-29.
# Matters: .NET's HttpClient states a type for every text field, and curl does where `;type=` is given; simple clients leave it out for files. A
#   binary upload of theirs is damaged without an error. formidable's onPart option can tell the kinds apart by part.originalFilename.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --silent --no-audit --no-fund --ignore-scripts --prefix . formidable@3.5.4 multiparty@4.3.1 busboy@1.6.0
cat > read.mjs <<'JS'
import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import busboy from 'busboy';
import formidable from 'formidable';
import multiparty from 'multiparty';
const body = Buffer.concat([
  Buffer.from('--X\r\nContent-Disposition: form-data; name="meta"\r\nContent-Type: application/json\r\n\r\n{"a":1}\r\n'),
  Buffer.from('--X\r\nContent-Disposition: form-data; name="data"; filename="a.bin"\r\n\r\n'), Buffer.from([1, 255, 254]), Buffer.from('\r\n--X--\r\n'),
]);
const headers = { 'content-type': 'multipart/form-data; boundary=X', 'content-length': String(body.length) };
const request = () => Object.assign(Readable.from([body]), { headers, method: 'POST', url: '/' });
const [fields, files] = await formidable({ uploadDir: process.cwd() }).parse(request());
const seen = { fields, files: Object.entries(files).map(([name, [file]]) => [name, file.originalFilename, file.size]) };
console.log('formidable', JSON.stringify(seen));
const peer = await new Promise((done, fail) => new multiparty.Form({ uploadDir: process.cwd() }).parse(request(), (error, fields, files) =>
  (error ? fail(error) : done({ fields, files: Object.entries(files).map(([name, [file]]) => [name, file.originalFilename, file.size]) }))));
console.log('multiparty', JSON.stringify(peer));
const kinds = await new Promise((done) => {
  const seen = [];
  busboy({ headers }).on('field', (name) => seen.push(`field ${name}`)).on('file', (name, stream) => { seen.push(`file ${name}`); stream.resume(); })
    .on('close', () => done(seen)).end(body);
});
console.log('busboy', kinds);
assert.deepEqual(seen, { fields: { data: ['\u0001\ufffd\ufffd'] }, files: [['meta', null, 7]] });
assert.deepEqual(peer, { fields: { meta: ['{"a":1}'] }, files: [['data', 'a.bin', 3]] });
assert.deepEqual(kinds, ['field meta', 'file data']);
JS
node read.mjs
