"""People's telephones in the simulated network: agents who write to chips, and who is told by them.

What a telephone writes goes through the same service centre, weather and all, as an operator's
text. What a chip sends to a number that is a telephone's arrives here, whole. Both are entered in
books of their own, so that whoever wrote can be held against what he was told; agents' texts hold
PINs, so these are not the operators' books.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass

from pulsarack.modems.simulator.books import Books

# A service has fewer digits; ITU-T E.164 has no more.
_TELEPHONE = re.compile(r"\+?[0-9]{9,15}")
# TP-ST, 23.040 9.2.3.15: received, and given up since its validity was over.
RECEIVED, EXPIRED = 0x00, 0x46


@dataclass(frozen=True)
class Heard:
    """A text that a telephone got. at: virtual Unix seconds; sender: the chip's own number."""

    at: float
    number: str
    sender: str
    chip: str
    text: str


class Telephones:
    """All that are not in the rack. chips: the ICCID of each chip by its number."""

    def __init__(
        self,
        now: Callable[[], float],
        books: Books,
        carry: Callable[[str, str, str, float], None],
        chips: Mapping[str, str],
    ) -> None:
        """carry: hands a text to the service centre (ICCID, sender, text, seconds from now)."""
        self.heard: list[Heard] = []
        self._now = now
        self._books = books
        self._carry = carry
        self._chips = chips
        self._numbers = {iccid: msisdn for msisdn, iccid in chips.items()}
        self._off: set[str] = set()
        self._listeners: list[Callable[[Heard], None]] = []

    def send(self, number: str, to: str, text: str, after: float = 0.0) -> None:
        """A telephone writes to a chip, by its ICCID or its number. KeyError: no such chip."""
        chip = to if to in self._numbers else self._chips[plain(to)]
        fields = {"number": plain(number), "chip": chip, "text": text}
        self._books.enter("wrote", self._now() + after, fields)
        self._carry(chip, f"+{plain(number)}", text, after)

    def switch_off(self, number: str) -> None:
        """The telephone gets no texts until it is on again; those of meanwhile are lost."""
        self._off.add(plain(number))

    def switch_on(self, number: str) -> None:
        """The telephone gets texts."""
        self._off.discard(plain(number))

    def listen(self, listener: Callable[[Heard], None]) -> None:
        """Call this with every text that a telephone gets, from now on."""
        self._listeners.append(listener)

    def arrive(self, chip: str, to: str, text: str) -> None:
        """The network hands over what a chip sent."""
        number = plain(to)
        if number in self._off:
            return
        heard = Heard(self._now(), number, self._numbers.get(chip, ""), chip, text)
        fields = asdict(heard)
        del fields["at"]
        self._books.enter("heard", heard.at, fields)
        self.heard.append(heard)
        for listener in self._listeners:
            listener(heard)

    def delivery_status(self, to: str) -> int:
        """What the service centre reports of a text to somebody (TP-ST)."""
        return EXPIRED if plain(to) in self._off else RECEIVED


def is_telephone(to: str) -> bool:
    """Whether a recipient is a person's, and no service."""
    return _TELEPHONE.fullmatch(to) is not None


def plain(number: str) -> str:
    """E.164 digits of a number as people write it."""
    digits = number.removeprefix("+")
    return "62" + digits[1:] if digits.startswith("0") else digits
