"""Writes random cases for `conformance presign` with the answers that botocore gives, as JSON lines.

usage: botocore_presign.py SEED COUNT

Each line is {"case": …, "want": …}; `want` is the answer without its id, or {"error": true}.
"""

import base64
import contextlib
import datetime
import json
import random
import sys
from unittest import mock

import botocore.auth
import botocore.config
import botocore.session
import botocore.signers
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.utils import percent_encode_sequence

OPERATIONS = {
    "PutObject": "PUT",
    "GetObject": "GET",
    "HeadObject": "HEAD",
    "DeleteObject": "DELETE",
    "UploadPart": "PUT",
    "CreateMultipartUpload": "POST",
    "CompleteMultipartUpload": "POST",
    "AbortMultipartUpload": "DELETE",
    "ListParts": "GET",
}
MULTIPART = ("UploadPart", "CompleteMultipartUpload", "AbortMultipartUpload", "ListParts")
REGIONS = ("us-east-1", "us-west-2", "eu-central-1", "ap-southeast-2", "cn-north-1", "us-gov-west-1", "eusc-de-east-1")
ENDPOINTS = (
    None,
    None,
    None,
    "http://localhost:9000",
    "http://127.0.0.1:9000",
    "https://Minio.Example.com",
    "https://minio.example.com:443",
    "http://minio.example.com:80",
    "https://minio.example.com:8443/",
    "https://gateway.example.com/storage/v1",
    "https://0123abcd.r2.cloudflarestorage.com",
    "http://[::1]:9000",
)
BUCKETS = ("bucket", "my-bucket-1", "examplebucket", "abc", "b" * 63, "logs-2024")
DOTTED = ("a.b.c", "www.example.com")
CHARACTERS = "abcXYZ019" + "-._~" + " +%&=?#$@:;,!*'()[]{}|\\^`\"<>/" + "äéß€漢字😀\u00a0\u200d"


