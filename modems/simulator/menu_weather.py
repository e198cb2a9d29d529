"""What goes wrong with a menu before anything is at stake: no screen, the wrong one, none any more.

It strikes the steps that only ask: a dialled code, a menu answer, a question for stock or history.
A step that decides a top-up is never struck, so whatever is seen of this weather, nothing was
sold. A struck step does not reach the operator at all.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from random import Random

from pulsarack.modems.simulator.operators.answer import (
    Answer,
    Report,
    Screen,
    ScreenStatus,
    ask,
    tell,
)

Note = Callable[..., None]

ADVERTS = (
    "Mohon maaf, layanan dalam pemeliharaan pukul 00.00-05.00.",
    "Nikmati paket internet 10GB hanya Rp50.000. Hub *363#.",
    "Terima kasih telah menggunakan layanan kami.",
    "Service under maintenance. Thank you for your patience.",
)
WRONG_MENUS = (
    "Pilih bahasa\n1. Indonesia\n2. English",
    "Layanan Anda\n1. Info Kartu\n2. Paket Data\n3. Bantuan\n0. Kembali",
    "Masukkan kode area",
)
WRONG_CHOICE = "Pilihan tidak valid."


class MenuFault(Enum):
    """The kinds of trouble before a top-up step."""

    LOST = "lost"  # no screen ever
    UNPARSED = "unparsed"  # an advert instead of the screen, and the session is over
    UNEXPECTED = "unexpected"  # a screen of another menu, or the one before once more
    ENDED = "ended"  # the network ends the session
    REFUSED = "refused"  # the modem answers with an error; nothing left it


@dataclass(frozen=True)
class MenuMix:
    """The share of steps that each kind strikes."""

    shares: Mapping[MenuFault, float] = field(default_factory=dict)

    def draw(self, rng: Random) -> MenuFault | None:
        """The fault of the next step, or None."""
        roll = rng.random()
        for kind, share in self.shares.items():
            if roll < share:
                return kind
            roll -= share
        return None


class MenuWeather:
    """Draws for each chip on its own, and words what is then seen instead."""

    def __init__(self, mix: MenuMix, seed: int, note: Note) -> None:
        self._mix = mix
        self._seed = seed
        self._note = note
        self._rngs: dict[str, Random] = {}

    def draw(self, iccid: str) -> MenuFault | None:
        """The fault of a chip's next step, or None."""
        return self._mix.draw(self._rng(iccid)) if self._mix.shares else None

    def strikes(self, iccid: str, fault: MenuFault) -> None:
        """Note a fault that shows."""
        self._note(f"menu_{fault.value}", iccid)

    def screen(self, iccid: str, fault: MenuFault, shown: Answer | None) -> Answer:
        """What is seen instead of a screen; `shown` is the open session's last one."""
        rng = self._rng(iccid)
        match fault:
            case MenuFault.UNPARSED:
                over = (ScreenStatus.NO_FURTHER_ACTION, ScreenStatus.TERMINATED_BY_NETWORK)
                return tell(rng.choice(ADVERTS), rng.choice(over))
            case MenuFault.UNEXPECTED if shown is not None and rng.random() < 0.5:
                return shown
            case MenuFault.UNEXPECTED:
                return ask(rng.choice(WRONG_MENUS), lambda typed: tell(WRONG_CHOICE))
            case MenuFault.ENDED:
                return Answer(screens=(Screen(ScreenStatus.TERMINATED_BY_NETWORK, None),))
            case MenuFault.LOST | MenuFault.REFUSED:
                return Answer()

    def text(self, iccid: str, fault: MenuFault, sender: str) -> Answer:
        """What comes instead of an answer by SMS."""
        if fault is not MenuFault.UNPARSED:
            return Answer()
        return Answer(reports=(Report(sender, self._rng(iccid).choice(ADVERTS)),))

    def _rng(self, iccid: str) -> Random:
        return self._rngs.setdefault(iccid, Random(f"{self._seed}/menu/{iccid}"))
