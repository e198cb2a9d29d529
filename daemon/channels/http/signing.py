"""How a request is signed, and what makes a signature good: no I/O, no clock.

The text that is signed has six lines, joined by one line feed each and none at the end:

    PULSARACK-HMAC-SHA256
    <method in upper case>
    <path with query, as it stands in the request line>
    <SHA-256 of the body in lower-case hex>
    <timestamp: seconds since 1970 UTC, decimal>
    <nonce: 8 to 64 characters of A-Z a-z 0-9 . _ ->

The signature is its HMAC-SHA256 (RFC 2104) under the account's secret, in lower-case hex. Four
headers carry it: Pulsarack-Key (the account), -Timestamp, -Nonce and -Signature. The reports
that we send are signed in the same way, so one function checks both sides.
"""

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass

from pulsarack.daemon.channels.http.refusals import HttpRefusal, Why
from pulsarack.daemon.context import MS
from pulsarack.daemon.secrets import Secret

SCHEME = "PULSARACK-HMAC-SHA256"
KEY, TIMESTAMP, NONCE, SIGNATURE = (
    f"Pulsarack-{name}" for name in ("Key", "Timestamp", "Nonce", "Signature")
)
_FORMS = {
    KEY: re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}"),
    TIMESTAMP: re.compile(r"[0-9]{1,12}"),
    NONCE: re.compile(r"[A-Za-z0-9._-]{8,64}"),
    SIGNATURE: re.compile(r"[0-9a-f]{64}"),
}
# Compared with when there is no such account, so that it takes as long as when there is.
_NOBODY = Secret("nobody has this secret")


@dataclass(frozen=True, slots=True)
class Signed:
    """What the four headers say."""

    key: str
    timestamp: int
    nonce: str
    signature: str


def read(headers: Mapping[str, str]) -> Signed:
    """The four headers; raises HttpRefusal (UNSIGNED, BAD_SIGNATURE)."""
    found = {name: headers.get(name) for name in _FORMS}
    missing = [name for name, value in found.items() if value is None]
    if missing:
        raise HttpRefusal(Why.UNSIGNED, f"there is no header {missing[0]}")
    for name, value in found.items():
        if not _FORMS[name].fullmatch(value or ""):
            raise HttpRefusal(Why.BAD_SIGNATURE, f"the header {name} has not the right form")
    return Signed(
        str(found[KEY]), int(found[TIMESTAMP] or 0), str(found[NONCE]), str(found[SIGNATURE])
    )


def text_to_sign(method: str, target: str, body: bytes, timestamp: int, nonce: str) -> bytes:
    """The six lines; `target` is path and query as sent."""
    hashed = hashlib.sha256(body).hexdigest()
    return "\n".join((SCHEME, method.upper(), target, hashed, str(timestamp), nonce)).encode(
        "utf-8", "surrogateescape"
    )


def sign(secret: Secret, text: bytes) -> str:
    """The signature of a text."""
    return hmac.digest(secret.reveal().encode(), text, "sha256").hex()


def headers(
    key: str, secret: Secret, method: str, target: str, body: bytes, *, timestamp: int, nonce: str
) -> dict[str, str]:
    """The four headers of a request."""
    text = text_to_sign(method, target, body, timestamp, nonce)
    return {
        KEY: key,
        TIMESTAMP: str(timestamp),
        NONCE: nonce,
        SIGNATURE: sign(secret, text),
    }


def is_right(signed: Signed, secret: Secret | None, text: bytes) -> bool:
    """Whether a signature is the secret's; takes as long for an account that is not there."""
    right = sign(secret or _NOBODY, text)
    return hmac.compare_digest(right, signed.signature) and secret is not None


def check_time(signed: Signed, *, now_ms: int, window_seconds: float) -> None:
    """Refuse what was signed too long ago, or in the future."""
    now = now_ms // MS
    if signed.timestamp < now - window_seconds:
        raise HttpRefusal(Why.TOO_LATE, _clocks(signed, now))
    if signed.timestamp > now + window_seconds:
        raise HttpRefusal(Why.TOO_EARLY, _clocks(signed, now))


def _clocks(signed: Signed, now: int) -> str:
    return f"it was signed at {signed.timestamp}, the server's clock says {now}"
