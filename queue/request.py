"""An order as agents type it: ``S10.081234567890`` or ``S10.2.081234567890``.

The first field is the product, the last the destination; a small number between
them says for the how-manieth time today. Anything else is refused with the form
that would have been understood; a text is never guessed at.

This is the form of programs on the control socket. What agents write on their channels is read by
order_text/, which knows their other forms too.
"""

import re
from typing import NamedTuple

from pulsarack.queue.validation import Refusal, RefusalCode

TEXT_LIMIT = 160
_PRODUCT = re.compile(r"[A-Za-z][A-Za-z0-9]{0,15}")
_REPEAT = re.compile(r"[1-9][0-9]?")
# As nearly all are written: nothing about them is left to find out.
_PLAIN = re.compile(r"([A-Za-z][A-Za-z0-9]{0,15})\.([0-9]{1,20})")
_FORM = "write PRODUCT.NUMBER, or PRODUCT.2.NUMBER for the second time today"


class Request(NamedTuple):
    """What an order text asks for; nothing of it is checked against the database yet."""

    product: str
    destination: str
    repeat_index: int


def parse(text: str) -> Request | Refusal:
    """Read an order text. The product code is taken in upper case."""
    plain = _PLAIN.fullmatch(text)
    if plain is not None:
        return Request(plain[1].upper(), plain[2], 1)
    if len(text) > TEXT_LIMIT:
        return _bad(f"the text is longer than {TEXT_LIMIT} characters")
    parts = [part.strip() for part in text.strip().rstrip(".").split(".")]
    if len(parts) not in (2, 3):
        return _bad(f"the text has {len(parts)} fields")
    repeat = parts[1] if len(parts) == 3 else "1"
    if not _REPEAT.fullmatch(repeat):
        return _bad("the field between product and number is not 1 to 99")
    return of_fields(parts[0], parts[-1], int(repeat))


def of_fields(product: str, destination: str, repeat_index: int) -> Request | Refusal:
    """The same request from a program that gives the fields apart."""
    if not _PRODUCT.fullmatch(product):
        return _bad("the product is not a product code")
    if not 1 <= repeat_index <= 99:
        return _bad("the repeat index is not 1 to 99")
    if not destination:
        return _bad("the number is missing")
    return Request(product.upper(), destination, repeat_index)


def _bad(what: str) -> Refusal:
    return Refusal(RefusalCode.BAD_FORMAT, what, _FORM)
