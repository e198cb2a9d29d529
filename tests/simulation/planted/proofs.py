"""Bugs of proof and order: what is taken for an answer, and what is written when."""

import asyncio
from contextlib import ExitStack, suppress
from dataclasses import replace
from typing import Any

from peewee import Database

from pulsarack.daemon import log as logging
from pulsarack.daemon.calls import order_calls
from pulsarack.daemon.context import Context
from pulsarack.daemon.control_protocol import CallError
from pulsarack.daemon.desk import Desk
from pulsarack.daemon.dispatcher import Dispatcher
from pulsarack.daemon.follow_up import FollowUp
from pulsarack.daemon.inbox import Inbox
from pulsarack.daemon.outbox import Outbox
from pulsarack.daemon.sale import Sale
from pulsarack.ledger import accounts, journal
from pulsarack.ledger.amounts import AMOUNT_MAX
from pulsarack.ledger.journal import Transfer
from pulsarack.modems.modem import Modem
from pulsarack.modems.results import Silence
from pulsarack.queue import (
    attempts,
    claim,
    evidence,
    messages,
    orders,
    outcome,
    recovery,
    resolution,
    state,
    stock,
    texts,
)
from pulsarack.queue.evidence import Evidence, EvidenceKind, Rule, VerdictKind
from pulsarack.queue.outcome import Decision
from pulsarack.queue.rows import execute, scalar, select
from pulsarack.queue.state import OrderState
from pulsarack.queue.texts import ReadText, TextKind
from pulsarack.ussd import template
from pulsarack.ussd.dialogue import Outcome
from pulsarack.ussd.outcome import Reason
from pulsarack.ussd.recipe import Recipe
from pulsarack.ussd.values import Values
from tests.simulation.planted.plants import bug, put
from tests.simulation.store import SimulatedStore

_unawaited: list[asyncio.Task[None]] = []


def _not_done(reason: Reason) -> Decision:
    proof = Evidence(EvidenceKind.REPLY, VerdictKind.NOT_DONE, "planted", Rule.REPLY_IN_DIALOGUE)
    return Decision(done=False, reason=reason, why="planted", evidence=proof)


def _done(sms_id: int | None = None) -> Decision:
    proof = Evidence(
        EvidenceKind.REPLY, VerdictKind.DONE, "planted", Rule.REPLY_IN_DIALOGUE, sms_id=sms_id
    )
    return Decision(done=True, reason=None, why="planted", evidence=proof)


async def _take_for_not_done(self: Sale, reason: Reason) -> Any:
    now_ms = self._context.clock.now_ms()
    ends = self._context.day_ends_at(now_ms)
    attempt_id = self._claim.attempt_id
    return await self._conclude(
        lambda db: outcome.decide(
            db, attempt_id, _not_done(reason), now_ms=now_ms, day_ends_at=ends
        )
    )


@bug("Silence is taken for failure, and the order is sent again.", "P4", "P2")
def resend_after_silence(patches: ExitStack) -> None:
    async def suspend(self: Sale, found: Outcome) -> Any:
        return await _take_for_not_done(self, Reason.NO_REPLY)

    put(patches, Sale, "_suspend", suspend)


@bug("Silence is taken for failure, and the agent gets the money back.", "P4")
def refund_on_timeout(patches: ExitStack) -> None:
    async def suspend(self: Sale, found: Outcome) -> Any:
        return await _take_for_not_done(self, Reason.DECIDED_BY_ADMIN)

    put(patches, Sale, "_suspend", suspend)


