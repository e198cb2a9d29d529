"""Reading a chip's stock until it is certain, before the chip may sell.

Equal to the ledger: certain. Different: read again after the recipe's settling time,
texts first, since operators book late and stock-in texts come late; only a difference
that two readings agree on is booked. A chip whose stock cannot be read does not sell.
"""

import zlib

from pulsarack.daemon.context import Context
from pulsarack.daemon.desk import Desk
from pulsarack.queue import chips, stock
from pulsarack.queue.stock import Comparison
from pulsarack.queue.texts import Meaning
from pulsarack.ussd.outcome import Reason

# After a failed query: at first soon, since most failures are a busy network.
RETRY_SECONDS = (5.0, 15.0, 60.0, 300.0)
NEVER = float("-inf")
# Each chip waits so much less than it may, at most, between two readings: a rack that was
# started at once would else ask its operators all at once, each hour again.
SPREAD = 0.2


class StockCheck:
    """The stock of one chip."""

    def __init__(self, context: Context, desk: Desk) -> None:
        self._context = context
        self._desk = desk
        self._failures = 0
        self._previous: int | None = None  # a figure that differed, to be confirmed
        self._differed_at = NEVER
        self._again_at = NEVER
        self.read_at = NEVER

    def is_old(self, seconds: float) -> bool:
        """Whether it was read longer ago than a chip of ours waits; `seconds` at most."""
        return self._context.clock.monotonic() - self.read_at > seconds * _share(self._desk.iccid)

    async def run(self) -> None:
        """Read once and act on it; call again while the stock is not exact."""
        if self._context.clock.monotonic() < self._again_at:
            await self._rest()  # a text to a person went out meanwhile
            return
        self._desk.doing = "reading stock"
        await self._desk.read_texts()
        figure = await read_stock(self._desk)
        if figure is None:
            await self._failed()
            return
        self._failures = 0
        iccid, now_ms = self._desk.iccid, self._context.clock.now_ms()
        compared = await self._context.store.write(
            lambda db: stock.compare(db, iccid, figure, now_ms=now_ms)
        )
        self._context.events.publish(
            "stock",
            iccid=iccid,
            operator=self._desk.recipe.operator,
            slot=self._desk.slot,
            stock=figure,
            compared=compared.name.lower(),
        )
        if compared in (Comparison.OPENED, Comparison.EQUAL):
            self._previous = None
            self.read_at = self._context.clock.monotonic()
        elif compared is Comparison.DIFFERENT:
            await self._differs(figure)

    async def _differs(self, figure: int) -> None:
        iccid = self._desk.iccid
        clock = self._context.clock
        if self._previous != figure:
            self._previous, self._differed_at = figure, clock.monotonic()
        settled_at = self._differed_at + self._desk.recipe.timing.settling_seconds
        if clock.monotonic() < settled_at:
            # Whatever rings meanwhile is seen to first; the time runs on.
            self._desk.doing = "reading stock again, it differs"
            await self._rest(settled_at)
            return
        self._previous = None
        arrivals = await self._desk.read_texts()
        if any(one.received.meaning is Meaning.STOCK_IN for one in arrivals):
            return  # the books have moved since the figure was read: begin anew
        now_ms = self._context.clock.now_ms()
        booked = await self._context.store.write(
            lambda db: stock.book_discrepancy(db, iccid, figure, now_ms=now_ms)
        )
        self.read_at = self._context.clock.monotonic()
        if booked:
            self._context.measures.discrepancies[self._desk.recipe.operator] += 1
            remedy = f"pulsarack discrepancies --chip {iccid}"
            self._context.log.error(
                "stock.discrepancy", chip=iccid, difference=booked, remedy=remedy
            )

    async def _failed(self) -> None:
        step = min(self._failures, len(RETRY_SECONDS) - 1)
        self._failures += 1
        self._desk.doing = "waiting to read stock again"
        await self._rest(self._context.clock.monotonic() + RETRY_SECONDS[step])

    async def _rest(self, until: float | None = None) -> None:
        """Ask no sooner than that, unless something rings; a text to a person is no reason."""
        if until is not None:
            self._again_at = until
        if self._desk.parcels.waiting:
            return
        if await self._desk.wait_until(self._again_at) or self._desk.errands.waiting:
            self._again_at = NEVER


def _share(iccid: str) -> float:
    """The part of the longest wait that a chip takes, by its number: the same each time."""
    return 1.0 - SPREAD * (zlib.crc32(iccid.encode()) % 1000) / 1000


async def read_stock(desk: Desk) -> int | None:
    """Ask the operator for the chip's stock, rupiah; None if there was no clear answer."""
    await desk.check_card()
    finished = await desk.ask(desk.recipe.stock)
    found = finished.outcome
    if found.reply is not None and found.reply.stock is not None:
        await desk.check_card()
        return found.reply.stock
    if found.reason in (Reason.WRONG_CHIP_PIN, Reason.CHIP_BARRED):
        # Asked again, the operator would bar the chip for good.
        why = found.reason.value
        await desk.context.store.write(lambda db: chips.take_out(db, desk.iccid, why=why))
    desk.context.log.warning(
        "stock.not_read", chip=desk.iccid, reason=found.reason or Reason.NO_REPLY, why=found.why
    )
    return None
