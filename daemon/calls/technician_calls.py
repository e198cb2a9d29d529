"""The calls of a technician: the rack as it is built, and hands on one modem.

What is done to a modem waits for its turn between two orders. What could do harm is
refused, or recorded with who did it and why before it is done. Everything that a modem
said is shown with its secrets masked.
"""

import re
from collections.abc import AsyncGenerator, Sequence
from typing import Any

from peewee import Database

from pulsarack.daemon import log as logging
from pulsarack.daemon.calls.office import Office, needs_reason, not_found
from pulsarack.daemon.control_arguments import (
    ModemActs,
    ModemAt,
    ModemReset,
    SlotByName,
    SlotName,
)
from pulsarack.daemon.control_protocol import CallError, Calls, Peer
from pulsarack.daemon.control_values import Nothing
from pulsarack.daemon.desk import Desk
from pulsarack.daemon.slot import HELD, Slot
from pulsarack.daemon.trace_mask import mask_line
from pulsarack.ledger import accounts, books
from pulsarack.modems import at_rules
from pulsarack.modems.driver import Driver
from pulsarack.modems.errors import ModemError
from pulsarack.modems.remedies import Remedy
from pulsarack.queue import chips, technicians
from pulsarack.queue.chips import Chip

TURN_SECONDS = 45.0
AT_SECONDS = 10.0
AT_SECONDS_MOST = 180.0
ACTS_SHOWN = 50
BLINKS = 10
BLINK_SECONDS = 0.5
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,31}")
_HOW = {"cfun": Remedy.RESTART, "usb": Remedy.USB_RESET, "power": Remedy.HUB_POWER}
_MILDEST = (Remedy.RESTART, Remedy.USB_RESET, Remedy.HUB_POWER, Remedy.REOPEN)
# A search for networks (27.007 7.3): until it ends the modem answers nothing.
_SEARCH = re.compile(r"\+COPS\s*=\s*\?", re.IGNORECASE)
_SEE_RACK = "see: pulsarack rack"
_DIGITS = re.compile(r"(\d+)")


