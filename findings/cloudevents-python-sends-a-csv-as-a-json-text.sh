#!/usr/bin/env bash
# cloudevents (Python, v1 functions): a CSV as data is sent in JSON's quotes under Content-Type text/csv
#
# Expected: in binary mode the body is the data as datacontenttype has it, so "id\n1\n" of text/csv is sent as these five bytes, and the body 5 of
#   text/plain is read as the text "5".
# Seen: to_binary makes JSON of every str, whatever its type: the body is "id\n1\n" with quotes and with backslashes. from_http parses every body that
#   happens to be JSON, whatever its type: 5 of text/plain is an int. So the package's own round trip is right. The newer functions (cloudevents.core)
#   send and read the text as it is.
# With: cloudevents 2.2.0 (PyPI); Python 3.11; 2026-11-29.
# Matters: other receivers store a CSV of one line that begins with a quote; and a text that consists of digits changes its type. Pass bytes to the v1
#   functions, or a data_marshaller and a data_unmarshaller.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check cloudevents==2.2.0
venv/bin/python -W ignore - <<'PY'
from importlib.metadata import version
from cloudevents.core.bindings.http import to_binary_event
from cloudevents.core.v1.event import CloudEvent as Event
from cloudevents.v1.conversion import to_binary
from cloudevents.v1.http import CloudEvent, from_http
print("cloudevents", version("cloudevents"))
headers, body = to_binary(CloudEvent({"type": "t", "source": "/s", "datacontenttype": "text/csv"}, "id\n1\n"))
new = to_binary_event(Event(attributes={"id": "1", "type": "t", "source": "/s", "specversion": "1.0", "datacontenttype": "text/csv"}, data="id\n1\n"))
kind = {name.lower(): value for name, value in headers.items()}
print("v1:", body, "core:", new.body)
assert body == b'"id\\n1\\n"' and new.body == b"id\n1\n" and "text/csv" in (kind.get("content-type"), kind.get("datacontenttype"))
given = {"ce-id": "1", "ce-type": "t", "ce-source": "/s", "ce-specversion": "1.0", "content-type": "text/plain"}
seen = [from_http(given, text).data for text in (b"5", b"null", b'{"a":1}', b"five")]
print("read from text/plain:", seen)
assert seen == [5, None, {"a": 1}, b"five"]
PY
