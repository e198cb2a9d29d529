"""What holds for texts that people exchange with the pool's own chips."""

from typing import Annotated, ClassVar

from pydantic import Field

from pulsarack.daemon.config_fields import Limit, Section, explained

_Pause = Annotated[float, Field(ge=0, le=60, allow_inf_nan=False)]


class SmsSection(Section):
    """[sms]: agents' texts over the chips of the rack.

    `receives`, `answers`: what holds for a chip that was not told otherwise. `per_day` is parts
    of one chip, `per_minute` texts of all of them. `parts_most`: a longer text is not sent.
    `valid_hours`: how long the network tries to hand a result over.
    """

    ABOUT: ClassVar[str] = "Agents write to the chips of the rack, and are answered from them."

    receives: bool = explained(
        False,
        "Whether a chip takes agents' orders, and whether it sends answers and results, unless"
        " it was told otherwise: pulsarack chip channel ICCID --receives on --answers off. Best"
        " answer chips that sell little, or by USSD: for a while behind each text to a person, an"
        " operator's refusal by SMS that names no number is not believed, and the order waits for"
        " the chip's stock.",
    )
    answers: bool = False
    delivery_reports: bool = explained(
        False,
        "Whether the network is asked to report what arrived; some operators charge for it.",
    )
    per_day: Limit = explained(
        500,
        "The most messages that one chip sends in a day (a long text is several), the most texts"
        " that all chips together send in a minute, and how long a chip rests between two of"
        " them. Operators bar chips that send like machines.",
    )
    per_minute: Limit = 120
    pause_seconds: _Pause = 1.0
    parts_most: Annotated[int, Field(ge=1, le=10)] = explained(
        4,
        "A text that needs more messages than this is not sent.",
    )
    valid_hours: Annotated[int, Field(ge=1, le=720)] = explained(
        24,
        "For how many hours the network tries to hand a result over to a telephone that is off.",
    )
