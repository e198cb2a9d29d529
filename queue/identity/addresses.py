"""Addresses in the one form in which they are compared, by channel.

- sms: a telephone number as E.164 digits without plus. Indonesian ones as agents type them
  (0812..., 62812...), others with a plus. Names and short numbers, which anybody's service may
  send from, are nobody's address.
- whatsapp: the same digits (WhatsApp itself writes no plus), or the id that a user has towards
  a business since numbers can be hidden (BSUID, as in ID.1a2B3c; letters count as they stand).
- xmpp: the bare JID (RFC 7622) in small letters. Only of ASCII letters, digits and signs: of
  all the letters there are, too many look like others, and an address that merely looks like
  an agent's must never be his. What is accepted is the same for every XMPP server: of ASCII
  the profiles of both parts fold nothing but case.

An address that has no such form belongs to nobody.
"""

import re

import phonenumbers

from pulsarack.queue.validation import Refusal, RefusalCode, normalise_destination

CHANNELS = ("sms", "whatsapp", "xmpp")
LONGEST = 300
_WRITTEN_WITH_PLUS = re.compile(r"\+[0-9][0-9 ()/-]{5,24}", re.ASCII)
_INTERNATIONAL = re.compile(r"[1-9][0-9]{6,14}", re.ASCII)
# A country, then the id; in between may stand ENT: the id towards a whole group of businesses.
_BSUID = re.compile(r"[A-Z]{2}\.(?:ENT\.)?[A-Za-z0-9]{1,128}", re.ASCII)
# Not in a local part: the separators of a JID, and what RFC 7622 section 3.3.1 leaves out.
_LOCAL = re.compile(r"[!#$%()*+,.0-9;=?A-Z\[\\\]^_`a-z{|}~-]{1,128}", re.ASCII)
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_DOMAIN = re.compile(rf"{_LABEL}(?:\.{_LABEL})*", re.ASCII)


def normal_address(channel: str, typed: str) -> str | Refusal:
    """The form in which an address is kept and looked for; BAD_SENDER if it has none."""
    if channel not in CHANNELS:
        return _bad("there is no such channel", f"the channels are {', '.join(CHANNELS)}")
    if len(typed) > LONGEST:
        return _bad(f"the address is longer than {LONGEST} characters", "look it up again")
    if channel == "xmpp":
        return _jid(typed)
    if channel == "whatsapp":
        return _whatsapp(typed)
    return _number(typed)


def _number(typed: str) -> str | Refusal:
    found = normalise_destination(typed)
    if isinstance(found, str):
        return found
    if found.code is not RefusalCode.FOREIGN_NUMBER:
        return _bad(found.message, found.remedy)
    return _foreign(typed) or _bad("the number is not possible", "write it with + and country")


def _foreign(typed: str) -> str | None:
    """Of a number with a plus the digits, if its country can have it."""
    if not _WRITTEN_WITH_PLUS.fullmatch(typed):
        return None
    number = phonenumbers.parse(typed, None)
    if not phonenumbers.is_possible_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)[1:]


def is_bsuid(address: str) -> bool:
    """Whether an address is an id that WhatsApp gave, and no number."""
    return _BSUID.fullmatch(address) is not None


def _whatsapp(typed: str) -> str | Refusal:
    if is_bsuid(typed):
        return typed
    return _number(f"+{typed}" if _INTERNATIONAL.fullmatch(typed) else typed)


def _jid(typed: str) -> str | Refusal:
    bare = typed.partition("/")[0]
    local, at, domain = bare.rpartition("@")
    domain = domain.removesuffix(".")
    if not at or not _LOCAL.fullmatch(local) or not _DOMAIN.fullmatch(domain) or len(domain) > 253:
        return _bad(
            "that is not an address of a person on an XMPP server",
            "write it as name@server, in letters of the alphabet without accents",
        )
    return f"{local}@{domain}".lower()


def _bad(what: str, remedy: str) -> Refusal:
    return Refusal(RefusalCode.BAD_SENDER, what, remedy)
