"""Uploads a file with the client that openapi-python-client made, and waits until it is ready.

Arguments: base URL, token. The generated package must be on the path.
"""

import sys
import time

import httpx
from consign_client import AuthenticatedClient
from consign_client.api.files import confirm_upload, file_status, sign_upload
from consign_client.models import Confirm, Problem, SignUpload, Status

base_url, token = sys.argv[1:]
content = b"id,name\n1,Ann\n2,Bob\n"
client = AuthenticatedClient(base_url=base_url, token=token)

refused = sign_upload.sync(client=client, body=SignUpload(filename="no/name.csv"))
assert isinstance(refused, Problem), refused
assert refused.errors[0].field == "filename", refused

wanted = SignUpload(filename="people.csv", content_type="text/csv", file_size_bytes=len(content))
signed = sign_upload.sync(client=client, body=wanted)
sent = httpx.request(
    signed.method, signed.upload_url, headers=signed.headers.to_dict(), content=content
)
assert sent.status_code == 200, sent.text
confirm_upload.sync(client=client, body=Confirm(file_id=str(signed.file_id)))
for _ in range(60):
    file = file_status.sync(str(signed.file_id), client=client)
    if file.status in (Status.READY, Status.FAILED):
        break
    time.sleep(0.5)
assert (file.status, file.row_count) == (Status.READY, 2), file
print("ready")
