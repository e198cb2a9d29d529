"""aiohttp alone: checks a signature, reads the JSON, answers as much as the orders' answer has.

A process of its own (`python -m benchmarks.http_raw`); its second line is its port.
"""

import asyncio
import hashlib
import hmac
import json
import sys
from typing import Any

from aiohttp import web

from benchmarks.child import READY

ONE, MANY = "/v1/orders", "/v1/order-batches"
ACCOUNT = "bench"
KEY = "a-key-for-the-measurement-only"
_ANSWER = {"id": 1, "state": "QUEUED", "final": False, "product": "S5", "filler": "x" * 200}


async def place(request: web.Request) -> web.Response:
    """One order, or many."""
    body = await request.read()
    named = [request.headers[f"Pulsarack-{one}"] for one in ("Timestamp", "Nonce", "Signature")]
    lines = ("PULSARACK-HMAC-SHA256", request.method, request.raw_path)
    text = "\n".join((*lines, hashlib.sha256(body).hexdigest(), named[0], named[1])).encode()
    right = hmac.digest(KEY.encode(), text, "sha256").hex()
    if not hmac.compare_digest(right, named[2]):
        return web.Response(status=401)
    wanted = json.loads(body)
    if "orders" in wanted:
        return web.json_response({"orders": [{"order": _answer(one)} for one in wanted["orders"]]})
    return web.json_response(_answer(wanted))


def _answer(wanted: dict[str, Any]) -> dict[str, Any]:
    return {**_ANSWER, "client_reference": wanted["client_reference"]}


async def serve() -> None:
    """Until it is ended."""
    application = web.Application()
    for path in (ONE, MANY):
        application.router.add_post(path, place)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    sys.stdout.write(f"{READY}{runner.addresses[0][1]}\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve())
