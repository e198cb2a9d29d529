"""A rack file of any size in which nothing goes wrong and every screen takes the same time.

All modems are of one model, unless their models are named, and all chips have one PIN, so that
one recorded dialogue stands for all of them. Stock and the operators' own limits are out of the
way. Numbers of chips are of the 62812 9... kind and orders go to 0812 0...: they never meet, and
belong to nobody.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

CHIP_PIN = "1234"
DENOMINATION = 5
_DIALECT = "simcom-sim800"
_STOCK = 900_000_000
_PER_DAY = 1_000_000


@dataclass(frozen=True, slots=True)
class Line:
    """One operator whose top-up is a single USSD code with a single screen, or a single SMS."""

    operator: str
    iccid_prefix: str
    msisdn_prefix: str
    imsi_prefix: str
    product: str
    number_prefix: str


TELKOMSEL = Line("telkomsel", "896210", "628129", "51010", "S5", "08120")
TRI = Line("tri", "896289", "628959", "51089", "T5", "08950")
# Its top-up is one SMS to a short number, and one SMS back.
XL = Line("xl", "896211", "628179", "51011", "X5", "08170")
XL_GATEWAY = "168"


def rack_text(
    modems: list[Line],
    ussd_seconds: float,
    sms_seconds: float | None = None,
    dialects: Sequence[str] = (),
) -> str:
    """The rack file: one modem for each entry, in this order.

    `ussd_seconds`: also how long a modem takes to send an SMS. `sms_seconds`: how long one to a
    chip is on its way. `dialects`: the model of each modem.
    """
    dialects = dialects or [_DIALECT] * len(modems)
    parts = [f"[latencies]\nussd_seconds = [{ussd_seconds!r}, {ussd_seconds!r}]\n"]
    if sms_seconds is not None:
        parts[0] += f"sms_seconds = [{sms_seconds!r}, {sms_seconds!r}]\n"
    parts += [
        f'[[operator]]\nname = "{name}"\n' for name in sorted({one.operator for one in modems})
    ]
    parts += [
        _modem(line, place, dialect)
        for place, (line, dialect) in enumerate(zip(modems, dialects, strict=True), start=1)
    ]
    return "\n".join(parts)


def destinations(line: Line, first: int = 0) -> Iterator[str]:
    """Numbers of the operator, each once."""
    for count in range(first, 10_000_000):
        yield f"{line.number_prefix}{count:07d}"


def with_check_digit(digits: str) -> str:
    """The digits and their Luhn check digit (ISO/IEC 7812-1 annex B)."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 if place % 2 else 2)
        total += value - 9 if value > 9 else value
    return f"{digits}{-total % 10}"


def _modem(line: Line, place: int, dialect: str) -> str:
    return f"""\
[[modem]]
dialect = "{dialect}"
imei = "{with_check_digit(f"35000500{place:06d}")}"
[modem.chip]
operator = "{line.operator}"
iccid = "{with_check_digit(f"{line.iccid_prefix}{place:012d}")}"
imsi = "{line.imsi_prefix}{place:010d}"
msisdn = "{line.msisdn_prefix}{place:07d}"
chip_pin = "{CHIP_PIN}"
stock = {_STOCK}
per_day = {_PER_DAY}
"""
