"""The one sentence in `systemctl status`: how many chips sell, and what needs a look.

It is made of what the rack shows and one count of the database, every few seconds, and sent only
when it reads otherwise than before.
"""

from collections.abc import Callable, Iterable

from pulsarack.daemon.context import Context
from pulsarack.daemon.rack import Rack
from pulsarack.daemon.service.notify import notify, status
from pulsarack.daemon.slot import Slot
from pulsarack.daemon.store_errors import StoreError
from pulsarack.modems.life import Stage
from pulsarack.queue import orders
from pulsarack.queue.state import OrderState

SECONDS = 5.0
NO_MODEM = "no modem found; plug one in, see pulsarack rack"


class StatusLine:
    """One for the daemon; `remark` is what the newest reload left to be said."""

    def __init__(
        self,
        context: Context,
        rack: Rack,
        remark: Callable[[], str],
        tell: Callable[[str], None] = notify,
    ) -> None:
        self._context = context
        self._rack = rack
        self._remark = remark
        self._tell = tell
        self._told = ""

    async def run(self) -> None:
        """Keep it current until cancelled."""
        while True:
            await self.look()
            await self._context.clock.sleep(SECONDS)

    async def look(self) -> None:
        """Send the sentence, if it is another one."""
        try:
            counts = await self._context.store.read(orders.count_by_state)
        except StoreError:
            return  # the log says so; the sentence of before stays
        text = sentence(self._rack.slots.values(), counts, self._remark())
        if text != self._told and not self._rack.stopping:  # then ending.py has the word
            self._told = text
            self._tell(status(text))


def sentence(slots: Iterable[Slot], counts: dict[str, int], remark: str = "") -> str:
    """How it stands, in words; the figures that are zero are left out."""
    states = [state for slot in slots if (state := _state(slot))]
    chips = [
        _figure(states.count("ready"), "chip ready", "chips ready") or "no chip ready",
        _figure(states.count("resting"), "resting"),
        _figure(states.count("new"), "chip to be adopted", "chips to be adopted"),
        _figure(states.count("held"), "held"),
        _figure(states.count("failed"), "modem failed", "modems failed"),
        _figure(states.count("starting"), "starting"),
    ]
    orders_ = [
        _figure(counts.get(OrderState.QUEUED, 0), "order queued", "orders queued"),
        _figure(counts.get(OrderState.UNKNOWN, 0), "undecided order", "undecided orders"),
    ]
    said = [one for one in (*(chips if states else [NO_MODEM]), *orders_) if one]
    return "; ".join([", ".join(said), *([remark] if remark else [])])


def _state(slot: Slot) -> str:
    """What a slot counts as; empty if no modem is in it."""
    if slot.life.stage is Stage.GONE:
        return ""
    if slot.held:
        return "held"
    if slot.life.stage is Stage.FAILED:
        return "failed"
    if slot.desk is not None:
        return "resting" if slot.desk.doing in ("resting", "not in service") else "ready"
    return "new" if slot.life.stage is Stage.READY else "starting"


def _figure(number: int, one: str, many: str = "") -> str:
    return f"{number} {one if number == 1 or not many else many}" if number else ""
