"""How long a modem that is back on the bus and on the network takes to work again.

Looked at twice a second, from the moment from which nothing but the daemon is waited for: modem
and daemon are there and the card is on the network. It has returned when the daemon says that its
chip is present; where modem, card or daemon go away before that, nothing is counted. A modem that
is still waited for at the end counts with the time that it took so far.
"""

import asyncio

from pulsarack.modems.simulator.modem import Modem
from tests.simulation.world import World

LOOK_SECONDS = 0.5


class Returns:
    """The returns of one history."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._since: dict[str, tuple[str, str, float]] = {}
        self._returned: dict[str, tuple[str, str, float]] = {}
        self._seconds: list[float] = []

    def seconds(self) -> list[float]:
        """How long each took."""
        now = asyncio.get_running_loop().time()
        waiting = (
            now - since[2]
            for imei, since in self._since.items()
            if self._returned.get(imei) != since
        )
        return [*self._seconds, *waiting]

    async def watch(self) -> None:
        """Look until cancelled."""
        while True:
            self._look(asyncio.get_running_loop().time())
            await asyncio.sleep(LOOK_SECONDS)

    def _look(self, now: float) -> None:
        daemon = self._world.daemon
        if daemon is None or daemon.rack is None or daemon.stopping.is_set():
            self._since.clear()
            return
        present = daemon.rack.presences()
        for modem in self._world.simulation.modems:
            self._look_at(modem, modem.iccid in present, now)

    def _look_at(self, modem: Modem, present: bool, now: float) -> None:
        path = self._world.bus.path_of(modem)
        if path is None or not (modem.reachable and modem.card_in) or modem.initialising:
            self._since.pop(modem.imei, None)
            return
        arrived = self._world.bus.arrivals(path)
        here = (path, f"{modem.iccid} {arrived}")
        since = self._since.get(modem.imei)
        if since is None or since[:2] != here:
            since = self._since[modem.imei] = (*here, now)
        if present and self._returned.get(modem.imei) != since:
            self._returned[modem.imei] = since
            self._seconds.append(now - since[2])
