#!/usr/bin/env bash
# aiohttp (client): an uploaded "my report (1).csv" is called my%20report%20%281%29.csv on the other side
#
# Expected: in multipart/form-data a file's name goes in quotes as it is, with only the quote and line ends escaped (RFC 7578, and browsers by the WHATWG
#   rules), so that Werkzeug and others see what the sender had.
# Seen: FormData percent-encodes everything but a few characters into the plain filename="...", ASCII or not, and servers do not decode it, nor does
#   aiohttp's own server. Only FormData(quote_fields=False) sends what one means. A name that really has a % in it arrives encoded twice over.
# With: aiohttp 3.14.5, werkzeug 3.1.9; 2026-11-28.
# Matters: a store that takes its key or its Content-Disposition from the form's file name keeps the escapes for ever, and a POST policy with
#   starts-with on a name does not match.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check aiohttp==3.14.5 werkzeug==3.1.9
venv/bin/python - <<'PY'
import asyncio, io
from importlib.metadata import version
from aiohttp import ClientSession, FormData, web
from werkzeug.wrappers import Request
print("aiohttp", version("aiohttp"), "werkzeug", version("werkzeug"))
async def main():
    bodies, own = [], []
    async def take(request):
        bodies.append((request.headers["Content-Type"], await request.read()))
        return web.Response()
    async def parse(request):
        own.append((await request.post())["file"].filename)
        return web.Response()
    app = web.Application()
    app.add_routes([web.post("/take", take), web.post("/parse", parse)])
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = site._server.sockets[0].getsockname()[1]
    async with ClientSession() as session:
        for name in ("my report (1).csv", "50% off.csv"):
            for options in ({}, {"quote_fields": False}):
                for path in ("take", "parse"):
                    form = FormData(**options)
                    form.add_field("file", b"x", filename=name)
                    async with session.post(f"http://127.0.0.1:{port}/{path}", data=form) as answer:
                        assert answer.status == 200
    await runner.cleanup()
    names = []
    for kind, body in bodies:
        environ = {"REQUEST_METHOD": "POST", "CONTENT_TYPE": kind, "CONTENT_LENGTH": str(len(body)), "wsgi.input": io.BytesIO(body),
                   "SERVER_NAME": "x", "SERVER_PORT": "80", "wsgi.url_scheme": "http"}
        names.append(Request(environ).files["file"].filename)
    print("werkzeug", names)
    print("aiohttp ", own)
    expected = ["my%20report%20%281%29.csv", "my report (1).csv", "50%25%20off.csv", "50% off.csv"]
    assert names == expected and own == expected
asyncio.run(main())
PY
