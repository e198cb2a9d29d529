"""What Meta's webhook says: messages of agents, and what became of ours. No I/O.

A body holds entries, an entry changes, a change messages and statuses
(developers.facebook.com, WhatsApp Cloud API, "Webhooks"). Each is judged for itself: whatever is
wrong with one is named and costs the others nothing. Unknown fields are passed over, and fields
that may be missing are not relied upon: since 2026 a user who has taken a name shows no number any
more, only the id that WhatsApp has given him towards us (BSUID).

The body is Meta's, since it is signed; what is in it was typed by anybody.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pulsarack.daemon import json_text
from pulsarack.daemon.channels.incoming import (
    BODY_LIMIT,
    ONLY_TEXT,
    TOO_LONG,
    Incoming,
    Passed,
)
from pulsarack.queue.identity.addresses import is_bsuid
from pulsarack.queue.post.inbound import Letter

CHANNEL = "whatsapp"
OBJECT = "whatsapp_business_account"
_WHY_LIMIT = 200

_MESSAGE_ID = re.compile(r"[\x21-\x7e]{1,200}")
_NUMBER = re.compile(r"[0-9]{5,20}", re.ASCII)
_TIMESTAMP = re.compile(r"[0-9]{1,12}", re.ASCII)
_SURROGATE = re.compile("[\ud800-\udfff]")

# Nobody waits for an answer to these.
_SILENT = frozenset({"reaction", "system", "ephemeral", "request_welcome"})
_ARRIVED = frozenset({"delivered", "read"})
_ON_ITS_WAY = frozenset({"sent"})


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of a message of ours. `address`, `code`: to whom, and Meta's error, if known."""

    provider_id: str
    delivered: bool
    why: str = ""
    address: str = ""
    code: int | None = None


Item = Incoming | Delivery | Passed


class Unreadable(ValueError):
    """The body as a whole is nothing of ours; `kind` is the name of the refusal."""

    def __init__(self, kind: str) -> None:
        super().__init__(kind)
        self.kind = kind


def read(body: bytes, phone_number_id: str) -> list[Item]:
    """All that a body says to that number of ours, in its order; raises Unreadable."""
    try:
        whole = json_text.loads(body.decode("utf-8"))
    except UnicodeDecodeError:
        raise Unreadable("whatsapp_not_utf8") from None
    except RecursionError:
        raise Unreadable("whatsapp_too_deep") from None
    except ValueError:
        raise Unreadable("whatsapp_not_json") from None
    if not isinstance(whole, dict) or whole.get("object") != OBJECT:
        raise Unreadable("whatsapp_not_for_us")
    return list(_entries(whole, phone_number_id))


def is_address(address: str) -> bool:
    """Whether it is a number or such an id."""
    return _NUMBER.fullmatch(address) is not None or is_bsuid(address)


def _entries(whole: dict[str, Any], phone_number_id: str) -> Iterator[Item]:
    for entry in _list(whole, "entry"):
        changes = _list(entry, "changes") if isinstance(entry, dict) else [None]
        for change in changes:
            yield from _change(change if isinstance(change, dict) else {}, phone_number_id)


def _change(change: dict[str, Any], phone_number_id: str) -> Iterator[Item]:
    value = change.get("value")
    if not isinstance(value, dict):
        yield Passed("whatsapp_bad_change")
    elif change.get("field", "messages") != "messages":
        yield Passed("whatsapp_other_field", odd=False)
    elif _number_id(value) != phone_number_id:
        yield Passed("whatsapp_wrong_number_id")
    else:
        yield from _value(value, phone_number_id)


def _value(value: dict[str, Any], phone_number_id: str) -> Iterator[Item]:
    contacts = [one for one in _list(value, "contacts") if isinstance(one, dict)]
    for message in _list(value, "messages"):
        if isinstance(message, dict):
            yield _message(message, contacts, phone_number_id)
        else:
            yield Passed("whatsapp_bad_message")
    for status in _list(value, "statuses"):
        yield _status(status) if isinstance(status, dict) else Passed("whatsapp_bad_status")


