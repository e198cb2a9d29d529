"""Amounts as banks write them, read exactly or not at all.

`1.234.567,00` and `Rp 1.234.567` have commas before the sen, `1,234,567.00` has a point; which
of the two a bank uses is told, never guessed, since 500.925 is half a million to one and five
hundred to the other. Only whole rupiah are read: sen other than 00 are refused.
"""

import re
from typing import Final, Literal

Decimal = Literal["comma", "point"]
LONGEST: Final = 40
_CURRENCY = re.compile(r"(?:Rp\.?|IDR)\s*", re.IGNORECASE)
_FORMS: dict[str, re.Pattern[str]] = {
    "comma": re.compile(r"([0-9]{1,3}(?:\.[0-9]{3})+|[0-9]{1,16})(?:,([0-9]*|-))?"),
    "point": re.compile(r"([0-9]{1,3}(?:,[0-9]{3})+|[0-9]{1,16})(?:\.([0-9]*|-))?"),
}
_EXAMPLES = {"comma": "1.234.567,00", "point": "1,234,567.00"}


def read(text: str, decimal: Decimal) -> int | str:
    """Whole rupiah, with their sign; or what is wrong with the text, in words."""
    shown = text.strip()
    if len(shown) > LONGEST:
        return f"{shown[:20]!r}... is no amount"
    sign, rest = 1, shown
    if rest[:1] in ("+", "-"):
        sign, rest = (-1 if rest[0] == "-" else 1), rest[1:].lstrip()
    if prefix := _CURRENCY.match(rest):
        rest = rest[prefix.end() :]
    found = _FORMS[decimal].fullmatch(rest)
    if not found or not rest.isascii():
        return f"{shown!r} is not written as {_EXAMPLES[decimal]}"
    sen = found[2] or ""
    if len(sen) > 2:
        return f"{shown!r} is not written as {_EXAMPLES[decimal]}"
    if sen.strip("0-"):
        return f"{shown!r} has sen; only whole rupiah are booked"
    return sign * int(re.sub(r"[.,]", "", found[1]))
