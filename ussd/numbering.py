"""Telephone numbers: how a country writes them, and E.164 digits inside.

Operators print the same number as 0812..., 62812..., +62812... or bare 812...;
inside pulsarack it is always E.164 digits without the plus (ITU-T E.164). A number
that fits no form of the country is not read.

A recipe may sell to electricity meters instead: their digits have no forms, and stand inside
behind an "m", so that they are never taken for a telephone's.
"""

import re
from dataclasses import dataclass

METER_MARK = "m"
_DIGITS = re.compile(r"[0-9]{4,15}")


@dataclass(frozen=True, slots=True)
class Numbering:
    """The dialling rules of a country.

    country_code: "62". trunk: the digit dialled in front at home, "0". mobile: what
    every mobile number begins with after trunk or country code, "8"; it is what
    tells a bare number from any other digits. shortest, longest: digits of a number
    without trunk and country code. meters: numbers are those of meters, which have no
    country code.
    """

    country_code: str
    trunk: str
    mobile: str
    shortest: int
    longest: int
    meters: bool = False

    def read(self, text: str) -> str | None:
        """Return the E.164 digits of a number as printed, or None if it is none."""
        if self.meters:
            return METER_MARK + text if self._is_meter(text) else None
        plus, digits = text.startswith("+"), text.removeprefix("+")
        if not _DIGITS.fullmatch(digits):
            return None
        if digits.startswith(self.country_code) and self._is_mobile(
            digits.removeprefix(self.country_code)
        ):
            return digits
        if plus:
            return None
        if self.trunk and digits.startswith(self.trunk):
            digits = digits.removeprefix(self.trunk)
        elif not self.mobile:
            return None
        return self.country_code + digits if self._is_mobile(digits) else None

    def show(self, e164: str) -> str:
        """Return the number as people write it: 0812..., or a meter's digits."""
        if self.meters:
            return e164.removeprefix(METER_MARK)
        if not e164.startswith(self.country_code):
            return e164
        return self.trunk + e164.removeprefix(self.country_code)

    def fits(self, destination: str) -> bool:
        """Whether a number inside is of the kind that is written by these rules."""
        return destination.startswith(METER_MARK) == self.meters

    def _is_meter(self, digits: str) -> bool:
        return bool(_DIGITS.fullmatch(digits)) and self.shortest <= len(digits) <= self.longest

    def _is_mobile(self, national: str) -> bool:
        return self.shortest <= len(national) <= self.longest and national.startswith(self.mobile)