@bug("The attempt is written some time after the first byte has left.", "P2", "P1")
def attempt_written_after_the_first_byte(patches: ExitStack) -> None:
    class _Undone(Exception):
        pass

    async def _pass(self: Dispatcher) -> None:
        idle = {iccid: chip for chips in self._idle.values() for iccid, chip in chips.items()}
        now_ms = self._context.clock.now_ms()
        started = self._context.day_started_at(now_ms)

        def job(db: Database) -> list[claim.Claim]:
            outcome.expire(db, now_ms=now_ms)
            known = claim.Known()
            return claim.claim_ready(db, idle, known, now_ms=now_ms, day_started_at=started)

        found: list[claim.Claim] = []

        def look(db: Database) -> None:
            found.extend(job(db))
            raise _Undone

        with suppress(_Undone):
            await self._context.store.write(look)
        for claimed in found:
            del self._idle[claimed.order.operator][claimed.chip]
            self._gives.pop(claimed.chip)(claimed)
        await self._context.clock.sleep(2.0)
        await self._context.store.write(job)

    def commit(self: Sale) -> Any:
        async def later() -> None:
            await self._context.clock.sleep(3.0)
            await committed(self)

        _unawaited.append(asyncio.create_task(later()))
        self._committed = True
        return asyncio.sleep(0)

    put(patches, Dispatcher, "_pass", _pass)
    committed = put(patches, Sale, "_commit", commit)


@bug("committed_at is written behind the step that moves money, not before it.", "P2", "P4")
def committed_at_not_durable(patches: ExitStack) -> None:
    async def commit(self: Sale) -> None:
        async def later() -> None:
            await self._context.clock.sleep(1.0)
            await durable(self)

        self._committed = True
        _unawaited.append(asyncio.create_task(later()))

    durable = put(patches, Sale, "_commit", commit)


@bug("A claim that is sent at once is stored without its point of no return.", "P2", "P4")
def claimed_without_its_point_of_no_return(patches: ExitStack) -> None:
    def claimed(db: Database, order: Any, found: Any, chip: Any, idle: Any, **rest: Any) -> Any:
        made = old(db, order, found, chip, idle._replace(at_once=False), **rest)
        return made._replace(committed=idle.at_once)

    old = put(patches, claim, "_claim", claimed)


@bug("A claim that was sent at once is taken for not sent at the next start.", "P2", "P4")
def sent_at_once_held_for_not_sent(patches: ExitStack) -> None:
    def bring_on(db: Database, attempt: Any, reason: Reason, **at: Any) -> bool:
        if attempt.committed_at == attempt.claimed_at:
            recovery.release(db, attempt.id, reason, unbegun=True, **at)
            return True
        return old(db, attempt, reason, **at)

    old = put(patches, recovery, "_bring_on", bring_on)


def _known_numbers_forgotten(patches: ExitStack) -> None:
    def doubts(*args: Any, **more: Any) -> Any:
        return old(*args, **more)._replace(numbered=None)

    put(patches, evidence, "serial_number_known", lambda *args: None)
    old = put(patches, evidence, "doubts", doubts)


@bug("A late text is used again although another order carries its number.", "P4")
def late_text_used_twice(patches: ExitStack) -> None:
    _known_numbers_forgotten(patches)
    put(patches, texts, "_accounted_for", lambda candidate, number: candidate.outcome is not None)


@bug("A text is matched by amount; whose number it names is not looked at.", "P4")
def reply_matched_to_another_destination(patches: ExitStack) -> None:
    def act(db: Database, incoming: Any, read: ReadText, *rest: Any) -> Any:
        attempt = attempts.open_on_chip(db, incoming.chip)
        if read.destination is not None and attempt is not None:
            order = orders.get(db, attempt.order_id)
            if read.amount in (None, order.denomination * 1000):
                read = replace(read, destination=order.destination)
        return old(db, incoming, read, *rest)

    old = put(patches, texts, "_act", act)


@bug("The stock is read while the order may still be on its way, and believed.", "P4")
def stock_read_in_flight(patches: ExitStack) -> None:
    def judge(readings: Any, *, cost: int, known_before: bool, **rest: Any) -> VerdictKind:
        if not known_before or not readings:
            return VerdictKind.NONE
        last = readings[-1]
        if last.stock == last.ledger - cost:
            return VerdictKind.DONE
        return VerdictKind.NOT_DONE if last.stock == last.ledger else VerdictKind.NONE

    put(patches, resolution, "judge_stock", judge)
    put(patches, resolution, "first_unchanged", lambda readings, since: readings[-1])