def _list(table: dict[str, Any], key: str) -> list[Any]:
    """What stands there as a list; something else that stands there is one bad element."""
    found = table.get(key)
    if found is None:
        return []
    return found if isinstance(found, list) else [None]


def _number_id(value: dict[str, Any]) -> str | None:
    metadata = value.get("metadata")
    found = metadata.get("phone_number_id") if isinstance(metadata, dict) else None
    return found if isinstance(found, str) else None


def _message(message: dict[str, Any], contacts: list[dict[str, Any]], phone_number_id: str) -> Item:
    message_id, kind = message.get("id"), message.get("type")
    if not isinstance(message_id, str) or not _MESSAGE_ID.fullmatch(message_id):
        return Passed("whatsapp_bad_message")
    if isinstance(kind, str) and kind in _SILENT:
        return Passed("whatsapp_no_text", odd=False)
    if message.get("group_id") is not None:
        return Passed("whatsapp_group")
    addresses = _addresses(message, contacts)
    if not addresses:
        return Passed("whatsapp_no_sender")
    text = _text(message) if kind == "text" else None
    if kind == "text" and text is None:
        return Passed("whatsapp_bad_message")
    letter = Letter(
        channel=CHANNEL,
        message_id=message_id,
        sender=addresses[0],
        receiver=phone_number_id,
        text=(text or "")[:BODY_LIMIT],
        sent_at=_moment(message.get("timestamp")),
        aliases=tuple(addresses[1:]),
    )
    if text is None or not text.strip():
        return Incoming(letter, ONLY_TEXT)
    return Incoming(letter, TOO_LONG if len(text) > BODY_LIMIT else None)


def _text(message: dict[str, Any]) -> str | None:
    text = message.get("text")
    body = text.get("body") if isinstance(text, dict) else None
    # Half a character can be written in JSON, but not into a database.
    return _SURROGATE.sub("\ufffd", body) if isinstance(body, str) else None


def _addresses(message: dict[str, Any], contacts: list[dict[str, Any]]) -> list[str]:
    """The sender's number and ids, as far as they are told; the number first."""
    number = message.get("from")
    told = [number, message.get("from_user_id"), message.get("user_id")]
    # A message and its contact belong together if they are alone, or have the number in common.
    for contact in contacts:
        if len(contacts) == 1 or (number is not None and contact.get("wa_id") == number):
            told += [contact.get("wa_id"), contact.get("user_id")]
    known = [one for one in told if isinstance(one, str) and is_address(one)]
    return sorted(dict.fromkeys(known), key=is_bsuid)


def _moment(timestamp: object) -> int | None:
    """Seconds since 1970, mostly as text, in milliseconds."""
    text = str(timestamp) if type(timestamp) in (str, int) else ""
    return int(text) * 1000 if _TIMESTAMP.fullmatch(text) else None


def _status(status: dict[str, Any]) -> Item:
    message_id, name = status.get("id"), status.get("status")
    if not isinstance(message_id, str) or not _MESSAGE_ID.fullmatch(message_id):
        return Passed("whatsapp_bad_status")
    if not isinstance(name, str):
        return Passed("whatsapp_bad_status")
    if name in _ARRIVED:
        return Delivery(message_id, True)
    if name == "failed":
        return _failed(message_id, status)
    return Passed("whatsapp_status", odd=name not in _ON_ITS_WAY)


def _failed(message_id: str, status: dict[str, Any]) -> Delivery:
    first = next((one for one in _list(status, "errors") if isinstance(one, dict)), {})
    code, title = first.get("code"), first.get("title")
    words = _SURROGATE.sub("\ufffd", title) if isinstance(title, str) else "no reason is given"
    told = (status.get("recipient_id"), status.get("recipient_user_id"))
    address = next((one for one in told if isinstance(one, str) and is_address(one)), "")
    number = code if type(code) is int else None
    return Delivery(message_id, False, f"{number or '-'}: {words}"[:_WHY_LIMIT], address, number)
