"""The kinds of fields: what a piece, or several pieces together, can be.

Each kind is a function that looks at the pieces from one position on and yields what stands there
and where the next field begins; it yields more than once where a text can be cut in several ways
(``500.000`` is one amount or two fields), and nothing where there is no such field.
"""

import ipaddress
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from pulsarack.queue.order_text.commands import HiddenPin
from pulsarack.queue.order_text.grammar import Grammar, Vocabulary
from pulsarack.queue.order_text.pieces import Pieces
from pulsarack.queue.validation import normalise_destination


@dataclass(frozen=True, slots=True)
class Source:
    """What a kind looks at: the pieces, and what is known and allowed."""

    pieces: Pieces
    grammar: Grammar
    words: Vocabulary


@dataclass(frozen=True, slots=True)
class Hidden:
    """A secret of a field, and where it stands."""

    value: HiddenPin
    span: tuple[int, int]


Found = Iterator[tuple[Any, int]]
Kind = Callable[[Source, int], Found]

_GROUPING = re.compile(r"[ ()/-]")
_DIGITS = re.compile(r"\+?[0-9]+")
# Longer than a mobile number may be: the PIN is glued to it. Abroad nothing is topped up.
_NO_NUMBER = re.compile(r"08[0-9]{12}|\+?628[0-9]{12}|\+(?!62)")
_GAP_IN_NUMBER = re.compile(r" +|[-/]")
_COUNTRY = frozenset({"62", "+62"})
_MOST_GROUPS = 6
_AMOUNT = re.compile(r"(?:RP)?([1-9][0-9]{0,9})", re.I)
_THOUSANDS = re.compile(r"(?:RP)?([1-9][0-9]{0,2}(?:([.,])[0-9]{3})(?:\2[0-9]{3}){0,2})", re.I)
_SOME = re.compile(r"[0-9]{1,2}")
_AGENT = re.compile(r"[A-Za-z0-9_]{1,32}")
_AGENT_REST = re.compile(r"[0-9]{1,3}|[A-Za-z0-9_]*[A-Za-z_][A-Za-z0-9_]*")
_CODES = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,15}")
_BANK = re.compile(r"(?!RP$)[A-Za-z]{2,12}", re.I)
_ABOUT = re.compile(r"[1-9][0-9]{0,8}")
_JID = re.compile(
    r"[^\s@/*#;,]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,60}\.)?[A-Za-z][A-Za-z0-9-]{0,62}"
)
_URL = re.compile(r"https?://[^\s*#;,]{1,200}", re.I)
_EVERYTHING = frozenset({"SEMUA", "ALL"})
_LETTER = re.compile(r"[^\W\d_]")
NAME_LIMIT = 40
WORDS_LIMIT = 160


def numbers(source: Source, i: int) -> Found:
    """Digits of a telephone or a meter; grouped ones only if they make a mobile number."""
    if i >= len(source.pieces):
        return
    parts = [_GROUPING.sub("", source.pieces[i].text)]
    if not _DIGITS.fullmatch(parts[0]):
        return
    least, most = source.grammar.customer_digits
    digits = parts[0].lstrip("+")
    if least <= len(digits) <= most and not _NO_NUMBER.match(parts[0]):
        yield digits, i + 1
    grouped = False
    for j in range(i + 1, min(i + _MOST_GROUPS, len(source.pieces))):
        piece = source.pieces[j]
        if not _GAP_IN_NUMBER.fullmatch(piece.gap):
            return
        parts.append(_GROUPING.sub("", piece.text))
        if not _DIGITS.fullmatch(parts[-1]) or parts[-1].startswith("+"):
            return
        was_grouped, grouped = grouped and parts[0] not in _COUNTRY, _is_grouped(parts)
        # 0812 0000 001 2 may be a number of twelve figures, or one of eleven and a counter.
        goes_on = was_grouped and len(parts[-1]) <= 2 and piece.gap == source.pieces[j - 1].gap
        if grouped or (goes_on and is_mobile("".join(parts))):
            yield "".join(parts).lstrip("+"), j + 1


