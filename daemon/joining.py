"""Waiting for a modem to join its network, and saying why it does not.

A modem that was told to stay off the network, or on one network only, comes up so again:
it is told once to choose by itself. A chip that roams sells only where the configuration
lets it (`[chips] roaming`).
"""

from collections.abc import Callable

from pulsarack.daemon.context import Context
from pulsarack.modems.driver import Driver
from pulsarack.modems.results import Registration

POLL_SECONDS = 2.0
POLLS = 30

_ROAMS = (
    "the chip roams in a network that is not its own; check antenna and place, or set"
    " roaming = true under [chips]"
)


async def join(context: Context, modem: Driver, tell: Callable[[Registration], None]) -> str:
    """Wait until the modem is registered; why it is not, or an empty text.

    `tell` is called with how it stands at each look.
    """
    state = Registration.UNKNOWN
    for poll in range(POLLS):
        state = await modem.registration()
        tell(state)
        if state is Registration.HOME:
            return ""
        if state is Registration.ROAMING and context.config.chips.roaming:
            return ""
        if poll == 0 and state is Registration.NOT_REGISTERED:
            await modem.select_network()
        await context.clock.sleep(POLL_SECONDS)
    return _ROAMS if state is Registration.ROAMING else await modem.why_no_network(state)