class Generator:
    def __init__(self, seed):
        self.random = random.Random(seed)
        self.session = botocore.session.get_session()
        self.clients = {}

    def client(self, case):
        """botocore decides where the bucket is; clients are slow to make."""
        name = (case["region"], case["endpoint"], case["addressing"])
        if name not in self.clients:
            self.clients[name] = self.session.create_client(
                "s3",
                region_name=case["region"],
                endpoint_url=case["endpoint"],
                aws_access_key_id="AKID",
                aws_secret_access_key="SECRET",
                config=botocore.config.Config(signature_version="s3v4", s3={"addressing_style": case["addressing"], "us_east_1_regional_endpoint": "regional"}),
            )
        client = self.clients[name]
        client._request_signer._credentials = credentials(case)
        return client

    def text(self, most, characters=CHARACTERS):
        return "".join(self.random.choice(characters) for _ in range(self.random.randint(1, most)))

    def key(self):
        while True:
            key = self.text(self.random.choice((5, 20, 60)))
            if self.random.random() < 0.3:
                key = f"datasets/{self.text(12)}/v1.csv"
            if self.random.random() < 0.1:
                key = "/" + key + "//"
            if len(key.encode()) <= 1024 and not {".", ".."} & set(key.split("/")):
                return key

    def base(self, identifier, kind):
        choose = self.random.choice
        case = {"id": identifier, "kind": kind, "op": choose(list(OPERATIONS)), "key": self.key()}
        case["endpoint"] = choose(ENDPOINTS)
        case["region"] = choose(REGIONS) if case["endpoint"] is None else choose(("us-east-1", "auto", "eu-west-1"))
        case["addressing"] = choose(("virtual", "path"))
        address = case["endpoint"] is not None and ("127.0" in case["endpoint"] or "[" in case["endpoint"])
        # botocore puts a dotted bucket before an IP address, which nothing can reach.
        case["bucket"] = choose(BUCKETS if address else BUCKETS + DOTTED)
        case["access_key"] = choose(("AKIAIOSFODNN7EXAMPLE", "minioadmin", "a+b=c"))
        case["secret_key"] = choose(("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "minioadmin", "é" * 40, "x" * 200))
        case["session_token"] = choose((None, None, "FwoGZXIvYXdzEA//+" + self.text(300, "abcABC019+/=")))
        moment = datetime.datetime(1970, 1, 1) + datetime.timedelta(seconds=self.random.randint(10**8, 4 * 10**9))
        case["time"] = moment.strftime("%Y-%m-%dT%H:%M:%SZ")
        case["expires"] = choose((1, 60, 900, 3600, 604800, self.random.randint(1, 604800)))
        return case

    def headers(self):
        pool = [
            ("content-type", self.random.choice(("text/csv", "text/csv; charset=utf-8", "image/png", ""))),
            ("Content-Length", str(self.random.randint(0, 5 * 2**30))),
            ("If-None-Match", "*"),
            ("Content-MD5", "1B2M2Y8AsgTpgAmY7PhCfg=="),
            ("Content-Disposition", 'attachment;   filename="a  b.csv"'),
            ("Cache-Control", "  no-cache,\tmax-age=0 "),
            ("x-amz-checksum-sha256", "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="),
            ("X-Amz-Server-Side-Encryption", "aws:kms"),
            ("x-amz-acl", "private"),
            ("x-amz-storage-class", "STANDARD_IA"),
            ("x-amz-meta-" + self.text(8, "abcDEF-_019"), self.text(30, "abc ABC:,;=é漢")),
            ("x-amz-metb", self.text(10, "abc")),
            ("X-Custom!#$%&'*+-.^_`|~", self.text(10, "abc ")),
            ("Range", "bytes=0-99"),
            ("User-Agent", "test"),
            ("Transfer-Encoding", "chunked"),
            ("x-amz-content-sha256", self.random.choice(("UNSIGNED-PAYLOAD", "e3b0c44298fc1c149afbf4c8996fb924" * 2))),
        ]
        return [list(pair) for pair in self.random.sample(pool, self.random.choice((0, 1, 2, 3, 3, 4, 8, 12)))]

    def query(self, op):
        pool = [
            ["response-content-type", "text/csv; charset=utf-8"],
            ["response-content-disposition", "attachment; filename=\"a\"; filename*=UTF-8''" + self.text(20)],
            ["versionId", self.text(20, "abcABC._-019")],
            ["x-id", op],
            ["A-before", "1"],
            ["Z-after", ""],
            ["a", self.text(9)],
            ["a-b", "2"],
            ["X-Am", "near"],
            ["X-Amz", "near"],
            ["Xa", ""],
            ["é ü", self.text(5)],
            ["prefix+", "~"],
        ]
        query = self.random.sample(pool, self.random.choice((0, 0, 0, 1, 2, 5)))
        if op == "UploadPart":
            query.append(["partNumber", str(self.random.choice((1, 2, 77, 10000)))])
        if op in MULTIPART:
            query.append(["uploadId", self.text(60, "abcABC019._-~+/=")])
        if op == "CreateMultipartUpload":
            query.insert(0, ["uploads", ""])
        else:
            self.random.shuffle(query)
        return query

    def url(self, identifier):
        """botocore's address for the bucket, and its signer over these headers and this query."""
        case = self.base(identifier, "url")
        case["headers"], case["query"] = self.headers(), self.query(case["op"])
        with frozen(case["time"]):
            client = self.client(case)
            plain = client.generate_presigned_url("get_object", Params={"Bucket": case["bucket"], "Key": case["key"]})
            request = AWSRequest(
                method=OPERATIONS[case["op"]],
                url=plain.partition("?")[0] + "?" + percent_encode_sequence(case["query"]),
                headers=dict(case["headers"]),
            )
            signer = botocore.auth.S3SigV4QueryAuth(credentials(case), "s3", case["region"], case["expires"])
            signer.add_auth(request)
        if case["op"] == "CreateMultipartUpload" and self.random.random() < 0.5:
            case["query"].remove(["uploads", ""])
        return case, {"url": request.url}

    def client_url(self, identifier):
        """The whole of botocore: parameters in, URL out."""
        case = self.base(identifier, "url")
        op = case["op"] = self.random.choice(("PutObject", "GetObject", "UploadPart", "CreateMultipartUpload"))
        case["headers"], case["query"] = [], []
        params = {"Bucket": case["bucket"], "Key": case["key"]}
        if op == "PutObject":
            length = self.random.randint(0, 10**9)
            params |= {"ContentLength": length, "ContentType": "text/csv", "IfNoneMatch": "*"}
            params |= {"ChecksumSHA256": "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=", "Metadata": {"Who": "a  b"}}
            case["headers"] = [["content-length", str(length)], ["content-type", "text/csv"], ["if-none-match", "*"]]
            case["headers"] += [["x-amz-checksum-sha256", params["ChecksumSHA256"]], ["x-amz-meta-Who", "a  b"]]
        elif op == "GetObject":
            disposition = "attachment; filename*=UTF-8''" + self.text(10)
            params |= {"ResponseContentDisposition": disposition, "ResponseContentType": "text/csv"}
            case["query"] = [["response-content-disposition", disposition], ["response-content-type", "text/csv"]]
        elif op == "UploadPart":
            number, upload = self.random.randint(1, 10000), self.text(40)
            params |= {"PartNumber": number, "UploadId": upload, "ContentLength": 5}
            case["query"] = [["partNumber", str(number)], ["uploadId", upload]]
            case["headers"] = [["Content-Length", "5"]]
        method = {"PutObject": "put_object", "GetObject": "get_object", "UploadPart": "upload_part"}
        with frozen(case["time"]):
            url = self.client(case).generate_presigned_url(
                method.get(op, "create_multipart_upload"), Params=params, ExpiresIn=case["expires"]
            )
        return case, {"url": url}

    def post(self, identifier):
        case = self.base(identifier, "post")
        del case["op"]
        if self.random.random() < 0.2:
            case["key"] += "${filename}"
        pool = {
            "acl": "private",
            "Content-Type": "text/csv",
            "success_action_status": "201",
            "x-amz-meta-Ünï": self.text(20),
            "Cache-Control": 'quote " back \\ slash / del \x7f tab \t',
            "key": "replaced",
        }
        names = self.random.sample(list(pool), self.random.randint(0, len(pool)))
        case["fields"] = {name: pool[name] for name in names}
        case["conditions"] = [{name: pool[name]} for name in names if name != "key"]
        if self.random.random() < 0.5:
            case["conditions"].insert(0, ["content-length-range", 0, self.random.randint(1, 5 * 2**30)])
        if self.random.random() < 0.3:
            case["conditions"].append(["starts-with", "$x-amz-meta-tag", ""])
        if self.random.random() < 0.3:
            case["conditions"].append(["eq", "$Content-Type", "text/csv"])
        with frozen(case["time"]):
            want = self.client(case).generate_presigned_post(
                case["bucket"],
                case["key"],
                Fields=dict(case["fields"]),
                Conditions=[dict(one) if isinstance(one, dict) else list(one) for one in case["conditions"]],
                ExpiresIn=case["expires"],
            )
        return case, want

    def post_eval(self, identifier):
        """A form that botocore signed is good; one thing changed is not."""
        case = self.base(identifier, "post")
        case["bucket"], case["expires"] = "bucket", 3600
        conditions = [["content-length-range", 10, 1000], {"acl": "private"}, ["starts-with", "$Content-Type", "image/"]]
        with frozen(case["time"]):
            form = self.client(case).generate_presigned_post(
                "bucket", case["key"], {"acl": "private", "Content-Type": "image/png"}, conditions, 3600
            )["fields"]
        moment = datetime.datetime.strptime(case["time"], "%Y-%m-%dT%H:%M:%SZ")
        answer = {"id": identifier, "kind": "post_eval", "bucket": "bucket", "form": form, "size": 500}
        answer["secret_key"] = case["secret_key"]
        later = self.random.randint(0, 3599)
        accept = self.random.random() < 0.4
        if accept:
            answer["size"] = self.random.choice((10, 11, 500, 1000))
            form["X-Ignore-This"] = "anything"
            form["Content-Type"] = self.random.choice(("image/png", "image/", "image/jpeg, image/png"))
        else:
            change = self.random.randrange(14)
            if change == 0:
                answer["size"] = self.random.choice((0, 9, 1001, 10**12))
            elif change == 1:
                form["key"] += "x"
            elif change == 2:
                form["acl"] = "public-read"
            elif change == 3:
                form["Content-Type"] = self.random.choice(("text/html", "Image/png", "image/png, text/html", ""))
            elif change == 4:
                form["x-amz-meta-extra"] = "1"
            elif change == 5:
                later = self.random.choice((3600, 3601, 10**7))
            elif change == 6:
                answer["secret_key"] += "x"
            elif change == 7:
                policy = json.loads(base64.b64decode(form["policy"]))
                policy["conditions"][0][2] = 10**9
                form["policy"] = base64.b64encode(json.dumps(policy).encode()).decode()
            elif change == 8:
                answer["bucket"] = "other-bucket"
            elif change == 9:
                del form[self.random.choice(("acl", "Content-Type", "key", "policy", "x-amz-signature", "x-amz-date"))]
            elif change == 10:
                form["x-amz-signature"] = form["x-amz-signature"][::-1]
            elif change == 11:
                form["x-amz-credential"] = form["x-amz-credential"].replace("/s3/", "/sqs/")
            elif change == 12:
                signature = form.pop("x-amz-signature")
                form |= {"file": "", "x-amz-signature": signature}
            elif change == 13:
                later = -86400
        answer["now"] = (moment + datetime.timedelta(seconds=later)).strftime("%Y-%m-%dT%H:%M:%SZ")
        return answer, {"accept": accept}

    def refuse(self, identifier):
        case = self.base(identifier, "refuse")
        case["op"], case["headers"], case["query"] = "PutObject", [], []
        change = self.random.choice(
            (
                {"expires": self.random.choice((0, -1, 604801, 10**12))},
                {"key": self.random.choice(("", "k" * 1025, "é" * 513, "a/../b", ".", "a/..", "a\nb", "\x00", "a\x7f"))},
                {"bucket": self.random.choice(("", "ab", "b" * 64, "Bucket", "a_b", "-ab", "ab-", "a..b", "10.0.0.1", "a/b"))},
                {"headers": self.random.choice(([["a b", "c"]], [["", "c"]], [["a", "b\r\nc"]], [["a", "1"], ["A", "2"]]))},
                {"query": self.random.choice(([["X-Amz-Date", "1"]], [["a", "1"], ["a", "2"]], [["", "1"]], [["a", "\x00"]]))},
                {"op": "UploadPart", "query": [["uploadId", "u"], ["partNumber", self.random.choice(("0", "10001", "-1", "x", ""))]]},
                {"op": "UploadPart", "query": [["uploadId", "u"]]},
                {"op": self.random.choice(MULTIPART), "query": [["partNumber", "1"]]},
                {"op": self.random.choice(MULTIPART), "query": [["partNumber", "1"], ["uploadId", ""]]},
            )
        )
        return case | change, {"error": True}


def credentials(case):
    return Credentials(case["access_key"], case["secret_key"], case["session_token"])


@contextlib.contextmanager
def frozen(text):
    """botocore reads the clock in these two modules."""
    moment = datetime.datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ")
    with contextlib.ExitStack() as stack:
        for module in (botocore.auth, botocore.signers):
            stack.enter_context(mock.patch.object(module, "get_current_datetime", lambda *_, **__: moment))
        yield


def main():
    seed, count = int(sys.argv[1]), int(sys.argv[2])
    generator = Generator(seed)
    kinds = (generator.url,) * 5 + (generator.client_url, generator.post, generator.post_eval, generator.refuse)
    for identifier in range(count):
        case, want = kinds[identifier % len(kinds)](identifier)
        print(json.dumps({"case": case, "want": want}))


main()
