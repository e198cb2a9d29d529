"""Whether a stranger is answered: once in a while each, and only so many an hour in all.

Who writes from an address that is no agent's hears one and the same thing, whether it was never
bound, its agent is off, or it is no address at all. Robots and adverts write to a server's
numbers, too; answering each would empty the chips and make loops. Kept in memory: after a
restart a stranger may hear the answer once more.
"""

from collections import OrderedDict, deque

from pulsarack.daemon.config import Config
from pulsarack.daemon.pressure import Pressure
from pulsarack.modems.timing import Clock

HOUR_SECONDS = 3600.0
KEPT_MOST = 10_000


class Strangers:
    """One for all channels."""

    def __init__(self, config: Config, clock: Clock, pressure: Pressure) -> None:
        self._config = config
        self._clock = clock
        self._pressure = pressure
        self._answered: OrderedDict[tuple[str, str], float] = OrderedDict()
        self._hour: deque[float] = deque()

    def may_answer(self, channel: str, address: str) -> bool:
        """Whether this one is answered now, which is noted; counts every stranger's text."""
        self._pressure.refused("STRANGER", channel=channel)
        now = self._clock.monotonic()
        self._forget(now)
        key = (channel, address)
        if key in self._answered:
            return False
        if len(self._hour) >= self._config.agents.strangers_per_hour:
            self._pressure.refused("STRANGERS_TOO_MANY", channel=channel)
            return False
        self._answered[key] = now
        self._hour.append(now)
        return True

    def _forget(self, now: float) -> None:
        while self._hour and now - self._hour[0] >= HOUR_SECONDS:
            self._hour.popleft()
        while self._answered:
            oldest = next(iter(self._answered.values()))
            quiet = now - oldest < self._config.agents.stranger_every_seconds
            if quiet and len(self._answered) < KEPT_MOST:
                return
            self._answered.popitem(last=False)
