#!/usr/bin/env bash
# moto: all its "Object Created" events have the same sequencer, and each upload is also said to have been tagged
#
# Expected: an EventBridge event of S3 carries a sequencer that grows with each change of a key, a reason that names the call (PutObject,
#   CompleteMultipartUpload), and "Object Tags Added" is sent when tags are put. An emulator makes up the values, but different ones.
# Seen: the sequencer, the event's id and the request-id are constants, the reason is "ObjectCreated" for all calls, and put_object without tags sends
#   "Object Tags Added" as well. In S3's own form of notification (here to a queue) there is no sequencer, and no versionId in a versioned bucket.
# With: moto 5.2.5, boto3 1.44.8; 2026-11-29.
# Matters: a consumer that drops events whose sequencer is not larger than the last one, as the documentation advises, or whose id it has seen, drops
#   every event but the first. Give the emulator's events a sequencer of your own in tests.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check 'moto[s3,sqs,events]==5.2.5' boto3==1.44.8
AWS_ACCESS_KEY_ID=k AWS_SECRET_ACCESS_KEY=s AWS_DEFAULT_REGION=us-east-1 venv/bin/python -W ignore - <<'PY'
import json
from importlib.metadata import version
import boto3, moto
print(*(f"{p} {version(p)}" for p in ("moto", "boto3")))
with moto.mock_aws():
    s3, sqs, events = boto3.client("s3"), boto3.client("sqs"), boto3.client("events")
    s3.create_bucket(Bucket="bkt")
    s3.put_bucket_versioning(Bucket="bkt", VersioningConfiguration={"Status": "Enabled"})
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    events.put_rule(Name="r", EventPattern=json.dumps({"source": ["aws.s3"]}))
    events.put_targets(Rule="r", Targets=[{"Id": "1", "Arn": arn}])
    s3.put_bucket_notification_configuration(Bucket="bkt", NotificationConfiguration={
        "EventBridgeConfiguration": {}, "QueueConfigurations": [{"QueueArn": arn, "Events": ["s3:ObjectCreated:*"]}]})
    s3.put_object(Bucket="bkt", Key="a.csv", Body=b"1")
    s3.put_object(Bucket="bkt", Key="a.csv", Body=b"22")
    s3.copy_object(Bucket="bkt", Key="b.csv", CopySource="bkt/a.csv")
    found = []
    while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        for message in messages:
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            found.append(json.loads(message["Body"]))
bridge = [event for event in found if "detail" in event]
created = [event for event in bridge if event["detail-type"] == "Object Created"]
for event in bridge:
    print(event["detail-type"], event["id"], event["detail"]["reason"], event["detail"]["object"])
records = [record for event in found for record in event.get("Records", [])]
print(records[0]["s3"]["object"])
assert len(created) == 3 and len({event["detail"]["object"]["version-id"] for event in created}) == 3
assert len({event["detail"]["object"]["sequencer"] for event in created}) == 1
assert len({event["id"] for event in created}) == len({event["detail"]["request-id"] for event in created}) == 1
assert {event["detail"]["reason"] for event in created} == {"ObjectCreated"}
assert [event["detail-type"] for event in bridge].count("Object Tags Added") == 2
assert len(records) == 3 and all(set(record["s3"]["object"]) == {"key", "size", "eTag"} for record in records)
PY