@bug("A text about stock that came in is taken for the success of the open order.", "P4")
def stock_in_taken_for_a_sale(patches: ExitStack) -> None:
    _decide_open_attempt_on(patches, TextKind.STOCK_IN)


@bug("A text that nobody understands is taken for the success of the open order.", "P4")
def unparsed_text_trusted(patches: ExitStack) -> None:
    _decide_open_attempt_on(patches, TextKind.UNPARSED)


def _decide_open_attempt_on(patches: ExitStack, kind: TextKind) -> None:
    def act(
        db: Database, incoming: Any, read: ReadText, operator: str, window: Any, sms_id: int
    ) -> Any:
        attempt = attempts.open_on_chip(db, incoming.chip)
        if read.kind is kind and attempt is not None and attempt.committed_at is not None:
            return texts._decide(db, attempt.id, _done(sms_id), window)
        return old(db, incoming, read, operator, window, sms_id)

    old = put(patches, texts, "_act", act)


@bug("Settling posts the price twice.", "P3")
def hold_posted_twice(patches: ExitStack) -> None:
    def settle(db: Database, attempt_id: int, *rest: Any) -> Any:
        order = old(db, attempt_id, *rest)
        again = Transfer(
            id=f"{orders.price_hold(order.id)}:again",
            debit=accounts.agent(order.agent),
            credit=accounts.SALES,
            amount=order.price,
            reference=orders.reference(order.id),
            memo="planted",
        )
        journal.transfer(db, again, now_ms=rest[-1])
        return order

    old = put(patches, outcome, "settle", settle)


@bug("A refund of an order that succeeded: the posted price is given back.", "P3")
def voided_after_posted(patches: ExitStack) -> None:
    def settle(db: Database, attempt_id: int, *rest: Any) -> Any:
        order = old(db, attempt_id, *rest)
        back = Transfer(
            id=f"{orders.price_hold(order.id)}:back",
            debit=accounts.SALES,
            credit=accounts.agent(order.agent),
            amount=order.price,
            reference=orders.reference(order.id),
            memo="planted",
        )
        journal.transfer(db, back, now_ms=rest[-1])
        return order

    old = put(patches, outcome, "settle", settle)


@bug("At start, what was being sent counts as not sent, committed or not.", "P4", "P2")
def recovery_treats_sending_as_not_sent(patches: ExitStack) -> None:
    def bring_on(
        db: Database, attempt: Any, reason: Reason, *, now_ms: int, day_ends_at: int
    ) -> bool:
        if orders.get(db, attempt.order_id).state != OrderState.SENDING:
            return False
        outcome.decide(db, attempt.id, _not_done(reason), now_ms=now_ms, day_ends_at=day_ends_at)
        return True

    put(patches, recovery, "_bring_on", bring_on)


@bug("An order that is being sent may be claimed by a second chip.", "P2", "P1")
def claim_without_the_unique_index(patches: ExitStack) -> None:
    anything = "state IN ('QUEUED', 'SENDING') AND not_before <= ? AND expires_at > ?"

    def fair(db: Database, operator: str, *, affordable: int, now_ms: int, **more: Any) -> Any:
        found = select(
            db,
            orders.Order,
            f"{orders._SELECT} WHERE operator = ? AND {anything} AND cost <= ? ORDER BY id LIMIT ?",
            (operator, now_ms, now_ms, affordable, more["limit"]),
        )
        return [orders.Waiting(order, True) for order in found]

    def next_in_turn(*args: Any, affordable: int = AMOUNT_MAX, **more: Any) -> Any:
        return next(iter(fair(*args, affordable=affordable, limit=1, **more)), None)

    put(patches, orders, "fair", fair)
    put(patches, orders, "next_in_turn", next_in_turn)
    put(patches, orders, "any_queued", lambda db, operator=None: True)
    claimed = state._MOVES[OrderState.SENDING].replace("'QUEUED'", "'QUEUED', 'SENDING'")
    put(patches, state, "_MOVES", {**state._MOVES, OrderState.SENDING: claimed})
    _without_index(patches, "attempt_one_open_an_order")


