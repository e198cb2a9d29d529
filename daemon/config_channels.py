"""What holds for all channels: how long a text is worth sending, and how old an order may be."""

from pulsarack.daemon.config_fields import Seconds, Section, WeekSeconds


class ChannelsSection(Section):
    """[channels]: what holds for all channels.

    An answer that could not be sent for `answer_seconds` is dropped. A result that could not be
    sent for `result_seconds` goes by SMS, if its agent has a number there, and is tried there for
    `last_way_seconds`. A text that was sent more than `oldest_seconds` ago is not carried out.
    """

    answer_seconds: Seconds = 900.0
    result_seconds: WeekSeconds = 3600.0
    last_way_seconds: WeekSeconds = 86_400.0
    oldest_seconds: Seconds = 1800.0
