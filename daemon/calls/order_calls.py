"""The calls about orders: new, show, list, cancel, resolve, reverse, and late proofs."""

from typing import Any

from peewee import Database

from pulsarack.daemon.calls.office import Office, needs_reason, not_found, refused
from pulsarack.daemon.calls.story import evidence_rows, order_row, row_with, story
from pulsarack.daemon.control_arguments import (
    OrderAcknowledge,
    OrderById,
    OrderList,
    OrderNew,
    OrderResolve,
    OrderReverse,
)
from pulsarack.daemon.control_protocol import CallError, Calls, Peer
from pulsarack.daemon.control_values import Nothing
from pulsarack.daemon.log import Logger
from pulsarack.daemon.ordering import Ordering
from pulsarack.queue import contradiction, orders, outcome, request, reversal
from pulsarack.queue.errors import IllegalMove, NotOpen
from pulsarack.queue.evidence import Evidence, EvidenceKind, Rule, VerdictKind
from pulsarack.queue.intake import Accepted, Repeated
from pulsarack.queue.messages import SOCKET
from pulsarack.queue.network import commissions
from pulsarack.queue.network.pricing import Share
from pulsarack.queue.orders import AttemptSummary, Order
from pulsarack.queue.outcome import Decision
from pulsarack.queue.request import Request
from pulsarack.queue.state import OrderState
from pulsarack.queue.validation import Refusal
from pulsarack.ussd.outcome import Reason

LIST_LIMIT = 50
LIST_MOST = 1000
_SEE = "see: pulsarack order list"