@bug("A reference that was used before makes a new order.", "P2")
def duplicate_reference_accepted(patches: ExitStack) -> None:
    _without_index(patches, "orders_client_reference", "orders_natural_key")
    put(patches, orders, "by_reference", lambda *args: None)
    put(patches, orders, "by_natural_key", lambda *args: None)


def _without_index(patches: ExitStack, *names: str) -> None:
    def init(self: SimulatedStore, *args: Any, **named: Any) -> None:
        old(self, *args, **named)
        for name in names:
            execute(self.db, f"DROP INDEX IF EXISTS {name}")

    old = put(patches, SimulatedStore, "__init__", init)


@bug("The agent's message is written in a transaction of its own, after the decision.", "P6")
def notification_outside_the_transaction(patches: ExitStack) -> None:
    async def announce(self: Context, order_id: int) -> Any:
        order = await old(self, order_id)
        now_ms = self.clock.now_ms()
        if order.finished_at is not None:
            await self.store.write(lambda db: write_once(db, order, now_ms))
        return order

    def write_once(db: Database, order: Any, now_ms: int) -> None:
        if not messages.of_order(db, order.id):
            write(db, order, now_ms=now_ms)

    write = put(patches, messages, "write_final", lambda *args, **named: None)

    async def conclude(self: Sale, job: Any) -> Any:
        ended = await concluded(self, job)
        await self._context.announce(ended.standing.order.id)
        return ended

    async def receive(self: Inbox, *args: Any) -> Any:
        received, ended = await was_received(self, *args)
        if ended is not None:
            await self._context.announce(ended.standing.order.id)
        return received, ended

    old = put(patches, Context, "announce", announce)
    concluded = put(patches, Sale, "_conclude", conclude)
    was_received = put(patches, Inbox, "_receive", receive)


@bug("Waiters are woken before the commit is durable.", "P1", "P2", "P4", "P6")
def acknowledged_before_the_commit(patches: ExitStack) -> None:
    def commit(self: SimulatedStore) -> None:
        if self._life.dead or not self._backlog or self.in_transaction:
            return
        batch, self._backlog = self._backlog, []
        execute(self.db, "BEGIN IMMEDIATE")
        for ticket in batch:
            try:
                ticket.value = ticket.job(self.db)
            except Exception as error:  # noqa: BLE001 - it is the waiter's
                ticket.error = error
            ticket.wake()
        asyncio.get_running_loop().call_later(0.3, durable, self)

    def durable(self: SimulatedStore) -> None:
        if not self._life.dead:
            execute(self.db, "COMMIT")
            commit(self)

    async def read(self: SimulatedStore, job: Any) -> Any:
        await asyncio.sleep(0)
        self._life.check()
        return job(self.db)

    put(patches, SimulatedStore, "_commit", commit)
    put(patches, SimulatedStore, "read", read)


@bug("The driver sends the USSD command again when the modem is silent.", "P2")
def command_repeated_after_silence(patches: ExitStack) -> None:
    async def dial(self: Modem, text: str, within_seconds: float, settles: Any) -> Any:
        result = await old(self, text, within_seconds, settles)
        if isinstance(result, Silence) and result.left:
            result = await old(self, text, within_seconds, settles)
        return result

    old = put(patches, Modem, "dial_ussd", dial)


@bug("The second copy of an answer is taken for the answer to the next order.", "P4")
def second_copy_believed(patches: ExitStack) -> None:
    put(patches, Desk, "echoes", lambda self, screen: False)
    _known_numbers_forgotten(patches)
    put(patches, evidence, "serial_numbers", lambda *args: frozenset())
    put(patches, evidence, "recent_serial_numbers", lambda *args: frozenset())


@bug("Anybody's text is read as the operator's.", "P4")
def strangers_believed(patches: ExitStack) -> None:
    put(patches, Recipe, "believes", lambda self, sender: True)


