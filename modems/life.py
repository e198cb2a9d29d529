"""The life of one modem in the rack, from its port's appearance to readiness.

appeared -> opened -> identified -> initialised -> registered -> ready. A failure at
any step keeps its reason beside the state; from there the modem is tried anew, from
the beginning, when the back-off of whoever drives it allows. A port that vanishes is
gone until it appears again. Losing the network takes a modem back to initialised,
nothing more.
"""

from dataclasses import dataclass, replace
from enum import Enum

from pulsarack.modems.errors import IllegalMove


class Stage(Enum):
    """How far a modem has come."""

    APPEARED = "appeared"
    OPENED = "opened"
    IDENTIFIED = "identified"
    INITIALISED = "initialised"
    REGISTERED = "registered"
    READY = "ready"
    FAILED = "failed"
    GONE = "gone"


class Step(Enum):
    """What may happen to a modem."""

    APPEAR = "appear"
    OPEN = "open"
    IDENTIFY = "identify"
    INITIALISE = "initialise"
    REGISTER = "register"
    MAKE_READY = "make ready"
    LOSE_NETWORK = "lose the network"
    FAIL = "fail"
    RETRY = "retry"
    VANISH = "vanish"


_ALIVE = (
    Stage.APPEARED,
    Stage.OPENED,
    Stage.IDENTIFIED,
    Stage.INITIALISED,
    Stage.REGISTERED,
    Stage.READY,
)

TABLE: dict[tuple[Stage, Step], Stage] = {
    (Stage.APPEARED, Step.OPEN): Stage.OPENED,
    (Stage.OPENED, Step.IDENTIFY): Stage.IDENTIFIED,
    (Stage.IDENTIFIED, Step.INITIALISE): Stage.INITIALISED,
    (Stage.INITIALISED, Step.REGISTER): Stage.REGISTERED,
    (Stage.REGISTERED, Step.MAKE_READY): Stage.READY,
    (Stage.REGISTERED, Step.LOSE_NETWORK): Stage.INITIALISED,
    (Stage.READY, Step.LOSE_NETWORK): Stage.INITIALISED,
    (Stage.FAILED, Step.RETRY): Stage.APPEARED,
    (Stage.FAILED, Step.FAIL): Stage.FAILED,
    (Stage.FAILED, Step.VANISH): Stage.GONE,
    (Stage.GONE, Step.APPEAR): Stage.APPEARED,
    **{(stage, Step.FAIL): Stage.FAILED for stage in _ALIVE},
    **{(stage, Step.VANISH): Stage.GONE for stage in _ALIVE},
}


@dataclass(frozen=True, slots=True)
class ModemLife:
    """Where a modem stands; ``why`` says what went wrong last, empty if nothing did."""

    stage: Stage = Stage.APPEARED
    why: str = ""

    def apply(self, step: Step, why: str = "") -> "ModemLife":
        """The life after a step; IllegalMove, and nothing changed, if it has no place."""
        after = TABLE.get((self.stage, step))
        if after is None:
            raise IllegalMove(step.value, self.stage.name)
        return replace(self, stage=after, why=why)
