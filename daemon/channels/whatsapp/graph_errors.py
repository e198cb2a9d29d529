"""What the errors of Meta's Graph API mean for a message, as data.

The codes are those of "Cloud API, Error codes" (developers.facebook.com). One table says of each
whether the message can go later, never, or nobody knows; whether it was refused because the window
of 24 hours is closed; and whether the whole channel is at fault, which then is said with a remedy.
"""

from dataclasses import dataclass

from pulsarack.daemon.channels.carrier import ChannelState, SentKind, Standing

LATER, NEVER, MAYBE = SentKind.LATER, SentKind.NEVER, SentKind.MAYBE


@dataclass(frozen=True, slots=True)
class Meaning:
    """`again_seconds`: not before; `fault`: of the channel; `window`: it is closed."""

    kind: SentKind
    why: str
    again_seconds: float | None = None
    fault: ChannelState | None = None
    window: bool = False


def _fault(why: str, remedy: str) -> Meaning:
    return Meaning(LATER, why, fault=ChannelState(Standing.MISCONFIGURED, why, remedy))


_TOKEN = _fault(
    "Meta refuses the access token",
    "make a new one in Meta's console and put it into [whatsapp] token_file",
)
_PERMISSION = _fault(
    "the access token may not send for this number",
    "give its system user whatsapp_business_messaging, and check phone_number_id",
)
_NUMBER = _fault(
    "Meta does not know this number of ours",
    "check [whatsapp] phone_number_id, and that the number is registered in Meta's console",
)
_ACCOUNT = _fault("Meta has barred the account", "see the account's quality in Meta's console")
_PAYMENT = _fault("Meta has no means of payment", "settle it in Meta's console")
_BUSY = Meaning(LATER, "Meta says: slower", again_seconds=30.0)
_THIS_ONE_SLOWER = Meaning(LATER, "too many messages to this number", again_seconds=60.0)
_SPAM = Meaning(LATER, "Meta holds messages back, since some were reported", again_seconds=600.0)
_UNDELIVERABLE = Meaning(NEVER, "WhatsApp cannot deliver to this number")
_WINDOW = Meaning(NEVER, "its owner has not written for 24 hours", window=True)
_TEMPLATE = Meaning(NEVER, "Meta does not accept the template: see [whatsapp] template_name")
_BAD_MESSAGE = Meaning(NEVER, "Meta does not accept the message")
_THEIR_FAULT = Meaning(MAYBE, "Meta has a fault")

_CODES: dict[int, Meaning] = {
    0: _TOKEN,
    1: _THEIR_FAULT,
    2: _THEIR_FAULT,
    3: _PERMISSION,
    4: _BUSY,
    10: _PERMISSION,
    33: _NUMBER,
    100: _BAD_MESSAGE,
    190: _TOKEN,
    368: _ACCOUNT,
    470: _WINDOW,
    80007: _BUSY,
    130429: _BUSY,
    130472: _UNDELIVERABLE,  # one of Meta's experiments
    130497: _UNDELIVERABLE,  # not in this country
    131000: _THEIR_FAULT,
    131005: _PERMISSION,
    131008: _BAD_MESSAGE,
    131009: _BAD_MESSAGE,
    131016: Meaning(LATER, "Meta is overloaded", again_seconds=30.0),
    131021: _UNDELIVERABLE,  # to ourselves
    131026: _UNDELIVERABLE,
    131030: _UNDELIVERABLE,  # not on the list of a test number
    131031: _ACCOUNT,
    131037: _NUMBER,
    131042: _PAYMENT,
    131045: _NUMBER,
    131047: _WINDOW,
    131048: _SPAM,
    131049: _UNDELIVERABLE,
    131050: _UNDELIVERABLE,
    131051: _BAD_MESSAGE,
    131056: _THIS_ONE_SLOWER,
    131057: Meaning(LATER, "the account is being maintained", again_seconds=60.0),
    132000: _TEMPLATE,
    132001: _TEMPLATE,
    132005: _TEMPLATE,
    132007: _TEMPLATE,
    132012: _TEMPLATE,
    132015: _TEMPLATE,
    132016: _TEMPLATE,
    133010: _NUMBER,
    133016: _BUSY,
}

# An object that is not there comes as code 100 with this one below it.
_NO_SUCH_OBJECT = 33
_UNAUTHORISED, _FORBIDDEN, _NOT_FOUND, _TIMED_OUT, _TOO_MANY = 401, 403, 404, 408, 429
_SERVER = 500
_STATUSES = {
    _UNAUTHORISED: _TOKEN,
    _FORBIDDEN: _PERMISSION,
    _NOT_FOUND: _NUMBER,
    _TIMED_OUT: _THEIR_FAULT,
    _TOO_MANY: _BUSY,
}


def meaning(status: int, code: int | None, subcode: int | None = None) -> Meaning:
    """What an answer means that is not 2xx: by Meta's code, else by the status of HTTP."""
    if code == 100 and subcode == _NO_SUCH_OBJECT:
        return _NUMBER
    if code is not None and (found := of_code(code)) is not None:
        return found
    if status in _STATUSES:
        return _STATUSES[status]
    return _THEIR_FAULT if status >= _SERVER else _BAD_MESSAGE


def of_code(code: int) -> Meaning | None:
    """What a code means, in an answer or in a report; None if it is not known."""
    if 200 <= code <= 299:
        return _PERMISSION
    return _CODES.get(code)
