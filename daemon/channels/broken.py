"""A channel that cannot be opened as it is configured, or is not configured any more while texts
still wait for it: it says so, and hurts no other."""

import asyncio

from pulsarack.daemon.channels.carrier import ChannelState, Parcel, Sent, SentKind, Standing
from pulsarack.daemon.errors import DaemonError


class BrokenChannel:
    """Stands in for the channel until the daemon is started anew."""

    at_once = 1

    def __init__(self, channel: str, why: DaemonError) -> None:
        self.channel = channel
        self._state = ChannelState(Standing.MISCONFIGURED, why.message, why.remedy)

    def state(self) -> ChannelState:
        """Why it cannot be opened."""
        return self._state

    async def run(self) -> None:
        """Nothing can be done here."""
        await asyncio.Event().wait()

    async def send(self, parcel: Parcel) -> Sent:
        """Not now; what waits goes another way when its time is over."""
        return Sent(SentKind.LATER, why=self._state.why)


class AbsentChannel(BrokenChannel):
    """Stands in for a channel that was taken out of the configuration."""

    def __init__(self, channel: str) -> None:
        self.channel = channel
        self._state = ChannelState(
            Standing.OFF,
            "it is not configured, and texts were written for it",
            f"configure [{channel}] again, or wait: results go by SMS when their time is over",
        )
