"""What a script is filled with: the order's destination and size, the chip's PIN.

Values are checked on the way in, for a stray * or # in a PIN would dial something
else. They never show the PIN, and they know how to blot it out of a screen that
echoes it.
"""

import re
from dataclasses import dataclass, field

from pulsarack.ussd.amounts import DENOMINATION_UNIT
from pulsarack.ussd.errors import ValuesUnfit
from pulsarack.ussd.spoken import MASK

# Or the digits of a meter, behind an m.
_DESTINATION = re.compile(r"[1-9][0-9]{6,14}|m[0-9]{7,15}")
_CHIP_PIN = re.compile(r"[0-9A-Za-z]{1,16}")


@dataclass(frozen=True, slots=True)
class Values:
    """The values of one dialogue.

    destination: E.164 digits, or "m" and a meter's; denomination: thousands. Both None for a
    script that asks for stock or history. spent_serial_numbers: references of replies that
    already proved another attempt; a text that bears one is a repeat of that reply
    and proves nothing here. reply_owed: an earlier attempt on this chip never got
    its text, so a text that names no destination may belong to that one.
    """

    destination: str | None = None
    denomination: int | None = None
    chip_pin: str | None = field(default=None, repr=False)
    spent_serial_numbers: frozenset[str] = frozenset()
    reply_owed: bool = False

    def __post_init__(self) -> None:
        """Refuse values that would say something else on the air."""
        if self.destination is not None and not _DESTINATION.fullmatch(self.destination):
            raise ValuesUnfit(
                f'destination "{self.destination}" is not E.164 digits; give it as 62812...'
            )
        if self.denomination is not None and self.denomination <= 0:
            raise ValuesUnfit(f"denomination {self.denomination} is not a number of thousands")
        if self.chip_pin is not None and not _CHIP_PIN.fullmatch(self.chip_pin):
            raise ValuesUnfit(
                "the chip PIN holds something else than 1 to 16 digits or letters; "
                "correct it in the secrets file"
            )

    @property
    def amount(self) -> int | None:
        """The face value in minor units of an asset without fraction."""
        return None if self.denomination is None else self.denomination * DENOMINATION_UNIT

    def mask(self, text: str) -> str:
        """Return the text with every echo of the chip PIN blotted out.

        Digits inside a longer number are left: they are that number, not the PIN.
        """
        if not self.chip_pin or (self.chip_pin.isdigit() and self.chip_pin not in text):
            return text
        before = r"(?<![0-9])" if self.chip_pin[0].isdigit() else ""
        after = r"(?![0-9])" if self.chip_pin[-1].isdigit() else ""
        return re.sub(before + re.escape(self.chip_pin) + after, MASK, text, flags=re.IGNORECASE)
