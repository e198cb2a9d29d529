"""The calls about what is plugged in: chips, modems, routing, unparsed replies, status."""

import math
from collections.abc import AsyncGenerator
from dataclasses import asdict
from typing import Any

from peewee import Database

from pulsarack.daemon.calls.office import Office, not_found, refused
from pulsarack.daemon.calls.story import attempt_row
from pulsarack.daemon.context import MS
from pulsarack.daemon.control_arguments import (
    ChipAdopt,
    ChipByIccid,
    ChipRest,
    ChipTryPin,
    RouteExplain,
    UnparsedList,
)
from pulsarack.daemon.control_events import EventsFollow
from pulsarack.daemon.control_protocol import CallError, Calls, Peer
from pulsarack.daemon.control_values import Nothing
from pulsarack.daemon.desk import Desk
from pulsarack.daemon.employment import is_told
from pulsarack.daemon.event_filter import wanted_by
from pulsarack.daemon.slot import HELD, Slot
from pulsarack.ledger import accounts, books
from pulsarack.queue import (
    attempts,
    chips,
    decisions,
    expiry,
    facts,
    intake,
    orders,
    sim_pins,
    stock,
    texts,
)
from pulsarack.queue.chips import Adoption, Chip
from pulsarack.queue.facts import Presence
from pulsarack.queue.reports.gauges import needs_person
from pulsarack.queue.routing import ChipFacts, OrderFacts, reached_cap, route
from pulsarack.queue.validation import Refusal
from pulsarack.ussd.errors import UnknownRecipe

_SEE_CHIPS = "see: pulsarack chip list"
UNPARSED_LIMIT = 50
UNPARSED_MOST = 1000


