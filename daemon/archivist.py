"""The archivist: the orders that are old leave the database for their archives, each night.

In three steps: copy the rows of many orders into the archive and make them durable, read them
back, and, a few orders at a time, let the rows go from the database if they are still the same
and still may leave. A crash between two steps leaves copies that nobody asks for; the next
night replaces them. While orders wait for a chip there is a pause after each transaction, so
that the writing thread is theirs.

What is wrong with one order or one archive stops that one alone, with a line in the log.

Then what belongs to no order, in the same way, as many rows at a time as orders are copied; and
what is old of the channels' post is let go.
"""

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from peewee import Database, PeeweeException

from pulsarack.daemon import calendar
from pulsarack.daemon.archive_file import Archives
from pulsarack.daemon.context import MS, Context
from pulsarack.daemon.schedules.job import BadNews
from pulsarack.daemon.store_errors import ArchiveError
from pulsarack.daemon.store_thread import Job
from pulsarack.ledger.errors import LedgerError
from pulsarack.queue import archive, archive_rest, clock_steps, orders
from pulsarack.queue.archive import Due
from pulsarack.queue.archive_rest import Rest
from pulsarack.queue.errors import Differs
from pulsarack.queue.post import retention

COPIED: Final = 200
"""Most orders in one transaction of an archive: nobody waits for those."""
MOVED: Final = 25
"""Most orders in one transaction of the database: an order that comes in waits for it."""
PAUSE_SECONDS: Final = 0.1
"""After each of these while orders wait for a chip."""
DAY_MS: Final = 86_400 * MS
_NAMED: Final = 3
_SEE_LOG: Final = "the log has each with its reason: archive.failed"
_REMEDY = (
    "it stays in the database; if a backup older than the archives was put back, put back the"
    " archives of the same moment, else report this"
)


@dataclass(slots=True)
class Run:
    """What one run did: orders moved, the archives they went to, and what could not be moved.

    `rest`: rows that belong to no order and were moved; `forgotten`: messages of the channels.
    """

    moved: int = 0
    archives: set[str] = field(default_factory=set)
    failed: dict[str, str] = field(default_factory=dict)
    more: bool = False
    rest: int = 0
    forgotten: int = 0


