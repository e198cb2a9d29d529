"""The day of a demonstration: what runs in it side by side, and when it is over.

All orders have ended and their agents know; or those that have not, undecided ones, have
made no progress for so long that no evidence is to be expected. Then the chips read
their stock once more, so that the audit can compare them all. All times are virtual.
"""

import asyncio
from collections.abc import Coroutine, Iterable
from typing import Any

from pulsarack.daemon.clock import WallClock
from pulsarack.daemon.demo.link import Link
from pulsarack.daemon.demo.progress import Progress

# Stock proves "not done" after twice the longest settling time of a recipe (180 s);
# nobody waits longer for evidence that does not come.
STALLED_SECONDS = 900.0
# While a chip rests, an order waits for it; it expires after 600 s at the latest.
STUCK_SECONDS = 1500.0
# A stock that differs is read again after the settling time.
SETTLE_SECONDS = 400.0
_LOOK_SECONDS = 0.05


async def until_done(
    work: Iterable[Coroutine[Any, Any, None]], company: Iterable[Coroutine[Any, Any, None]]
) -> None:
    """Runs the work to its end, and beside it all that has none of its own."""
    tasks = [asyncio.create_task(one) for one in work]
    needed = set(tasks)
    tasks += [asyncio.create_task(one) for one in company]
    try:
        while needed:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                # Company never ends but by an error; both raise theirs here.
                task.result()
            needed -= done
            tasks = [task for task in tasks if task not in done]
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def until_nothing_moves(progress: Progress, clock: WallClock) -> None:
    """Until every order has ended and is told, or nothing has moved for too long."""
    changes = -1
    since = clock.monotonic()
    while progress.open_orders() or progress.untold():
        if changes != progress.changes:
            changes, since = progress.changes, clock.monotonic()
        only_undecided = len(progress.open_orders()) == progress.undecided
        patience = STALLED_SECONDS if only_undecided else STUCK_SECONDS
        if clock.monotonic() - since > patience:
            return
        await asyncio.sleep(_LOOK_SECONDS)


async def until_stock_is_known(link: Link, clock: WallClock) -> None:
    """Until each chip knows its stock or has an undecided order, or it has taken too long."""
    deadline = clock.monotonic() + SETTLE_SECONDS
    while clock.monotonic() < deadline:
        rows = (await link.call("chip.list"))["chips"]
        if all(row["stock_exact"] or row["undecided"] for row in rows):
            return
        await asyncio.sleep(_LOOK_SECONDS)
