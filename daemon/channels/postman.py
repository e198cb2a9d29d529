"""The postman: takes what waits in the outbox to its channels, each channel at its own pace.

Every channel has a round of its own, so that one that is down holds up nobody else. A round takes
what is due, counts the try in the database, hands each text to the carrier, and writes down what
became of it. How long until the next try grows with the tries, or is what the carrier says. Texts
that are too old end here: a result goes on by SMS, an answer is dropped (`queue/post/outgoing.py`).
So it is with what waits for a channel that is not configured any more, too.

In memory is no more than what a carrier carries at once, and the ids of as many that are next.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial

from peewee import Database

from pulsarack.daemon.bell import Bell
from pulsarack.daemon.channels.broken import AbsentChannel
from pulsarack.daemon.channels.carrier import (
    Begin,
    Carrier,
    ChannelState,
    GoesOn,
    Parcel,
    Sent,
    SentKind,
    Standing,
)
from pulsarack.daemon.context import MS, Context
from pulsarack.daemon.store_errors import NotStored
from pulsarack.daemon.store_retry import insist
from pulsarack.queue.orders import Order
from pulsarack.queue.post import outgoing
from pulsarack.queue.post.outgoing import Kind, Outgoing, State
from pulsarack.queue.rows import scalar

# How often to look without being rung; and at a channel that is down.
LOOK_SECONDS = 30.0
LOOK_AGAIN_SECONDS = 5.0
# How often for texts of channels that nobody configured.
SEE_TO_SECONDS = 600.0
OVERDUE_AT_ONCE = 100
# Of which the outbox may hold texts; orders over the socket have none there.
_WITH_POST = ("http", outgoing.SMS, "whatsapp", "xmpp")

_Waiting = list[tuple[int, int]]  # ids, each with the time (ms UTC) from which on it is due


class Postman:
    """The rounds of all channels that there are."""

    def __init__(self, context: Context, carriers: Sequence[Carrier]) -> None:
        self._context = context
        self._rounds = {one.channel: Round(context, one, self.ring) for one in carriers}
        self._group: asyncio.TaskGroup | None = None
        if self._rounds:
            context.events.listen(self._heard)
            context.events.listen_to_notices(self._ring_all)

    @property
    def states(self) -> dict[str, ChannelState]:
        """How each channel is doing."""
        return {name: one.carrier.state() for name, one in self._rounds.items()}

    def ring(self, channel: str) -> None:
        """Something was written for a channel."""
        found = self._rounds.get(channel)
        if found is not None:
            found.bell.ring()

    async def run(self) -> None:
        """Keep all channels up and carry, until cancelled."""
        async with asyncio.TaskGroup() as group:
            self._group = group
            for one in list(self._rounds.values()):
                self._begin(one)
            try:
                while True:
                    with suppress(NotStored):
                        for channel in await self._context.store.read(outgoing.count_waiting):
                            self._see_to(channel)
                    await self._context.clock.sleep(SEE_TO_SECONDS)
            finally:
                self._group = None  # whoever is heard of while all ends is seen to at the start

    def _begin(self, one: "Round") -> None:
        if self._group is not None:
            self._group.create_task(one.keep_up(), name=f"channel {one.carrier.channel}")
            self._group.create_task(one.run(), name=f"post {one.carrier.channel}")

    def _see_to(self, channel: str) -> None:
        """Something waits for that channel, which nobody may have configured."""
        if channel not in self._rounds:
            self._rounds[channel] = Round(self._context, AbsentChannel(channel), self.ring)
            self._begin(self._rounds[channel])

    def _heard(self, order: Order) -> None:
        # It has written its result for its channel, and perhaps for the buyer.
        if order.channel in _WITH_POST:
            self._see_to(order.channel)
            self.ring(order.channel)
            self.ring(outgoing.SMS)

    def _ring_all(self) -> None:
        for channel in self._rounds:
            self.ring(channel)


class Round:
    """One channel's."""

    def __init__(self, context: Context, carrier: Carrier, ring: Callable[[str], None]) -> None:
        self.carrier = carrier
        self.bell = Bell(context.clock)
        self._context = context
        self._ring = ring
        self._log = context.log.bind(channel=carrier.channel)
        self._under_way: dict[asyncio.Task[None], int] = {}  # what each carries now
        self._going_on: dict[int, int] = {}  # what may have been begun with the end of each
        self._room = 0  # how many could be carried at once at the last round
        self._next: deque[int] = deque()  # due, as the last look found them
        self._look_at = float("-inf")  # when to look again, whatever is left of them
        self._standing = Standing.UP
        if isinstance(carrier, GoesOn):
            carrier.go_on(self._begin_next)

    async def keep_up(self) -> None:
        """Run the channel; what it fails in is its own, and it begins anew."""
        while True:
            try:
                await self.carrier.run()
            except Exception:  # noqa: BLE001 - a fault of one channel ends no other
                self._log.exception("channel.fault")
            await self._context.clock.sleep(LOOK_AGAIN_SECONDS)

    async def run(self) -> None:
        """Carry what is due, until cancelled; what is under way then is sent again."""
        try:
            while True:
                self.bell.take()
                try:
                    until = await self._go_round()
                except NotStored as error:
                    self._log.error("store.failed", why=str(error))
                    until = self._context.clock.monotonic() + LOOK_AGAIN_SECONDS
                await self.bell.wait_until(until)
        finally:
            for task in self._under_way:
                task.cancel()

    async def _go_round(self) -> float:
        """Carry what is due; when to look next."""
        state = self.carrier.state()
        self._note_state(state)
        is_up = state.standing is Standing.UP
        self._room = self.carrier.at_once if is_up else 0
        free = self._room - len(self._under_way)
        until = None
        if self._context.clock.monotonic() >= self._look_at or (free > 0 and not self._next):
            until = await self._look()
        if free > 0 and self._next:
            await self._begin([self._next.popleft() for _ in range(min(free, len(self._next)))])
        now = self._context.clock.monotonic()
        if until is not None:
            return until
        if is_up and len(self._under_way) < self._room:
            return now  # what was found at the last look is used up
        return now + (LOOK_SECONDS if is_up else LOOK_AGAIN_SECONDS)  # whoever comes back rings

    async def _look(self) -> float:
        """Give up what is too old, and see what is due and as much as can be carried at once; when
        to look next."""
        self._next.clear()  # nothing is begun while it may be given up
        now, now_ms = self._context.clock.monotonic(), self._context.clock.now_ms()
        overdue, waiting = await self._context.store.read(self._looked(now_ms))
        begun = {*self._under_way.values(), *self._going_on.values()}
        over = [row for row in overdue if row.id not in begun]
        for row in over:
            await self._give_up(row.id, State.EXPIRED, row.why or "its time was over")
        besides = begun.union(row.id for row in overdue)
        due = (one for one, at_ms in waiting if at_ms <= now_ms and one not in besides)
        self._next.extend(due if self._room else ())
        self._look_at = now + LOOK_AGAIN_SECONDS
        if over:
            return now  # what they stood before was not seen
        if waiting and not self._room:
            return now + LOOK_AGAIN_SECONDS
        later = ((at_ms - now_ms) / MS for _, at_ms in waiting if at_ms > now_ms)
        return now + min(LOOK_SECONDS, next(later, LOOK_SECONDS))

    def _looked(self, now_ms: int) -> Callable[[Database], tuple[list[Outgoing], _Waiting]]:
        """Reads what is too old, and what waits: as many as are under way, and as many behind."""
        channel, settings = self.carrier.channel, self._context.config.channels
        answers = now_ms - round(settings.answer_seconds * MS)
        # By SMS there is no other way left, so it is tried for longer.
        keep = settings.last_way_seconds if channel == outgoing.SMS else settings.result_seconds
        results = now_ms - round(keep * MS)
        limit = max(1, 2 * self._room)

        def look(db: Database) -> tuple[list[Outgoing], _Waiting]:
            waiting = outgoing.waiting(db, channel, limit=limit)
            if not waiting:
                return [], waiting  # as nearly always
            overdue = outgoing.overdue(
                db,
                channel,
                answers_before=answers,
                results_before=results,
                limit=OVERDUE_AT_ONCE,
            )
            return overdue, waiting

        return look

    async def _begin(self, chosen: Sequence[int]) -> None:
        """Count a try of each that is due still, and have it carried."""
        now_ms = self._context.clock.now_ms()

        def begin(db: Database) -> list[Parcel]:
            begun = (_begin(db, one, now_ms=now_ms) for one in chosen)
            return [parcel for parcel in begun if parcel is not None]

        for parcel in await self._context.store.write(begin):
            task = asyncio.create_task(self._carry(parcel), name=f"post {parcel.id} and on")
            self._under_way[task] = parcel.id
            task.add_done_callback(self._done)

    def _begin_next(self, ends: int, free: str) -> Begin | None:
        """What begins the next text with the end of one; None: that is for a round to do."""
        late = self._context.clock.monotonic() >= self._look_at
        if late or not self._next or len(self._under_way) > self._room:
            return None
        chosen, now_ms = self._next.popleft(), self._context.clock.now_ms()
        self._going_on[ends] = chosen
        return lambda db: _begin(db, chosen, free, now_ms=now_ms)

    def _done(self, task: asyncio.Task[None]) -> None:
        outgoing_id = self._under_way.pop(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._log.error("post.fault", parcel=outgoing_id, exc_info=error)
        self.bell.ring()

    async def _carry(self, parcel: Parcel) -> None:
        """Carry a text, and those that are begun each with the end of the one before."""
        task = asyncio.current_task()
        assert task is not None
        following: Parcel | None = parcel
        while following is not None:
            parcel = following
            self._under_way[task] = parcel.id
            try:
                following = await self._carry_one(parcel)
            finally:
                self._going_on.pop(parcel.id, None)

    async def _carry_one(self, parcel: Parcel) -> Parcel | None:
        """Carry it; the one that was begun with its end."""
        sent = await self._sent(parcel)
        self._context.measures.carried[(self.carrier.channel, sent.kind.value)] += 1
        if not sent.written:
            # What became of it is known here only.
            write = partial(self._write_down, parcel, sent)
            await insist(self._context.clock, write, lambda: False)
        return sent.begun

    async def _sent(self, parcel: Parcel) -> Sent:
        try:
            return await self.carrier.send(parcel)
        except Exception:  # noqa: BLE001 - a fault of one channel ends no other
            self._log.exception("channel.fault", parcel=parcel.id)
            return Sent(SentKind.MAYBE, why="a fault of the channel")

    async def _write_down(self, parcel: Parcel, sent: Sent) -> None:
        now_ms = self._context.clock.now_ms()
        if sent.kind is SentKind.NEVER:
            await self._give_up(parcel.id, State.REFUSED, sent.why)
            return
        if sent.kind in (SentKind.LATER, SentKind.MAYBE):
            pause = outgoing.pause_ms(parcel.tries)
            if sent.again_seconds is not None:
                pause = max(0, round(sent.again_seconds * MS))
            await self._context.store.write(
                lambda db: outgoing.try_again(
                    db, parcel.id, sent.why, pause_ms=pause, now_ms=now_ms
                )
            )
            self._log.info("post.later", parcel=parcel.id, tries=parcel.tries, why=sent.why)
            return
        state = State.DELIVERED if sent.kind is SentKind.DELIVERED else State.SENT
        await self._context.store.write(
            lambda db: outgoing.arrived(
                db,
                parcel.id,
                state,
                sent.provider_id,
                result=parcel.kind == Kind.RESULT,
                now_ms=now_ms,
            )
        )

    async def _give_up(self, outgoing_id: int, state: State, why: str) -> None:
        now_ms = self._context.clock.now_ms()
        by_sms = await self._context.store.write(
            lambda db: outgoing.give_up(db, outgoing_id, state, why, now_ms=now_ms)
        )
        self._context.measures.carried[(self.carrier.channel, state.value)] += 1
        self._log.warning(
            "post.given_up", parcel=outgoing_id, state=state.value, why=why, by_sms=by_sms
        )
        if by_sms:
            self._ring(outgoing.SMS)

    def _note_state(self, state: ChannelState) -> None:
        if state.standing is self._standing:
            return
        self._standing = state.standing
        if state.standing is Standing.UP:
            self._log.info("channel.up")
        elif state.standing is Standing.OFF:
            self._log.info("channel.off")
        else:
            self._log.warning(
                "channel.not_up", state=state.standing.value, why=state.why, remedy=state.remedy
            )


def _begin(db: Database, outgoing_id: int, free: str = "", *, now_ms: int) -> Parcel | None:
    """Count a try of what is due still."""
    row = outgoing.begin(db, outgoing_id, now_ms=now_ms)
    return None if row is None else _parcel(row, _answers(db, row), free)


def _answers(db: Database, row: Outgoing) -> str | None:
    """The channel's id of the message that a text answers."""
    if row.inbound_id is None:
        return None
    found = scalar(db, "SELECT message_id FROM inbound WHERE id = ?", (row.inbound_id,))
    return None if found is None else str(found)


def _parcel(row: Outgoing, answers: str | None, free: str) -> Parcel:
    return Parcel(
        id=row.id,
        address=row.address,
        sender=row.sender,
        kind=row.kind,
        text=row.text,
        agent=row.agent,
        order_id=row.order_id,
        message_id=row.message_id,
        answers=answers,
        created_at=row.created_at,
        tries=row.tries,
        free=free,
    )
