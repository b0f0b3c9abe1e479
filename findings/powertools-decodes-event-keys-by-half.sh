#!/usr/bin/env bash
# Powertools for AWS Lambda (Python): of one event's key, some accessors give the decoded form and some the encoded one
#
# Expected: S3's notifications have form-encoded keys, EventBridge's have them as they are (so its samples), so a library of typed events decodes the
#   first and leaves the second alone, in all its classes alike.
# Seen: S3Event(e).object_key is decoded; the key of the same event's record (record.s3.get_object.key) and that of the pydantic S3Model are not. For
#   EventBridge the data class decodes all the same, so the key "a+b%20c.csv" becomes "a b c.csv", and the pydantic model leaves it.
# With: aws-lambda-powertools 3.37.0, pydantic 2.14.4; 2026-11-28.
# Matters: code that moves from the one event to the next record, or from the data classes to the parser, asks for another object, and gets 404 (or another
#   customer's file) only for keys with a blank, a plus or a percent sign. Test with such a key.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check aws-lambda-powertools==3.37.0 pydantic==2.14.4
venv/bin/python - <<'PY'
from importlib.metadata import version
from aws_lambda_powertools.utilities.data_classes import S3Event, S3EventBridgeNotificationEvent
from aws_lambda_powertools.utilities.parser.models import S3EventNotificationEventBridgeModel, S3Model
print(*(f"{p} {version(p)}" for p in ("aws-lambda-powertools", "pydantic")))
record = {"eventVersion": "2.1", "eventSource": "aws:s3", "awsRegion": "us-east-1", "eventTime": "2026-11-28T10:00:00.000Z", "eventName": "ObjectCreated:Put",
          "userIdentity": {"principalId": "AWS:X"}, "requestParameters": {"sourceIPAddress": "192.0.2.1"},
          "responseElements": {"x-amz-request-id": "A", "x-amz-id-2": "B"},
          "s3": {"s3SchemaVersion": "1.0", "configurationId": "c",
                 "bucket": {"name": "bkt", "ownerIdentity": {"principalId": "P"}, "arn": "arn:aws:s3:::bkt"},
                 "object": {"key": "a%2Bb+c.csv", "size": 5, "eTag": "d41d8cd98f00b204e9800998ecf8427e", "sequencer": "0055AED6DCD90281E5"}}}
bus = {"version": "0", "id": "x", "detail-type": "Object Created", "source": "aws.s3", "account": "123456789012", "time": "2026-11-28T10:00:00Z",
       "region": "us-east-1", "resources": ["arn:aws:s3:::bkt"],
       "detail": {"version": "0", "bucket": {"name": "bkt"}, "object": {"key": "a+b%20c.csv", "size": 5, "etag": "e", "sequencer": "0"},
                  "request-id": "A", "requester": "123456789012", "source-ip-address": "192.0.2.1", "reason": "PutObject"}}
event = S3Event({"Records": [record]})
seen = {"event": event.object_key, "record": next(event.records).s3.get_object.key, "model": S3Model(Records=[record]).Records[0].s3.object.key,
        "bus": S3EventBridgeNotificationEvent(bus).detail.object.key, "bus model": S3EventNotificationEventBridgeModel(**bus).detail.object.key}
for name, key in seen.items():
    print(f"{name:<10}", key)
assert seen == {"event": "a+b c.csv", "record": "a%2Bb+c.csv", "model": "a%2Bb+c.csv", "bus": "a b c.csv", "bus model": "a+b%20c.csv"}
PY
