"""Amounts of money as operators write them.

Two signs serve as thousands separator and as decimal point, and which is which
differs between operators and even between two texts of one operator: `490.000`,
`36,998`, `11,438.00`, `1.500,00`. The group lengths decide: three digits after a
sign are thousands, two are a fraction. Whatever does not fit (`10.5`, `1,500.000`,
`1.500.00`) is not read at all, for a wrong amount is worse than none.
"""

import re

# Minor units of one asset are 10**exponent of the amount as written (ISO 4217:
# the rupiah has two, but the trade counts whole rupiah and so does the ledger).
ASSET_EXPONENTS = {"IDR": 0}

# A product of the trade is named by its thousands: "10" sells 10,000.
DENOMINATION_UNIT = 1000

_MOST_DIGITS = 15
_AMOUNT = re.compile(
    r"(?P<whole>[1-9][0-9]{0,2}(?:(?P<thousands>[.,])[0-9]{3}(?:(?P=thousands)[0-9]{3})*)"
    r"|[1-9][0-9]*|0)"
    r"(?:(?P<point>[.,])(?P<fraction>[0-9]{2}))?"
)


def read_amount(text: str, exponent: int = 0) -> int | None:
    """Return the amount in minor units, or None if it is not clearly one.

    exponent: decimal places the asset keeps, 0 or 2. At 0 a fraction other than
    zero is refused, for it could only be lost.
    """
    match = _AMOUNT.fullmatch(text)
    if match is None or (match["point"] and match["point"] == match["thousands"]):
        return None
    whole = match["whole"].replace(".", "").replace(",", "")
    if len(whole) > _MOST_DIGITS:
        return None
    fraction = int(match["fraction"] or 0)
    if exponent == 0:
        return int(whole) if fraction == 0 else None
    return int(whole) * 100 + fraction
