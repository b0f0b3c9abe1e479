#!/usr/bin/env bash
# cloudevents (JavaScript): an event whose data are 0, false or an empty text is sent whole and read without data
#
# Expected: any JSON value may be an event's data (CloudEvents' JSON format, 3.1). A structured event that the package wrote with "data": 0 is read by
#   it with data 0; and a text in a binary event of application/json is JSON, so with its quotes.
# Seen: HTTP.toEvent gives undefined for 0, false, "" and null of structured events, though the body has them; Python's package reads 0, false and "".
#   The binary form writes the text hello without quotes under application/json.
# With: cloudevents 10.0.0 (npm), cloudevents 2.2.0 (PyPI); node 20; 2026-11-29.
# Matters: "rows rejected: 0" is the usual result of an ingest. As an event it says nothing to the next service. Wrap such values in an object.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --silent --no-audit --no-fund --ignore-scripts --prefix . cloudevents@10.0.0
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check cloudevents==2.2.0
cat > pass.mjs <<'JS'
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { CloudEvent, HTTP } from 'cloudevents';
const event = (data) => new CloudEvent({ id: '1', source: '/s', type: 'rejected', datacontenttype: 'application/json', data });
const bodies = [];
for (const data of [0, false, '', null, 5, { rows: 0 }]) {
  const message = HTTP.structured(event(data));
  bodies.push(message.body);
  const { data: seen } = HTTP.toEvent(message);
  console.log(JSON.parse(message.body).data, '->', seen);
  assert.deepEqual(JSON.parse(message.body).data, data);
  assert.deepEqual(seen, data || undefined);
}
writeFileSync('bodies.json', JSON.stringify(bodies));
assert.equal(HTTP.binary(event('hello')).body, 'hello');
JS
node pass.mjs
venv/bin/python - <<'PY'
import json
from cloudevents.core.bindings.http import HTTPMessage, from_http_event
seen = [
    from_http_event(HTTPMessage({"content-type": "application/cloudevents+json"}, body.encode())).get_data() for body in json.load(open("bodies.json"))
]
print("Python", seen)
assert seen == [0, False, "", None, 5, {"rows": 0}] and seen[1] is False
PY
