"""What networks do to SMS: some come hours late, some come twice.

Each chip has a draw of its own and the same number of rolls a text, so the n-th text to a chip
meets the same fate whatever the timing was. Texts that overtake each other need no roll: a late
one is overtaken.
"""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

Note = Callable[..., None]


@dataclass(frozen=True)
class SmsMix:
    """Shares of all texts to chips; spans are (least, most) virtual seconds.

    stale_stamp: the share of the delayed ones that were on the way before the service centre took
    them, so that their time stamp is as late as they are. shuffled, part_lost, part_doubled: the
    shares of the long ones whose parts come in another order, of which one part never comes, and
    of which one comes twice.
    """

    delayed: float = 0.0
    delayed_seconds: tuple[float, float] = (600.0, 14_400.0)
    doubled: float = 0.0
    doubled_seconds: tuple[float, float] = (1.0, 600.0)
    stale_stamp: float = 0.0
    shuffled: float = 0.0
    part_lost: float = 0.0
    part_doubled: float = 0.0

    @property
    def calm(self) -> bool:
        """Whether nothing ever happens."""
        return not self.delayed and not self.doubled


@dataclass(frozen=True)
class Fate:
    """What becomes of one text.

    before, held: seconds it is late before the service centre takes it, and after. copy_after:
    seconds until it comes once more, None if it does not; copy_stamp_kept: with the same stamp.
    """

    before: float = 0.0
    held: float = 0.0
    copy_after: float | None = None
    copy_stamp_kept: bool = True


NORMAL = Fate()


class SmsWeather:
    """Draws the fates of the texts to all chips, and notes those that are not normal."""

    def __init__(self, mix: SmsMix, seed: int, note: Note) -> None:
        self._mix = mix
        self._seed = seed
        self._note = note
        self._rngs: dict[str, Random] = {}

    def arrange(self, iccid: str, parts: list[str]) -> list[str]:
        """The parts of a text as they come; their draw is apart from that of the fates."""
        mix = self._mix
        if len(parts) == 1 or not (mix.shuffled or mix.part_lost or mix.part_doubled):
            return parts
        rng = self._rngs.setdefault(f"{iccid}/parts", Random(f"{self._seed}/parts/{iccid}"))
        rolls = [rng.random() for _ in range(3)]
        lost, twice, turn = (rng.randrange(len(parts)) for _ in range(3))
        come = list(parts)
        if rolls[0] < mix.part_doubled:
            self._note("sms_part_doubled", iccid, part=twice + 1)
            come.append(parts[twice])
        if rolls[1] < mix.part_lost:
            self._note("sms_part_lost", iccid, part=lost + 1)
            come = [part for part in come if part != parts[lost]]
        if rolls[2] < mix.shuffled:
            self._note("sms_shuffled", iccid)
            come = come[turn + 1 :] + come[: turn + 1]
            come.reverse()
        return come

    def draw(self, iccid: str) -> Fate:
        """The fate of the next text to a chip."""
        mix = self._mix
        if mix.calm:
            return NORMAL
        rng = self._rngs.setdefault(iccid, Random(f"{self._seed}/sms/{iccid}"))
        delayed, stale = rng.random() < mix.delayed, rng.random() < mix.stale_stamp
        late = rng.uniform(*mix.delayed_seconds)
        doubled, kept = rng.random() < mix.doubled, rng.random() < 0.5
        copy_after = rng.uniform(*mix.doubled_seconds)
        if delayed:
            self._note("sms_delayed", iccid, seconds=round(late), stale_stamp=stale)
        if doubled:
            self._note("sms_doubled", iccid, seconds=round(copy_after), stamp_kept=kept)
        return Fate(
            before=late if delayed and stale else 0.0,
            held=late if delayed and not stale else 0.0,
            copy_after=copy_after if doubled else None,
            copy_stamp_kept=kept,
        )
