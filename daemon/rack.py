"""The rack: all slots, and the watch over which ports there are.

Twice a second the configured paths and globs are looked at; a port that appears,
vanishes or turns into another device is told to its slot. So it is noticed within a
second also where no udev speaks of it. A chip is worked in one slot only: if a second
one shows the same, neither works it (identities.py).

Of many ports that appear at once, as at every start, a few begin every tenth of a second: set
up all together, the first would sell hardly before the last.

A path that a glob has found once keeps its slot, so that its modem's return is not that of a
stranger. There are never more than SLOTS_LIMIT: then empty ones are forgotten, those that were
found first before others, and if none is empty further ports wait until one is.
"""

import asyncio

from pulsarack.daemon.context import Context
from pulsarack.daemon.desk import Desk
from pulsarack.daemon.dispatcher import Dispatcher
from pulsarack.daemon.identities import Identities
from pulsarack.daemon.ports import Ports
from pulsarack.daemon.resets import RealResets, Resets
from pulsarack.daemon.slot import Slot
from pulsarack.modems.profile import Profiles
from pulsarack.modems.watch import Appeared, Replaced, Snapshot, Vanished, difference
from pulsarack.queue import technicians
from pulsarack.queue.facts import Presence

SCAN_SECONDS = 0.5
SLOTS_LIMIT = 2048
BEGIN_AT_ONCE = 8
BEGIN_SECONDS = 0.1


class Rack:
    """Everything that is plugged in."""

    def __init__(
        self,
        context: Context,
        dispatcher: Dispatcher,
        profiles: Profiles,
        ports: Ports,
        resets: Resets | None = None,
    ) -> None:
        self.slots: dict[str, Slot] = {}
        self.names: dict[str, str] = {}  # what people call the slots, by path
        self._context = context
        self._dispatcher = dispatcher
        self._profiles = profiles
        self._ports = ports
        self._resets = resets or RealResets()
        self.tasks: dict[str, asyncio.Task[None]] = {}
        self._seen: Snapshot = {}
        self._forgotten: set[asyncio.Task[None]] = set()  # which end by themselves
        self._full = False
        self._stopping = False
        self._identities: Identities[Slot] = Identities(context.config.modems.shared_imeis)

    async def run(self) -> None:
        """Watch the ports until cancelled."""
        self.names = await self._context.store.read(technicians.names)
        while True:
            self.look()
            await self._ports.wait(self._context.clock, SCAN_SECONDS)

    def look(self) -> None:
        """Look at the ports once and tell the slots what changed."""
        now = self._ports.look()
        if len(now) + len(self.slots) > SLOTS_LIMIT:
            now = self._make_room(now)
        if now == self._seen:
            return
        before, self._seen = self._seen, now
        appeared = 0
        for change in difference(before, now):
            match change:
                case Appeared(path=path):
                    self._begin(path, appeared // BEGIN_AT_ONCE * BEGIN_SECONDS)
                    appeared += 1
                case Replaced(path=path):
                    self._vanished(path)
                    self._appeared(path)
                case Vanished(path=path):
                    self._vanished(path)

    def _make_room(self, now: Snapshot) -> Snapshot:
        """Forget empty slots for ports that have none; those for which there is no room."""
        new = [path for path in now if path not in self.slots]
        missing = len(self.slots) + len(new) - SLOTS_LIMIT
        empty = [path for path in self.slots if path not in now and path not in self._seen]
        for path in empty[: max(0, missing)]:
            self.slots.pop(path).stop()
            task = self.tasks.pop(path)
            self._forgotten.add(task)
            task.add_done_callback(self._forgotten.discard)
        room = SLOTS_LIMIT - len(self.slots)
        left_out = set(new[max(0, room) :])
        if left_out and not self._full:
            self._context.log.error("rack.full", slots=len(self.slots), left_out=len(left_out))
        self._full = bool(left_out)
        return {path: key for path, key in now.items() if path not in left_out}

    async def stop(self, within_seconds: float) -> None:
        """Let every chip finish what is past its point of no return, then end all slots."""
        self._stopping = True
        for slot in self.slots.values():
            slot.stop()
        tasks = list(self.tasks.values())
        if not tasks:
            return
        enough = asyncio.ensure_future(self._context.clock.sleep(within_seconds))
        everything = asyncio.ensure_future(asyncio.wait(tasks))
        await asyncio.wait({enough, everything}, return_when=asyncio.FIRST_COMPLETED)
        for task in (enough, everything, *tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    @property
    def stopping(self) -> bool:
        """Whether the daemon ends: no chip begins anything new."""
        return self._stopping

    def show(self, slot: Slot, iccid: str, imei: str) -> None:
        """Enter what was read in a slot; whoever shows the same is held with it."""
        self._identities.show(slot, iccid, imei)

    def leave(self, slot: Slot) -> None:
        """A slot holds no modem any more."""
        self._identities.leave(slot)

    def shown(self) -> frozenset[str]:
        """The cards that slots show."""
        return frozenset(iccid for iccid, _ in self._identities.every())

    def chip_changed(self, iccid: str) -> None:
        """An admin changed a chip: its worker starts anew with what holds now."""
        for slot in self._identities.with_chip(iccid):
            slot.changed()

    def chip_woken(self, iccid: str) -> None:
        """Something about a chip was decided: its worker looks again."""
        slot = self.slot_of(iccid)
        if slot is not None and slot.desk is not None:
            slot.desk.news.ring()

    def wake_all(self) -> None:
        """Something was decided: every worker looks again."""
        for _, slot in self._identities.every():
            if slot.desk is not None:
                slot.desk.news.ring()

    def slot_of(self, iccid: str) -> Slot | None:
        """Where a chip is being worked, or if it is held, a slot that shows it."""
        slots = self._identities.with_chip(iccid)
        return next((slot for slot in slots if slot.desk is not None), next(iter(slots), None))

    def desks(self) -> list[Desk]:
        """Those of all chips that are being worked."""
        return [slot.desk for _, slot in self._identities.every() if slot.desk is not None]

    def committed(self) -> int:
        """How many chips are in a dialogue past its point of no return."""
        return sum(desk.committed for desk in self.desks())

    def presences(self) -> dict[str, Presence]:
        """The chips that are plugged in and ready, with what they are doing."""
        found = {}
        for iccid, slot in self._identities.every():
            desk = slot.desk
            if desk is None:
                continue
            busy = "" if desk.doing in ("idle", "resting") else desk.doing
            limits = self._context.limits(desk.recipe)
            found[iccid] = Presence(slot.name, desk.modem_id, busy, limits)
        return found

    def _begin(self, path: str, seconds: float) -> None:
        """A port appeared; its slot begins so much later."""
        if not seconds:
            self._appeared(path)
            return

        def begin() -> None:
            if path in self._seen:
                self._appeared(path)

        clock = self._context.clock
        clock.call_at(clock.monotonic() + seconds, begin)

    def _vanished(self, path: str) -> None:
        slot = self.slots.get(path)
        if slot is not None:
            slot.vanished()

    def _appeared(self, path: str) -> None:
        slot = self.slots.get(path)
        if slot is not None:
            slot.appeared()
            return
        if self._stopping:
            return  # nobody would wait for it
        slot = Slot(
            self._context,
            self._dispatcher,
            self,
            self._profiles,
            self._ports,
            self._resets,
            path,
            self.names.get(path, ""),
        )
        self.slots[path] = slot
        self.tasks[path] = asyncio.create_task(slot.run(), name=f"slot {slot.name}")
        self.tasks[path].add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self._context.log.error("slot.failed", task=task.get_name(), exc_info=error)
