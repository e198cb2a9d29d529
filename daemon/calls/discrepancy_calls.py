"""The calls about discrepancies: what is off the books, the orders it can lie in, what it was."""

from dataclasses import asdict
from typing import Any

from peewee import Database

from pulsarack.daemon.calls.office import Office, needs_reason, not_found
from pulsarack.daemon.control_arguments import DiscrepancyById, DiscrepancyClear, DiscrepancyList
from pulsarack.daemon.control_protocol import CallError, Calls, Peer
from pulsarack.queue import chips, discrepancies
from pulsarack.queue.discrepancies import DECISIONS, Cleared, ClearingKind, Discrepancy
from pulsarack.queue.errors import WrongKind
from pulsarack.queue.validation import show_destination

LIST_LIMIT = 200
_SEE = "see: pulsarack discrepancies --all"


class DiscrepancyCalls:
    """Answers what is asked about discrepancies."""

    def __init__(self, office: Office) -> None:
        self._context = office.context

    def register(self, calls: Calls) -> None:
        """Add the calls to the registry."""
        calls.add("discrepancies.list", self.list)
        calls.add("discrepancies.show", self.show)
        calls.add("discrepancies.clear", self.clear)

    async def list(self, args: DiscrepancyList, _peer: Peer) -> dict[str, Any]:
        """What waits for a decision, newest first."""
        limit = args.limit or LIST_LIMIT
        return await self._context.store.read(
            lambda db: {
                "discrepancies": [
                    _row(db, one)
                    for one in discrepancies.listed(
                        db, cleared=args.cleared, chip=args.chip, limit=limit
                    )
                ]
            }
        )

    async def show(self, args: DiscrepancyById, _peer: Peer) -> dict[str, Any]:
        """One discrepancy with the orders in its span, and what was decided."""

        def job(db: Database) -> dict[str, Any] | None:
            found = discrepancies.find(db, args.id)
            return None if found is None else _story(db, found)

        story = await self._context.store.read(job)
        if story is None:
            raise not_found("discrepancy", args.id, _SEE)
        return story

    async def clear(self, args: DiscrepancyClear, _peer: Peer) -> dict[str, Any]:
        """Record what a discrepancy was; what was decided first stays."""
        needs_reason(args.because)
        kind = _kind(args.kind)
        now_ms = self._context.clock.now_ms()

        def job(db: Database) -> tuple[Cleared, dict[str, Any]] | None:
            found = discrepancies.find(db, args.id)
            if found is None:
                return None
            made = discrepancies.clear(
                db, found, kind, because=args.because, who=args.who, now_ms=now_ms
            )
            now = discrepancies.find(db, args.id)
            assert now is not None
            return made, _story(db, now)

        try:
            done = await self._context.store.write(job)
        except WrongKind as error:
            remedy = f"see its sign: pulsarack discrepancies show {args.id}"
            raise CallError("BAD_KIND", str(error), remedy) from None
        if done is None:
            raise not_found("discrepancy", args.id, _SEE)
        made, story = done
        if not made.repeated:
            self._context.log.info(
                "discrepancy.cleared",
                discrepancy=args.id,
                chip=story["chip"],
                kind=made.clearing.kind,
                amount=made.clearing.amount,
                who=args.who,
            )
        return {**story, "repeated": made.repeated}


def _kind(named: str | None) -> ClearingKind | None:
    if named is None:
        return None
    known = {kind.value: kind for kind in DECISIONS}
    if named not in known:
        message = f"a discrepancy is not cleared as {named[:40]!r}"
        raise CallError("BAD_KIND", message, f"one of {', '.join(known)}")
    return known[named]


def _row(db: Database, one: Discrepancy) -> dict[str, Any]:
    chip = chips.find(db, one.chip)
    decided = discrepancies.clearings(db, one.id)
    return {
        **asdict(one),
        "name": chip.name if chip else None,
        "cleared": [made.kind for made in decided],
    }


def _story(db: Database, one: Discrepancy) -> dict[str, Any]:
    return {
        **_row(db, one),
        "clearings": [asdict(made) for made in discrepancies.clearings(db, one.id)],
        "span": [
            {
                **asdict(order),
                "destination": show_destination(order.destination),
                "said_done": bool(order.said_done),
            }
            for order in discrepancies.span_orders(db, one)
        ],
    }
