"""What holds for texts that people exchange with the pool's own chips."""

from typing import Annotated

from pydantic import Field

from pulsarack.daemon.config_fields import Limit, Section

_Pause = Annotated[float, Field(ge=0, le=60, allow_inf_nan=False)]


class SmsSection(Section):
    """[sms]: agents' texts over the chips of the rack.

    `receives`, `answers`: what holds for a chip that was not told otherwise. `per_day` is parts
    of one chip, `per_minute` texts of all of them. `parts_most`: a longer text is not sent.
    `valid_hours`: how long the network tries to hand a result over.
    """

    receives: bool = False
    answers: bool = False
    delivery_reports: bool = False
    per_day: Limit = 500
    per_minute: Limit = 120
    pause_seconds: _Pause = 1.0
    parts_most: Annotated[int, Field(ge=1, le=10)] = 4
    valid_hours: Annotated[int, Field(ge=1, le=720)] = 24
