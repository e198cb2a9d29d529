"""The worker of one chip: it does one thing at a time, as long as the chip is plugged in.

In this order, always: an undecided attempt of the chip is followed up; texts are
read; a doubtful stock is read; and only then the chip stands idle for an order. So
what is known about a chip is always settled before anything new is sent from it. An order
that leaves nothing of this to do may end with the claim of the next one (going_on.py).

A text to a person goes between two of these steps, and two in a row only if nothing else is to be
done: an order that waits has its turn before the next one, and they have theirs before the next
order.
"""

import asyncio
from dataclasses import dataclass

from pulsarack.daemon.channels.sms.handover import Handed
from pulsarack.daemon.context import MS, Context
from pulsarack.daemon.desk import Desk
from pulsarack.daemon.dispatcher import Dispatcher
from pulsarack.daemon.follow_up import FollowUp
from pulsarack.daemon.going_on import ClaimNext
from pulsarack.daemon.sale import Sale
from pulsarack.daemon.stock_check import StockCheck
from pulsarack.queue import attempts, chips
from pulsarack.queue.attempts import Attempt
from pulsarack.queue.chips import Chip, ChipState
from pulsarack.queue.claim import Claim, IdleChip
from pulsarack.queue.facts import Presence
from pulsarack.ussd.outcome import Reason


@dataclass(slots=True)
class _Mailbox:
    claim: Claim | None = None


