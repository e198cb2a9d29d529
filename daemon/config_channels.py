"""What holds for all channels: how long a text is worth sending, and how old an order may be."""

from typing import ClassVar

from pulsarack.daemon.config_fields import Seconds, Section, WeekSeconds, explained


class ChannelsSection(Section):
    """[channels]: what holds for all channels.

    An answer that could not be sent for `answer_seconds` is dropped. A result that could not be
    sent for `result_seconds` goes by SMS, if its agent has a number there, and is tried there for
    `last_way_seconds`. A text that was sent more than `oldest_seconds` ago is not carried out.
    """

    ABOUT: ClassVar[str] = (
        "What holds for all channels over which agents write: SMS, HTTP, XMPP, WhatsApp."
    )

    answer_seconds: Seconds = explained(
        900.0,
        "An answer that could not be sent for so long is dropped: who asked can ask again.",
    )
    result_seconds: WeekSeconds = explained(
        3600.0,
        "The result of an order that could not be sent for so long goes by SMS instead, if its"
        " agent has a number there; by SMS it is tried for as long as the second key says.",
    )
    last_way_seconds: WeekSeconds = 86_400.0
    oldest_seconds: Seconds = explained(
        1800.0,
        "A text that was sent longer ago than this is not carried out: its sender has done"
        " without.",
    )