class OrderCalls:
    """Answers what is asked about orders."""

    def __init__(self, office: Office) -> None:
        self._office = office
        self._context = office.context
        self._past = office.past_orders
        self._ordering = Ordering(office.context, office.dispatcher.wake)

    def register(self, calls: Calls) -> None:
        """Add the calls to the registry."""
        calls.add("order.new", self.new)
        calls.add("order.show", self.show)
        calls.add("order.list", self.list)
        calls.add("order.undecided", self.undecided)
        calls.add("order.cancel", self.cancel)
        calls.add("order.resolve", self.resolve)
        calls.add("order.reverse", self.reverse)
        calls.add("order.refuted", self.refuted)
        calls.add("order.acknowledge", self.acknowledge)

    async def new(self, args: OrderNew, peer: Peer) -> dict[str, Any]:
        """Accept an order, or answer with the first one of its reference."""
        wanted = request_of(args)
        if isinstance(wanted, Refusal):
            raise refuse(self._context.log, args, wanted)
        origin = self._ordering.origin(
            args.agent,
            SOCKET,
            text_of(args, wanted),
            client_reference=args.client_reference,
            placed_by=f"{peer.login} (uid {peer.uid})",
        )
        answer, tried = await self._ordering.place_and(wanted, origin, tries_of)
        if isinstance(answer, Refusal):
            raise refused(answer)
        if isinstance(answer, Repeated):
            return {**await self._past.row(answer.past), "repeated": True}
        return row_of(answer, tried)

    async def show(self, args: OrderById, _peer: Peer) -> dict[str, Any]:
        """The whole story of an order."""
        found = await self._context.store.read(lambda db: story(db, args.id))
        if found is not None:
            return found
        past = await self._past.find(args.id)
        if past is None:
            raise not_found("order", args.id, _SEE)
        return await self._past.story(past)

    async def list(self, args: OrderList, _peer: Peer) -> dict[str, Any]:
        """The newest orders."""
        if args.state is not None and args.state not in OrderState.__members__:
            states = ", ".join(OrderState.__members__)
            raise CallError(
                "BAD_STATE", f"there is no state {args.state[:40]!r}", f"one of {states}"
            )
        limit = min(max(args.limit or LIST_LIMIT, 1), LIST_MOST)
        if args.archived or args.month is not None:
            return await self._past.listed(
                agent=args.agent, state=args.state, month=args.month, limit=limit
            )
        return await self._context.store.read(
            lambda db: {
                "orders": [
                    order_row(db, order)
                    for order in orders.listed(db, state=args.state, agent=args.agent, limit=limit)
                ]
            }
        )

    async def undecided(self, _args: Nothing, _peer: Peer) -> dict[str, Any]:
        """The orders whose end nobody knows, each with what was found about it."""
        return await self._context.store.read(
            lambda db: {
                "orders": [
                    {**order_row(db, order), "evidence": evidence_rows(db, order.id)}
                    for order in contradiction.undecided(db)
                ]
            }
        )

    async def cancel(self, args: OrderById, _peer: Peer) -> dict[str, Any]:
        """Cancel an order that is still queued."""
        await self._find(args.id)
        now_ms = self._context.clock.now_ms()
        try:
            await self._context.store.write(lambda db: outcome.cancel(db, args.id, now_ms=now_ms))
        except IllegalMove as error:
            remedy = "only a queued order can be cancelled"
            raise CallError("NOT_QUEUED", str(error), remedy) from None
        return await self._row(await self._context.announce(args.id))

    async def resolve(self, args: OrderResolve, _peer: Peer) -> dict[str, Any]:
        """Decide an undecided order by a person's word."""
        order = await self._find(args.id)
        needs_reason(args.because)
        verdict = VerdictKind.DONE if args.delivered else VerdictKind.NOT_DONE
        decision = Decision(
            done=args.delivered,
            reason=None if args.delivered else Reason.DECIDED_BY_ADMIN,
            why=f"decided by {args.who}: {args.because}",
            evidence=Evidence(
                EvidenceKind.ADMIN, verdict, args.because, decided_by=args.who, rule=Rule.ADMIN
            ),
        )
        await self._decide(order.id, decision, args.chip)
        self._office.rack.wake_all()
        self._office.dispatcher.decided()
        return await self._row(await self._context.announce(order.id))

    async def reverse(self, args: OrderReverse, _peer: Peer) -> dict[str, Any]:
        """Take a success back by a person's word, with its price."""
        order = await self._find(args.id)
        needs_reason(args.because)
        now_ms = self._context.clock.now_ms()

        def job(db: Database) -> list[Share]:
            reversal.reverse(
                db,
                order.id,
                because=args.because,
                who=args.who,
                stock_returned=args.stock_returned,
                now_ms=now_ms,
            )
            return commissions.overdrawn(db, order.id)

        try:
            owing = await self._context.store.write(job)
        except IllegalMove as error:
            remedy = f"look at it: pulsarack order show {order.id}"
            raise CallError("NOT_SUCCEEDED", str(error), remedy) from None
        self._context.log.warning("order.reversed", order=order.id, who=args.who)
        for one in owing:
            self._context.log.warning(
                "commission.overdrawn", order=order.id, agent=one.agent, amount=one.amount
            )
        self._office.rack.wake_all()
        row = await self._row(await self._context.announce(order.id))
        return {**row, "owing": [{"agent": one.agent, "amount": one.amount} for one in owing]}

    async def refuted(self, _args: Nothing, _peer: Peer) -> dict[str, Any]:
        """The failed orders that a late text says were done, each with what was found."""
        return await self._context.store.read(
            lambda db: {
                "orders": [
                    {**order_row(db, order), "evidence": evidence_rows(db, order.id)}
                    for order in contradiction.refuted(db)
                ]
            }
        )

    async def acknowledge(self, args: OrderAcknowledge, _peer: Peer) -> dict[str, Any]:
        """Note what was done about a failed order that was delivered."""
        order = await self._find(args.id)
        needs_reason(args.because)
        now_ms = self._context.clock.now_ms()
        try:
            await self._context.store.write(
                lambda db: contradiction.acknowledge(
                    db, order.id, because=args.because, who=args.who, now_ms=now_ms
                )
            )
        except NotOpen as error:
            raise CallError("NOT_REFUTED", str(error), "see: pulsarack order refuted") from None
        return await self._row(order)

    async def _decide(self, order_id: int, decision: Decision, chip: str | None) -> None:
        now_ms = self._context.clock.now_ms()
        ends = self._context.day_ends_at(now_ms)
        try:
            await self._context.store.write(
                lambda db: contradiction.decide_by_admin(
                    db, order_id, decision, chip=chip, now_ms=now_ms, day_ends_at=ends
                )
            )
        except NotOpen as error:
            remedy = f"look at it: pulsarack order show {order_id}"
            raise CallError("NOT_UNDECIDED", str(error), remedy) from None

    async def _find(self, order_id: int) -> Order:
        order = await self._context.store.read(lambda db: orders.find(db, order_id))
        if order is not None:
            return order
        past = await self._past.find(order_id)
        raise self._past.refusal(past) if past else not_found("order", order_id, _SEE)

    async def _row(self, order: Order) -> dict[str, Any]:
        return await self._context.store.read(lambda db: order_row(db, order))


def refuse(log: Logger, args: OrderNew, refusal: Refusal) -> CallError:
    """Log an order that nobody can read; its error."""
    log.info(
        "order.refused",
        agent=args.agent[:40],
        code=refusal.code.value,
        text=(args.text or f"{args.product}.{args.destination}")[:200],
    )
    return refused(refusal)


def text_of(args: OrderNew, wanted: Request) -> str:
    """What is kept as the order's text."""
    return args.text or f"{wanted.product}.{wanted.repeat_index}.{wanted.destination}"


def request_of(args: OrderNew) -> Request | Refusal:
    """What is ordered."""
    if args.text is not None:
        return request.parse(args.text)
    return request.of_fields(args.product or "", args.destination or "", args.repeat_index or 1)


def tries_of(db: Database, order: Order) -> AttemptSummary:
    """What became so far of an order that was there already."""
    return orders.attempt_summary(db, order.id)


def row_of(accepted: Accepted, tried: AttemptSummary | None) -> dict[str, Any]:
    """The order as order.new shows it; one that was accepted right now nobody has tried."""
    order, repeated = accepted
    row = row_with(order, orders.NOT_TRIED if tried is None else tried)
    row["repeated"] = repeated
    return row