class RackCalls:
    """Answers what is asked about the rack."""

    def __init__(self, office: Office) -> None:
        self._office = office
        self._context = office.context

    def register(self, calls: Calls) -> None:
        """Add the calls to the registry."""
        calls.add("chip.list", self.chip_list)
        calls.add("chip.show", self.chip_show)
        calls.add("chip.adopt", self.chip_adopt)
        calls.add("chip.rest", self.chip_rest)
        calls.add("chip.enable", self.chip_enable)
        calls.add("chip.try_pin", self.chip_try_pin)
        calls.add("modem.list", self.modem_list)
        calls.add("route.explain", self.route_explain)
        calls.add("unparsed.list", self.unparsed_list)
        calls.add("status", self.status)
        calls.add("events.follow", self.events_follow)

    async def chip_list(self, _args: Nothing, _peer: Peer) -> dict[str, Any]:
        """All chips."""
        # Asked here and once: the database is read on another thread, while chips come and go.
        presences = self._office.rack.presences()

        def job(db: Database) -> list[dict[str, Any]]:
            return [self._chip(db, chip, presences.get(chip.iccid)) for chip in chips.every(db)]

        return {"chips": await self._context.store.read(job)}

    async def chip_show(self, args: ChipByIccid, _peer: Peer) -> dict[str, Any]:
        """One chip with its readings and latest attempts."""
        presence = self._office.rack.presences().get(args.iccid)

        def job(db: Database) -> dict[str, Any] | None:
            chip = chips.find(db, args.iccid)
            if chip is None:
                return None
            return {
                **self._chip(db, chip, presence),
                "expires_on": expiry.of(db, args.iccid),
                "readings": [asdict(one) for one in stock.readings(db, args.iccid)],
                "attempts": [
                    {"order": one.order_id, **attempt_row(db, one)}
                    for one in attempts.latest_on_chip(db, args.iccid)
                ],
            }

        found = await self._context.store.read(job)
        if found is None:
            raise not_found("chip", args.iccid, _SEE_CHIPS)
        return found

    async def chip_adopt(self, args: ChipAdopt, _peer: Peer) -> dict[str, Any]:
        """Take a chip into service."""
        if not (args.iccid.isascii() and args.iccid.isdigit() and 18 <= len(args.iccid) <= 20):
            raise CallError("BAD_ICCID", "an ICCID has 18 to 20 digits", _SEE_CHIPS)
        try:
            recipe = self._context.shelf.get(args.recipe)
        except UnknownRecipe as error:
            raise CallError("UNKNOWN_RECIPE", str(error), "") from None
        if recipe.operator != args.operator:
            message = f"recipe {recipe.name} is of {recipe.operator}, not of {args.operator}"
            names = ", ".join(one.name for one in self._context.shelf.of_operator(args.operator))
            raise CallError("WRONG_OPERATOR", message, f"recipes of it: {names or 'none'}")
        adoption = Adoption(
            operator=args.operator,
            recipe=args.recipe,
            name=args.name,
            msisdn=args.msisdn,
            reserve=args.reserve,
            pause_seconds=None if args.pause_seconds is None else math.ceil(args.pause_seconds),
            per_hour=args.per_hour,
            per_day=args.per_day,
        )
        now_ms = self._context.clock.now_ms()
        await self._context.store.write(
            lambda db: chips.adopt(db, args.iccid, adoption, now_ms=now_ms)
        )
        self._context.log.info("chip.adopted", chip=args.iccid, recipe=args.recipe)
        self._office.rack.chip_changed(args.iccid)
        return {}

    async def chip_rest(self, args: ChipRest, _peer: Peer) -> dict[str, Any]:
        """Give a chip no more orders until it is enabled."""
        await self._known(args.iccid)
        await self._context.store.write(
            lambda db: chips.rest(db, args.iccid, until_ms=None, why=args.because)
        )
        self._office.rack.chip_woken(args.iccid)
        return {}

    async def chip_enable(self, args: ChipByIccid, _peer: Peer) -> dict[str, Any]:
        """Bring a chip back."""
        await self._known(args.iccid)
        if not await self._context.store.write(lambda db: chips.enable(db, args.iccid)):
            remedy = f"pulsarack chip adopt {args.iccid} --operator NAME --recipe NAME"
            raise CallError("NOT_ADOPTED", f"chip {args.iccid} was never adopted", remedy)
        self._office.rack.chip_woken(args.iccid)
        return {}

    async def chip_try_pin(self, args: ChipTryPin, _peer: Peer) -> dict[str, Any]:
        """Let the SIM PIN on file be tried again after a refusal."""
        if await self._context.store.write(lambda db: sim_pins.allow(db, args.card)):
            self._context.log.info("sim_pin.allowed", card=args.card)
            return {}
        noted = await self._context.store.read(sim_pins.every)
        names = ", ".join(one.key for one in noted) or "none"
        raise CallError("NOT_REFUSED", f"no refused PIN is noted of {args.card}", f"noted: {names}")

    async def modem_list(self, _args: Nothing, _peer: Peer) -> dict[str, Any]:
        """All slots and what is in them."""
        return {
            "modems": [
                {
                    "slot": slot.name,
                    "port": slot.path,
                    "ttys": slot.ttys,
                    "state": HELD if slot.held else slot.life.stage.value,
                    "why": slot.held or slot.life.why,
                    "imei": slot.identity.imei if slot.identity else None,
                    "manufacturer": slot.identity.manufacturer if slot.identity else None,
                    "model": slot.identity.model if slot.identity else None,
                    "profile": slot.profile or None,
                    "iccid": slot.chip.iccid if slot.chip else None,
                    "signal": slot.signal,
                    "registration": slot.registered.name if slot.registered else None,
                    **_network(slot),
                }
                for slot in sorted(self._office.rack.slots.values(), key=lambda one: one.name)
            ]
        }

    async def route_explain(self, args: RouteExplain, _peer: Peer) -> dict[str, Any]:
        """Which chip would take such an order now, and why not the others."""
        presences = self._office.rack.presences()
        now_ms = self._context.clock.now_ms()
        started = self._context.day_started_at(now_ms)

        def job(db: Database) -> dict[str, Any] | Refusal:
            sold = intake.sellable(db, args.product.upper(), args.destination)
            if isinstance(sold, Refusal):
                return sold
            product, destination = sold
            wanted: OrderFacts = facts.of_order(
                db,
                operator=product.operator,
                destination=destination,
                denomination=product.denomination,
                cost=product.cost,
            )
            rack = facts.of_rack(db, presences, now_ms=now_ms, day_started_at=started)
            found = route(wanted, rack, now_ms)
            return {
                "operator": product.operator,
                "chips": [
                    {
                        "iccid": one.iccid,
                        "name": one.name,
                        "verdict": "wins"
                        if one.iccid == found.winner
                        else ("no" if one.reasons else "could"),
                        "reasons": list(one.reasons),
                        "load": one.load,
                    }
                    for one in found.verdicts
                ],
                "winner": found.winner,
            }

        explained = await self._context.store.read(job)
        if isinstance(explained, Refusal):
            raise refused(explained)
        return explained

    async def unparsed_list(self, args: UnparsedList, _peer: Peer) -> dict[str, Any]:
        """The newest replies that nobody understood."""
        limit = min(max(args.limit or UNPARSED_LIMIT, 1), UNPARSED_MOST)
        rows = await self._context.store.read(lambda db: texts.unparsed(db, limit))
        return {
            "replies": [
                {
                    "id": one.id,
                    "at": one.at,
                    "chip": one.chip,
                    "channel": one.channel,
                    "sender": one.sender,
                    "text": one.text,
                    "attempt": one.attempt_id,
                }
                for one in rows
            ]
        }

    async def status(self, _args: Nothing, _peer: Peer) -> dict[str, Any]:
        """How the daemon stands, in a few figures."""
        counts, waiting, figures = await self._context.store.read(_standing)
        slots = self._office.rack.slots.values()
        return {
            "ready": sum(1 for slot in slots if slot.desk is not None),
            "slots": len(slots),
            "orders": counts,
            "needs_you": waiting,
            "resolution": figures,
            "since_start": self._context.measures.summary(),
            "pressure": self._office.pressure.figures() if self._office.pressure else {},
            "now": self._context.clock.now_ms(),
        }

    async def events_follow(
        self, args: EventsFollow, _peer: Peer
    ) -> AsyncGenerator[dict[str, Any], None]:
        """Every event from now on that is wanted."""
        async for event in self._context.events.follow(wanted_by(args)):
            yield event

    async def _known(self, iccid: str) -> None:
        if await self._context.store.read(lambda db: chips.find(db, iccid)) is None:
            raise not_found("chip", iccid, _SEE_CHIPS)

    def _chip(self, db: Database, chip: Chip, presence: Presence | None) -> dict[str, Any]:
        slot = self._office.rack.slot_of(chip.iccid)
        desk = slot.desk if slot else None
        now_ms = self._context.clock.now_ms()
        at = facts.moment(db, now_ms=now_ms, day_started_at=self._context.day_started_at(now_ms))
        sold = facts.of_chip(db, chip, presence, at)
        balance = books.balance(db, accounts.chip(chip.iccid))
        reading = stock.readings(db, chip.iccid, 1)
        open_attempt = attempts.open_on_chip(db, chip.iccid)
        limits = self._context.limits(desk.recipe) if desk else facts.Limits()
        return {
            "iccid": chip.iccid,
            "name": chip.name,
            "operator": chip.operator,
            "recipe": chip.recipe,
            "state": chip.state,
            "why": chip.why,
            "rest_until": chip.rest_until,
            "slot": slot.name if slot else None,
            "modem": chip.modem,
            "signal": slot.signal if slot else None,
            "registration": slot.registered.name if slot and slot.registered else None,
            **_network(slot),
            "doing": _doing(desk, slot, sold),
            "stock_posted": balance.posted if balance else 0,
            "stock_held": balance.held if balance else 0,
            "stock_available": balance.available if balance else 0,
            "stock_read": reading[0].stock if reading else None,
            "stock_exact": bool(chip.stock_exact),
            "reserve": chip.reserve,
            "sold_today": sold.sold_today,
            "sold_hour": sold.sold_hour,
            "per_day": limits.per_day if chip.per_day is None else chip.per_day,
            "per_hour": limits.per_hour if chip.per_hour is None else chip.per_hour,
            "receives": is_told(chip.receives, self._context.config.sms.receives),
            "answers": is_told(chip.answers, self._context.config.sms.answers),
            "undecided": int(open_attempt is not None and open_attempt.reason is not None),
        }