def _is_grouped(parts: list[str]) -> bool:
    """Whether people group a number so: 0812-0000-0012, +62 812 0000 0012, 62 81200000012."""
    first, *rest = parts
    if first in _COUNTRY and len(rest) == 1:
        return is_mobile(first + rest[0])
    if not 2 <= len(first.lstrip("+")) <= 5 or not all(3 <= len(part) <= 5 for part in rest):
        # One or two figures apart may be a counter or a denomination.
        return False
    return is_mobile("".join(parts))


@lru_cache(maxsize=1024)
def is_telephone(digits: str) -> bool:
    """Whether it can be topped up as a mobile number, also without its leading zero."""
    return isinstance(normalise_destination(digits), str)


def is_mobile(digits: str) -> bool:
    """Whether it is written as a mobile number: a meter may begin with 8 too."""
    return digits.startswith(("0", "62", "+62")) and is_telephone(digits)


def mobiles(source: Source, i: int) -> Found:
    """A mobile number, as E.164 digits."""
    for digits, j in numbers(source, i):
        if is_mobile(digits):
            yield normalise_destination(digits), j


def products(source: Source, i: int) -> Found:
    """A known code; one that holds a separator is put together again."""
    for j in range(i + 1, min(i + 4, len(source.pieces)) + 1):
        code = source.pieces.between(i, j).upper()
        if code.isascii() and len(code) <= 32 and code in source.words.products:
            yield code, j


def amounts(source: Source, i: int) -> Found:
    """Rupiah: 500000, 500.000, Rp500000, Rp.500.000; nothing below zero."""
    if not _is_below_zero(source, i):
        yield from _pulled(source, i)


def _is_below_zero(source: Source, i: int) -> bool:
    """Whether a minus stands there and not a dash that separates: K1-5000, but K1.-5000."""
    signed = False
    for piece in source.pieces.all[i : i + 1]:
        signed = piece.text.startswith("-") or (piece.gap.endswith("-") and piece.gap != "-")
        if piece.text.upper() == "RP" and i + 1 < len(source.pieces):
            after = source.pieces[i + 1]
            signed = signed or after.text.startswith("-") or "-" in after.gap
    return signed


def _pulled(source: Source, i: int) -> Found:
    """Rupiah that are taken back: servers write them with a minus and without."""
    if i < len(source.pieces) and source.pieces[i].text.upper() == "RP":
        i += 1
    for j in range(i + 1, min(i + 4, len(source.pieces)) + 1):
        text = source.pieces.between(i, j).lstrip("-")
        found = _AMOUNT.fullmatch(text) or _THOUSANDS.fullmatch(text)
        if found:
            yield int(re.sub(r"[.,]", "", found[1])), j


def _markups(source: Source, i: int) -> Found:
    if i < len(source.pieces) and source.pieces[i].text == "0":
        yield 0, i + 1
    yield from amounts(source, i)


def _agents(source: Source, i: int) -> Found:
    if i >= len(source.pieces) or not _AGENT.fullmatch(source.pieces[i].text):
        return
    yield source.pieces[i].text, i + 1
    for j in range(i + 1, min(i + 3, len(source.pieces))):
        piece = source.pieces[j]
        # KIOS-1 is an agent where a dash separates fields too; KIOS-50000 is two fields.
        if piece.gap != "-" or not _AGENT_REST.fullmatch(piece.text):
            return
        yield source.pieces.between(i, j + 1), j + 1


def _single(pattern: re.Pattern[str], make: Callable[[str], Any] = str) -> Kind:
    def kind(source: Source, i: int) -> Found:
        if i < len(source.pieces) and pattern.fullmatch(source.pieces[i].text):
            yield make(source.pieces[i].text), i + 1

    return kind


def _days(source: Source, i: int) -> Found:
    for day, j in _single(_SOME, int)(source, i):
        if 1 <= day <= 31:
            yield day, j


def _counts(source: Source, i: int) -> Found:
    for count, j in _single(_SOME, int)(source, i):
        if count:
            yield count, j


def _about(source: Source, i: int) -> Found:
    yield from numbers(source, i)
    yield from _single(_ABOUT)(source, i)


