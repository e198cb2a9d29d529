"""What a message stanza is to us: a letter, a report about one of ours, or nothing. No I/O.

Only chat texts of others are letters (RFC 6121 section 5.2.2). Whatever else a stanza may be is
passed over under a name. What looks like a text but is not to be obeyed - it lay somewhere for too
long, it corrects an earlier one, it is encrypted, it is far too long - becomes a letter that is
refused, so that its sender hears of it, and only once.

The id of a letter tells a redelivery from a new message. A client names its stanzas as it likes
(RFC 6120 section 8.1.3): a long id is taken to be its own for ever, together with who wrote what.
A short one is a counter that begins anew with the program, and some have none: those are told
apart by the moment, too, and what an order must not do twice is then for its natural key to stop.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from xml.etree.ElementTree import Element

from slixmpp.jid import JID, InvalidJID

from pulsarack.daemon.channels.incoming import (
    BODY_LIMIT,
    CORRECTED,
    ONLY_TEXT,
    TOO_LONG,
    TOO_OLD,
    Incoming,
    Passed,
)
from pulsarack.daemon.channels.marks import Marks
from pulsarack.queue.post.inbound import Letter

CHANNEL = "xmpp"
# Shorter ids are counters.
_OWN_FOR_EVER = 8
_KEPT = 200
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_STAMP_LIMIT = 40

_CLIENT = "{jabber:client}"
_BODY = f"{_CLIENT}body"
_ERROR = f"{_CLIENT}error"
_DELAY = "{urn:xmpp:delay}delay"  # XEP-0203
_RECEIVED = "{urn:xmpp:receipts}received"  # XEP-0184
REQUEST = "{urn:xmpp:receipts}request"
_CORRECTION = "{urn:xmpp:message-correct:0}replace"  # XEP-0308
_ENCRYPTED = (
    "{urn:xmpp:eme:0}encryption",  # XEP-0380
    "{eu.siacs.conversations.axolotl}encrypted",
    "{urn:xmpp:omemo:2}encrypted",
    "{jabber:x:encrypted}x",
    "{urn:xmpp:openpgp:0}openpgp",
)
_CONDITIONS = "{urn:ietf:params:xml:ns:xmpp-stanzas}"


@dataclass(frozen=True, slots=True)
class Report:
    """What became of a message of ours: an error, or a receipt (`condition` is None)."""

    address: str  # full, as the report came from there
    stanza_id: str
    condition: str | None

    @property
    def provider_id(self) -> str:
        """The name of the message that it is about."""
        return provider_id(self.address, self.stanza_id)


def provider_id(address: str, stanza_id: str) -> str:
    """How a message of ours is named; only who got it can report about it under that name."""
    return f"{address.partition('/')[0]} {stanza_id}"


def jid_of(text: str | None) -> JID | None:
    """An address as all servers write it; None if it is none."""
    try:
        return JID(text) if text else None
    except InvalidJID:
        return None


def read(
    stanza: Element, own: str, marks: Marks, *, now_ms: int, limit_ms: int
) -> Incoming | Report | Passed:
    """What a message is. `own` is our bare JID, `limit_ms` how long it may have lain somewhere."""
    sender = jid_of(stanza.get("from"))
    if sender is None or not sender.user:
        # From a server itself, and of which nobody says who wrote it.
        return Passed("xmpp_no_sender", odd=sender is None)
    if sender.bare == own:
        return Passed("xmpp_own", odd=False)
    kind = stanza.get("type", "normal")
    if kind == "error":
        return _error(stanza, sender)
    if kind in ("groupchat", "headline"):
        return Passed(f"xmpp_{kind}")
    text = (stanza.findtext(_BODY) or "").strip()
    if not text:
        return _without_text(stanza, sender)
    return _incoming(stanza, sender, own, text, now_ms, limit_ms, marks)


def _error(stanza: Element, sender: JID) -> Report | Passed:
    error = stanza.find(_ERROR)
    stanza_id = stanza.get("id")
    if error is None or not stanza_id:
        return Passed("xmpp_error_about_nothing")
    for child in error:
        if child.tag.startswith(_CONDITIONS) and not child.tag.endswith("}text"):
            return Report(sender.full, stanza_id, child.tag.removeprefix(_CONDITIONS)[:_KEPT])
    return Report(sender.full, stanza_id, "undefined-condition")


def _without_text(stanza: Element, sender: JID) -> Report | Passed:
    receipt = stanza.find(_RECEIVED)
    if receipt is not None and (stanza_id := receipt.get("id")):
        return Report(sender.full, stanza_id, None)
    # Most of them say that somebody types.
    return Passed("xmpp_no_body", odd=False)


def _incoming(
    stanza: Element, sender: JID, own: str, text: str, now_ms: int, limit_ms: int, marks: Marks
) -> Incoming:
    stamps = [_stamp(delay) for delay in stanza.iterfind(_DELAY)]
    # Whoever delayed it stamps it; the sender's server is the first.
    known = [stamp for stamp in stamps if stamp is not None]
    sent_at = min(min(known), now_ms) if known else None
    too_old = None in stamps or (sent_at is not None and now_ms - sent_at > limit_ms)
    told_by = _told_by(sender, stanza.get("id"), text, sent_at or now_ms)
    letter = Letter(
        channel=CHANNEL,
        message_id=marks.of(*told_by),
        sender=sender.bare,
        receiver=own,
        text=text[:BODY_LIMIT],
        sent_at=sent_at,
        answer_to=sender.full,
        former_ids=marks.former(*told_by),
    )
    return Incoming(letter, _refusal(stanza, text, too_old))


def _refusal(stanza: Element, text: str, too_old: bool) -> str | None:
    if any(stanza.find(tag) is not None for tag in _ENCRYPTED):
        return ONLY_TEXT
    if stanza.find(_CORRECTION) is not None:
        return CORRECTED
    if len(text) > BODY_LIMIT:
        return TOO_LONG
    return TOO_OLD if too_old else None


def _stamp(delay: Element) -> int | None:
    """When it was sent, milliseconds UTC (XEP-0082); None if that cannot be read."""
    text = delay.get("stamp", "")[:_STAMP_LIMIT]
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        return None
    return round((moment - _EPOCH).total_seconds() * 1000)


def _told_by(sender: JID, stanza_id: str | None, text: str, at: int) -> tuple[str, ...]:
    """What is equal in two copies of a message, and in no two messages."""
    named = stanza_id is not None and len(stanza_id) >= _OWN_FOR_EVER
    return sender.bare, stanza_id or "", text, "" if named else f"{sender.full} {at}"
