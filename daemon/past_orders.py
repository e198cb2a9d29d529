"""Archived orders as they are asked for: one by its id, listed, and as lines of a statement.

The database says which archive an order lies in, and its word holds: what an archive has beside
that are copies that never followed. An archive that cannot be read is named, and what the
database itself still knows of an order is shown all the same.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from peewee import Database

from pulsarack.daemon import calendar
from pulsarack.daemon.archive_file import Archives, path_of
from pulsarack.daemon.calls.story import order_row, story
from pulsarack.daemon.context import Context
from pulsarack.daemon.control_protocol import CallError
from pulsarack.daemon.store_errors import ArchiveError
from pulsarack.daemon.store_thread import Job
from pulsarack.ledger import books, closing
from pulsarack.ledger.books import Entry, Line
from pulsarack.queue import archive, orders
from pulsarack.queue.archive import PastOrder
from pulsarack.queue.validation import show_destination


class PastOrders:
    """Reads archives for the calls of the control socket."""

    def __init__(self, context: Context, archives: Archives) -> None:
        self._context = context
        self._archives = archives

    async def find(self, order_id: int) -> PastOrder | None:
        """What the database knows of an archived order; None if it is none."""
        return await self._context.store.read(lambda db: archive.find(db, order_id))

    async def story(self, past: PastOrder) -> dict[str, Any]:
        """The whole story of an archived order; raises CallError if its archive is unreadable."""
        try:
            found = await self._archives.read(past.archive, lambda db: story(db, past.id))
        except ArchiveError as error:
            raise unreadable(error) from None
        if found is None:
            path = path_of(self._archives.folder, past.archive)
            why = f"the archive {path} does not hold order {past.id}"
            raise CallError("ARCHIVE_UNREADABLE", why, "put it back from a backup")
        found["order"]["archive"] = self._file(past.archive)
        return found

    async def row(self, past: PastOrder) -> dict[str, Any]:
        """One archived order as the socket shows it; what the database knows if it must be."""

        def job(db: Database) -> dict[str, Any] | None:
            order = orders.find(db, past.id)
            return None if order is None else order_row(db, order)

        try:
            found = await self._archives.read(past.archive, job)
        except ArchiveError as error:
            self._context.log.error("archive.failed", what=f"order {past.id}", why=str(error))
            found = None
        return {**(found or _slim(past)), "archive": self._file(past.archive)}

    async def listed(
        self, *, agent: str | None, state: str | None, month: str | None, limit: int
    ) -> dict[str, Any]:
        """The newest archived orders, and which archives could not be read."""
        known = await self._context.store.read(archive.archives)
        names = [one.name for one in reversed(known) if month in (None, one.name)]
        rows: list[dict[str, Any]] = []
        unreadable_: list[str] = []
        for name in names:
            if len(rows) >= limit:
                break
            try:
                rows += await self._in_archive(name, agent, state, limit - len(rows))
            except ArchiveError as error:
                unreadable_.append(str(error))
        return {"orders": rows, "unreadable": unreadable_}

    async def _in_archive(
        self, name: str, agent: str | None, state: str | None, limit: int
    ) -> list[dict[str, Any]]:
        """The newest orders of one archive, without copies that did not follow."""
        rows: list[dict[str, Any]] = []
        before = 2**63 - 1
        while len(rows) < limit:
            page = await self._archives.read(name, _page(agent, state, before, limit - len(rows)))
            if not page:
                break
            before = page[-1]["id"]
            ids = [row["id"] for row in page]
            there = await self._context.store.read(_those_moved(name, ids))
            rows += [{**row, "archive": self._file(name)} for row in page if row["id"] in there]
        return rows

    async def statement(self, account: str, limit: int) -> dict[str, Any] | None:
        """The newest lines of an account as the socket shows them; None: no such account."""
        found = await self.lines(account, limit)
        if found is None:
            return None
        return {"lines": [_line(one) for one in found[0]], "unreadable": found[1]}

    async def lines(self, account: str, limit: int) -> tuple[list[Line], list[str]] | None:
        """The newest lines of an account, archived ones in their places; None: no such account.

        If an archive that is needed cannot be read the lines end above its newest, and it is
        named: no balance is shown that is not true.
        """

        def job(db: Database) -> tuple[books.Balance | None, list[Entry], list[closing.Forward]]:
            return (
                books.balance(db, account),
                books.entries(db, account, limit),
                closing.brought_forward(db, account),
            )

        balance, here, moved = await self._context.store.read(job)
        if balance is None:
            return None
        entries, end, note = {one.sequence: one for one in here}, 0, None
        for one in moved:  # the one with the newest rows first
            if one.last_sequence < _reach(entries, limit):
                break
            try:
                found = await self._archives.read(one.archive, _entries(account, limit))
            except ArchiveError as error:
                end, note = one.last_sequence, str(error)
                break
            # The database's own rows first; and nothing that never left it.
            left = range(one.first_sequence, one.last_sequence + 1)
            entries = {e.sequence: e for e in found if e.sequence in left} | entries
        newest = sorted(entries.values(), key=lambda entry: -entry.sequence)[:limit]
        lines = books.lines(balance, [one for one in newest if one.sequence > end])
        return lines, [note] if note else []

    def _file(self, name: str) -> str:
        return str(path_of(self._archives.folder, name))

    def refusal(self, past: PastOrder) -> CallError:
        """Why nothing is done to an archived order any more, and what can be done."""
        timezone = self._context.config.daemon.timezone
        day = calendar.local_day(past.finished_at, timezone)
        why = f"order {past.id} is {past.state} since {day} and archived in {past.archive}"
        remedy = f"see: pulsarack order show {past.id}"
        if past.state == "SUCCEEDED":
            remedy += f"; to give money back: pulsarack agent credit {past.agent} AMOUNT"
            remedy += " --because TEXT, which another admin confirms"
        return CallError("ARCHIVED", why, remedy)


def unreadable(error: ArchiveError) -> CallError:
    """The error of an archive as one of the socket."""
    return CallError("ARCHIVE_UNREADABLE", error.message, error.remedy)


def _page(
    agent: str | None, state: str | None, before: int, limit: int
) -> Job[list[dict[str, Any]]]:
    def job(db: Database) -> list[dict[str, Any]]:
        found = archive.kept(db, agent=agent, state=state, before=before, limit=limit)
        return [order_row(db, order) for order in found]

    return job


def _those_moved(name: str, ids: Sequence[int]) -> Job[set[int]]:
    return lambda db: archive.those_moved(db, name, ids)


def _entries(account: str, limit: int) -> Job[list[Entry]]:
    return lambda db: books.entries(db, account, limit)


def _reach(entries: Iterable[int], limit: int) -> int:
    """The number of the last row that a page shows: older rows are not asked for."""
    newest = sorted(entries, reverse=True)[:limit]
    return newest[-1] if len(newest) == limit else 0


def _slim(past: PastOrder) -> dict[str, Any]:
    return {
        "id": past.id,
        "state": past.state,
        "agent": past.agent,
        "product": past.product,
        "destination": show_destination(past.destination),
        "repeat_index": past.repeat_index,
        "client_reference": past.client_reference,
        "serial_number": past.serial_number,
        "finished_at": past.finished_at,
    }


def _line(line: Line) -> dict[str, Any]:
    return {
        "at": line.entry.at,
        "id": line.entry.id,
        "phase": line.entry.phase,
        "memo": line.entry.memo,
        "debit": line.debit,
        "credit": line.credit,
        "other": line.other,
        "balance": line.balance,
    }
