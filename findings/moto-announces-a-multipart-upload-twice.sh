#!/usr/bin/env bash
# moto: one finished multipart upload is two new objects in its notifications, and a deletion in a versioned bucket is none
#
# Expected: S3 sends one event for each object that comes to be, ObjectCreated:CompleteMultipartUpload for a multipart upload, and for a deletion that
#   leaves a marker ObjectRemoved:DeleteMarkerCreated. moto knows all these names.
# Seen: CompleteMultipartUpload puts ObjectCreated:Put and ObjectCreated:CompleteMultipartUpload in the queue, both with the same key, size and ETag.
#   With versions on, delete_object puts nothing there; without, it is ObjectRemoved:Delete, as it should.
# With: moto 5.2.5, boto3 1.44.8; 2026-11-29.
# Matters: a test of an ingest against moto sees each large upload twice, which looks like a fault of the ingest, or hides that it has no guard
#   against repeated work; and a consumer of deletions is never called. Count objects in such tests, not events.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check 'moto[s3,sqs]==5.2.5' boto3==1.44.8
AWS_ACCESS_KEY_ID=k AWS_SECRET_ACCESS_KEY=s AWS_DEFAULT_REGION=us-east-1 venv/bin/python -W ignore - <<'PY'
import json
from importlib.metadata import version
import boto3, moto
print(*(f"{p} {version(p)}" for p in ("moto", "boto3")))
with moto.mock_aws():
    s3, sqs = boto3.client("s3"), boto3.client("sqs")
    s3.create_bucket(Bucket="bkt")
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    s3.put_bucket_notification_configuration(Bucket="bkt", NotificationConfiguration={
        "QueueConfigurations": [{"QueueArn": arn, "Events": ["s3:ObjectCreated:*", "s3:ObjectRemoved:*"]}]})
    def events():
        found = []
        while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
                found += [(item["eventName"], item["s3"]["object"]["key"]) for item in json.loads(message["Body"]).get("Records", [])]
        return sorted(found)
    events()
    def upload(key):
        name = s3.create_multipart_upload(Bucket="bkt", Key=key)["UploadId"]
        tag = s3.upload_part(Bucket="bkt", Key=key, UploadId=name, PartNumber=1, Body=b"id\n1\n")["ETag"]
        s3.complete_multipart_upload(Bucket="bkt", Key=key, UploadId=name, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": tag}]})
    upload("a.csv")
    seen = events()
    print("multipart upload:", seen)
    assert seen == [("ObjectCreated:CompleteMultipartUpload", "a.csv"), ("ObjectCreated:Put", "a.csv")]
    s3.put_object(Bucket="bkt", Key="b.csv", Body=b"")
    assert events() == [("ObjectCreated:Put", "b.csv")]
    s3.delete_object(Bucket="bkt", Key="b.csv")
    assert events() == [("ObjectRemoved:Delete", "b.csv")]
    s3.put_bucket_versioning(Bucket="bkt", VersioningConfiguration={"Status": "Enabled"})
    s3.delete_object(Bucket="bkt", Key="a.csv")
    assert s3.list_object_versions(Bucket="bkt").get("DeleteMarkers")
    seen = events()
    print("deletion that leaves a marker:", seen)
    assert seen == []
PY
