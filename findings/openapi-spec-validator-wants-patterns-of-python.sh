#!/usr/bin/env bash
# openapi-spec-validator: a pattern is checked as Python's, so valid documents are refused and invalid ones pass
#
# Expected: OpenAPI 3.1 and JSON Schema say that `pattern` is an ECMA-262 regular expression (with Unicode, so \p{L} is one), and a validator of documents
#   either checks that dialect or leaves patterns alone.
# Seen: it asks Python's re. ^\p{L}+$ and ^(?<y>a)$, which JavaScript takes, make the document invalid ("is not a 'regex'"); ^(?P<y>a)$ and \Aa\Z, which
#   JavaScript refuses, are fine.
# With: openapi-spec-validator 0.9.0, jsonschema 4.26.0; node 20; 2026-11-28.
# Matters: names of files and people want \p{L}. A gate in CI with this validator turns the right pattern away and lets one through with which
#   generated clients in TypeScript, and validators in JavaScript, fail at start. Run both dialects over `pattern`, or keep to what they share.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check openapi-spec-validator==0.9.0 jsonschema==4.26.0
cat > patterns.json <<'JSON'
["^\\p{L}+$", "^(?<y>a)$", "^(?P<y>a)$", "\\Aa\\Z", "^a+$"]
JSON
cat > node.mjs <<'JS'
import { readFileSync, writeFileSync } from 'node:fs';
const good = (pattern) => {
  try {
    return Boolean(new RegExp(pattern, 'u'));
  } catch {
    return false;
  }
};
writeFileSync('node.json', JSON.stringify(JSON.parse(readFileSync('patterns.json', 'utf8')).map(good)));
JS
node node.mjs
venv/bin/python - <<'PY'
import json
from importlib.metadata import version
from openapi_spec_validator import OpenAPIV31SpecValidator
print(*(f"{p} {version(p)}" for p in ("openapi-spec-validator", "jsonschema")))
patterns, node = json.load(open("patterns.json")), json.load(open("node.json"))
def good(pattern):
    document = {"openapi": "3.1.0", "info": {"title": "t", "version": "1"}, "paths": {},
                "components": {"schemas": {"A": {"type": "string", "pattern": pattern}}}}
    return not list(OpenAPIV31SpecValidator(document).iter_errors())
here = [good(pattern) for pattern in patterns]
for line in zip(patterns, node, here):
    print("%-12s ECMAScript %-5s validator %s" % line)
assert node == [True, True, False, False, True]
assert here == [False, False, True, True, True]
PY