@bug("A message counts as delivered when it is handed over, not when it is acknowledged.", "P6")
def delivered_when_handed_over(patches: ExitStack) -> None:
    async def _next(self: Outbox, agent: str, after: int, *, rang: bool) -> Any:
        found = await old(self, agent, after, rang=rang)
        for message in found:
            await self.acknowledge(message.id)
        await self._context.clock.sleep(0.5)
        return found

    old = put(patches, Outbox, "_next", _next)


@bug("A stock that differs is made right without a word.", "P5")
def stock_corrected_silently(patches: ExitStack) -> None:
    def _move(db: Database, iccid: str, difference: int, against: str, *rest: Any) -> Any:
        return old(db, iccid, difference, accounts.OPENING, *rest)

    old = put(patches, stock, "_move", _move)


@bug("An order is acknowledged before it is stored.", "P1")
def acknowledged_before_it_is_stored(patches: ExitStack) -> None:
    async def new(self: order_calls.OrderCalls, args: Any, peer: Any) -> Any:
        task = asyncio.create_task(old(self, args, peer))
        newest = await self._context.store.read(
            lambda db: scalar(db, "SELECT coalesce(max(id), 0) FROM orders")
        )
        done, _ = await asyncio.wait([task], timeout=0.0005)
        return task.result() if done else {"id": int(newest) + 1}

    old = put(patches, order_calls.OrderCalls, "new", new)


@bug("What is being undecided is tried again once its time is over.", "P4", "P2")
def undecided_expires(patches: ExitStack) -> None:
    async def decided(self: FollowUp, order: Any) -> bool:
        now_ms = self._context.clock.now_ms()
        ends = self._context.day_ends_at(now_ms)
        if now_ms >= order.expires_at:
            await self._context.store.write(
                lambda db: outcome.decide(
                    db, self._attempt.id, _not_done(Reason.NO_REPLY), now_ms=now_ms,
                    day_ends_at=ends,
                )
            )  # fmt: skip
            return True
        return bool(await old(self, order))

    old = put(patches, FollowUp, "_decided", decided)


@bug("An order goes out while an equal one is under way: a late text fits both.", "P2")
def equal_order_under_way_ignored(patches: ExitStack) -> None:
    alone = "state = 'QUEUED' AND not_before <= ?3 AND expires_at > ?3 AND cost <= ?4"
    for name in ("_NEXT_IN_TURN", "_IN_TURN", "_BEHIND"):
        put(patches, orders, name, getattr(orders, name).replace(orders._MAY_ROUTE, alone))


@bug("A text about stock that came in is booked twice.", "P5")
def stock_in_booked_twice(patches: ExitStack) -> None:
    def book(db: Database, iccid: str, operator: str, amount: int, sms_id: int, **at: Any) -> None:
        old(db, iccid, operator, amount, sms_id, **at)
        old(db, iccid, operator, amount, sms_id + 1_000_000, **at)

    old = put(patches, stock, "book_stock_in", book)


@bug("An agent is told another price than was taken.", "P6")
def another_price_told(patches: ExitStack) -> None:
    def write(db: Database, order: Any, **at: Any) -> None:
        old(db, order._replace(price=order.price + 500), **at)

    old = put(patches, messages, "write_final", write)


@bug("An order is refused with an error and kept all the same.", "P1")
def refused_and_kept(patches: ExitStack) -> None:
    async def new(self: order_calls.OrderCalls, args: Any, peer: Any) -> Any:
        answer = await old(self, args, peer)
        if int(answer["id"]) % 7 == 0 and not answer["repeated"]:
            raise CallError("REFUSED", "planted")
        return answer

    old = put(patches, order_calls.OrderCalls, "new", new)


@bug("Secrets are not masked in what is kept and logged.", "P7")
def secrets_not_masked(patches: ExitStack) -> None:
    put(patches, template, "_MASKED", {})
    put(patches, logging, "masked", lambda text: text)
    put(patches, Values, "mask", lambda self, text: text)
    put(patches, logging._redactor, "text", lambda text: text)
