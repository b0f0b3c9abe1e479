#!/usr/bin/env bash
# JWT: an iat a minute ahead, and a numeric sub, are accepted by Node's libraries and refused by Python's
#
# Expected: RFC 7519 gives rules for exp and nbf only; iat is told, not tested. So a token signed on a host whose clock is a little ahead is good everywhere,
#   or nowhere. And sub is a string, so whoever signs a number is told so.
# Seen: jose and jsonwebtoken take both tokens. PyJWT raises "The token is not yet valid (iat)" and "Subject must be a string", and joserfc refuses both too.
#   There is no leeway by default on either side. jsonwebtoken's and jose's signers write a numeric sub when it stands in the payload.
# With: jose 6.2.18, jsonwebtoken 9.0.3, pyjwt 2.15.1, joserfc 1.8.0; node 20; 2026-11-28.
# Matters: a page's server in Node and an ingest in Python that share a key disagree for the first moments of a token's life, now and then, by which host
#   signed it. Give verifiers a leeway, and write sub as text.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check pyjwt==2.15.1 joserfc==1.8.0
npm install --silent --no-audit --no-fund --ignore-scripts --prefix . jose@6.2.18 jsonwebtoken@9.0.3
cat > sign.mjs <<'JS'
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { jwtVerify, SignJWT } from 'jose';
import jsonwebtoken from 'jsonwebtoken';
const secret = 'an example of a secret, 32 bytes';
const key = new TextEncoder().encode(secret);
const now = Math.floor(Date.now() / 1000);
for (const [name, payload] of Object.entries({ ahead: { iat: now + 60, exp: now + 3600 }, number: { sub: 7, iat: now - 60, exp: now + 3600 } })) {
  const token = await new SignJWT(payload).setProtectedHeader({ alg: 'HS256' }).sign(key);
  assert.deepEqual((await jwtVerify(token, key)).payload, payload);
  assert.deepEqual(jsonwebtoken.verify(token, secret), payload);
  assert.deepEqual(jsonwebtoken.verify(jsonwebtoken.sign(payload, secret), secret), payload);
  writeFileSync(name, token);
}
console.log('jose 6.2.18 and jsonwebtoken 9.0.3 take both');
JS
node sign.mjs
venv/bin/python - <<'PY'
from importlib.metadata import version
import jwt
from joserfc import errors, jwt as other
from joserfc.jwk import OctKey
secret = "an example of a secret, 32 bytes"
print("pyjwt", version("pyjwt"), "joserfc", version("joserfc"))
for name, error in (("ahead", jwt.ImmatureSignatureError), ("number", jwt.exceptions.InvalidSubjectError)):
    token = open(name).read()
    try:
        jwt.decode(token, secret, ["HS256"])
        raise SystemExit("pyjwt took it")
    except error as reason:
        print("pyjwt  ", name, reason)
    try:
        other.JWTClaimsRegistry().validate(other.decode(token, OctKey.import_key(secret)).claims)
        raise SystemExit("joserfc took it")
    except errors.JoseError as reason:
        print("joserfc", name, reason)
PY