def _names(source: Source, i: int) -> Found:
    """Words of one line with nothing but spaces between them."""
    for j in range(i + 1, len(source.pieces) + 1):
        if j > i + 1 and source.pieces[j - 1].gap.strip(" "):
            return
        name = " ".join(source.pieces.between(i, j).split())
        if len(name) > NAME_LIMIT:
            return
        if _LETTER.search(name):
            yield name, j


def _words(source: Source, i: int) -> Found:
    """All that is left, but for a PIN at the end.

    Figures behind a dot at the end are the PIN and nothing else: a complaint is kept, a PIN is not.
    """
    end = len(source.pieces)
    if i >= end:
        return
    last = source.pieces[end - 1]
    like_a_pin = source.grammar.is_pin(last.text)
    ends = [end - 1] if like_a_pin and i < end - 1 else []
    if not like_a_pin or not last.gap.strip():
        ends.append(end)
    for j in ends:
        words = " ".join(source.pieces.between(i, j).split())
        if len(words) <= WORDS_LIMIT and _LETTER.search(words):
            yield words, j


def _urls(source: Source, i: int) -> Found:
    """An address of the web: up to what cannot stand in one, or to a PIN behind a dot."""
    pieces = source.pieces
    found = _URL.match(pieces.raw, pieces[i].start) if i < len(pieces) else None
    if found is None:
        return
    j = next((j for j in range(i, len(pieces)) if pieces[j].start >= found.end()), len(pieces))
    yield found[0].rstrip("."), j
    last = pieces[j - 1]
    if j > i + 1 and last.gap in (".", "-") and source.grammar.is_pin(last.text):
        yield pieces.raw[pieces[i].start : pieces[j - 2].end], j - 1


def _jids(source: Source, i: int) -> Found:
    """An address of XMPP; it may hold separators, and the PIN may follow it."""
    for j in range(i + 1, len(source.pieces) + 1):
        jid = source.pieces.between(i, j)
        if _JID.fullmatch(jid):
            yield jid.lower(), j


def _network_addresses(source: Source, i: int) -> Found:
    for j in range(i + 1, min(i + 4, len(source.pieces)) + 1):
        try:
            yield str(ipaddress.ip_address(source.pieces.between(i, j))), j
        except ValueError:
            continue


def _secrets(source: Source, i: int) -> Found:
    if i < len(source.pieces) and len(source.pieces[i].text) <= 64:
        piece = source.pieces[i]
        yield Hidden(HiddenPin(piece.text), (piece.start, piece.end)), i + 1


def _pins(source: Source, i: int) -> Found:
    """Two PINs, the old one and the new one: which comes first is the server's setting."""
    if i + 2 > len(source.pieces):
        return
    two = source.pieces.all[i : i + 2]
    if all(source.grammar.is_pin(piece.text) for piece in two):
        hidden = tuple(Hidden(HiddenPin(piece.text), (piece.start, piece.end)) for piece in two)
        yield hidden if source.grammar.gp_order == "old_new" else hidden[::-1], i + 2


def _product_prices(source: Source, i: int) -> Found:
    if i >= len(source.pieces):
        return
    code, equals, _ = source.pieces[i].text.partition("=")
    if not equals or code.upper() not in source.words.products:
        return
    for j in range(i + 1, min(i + 3, len(source.pieces)) + 1):
        price = source.pieces.between(i, j).partition("=")[2]
        found = _AMOUNT.fullmatch(price) or _THOUSANDS.fullmatch(price)
        if found:
            yield {"product": code.upper(), "price": int(re.sub(r"[.,]", "", found[1]))}, j


def _everything(source: Source, i: int) -> Found:
    if i < len(source.pieces) and source.pieces[i].text.upper() in _EVERYTHING:
        yield None, i + 1


KINDS: dict[str, Kind] = {
    "destination": numbers,
    "mobile": mobiles,
    "product": products,
    "amount": amounts,
    "pulled": _pulled,
    "markup": _markups,
    "agent": _agents,
    "day": _days,
    "count": _counts,
    "about": _about,
    "name": _names,
    "town": _names,
    "words": _words,
    "codes": _single(_CODES, str.upper),
    "bank": _single(_BANK, str.upper),
    "jid": _jids,
    "url": _urls,
    "ip": _network_addresses,
    "secret": _secrets,
    "pins": _pins,
    "product_price": _product_prices,
    "everything": _everything,
}