def _standing(db: Database) -> tuple[dict[str, int], dict[str, int], dict[str, Any]]:
    """Orders by state, what waits for a person, and how the newest undecided ones were decided."""
    found = decisions.summary(decisions.spells(db, decisions.SHOWN))
    figures = {
        "orders": found.orders,
        "open": found.open,
        "by": dict(found.by),
        "median_seconds": None if found.median_ms is None else found.median_ms / MS,
        "p95_seconds": None if found.p95_ms is None else found.p95_ms / MS,
    }
    return orders.count_by_state(db), needs_person(db), figures


def _network(slot: Slot | None) -> dict[str, Any]:
    """Where the modem is in the network, as it was last seen."""
    place = slot.network if slot else None
    return {
        "network": place.operator or None if place else None,
        "technology": place.technology or None if place else None,
        "area": place.area if place else None,
        "cell": place.cell if place else None,
    }


def _doing(desk: Desk | None, slot: Slot | None, chip: ChipFacts) -> str:
    """What a chip is doing; an idle one may be resting because of its limits."""
    if slot is not None and slot.held:
        return HELD
    if desk is None:
        return "not plugged in" if slot is None else "starting"
    cap = reached_cap(chip)
    return f"resting: {cap}" if cap and desk.doing == "idle" else desk.doing