class TechnicianCalls:
    """Answers what is asked in front of the rack."""

    def __init__(self, office: Office) -> None:
        self._office = office
        self._context = office.context

    def register(self, calls: Calls) -> None:
        """Add the calls to the registry."""
        calls.add("rack.show", self.rack_show)
        calls.add("slot.name", self.slot_name)
        calls.add("modem.at", self.modem_at)
        calls.add("modem.acts", self.modem_acts)
        calls.add("modem.reset", self.modem_reset)
        calls.add("modem.find", self.modem_find)
        calls.add("modem.trace", self.modem_trace)

    async def rack_show(self, _args: Nothing, _peer: Peer) -> dict[str, Any]:
        """All slots, neighbours beside each other, with all that a technician asks first."""
        slots = sorted(self._office.rack.slots.values(), key=lambda one: _as_built(one.path))

        def job(db: Database) -> dict[str, tuple[Chip, int]]:
            found = {}
            for slot in slots:
                chip = chips.find(db, slot.chip.iccid) if slot.chip else None
                if chip is not None:
                    balance = books.balance(db, accounts.chip(chip.iccid))
                    found[slot.path] = (chip, balance.available if balance else 0)
            return found

        known = await self._context.store.read(job)
        now_ms = self._context.clock.now_ms()
        return {"now": now_ms, "slots": [_row(slot, known.get(slot.path)) for slot in slots]}

    async def slot_name(self, args: SlotName, _peer: Peer) -> dict[str, Any]:
        """Call a slot by a name, for good."""
        slot = self._slot(args.slot)
        if not NAME.fullmatch(args.name):
            remedy = "use letters, digits, points and dashes, 32 of them at most"
            raise CallError("BAD_NAME", f"{args.name!r} is no name for a slot", remedy)
        taken = [one for one in self._all() if args.name in (one.name, one.path)]
        before = slot.name
        if taken not in ([], [slot]) or not await self._context.store.write(
            lambda db: technicians.name_slot(db, slot.path, args.name, before=before)
        ):
            raise CallError("NAME_TAKEN", f"another slot is called {args.name}", _SEE_RACK)
        slot.rename(args.name)
        # A card that was noted in between was noted under the name before.
        await self._context.store.write(
            lambda db: technicians.name_slot(db, slot.path, args.name, before=before)
        )
        self._office.rack.names[slot.path] = args.name
        self._context.log.info("slot.named", slot=args.name, before=before, path=slot.path)
        return {"slot": args.name, "before": before}

    async def modem_at(self, args: ModemAt, peer: Peer) -> dict[str, Any]:
        """One AT command between two orders."""
        slot, command = self._slot(args.slot), args.command.strip()
        danger = at_rules.danger(command)
        if danger is not None and (danger in at_rules.FOR_NOBODY or not args.force):
            remedy = "" if danger in at_rules.FOR_NOBODY else "--force --because TEXT, if you must"
            raise CallError("COMMAND_REFUSED", f"not sent: {danger.value}", remedy)
        if args.force:
            act = f"at {at_rules.fit_to_record(command)}"
            await self._record(slot, act, args.who, args.because, peer)
        usual = AT_SECONDS_MOST if _SEARCH.search(command) else AT_SECONDS
        seconds = min(args.seconds or usual, AT_SECONDS_MOST)
        again = args.force or at_rules.changes_settings(command)
        text = command[:2].upper() + command[2:]

        async def job(modem: Driver) -> dict[str, Any]:
            if args.force:
                await self._doubt_stock(slot)
            response = await modem.run_command(text, seconds)
            return {
                "lines": [mask_line(line, logging.masked) for line in response.lines],
                "final": mask_line(str(response.final), logging.masked),
                "ok": response.final.ok,
                "note": await _set_up(slot, modem) if again else "",
            }

        answer: dict[str, Any] = await self._visit(slot, job)
        return answer

    async def modem_acts(self, args: ModemActs, _peer: Peer) -> dict[str, Any]:
        """The newest dangerous things that were done by hand, with who and why."""
        limit = args.limit or ACTS_SHOWN
        found = await self._context.store.read(lambda db: technicians.acts(db, limit))
        return {"acts": [one._asdict() for one in found]}

    async def modem_reset(self, args: ModemReset, peer: Peer) -> dict[str, Any]:
        """Reset a modem at a safe moment."""
        slot = self._slot(args.slot)
        how = _HOW[args.how] if args.how else self._mildest(slot)
        by = f"by {args.who}" + (f": {args.because}" if args.because else "")
        self._context.log.info("modem.reset_asked", slot=slot.name, how=how.value, uid=peer.uid)
        try:
            taken = await slot.nursing.reset(how, by, TURN_SECONDS)
        except ModemError as error:
            raise CallError("NOT_RESET", str(error), "") from None
        return {"slot": slot.name, "how": how.value, "outcome": taken.outcome}

    async def modem_find(self, args: SlotByName, _peer: Peer) -> dict[str, Any]:
        """Make a modem blink, so that a person sees which one it is."""
        slot = self._slot(args.slot)

        async def job(modem: Driver) -> str:
            for _ in range(BLINKS):
                for command in modem.profile.find:
                    response = await modem.run_command(command, AT_SECONDS)
                    if not response.final.ok:
                        return f"the modem refuses {command}: {response.final}"
                    await self._context.clock.sleep(BLINK_SECONDS)
            known = modem.profile.find
            return "" if known else f"no command makes a modem of {modem.profile.name} blink"

        if said := await self._visit(slot, job):
            raise CallError("CANNOT_BLINK", said, f"its place is {slot.path}")
        return {"slot": slot.name}

    async def modem_trace(
        self, args: SlotByName, _peer: Peer
    ) -> AsyncGenerator[dict[str, Any], None]:
        """What is said on a slot's line from now on."""
        slot = self._slot(args.slot)
        if slot.tap.is_full:
            raise CallError("TOO_MANY_STREAMS", "enough listen to this slot", "end one of them")
        identity = slot.identity
        model = f"{identity.manufacturer} {identity.model}" if identity else "unknown"
        begin = f"slot {slot.name} ({slot.path}), {model}, profile {slot.profile or 'none'}"
        yield {"at": self._context.clock.now_ms(), "way": "#", "text": begin}
        async for line in slot.tap.follow():
            yield line

    async def _visit(self, slot: Slot, job: Any) -> Any:
        try:
            return await slot.visit(job, TURN_SECONDS)
        except ModemError as error:
            # It may quote the command.
            raise CallError("NOT_DONE", mask_line(str(error), logging.masked), "") from None

    async def _doubt_stock(self, slot: Slot) -> None:
        """Before a command that may move money, whatever becomes of it and of us: so what the
        operator says is asked before the next order."""
        if slot.chip is not None:
            iccid = slot.chip.iccid
            await self._context.store.write(lambda db: chips.doubt_stock(db, iccid))
            self._office.rack.chip_woken(iccid)
        if slot.desk is not None:
            slot.desk.owe_answer()

    async def _record(self, slot: Slot, act: str, who: str, because: str, peer: Peer) -> None:
        needs_reason(because)
        now_ms, iccid = self._context.clock.now_ms(), slot.chip.iccid if slot.chip else None
        shown = mask_line(act, logging.masked)
        named = f"{who} (uid {peer.uid})"
        await self._context.store.write(
            lambda db: technicians.note(
                db, slot.name, iccid, shown, who=named, because=because, now_ms=now_ms
            )
        )
        self._context.log.warning(
            "modem.forced", slot=slot.name, chip=iccid, what=shown, who=named, because=because
        )

    def _mildest(self, slot: Slot) -> Remedy:
        where = slot.where()
        return next(one for one in _MILDEST if slot.supervisor.can(one, where))

    def _all(self) -> Sequence[Slot]:
        return tuple(self._office.rack.slots.values())

    def _slot(self, name: str) -> Slot:
        """The slot of that name, else of that path."""
        slots = self._all()
        found = [one for one in slots if one.name == name] or [
            one for one in slots if one.path == name
        ]
        if len(found) > 1:
            paths = ", ".join(one.path for one in found[:5])
            raise CallError("AMBIGUOUS", f"several slots are called {name}", f"name one of {paths}")
        if not found:
            raise not_found("slot", name, _SEE_RACK)
        return found[0]