class Archivist:
    """Moves what is old; one run at a time."""

    def __init__(self, context: Context, archives: Archives) -> None:
        self._context = context
        self.archives = archives
        self._lock = asyncio.Lock()
        self._confirmed: dict[str, list[int]] = defaultdict(list)
        self._looked_back = False

    async def tonight(self) -> str:
        """Archive all that is old, and say what was done; raises BadNews if some could not be."""
        if not self._context.config.retention.days:
            return "nothing is archived: [retention] days is 0"
        done = await self.now()
        if done.failed:
            what = ", ".join(sorted(done.failed)[:_NAMED])
            raise BadNews(f"{len(done.failed)} could not be archived: {what}", _SEE_LOG)
        return f"{done.moved} orders moved, {done.rest + done.forgotten} rows of other kinds"

    async def now(self, limit: int | None = None) -> Run:
        """Move what is old, or about `limit` orders and nothing else."""
        done = Run()
        if not self._context.config.retention.days:
            return done
        async with self._lock:
            await self._move_all(done, limit)
        for what, why in done.failed.items():
            self._context.log.error("archive.failed", what=what, why=why)
        if done.moved:
            named = ", ".join(sorted(done.archives))
            self._context.log.info("orders.archived", orders=done.moved, archives=named)
        if done.rest:
            self._context.log.info("rest.archived", rows=done.rest)
        if done.forgotten:
            self._context.log.info("post.forgotten", rows=done.forgotten)
        return done

    def cut(self, db: Database) -> int:
        """What was finished before this moment is old, whatever the clock was set to since."""
        length = self._context.config.retention.days * DAY_MS
        return clock_steps.stored_since(db, now_ms=self._context.clock.now_ms(), length_ms=length)

    async def _move_all(self, done: Run, limit: int | None) -> None:
        if not self._looked_back:
            await self._look_back()
            self._looked_back = True
        cut = await self._context.store.read(self.cut)
        now_ms = self._context.clock.now_ms()
        upto = await self._context.store.read(
            lambda db: archive.newest_old(db, cut=cut, now_ms=now_ms)
        )
        after = 0
        while not done.more:
            found = await self._due(cut, after, upto)
            if not found:
                break
            after = found[-1].id
            for name, ids in self._by_month(found).items():
                if name not in done.failed:
                    await self._batch(name, ids, cut, done)
            done.more = limit is not None and done.moved >= limit
        if limit is None:
            await self._move_rest(cut, done)
            await self._forget_post(cut, done)
        for name in [name for name, ids in self._confirmed.items() if ids]:
            await self._confirm(name, done)

    async def _look_back(self) -> None:
        """Note what a run before this process moved and had not noted: it was killed."""
        for one in await self._context.store.read(archive.archives):
            # One that cannot be read is told when it is needed, by the doctor and by the audit.
            with contextlib.suppress(ArchiveError):
                await self._note_moved(one.name)

    async def _note_moved(self, name: str) -> None:
        after = 0
        while ids := await self.archives.read(name, _on_their_way(after)):
            after = ids[-1]
            moved = await self._context.store.read(_those_moved(name, ids))
            self._confirmed[name] += moved

    async def _due(self, cut: int, after: int, upto: int) -> list[Due]:
        return await self._context.store.read(
            lambda db: archive.due(db, cut=cut, after=after, upto=upto, limit=COPIED)
        )

    def _by_month(self, found: Sequence[Due]) -> dict[str, list[int]]:
        """The orders by the archive they belong to: the month of the trade's own calendar."""
        timezone, months = self._context.config.daemon.timezone, defaultdict(list)
        for one in found:
            months[calendar.local_day(one.at, timezone)[:7]].append(one.id)
        return months

    async def _batch(self, name: str, ids: list[int], cut: int, done: Run) -> None:
        """Copy some orders and move them, a few at a time."""
        try:
            await self._copy(name, ids)
            for start in range(0, len(ids), MOVED):
                await self._move(name, ids[start : start + MOVED], cut, done)
                await self._give_way()
        except Differs as error:
            await self._apart(name, ids, cut, done, error)
        except ArchiveError as error:
            done.failed[name] = str(error)

    async def _apart(
        self, name: str, ids: list[int], cut: int, done: Run, error: Exception
    ) -> None:
        """One of some orders does not move: the others are not to wait for it."""
        if len(ids) > 1:
            for order_id in ids:
                await self._batch(name, [order_id], cut, done)
        elif await self._is_due(ids[0], cut):
            done.failed[f"order {ids[0]}"] = f"{error}; {_REMEDY}"

    async def _copy(self, name: str, ids: list[int]) -> None:
        """Copy those that the archive does not have for good; raises Differs."""
        confirmed = list(self._confirmed[name])
        holds = await self._context.store.read(lambda db: archive.holds(db, name))
        if holds or self.archives.size(name) is not None:
            settled = await self.archives.read(name, lambda db: archive.settled(db, ids))
            ids = [order_id for order_id in ids if order_id not in settled]
        rows = await self._context.store.read(lambda db: archive.read(db, ids))
        await self.archives.write(
            name, lambda db: archive.keep(db, name, ids, rows, confirmed), begin=not holds
        )
        del self._confirmed[name][: len(confirmed)]

    async def _move(self, name: str, ids: list[int], cut: int, done: Run) -> None:
        now_ms = self._context.clock.now_ms()
        # From the disk's file again, and not what was given to it.
        copies = await self.archives.read(name, lambda db: archive.read(db, ids))
        try:
            await self._context.store.write(
                lambda db: archive.move(db, name, ids, copies, cut=cut, now_ms=now_ms)
            )
        except (Differs, PeeweeException, LedgerError) as error:
            await self._apart(name, ids, cut, done, error)
        else:
            self._confirmed[name] += ids
            done.moved += len(ids)
            done.archives.add(name)

    async def _move_rest(self, cut: int, done: Run) -> None:
        """What belongs to no order, for the archives that hold orders."""
        store = self._context.store
        held = {one.name for one in await store.read(archive.archives)}
        for table in archive_rest.TABLES:
            upto = await store.read(_newest_old(table, cut, self._context.clock.now_ms()))
            after = 0
            while found := await store.read(_rest_due(table, cut, after, upto)):
                after = found[-1].id
                for name, ids in self._by_month(found).items():
                    if name in held and name not in done.failed:
                        await self._batch_of_rest(table, name, ids, cut, done)

    async def _forget_post(self, cut: int, done: Run) -> None:
        """Messages and answers that are old leave without an archive."""
        forget = partial(retention.forget, cut=cut, limit=MOVED)
        while gone := await self._context.store.write(forget):
            done.forgotten += gone
            await self._give_way()

    async def _batch_of_rest(
        self, table: Rest, name: str, ids: list[int], cut: int, done: Run
    ) -> None:
        def read(db: Database) -> list[tuple[Any, ...]]:
            return archive_rest.read(db, table, ids)

        try:
            rows = await self._context.store.read(read)
            await self.archives.write(
                name, lambda db: archive_rest.keep(db, name, table, ids, rows), begin=False
            )
            copies = await self.archives.read(name, read)  # from the disk's file again
            await self._context.store.write(
                lambda db: archive_rest.move(db, name, table, ids, copies, cut=cut)
            )
        except ArchiveError as error:
            done.failed[name] = str(error)
        except (Differs, PeeweeException) as error:
            if len(ids) == 1:
                done.failed[f"{table.called} {ids[0]} of {name}"] = f"{error}; {_REMEDY}"
                return
            half = len(ids) // 2
            for part in (ids[:half], ids[half:]):  # what is wrong with one stops that one alone
                await self._batch_of_rest(table, name, part, cut, done)
        else:
            done.rest += len(ids)
            await self._give_way()

    async def _is_due(self, order_id: int, cut: int) -> bool:
        """Whether an order that did not move should have: it may only be needed again."""
        found = await self._context.store.read(
            lambda db: archive.due(db, cut=cut, after=order_id - 1, upto=order_id, limit=1)
        )
        return bool(found)

    async def _confirm(self, name: str, done: Run) -> None:
        ids = list(self._confirmed[name])
        try:
            await self.archives.write(name, lambda db: archive.confirm(db, ids), begin=False)
            self._confirmed[name].clear()
        except ArchiveError as error:
            done.failed[name] = str(error)

    async def _give_way(self) -> None:
        if await self._context.store.read(orders.any_queued):
            await self._context.clock.sleep(PAUSE_SECONDS)
        else:
            await asyncio.sleep(0)


def _newest_old(table: Rest, cut: int, now_ms: int) -> Job[int]:
    return lambda db: archive_rest.newest_old(db, table, cut=cut, now_ms=now_ms)


def _rest_due(table: Rest, cut: int, after: int, upto: int) -> Job[list[Due]]:
    return lambda db: archive_rest.due(db, table, cut=cut, after=after, upto=upto, limit=COPIED)


def _on_their_way(after: int) -> Job[list[int]]:
    return lambda db: archive.on_their_way(db, after=after, limit=COPIED)


def _those_moved(name: str, ids: Sequence[int]) -> Job[set[int]]:
    return lambda db: archive.those_moved(db, name, ids)