class ChipWorker:
    """Works one chip in one modem until the port is gone or it is stopped."""

    def __init__(self, context: Context, desk: Desk, dispatcher: Dispatcher) -> None:
        self._context = context
        self._desk = desk
        self._dispatcher = dispatcher
        self._mailbox = _Mailbox()
        self._stock = StockCheck(context, desk)
        self._chip: Chip | None = None  # as the last sale left it, if nothing is open
        self._changed = True  # since it stood idle last
        self._began = 0.0  # the last sale
        self._no_parcel = False  # before the chip stood idle, or did what is due

    def stop(self) -> None:
        """End after what is being done; an order not begun goes back into the queue."""
        self._desk.stopping = True
        self._desk.news.ring()

    async def run(self) -> None:
        """Work until the modem is gone or `stop` was called."""
        try:
            await self._desk.begin()
            while not (self._desk.stopping or self._desk.gone):
                await self._next()
        finally:
            self._desk.errands.leave()
            self._desk.parcels.leave()
            await self._withdraw()
            if self._mailbox.claim is not None:
                reason = Reason.DAEMON_STOPPED if self._desk.stopping else Reason.MODEM_LOST
                await self._dispatcher.release(self._mailbox.claim, reason)

    async def _next(self) -> None:
        if self._mailbox.claim is not None:
            await self._sell(follows=True)
            return
        chip, attempt = await self._standing()
        no_parcel, self._no_parcel = self._no_parcel, False
        self._desk.refuse_parcels(_no_parcels(chip, attempt))
        if attempt is not None:
            self._changed = True
            try:
                await FollowUp(self._context, self._desk, attempt).run()
            finally:
                self._dispatcher.wake()  # the order may be queued again, whatever became of us
        elif self._desk.errands.waiting:
            self._desk.doing = "an errand of a technician"
            self._changed = True
            await self._desk.errands.run_next()
        elif self._desk.take_news() or self._desk.texts_are_due():
            self._changed = True
            self._no_parcel = no_parcel  # an order has still its turn before the next one
            await self._desk.read_texts()
        elif self._desk.parcels.waiting and not no_parcel:
            self._desk.doing = "sending a text"
            self._no_parcel = self._changed = True
            handed = await self._desk.parcels.run_next()
            free = handed.chip if isinstance(handed, Handed) else None
            self._chip = free or chip  # nobody else opens anything on it
            self._no_parcel = free is None or not free.stock_exact or self._stock_is_old()
        elif chip is None or chip.state in (ChipState.NEW, ChipState.OUT):
            self._desk.doing = "not in service"
            await self._desk.wait(self._context.config.chips.poll_sms_seconds)
            await self._desk.read_texts()
        elif not chip.stock_exact or self._stock_is_old():
            self._changed = True
            await self._stock.run()
            self._dispatcher.wake()
        else:
            await self._stand_idle(chip)

    async def _standing(self) -> tuple[Chip | None, Attempt | None]:
        """The chip and what is open on it."""
        chip, self._chip = self._chip, None
        if chip is not None:
            return chip, None
        iccid = self._desk.iccid
        return await self._context.store.read(
            lambda db: (chips.find(db, iccid), attempts.open_on_chip(db, iccid))
        )

    def _stock_is_old(self) -> bool:
        return self._stock.is_old(self._context.config.chips.stock_check_seconds)

    async def _stand_idle(self, chip: Chip) -> None:
        self._desk.doing = "idle" if chip.state == ChipState.ACTIVE else "resting"
        changed, self._changed = self._changed, False
        await self._dispatcher.offer(self._desk.iccid, self._ready(), self._give, changed=changed)
        if self._desk.parcels.waiting:
            await self._context.clock.sleep(0)  # an order that waits is given out before it
        elif self._mailbox.claim is None:
            await self._desk.wait_until(self._desk.texts_due_at)
        if self._mailbox.claim is None:
            await self._withdraw()
        if self._mailbox.claim is None and self._desk.parcels.waiting and not self._desk.has_news:
            return
        if self._mailbox.claim is None:
            # Time passed or texts came: look at the card and its inbox in any case, for modems
            # that announce nothing.
            rang = self._desk.take_news()
            await self._desk.check_card()
            if self._desk.when_idle is not None:
                await self._desk.when_idle()
            self._changed = bool(await self._desk.read_texts()) or rang
        elif not (self._desk.stopping or self._desk.gone):  # run() gives it back
            await self._sell(follows=False)

    async def _sell(self, *, follows: bool) -> None:
        """Carry out the claim in the mailbox; what may lie there then is the next one."""
        claim, self._mailbox.claim = self._mailbox.claim, None
        assert claim is not None
        self._chip, self._changed = None, True
        self._began = self._context.clock.monotonic()
        try:
            sale = Sale(self._context, self._desk, claim, self._going_on, follows=follows)
            ended = await sale.run()
            if ended is not None:
                self._chip, self._mailbox.claim = ended.chip, ended.claim
        finally:
            # The order may be queued again; if not, only an equal one may go now.
            self._dispatcher.wake(self._desk.recipe.operator if self._chip else None)

    def _going_on(self, at_once: bool = False) -> ClaimNext | None:
        """What claims the next order with the end of this one; None if anything is due first."""
        desk = self._desk
        due = desk.has_news or desk.texts_are_due() or self._stock_is_old()
        due = due or desk.errands.waiting or desk.parcels.waiting
        if desk.stopping or desk.gone or due:
            return None
        sold = self._context.clock.monotonic() - self._began
        return self._dispatcher.next_for(self._ready(at_once), int(sold * MS))

    def _ready(self, at_once: bool = False) -> IdleChip:
        """The chip as it stands here."""
        recipe = self._desk.recipe
        limits = self._context.limits(recipe)
        presence = Presence(self._desk.slot, self._desk.modem_id, limits=limits)
        late_ms = self._desk.late_ms
        return IdleChip(presence, recipe.operator, recipe.content_hash, late_ms, at_once)

    def _give(self, claim: Claim) -> None:
        self._mailbox.claim = claim
        self._desk.news.wake()

    async def _withdraw(self) -> None:
        # Shielded: a claim that is on its way must reach the mailbox even if we are cancelled.
        await asyncio.shield(self._dispatcher.withdraw(self._desk.iccid))


def _no_parcels(chip: Chip | None, attempt: Attempt | None) -> str:
    """Why no text to a person may be sent from a chip."""
    if attempt is not None:
        return f"it follows up order {attempt.order_id}"
    if chip is None or chip.state in (ChipState.NEW, ChipState.OUT):
        return "it is not in service"
    return ""
