"""What the chat channels make of a message: a letter, or one that is refused, or nothing for us.

A message that is not to be obeyed becomes a letter all the same, under the name of a wording: so
it is kept, its sender hears of it, and only once.
"""

from dataclasses import dataclass

from pulsarack.daemon.channels.wanted import Desk, Taken
from pulsarack.queue.post.inbound import Letter

BODY_LIMIT = 2000

# Why a letter is refused: keys of the wordings.
TOO_OLD = "too_old"
TOO_LONG = "too_long"
ONLY_TEXT = "only_text"
CORRECTED = "corrected"


@dataclass(frozen=True, slots=True)
class Incoming:
    """A letter; with a `refusal` it is answered with that and not obeyed."""

    letter: Letter
    refusal: str | None = None

    async def hand_in(self, desk: Desk) -> Taken:
        """Let the desk keep it, and answer; raises DaemonError if it could not be kept."""
        if self.refusal is None:
            return await desk.receive(self.letter)
        return await desk.refuse(self.letter, self.refusal, self.values)

    @property
    def values(self) -> dict[str, str | int]:
        """What the wording of the refusal is filled with."""
        return {"batas": BODY_LIMIT} if self.refusal == TOO_LONG else {}


@dataclass(frozen=True, slots=True)
class Passed:
    """Something that is not for us. `odd`: it is counted, since it should not be there."""

    kind: str
    odd: bool = True
