"""aiohttp alone: checks a signature, reads the JSON, answers as much as an order's answer has.

A process of its own (`python -m benchmarks.http_raw`); its second line is its port.
"""

import asyncio
import hashlib
import hmac
import json
import sys

from aiohttp import web

from benchmarks.child import READY

ACCOUNT = "bench"
KEY = "a-key-for-the-measurement-only"
_ANSWER = {"id": 1, "state": "QUEUED", "final": False, "product": "S5", "filler": "x" * 200}


async def place(request: web.Request) -> web.Response:
    """One order."""
    body = await request.read()
    named = [request.headers[f"Pulsarack-{one}"] for one in ("Timestamp", "Nonce", "Signature")]
    lines = ("PULSARACK-HMAC-SHA256", request.method, request.raw_path)
    text = "\n".join((*lines, hashlib.sha256(body).hexdigest(), named[0], named[1])).encode()
    right = hmac.digest(KEY.encode(), text, "sha256").hex()
    if not hmac.compare_digest(right, named[2]):
        return web.Response(status=401)
    wanted = json.loads(body)
    return web.json_response({**_ANSWER, "client_reference": wanted["client_reference"]})


async def serve() -> None:
    """Until it is ended."""
    application = web.Application()
    application.router.add_post("/v1/orders", place)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    sys.stdout.write(f"{READY}{runner.addresses[0][1]}\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve())
