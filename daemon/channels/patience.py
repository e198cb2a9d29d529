"""Whether a text of an agent that was no order is answered: so many in a row, then no more.

A program that answers whatever it gets (one for when its owner is away, an operator's service,
another server of this kind) takes our answer for a text and answers that. Each round costs an SMS,
or is as fast as the two machines are. So after some such texts in a row their sender hears nothing,
which ends it; a text that can be read, or an hour, makes all well again. Kept in memory: after a
restart it is a few more.
"""

from collections import OrderedDict

from pulsarack.modems.timing import Clock

IN_A_ROW = 10
HOUR_SECONDS = 3600.0
KEPT_MOST = 10_000


class Patience:
    """One for all channels."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        # How many were answered, and when the last one was; the latest stands last.
        self._answered: OrderedDict[tuple[str, str], tuple[int, float]] = OrderedDict()

    def may_answer(self, channel: str, sender: str) -> bool:
        """Whether one more text that is no order is answered, which is noted."""
        now, key = self._clock.monotonic(), (channel, sender)
        count, at = self._answered.get(key, (0, now))
        if now - at >= HOUR_SECONDS:
            count = 0
        if count >= IN_A_ROW:
            return False
        self._answered[key] = (count + 1, now)
        self._answered.move_to_end(key)
        if len(self._answered) > KEPT_MOST:
            self._answered.popitem(last=False)
        return True

    def was_read(self, channel: str, sender: str) -> None:
        """It has sent something that can be carried out."""
        self._answered.pop((channel, sender), None)
