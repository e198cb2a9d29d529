"""What is stored of a PIN: argon2id (RFC 9106) over an HMAC with the pepper.

The hash alone would protect nothing, as there are only ten thousand PINs of four digits; the
pepper is not in the database. The stored text is the name of the master key and argon2's own
text, which holds its salt and cost.
"""

import hmac
from dataclasses import dataclass

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from pulsarack.daemon.identity.pepper import MasterKey, Masters
from pulsarack.queue.order_text.commands import HiddenPin

_PURPOSE = "agent_pin"


@dataclass(frozen=True, slots=True)
class Cost:
    """What one hash costs; about 24 ms and 19 MiB as it stands."""

    passes: int = 2
    memory_kib: int = 19 * 1024
    lanes: int = 1


class PinHash:
    """Makes and compares hashes; slow, so never in the event loop."""

    def __init__(self, masters: Masters, cost: Cost) -> None:
        self._masters = masters
        self._hasher = PasswordHasher(
            time_cost=cost.passes, memory_cost=cost.memory_kib, parallelism=cost.lanes
        )
        self._decoy: str | None = None

    def make(self, pin: HiddenPin) -> str:
        """A new hash by the newest key; raises PepperError if there is none."""
        master = self._masters.needed()
        return master.name + self._hasher.hash(_peppered(master, pin))

    def is_right(self, pin: HiddenPin, stored: str | None) -> bool:
        """Whether the PIN is the one that was hashed. Of no hash it takes as long to say no."""
        name, argon = self._split(stored)
        master = self._masters.find(name)
        if master is None:
            return False
        try:
            same = self._hasher.verify(argon, _peppered(master, pin))
        except (VerificationError, InvalidHashError):
            return False
        return same and stored is not None

    def is_stale(self, stored: str) -> bool:
        """Whether it was made with an older key or at another cost."""
        newest = self._masters.newest
        name, argon = self._split(stored)
        stale = newest is None or name != newest.name
        return stale or self._hasher.check_needs_rehash(argon)

    def warm_up(self) -> None:
        """Make the hash that stands for none, so that its first use is not slower."""
        if self._decoy is None and self._masters.newest is not None:
            self._decoy = self.make(HiddenPin("none"))

    def _split(self, stored: str | None) -> tuple[str, str]:
        text = (self._decoy or "") if stored is None else stored
        name, dollar, argon = text.partition("$")
        return name, dollar + argon


def _peppered(master: MasterKey, pin: HiddenPin) -> bytes:
    return hmac.digest(master.derive(_PURPOSE), pin.reveal().encode(errors="replace"), "sha256")
