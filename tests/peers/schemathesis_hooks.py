"""Loaded by schemathesis: signs each of its requests as docs/http-api.md has it.

Only the standard library and requests, which schemathesis brings: it runs in an environment of its
own and must not share the product's code, or a shared mistake would hide itself.
"""

import hashlib
import hmac
import os
import secrets
import time
from typing import Any

import requests
import schemathesis

ACCOUNT = os.environ["PEER_ACCOUNT"]
KEY = os.environ["PEER_KEY"].encode()


class Signature(requests.auth.AuthBase):
    """Adds the four headers to a request that is ready to be sent."""

    def __call__(self, request: Any) -> Any:
        body = request.body or b""
        body = body.encode() if isinstance(body, str) else body
        timestamp, nonce = str(int(time.time())), secrets.token_hex(16)  # noqa: TID251
        lines = (
            "PULSARACK-HMAC-SHA256",
            request.method,
            request.path_url,
            hashlib.sha256(body).hexdigest(),
            timestamp,
            nonce,
        )
        request.headers["Pulsarack-Key"] = ACCOUNT
        request.headers["Pulsarack-Timestamp"] = timestamp
        request.headers["Pulsarack-Nonce"] = nonce
        signature = hmac.digest(KEY, "\n".join(lines).encode(), "sha256").hex()
        request.headers["Pulsarack-Signature"] = signature
        return request


schemathesis.auth.set_from_requests(Signature())


@schemathesis.hook
def map_body(_context: Any, body: Any) -> Any:
    """JSON Schema takes 82.0 for a whole number, and cannot say that we want it written as one."""
    if not isinstance(body, dict):
        return body
    return {
        key: int(value) if isinstance(value, float) and value.is_integer() else value
        for key, value in body.items()
    }