async def _set_up(slot: Slot, modem: Driver) -> str:
    """Whatever the command left behind, the daemon needs the modem as it was."""
    try:
        await modem.initialise()
    except ModemError as error:
        slot.changed()  # nothing is sold with it as it is; the slot begins from the start
        return f"setting it up anew failed: {error}; the slot begins anew"
    return "it was set up anew"


def _as_built(path: str) -> list[tuple[int, str]]:
    """Port 10 behind port 9."""
    return [
        (int(piece), "") if piece.isdigit() and piece.isascii() and len(piece) < 12 else (-1, piece)
        for piece in _DIGITS.split(path)
    ]


def _row(slot: Slot, known: tuple[Chip, int] | None) -> dict[str, Any]:
    chip, stock = known or (None, None)
    supervisor = slot.supervisor
    rests = supervisor.rest_seconds
    return {
        "slot": slot.name,
        "path": slot.path,
        "state": HELD if slot.held else "resting" if rests else slot.life.stage.value,
        "chip": slot.chip.iccid if slot.chip else None,
        "name": chip.name if chip else None,
        "operator": chip.operator if chip else None,
        "network": slot.network.operator if slot.network else None,
        "signal": slot.signal,
        "registration": slot.registered.name if slot.registered else None,
        "stock": stock,
        "doing": _doing(slot, chip),
        "model": slot.identity.model if slot.identity else None,
        "imei": slot.identity.imei if slot.identity else None,
        "last_fault": supervisor.last_fault or None,
        "last_fault_at": supervisor.last_fault_at,
        "remedies": supervisor.tried() or None,
        "falls": len(supervisor.ladder.falls),
        "rests_seconds": round(rests) or None,
        "given_up": supervisor.ladder.given_up,
        "do": _what_to_do(slot, chip),
        "taken": [
            {"at": one.at, "remedy": one.remedy.value, "why": one.why, "outcome": one.outcome}
            for one in supervisor.taken
        ],
    }


def _doing(slot: Slot, chip: Chip | None) -> str:
    desk: Desk | None = slot.desk
    if desk is not None:
        return desk.doing
    if chip is not None and chip.state == chips.ChipState.NEW:
        return "waits to be adopted"
    return slot.life.why


def _what_to_do(slot: Slot, chip: Chip | None) -> str | None:
    """The one command or deed that is due, if any."""
    if slot.held:
        return slot.held
    if slot.supervisor.held_back:
        return slot.supervisor.held_back
    if slot.supervisor.ladder.given_up or slot.supervisor.rest_seconds:
        return f"look at power and cable, then: pulsarack modem reset {slot.name}"
    if chip is not None and chip.state == chips.ChipState.NEW and slot.chip is not None:
        return f"pulsarack chip adopt {chip.iccid} --operator NAME --recipe NAME"
    if chip is not None and chip.state == chips.ChipState.OUT:
        return f"{chip.why}; then: pulsarack chip enable {chip.iccid}"
    return None
