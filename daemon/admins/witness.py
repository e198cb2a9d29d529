"""The record of an act in the transaction of the act: neither is stored without the other.

While a call is answered that changes something, its task carries the act (`ACT`). The first job
that the task writes and that changes a row gets the act's row in the same transaction; the jobs
behind it, if the call writes several, need no other. What a job refuses is recorded with it, too. A
job that raises or changes nothing gets no row. Tasks that the call starts inherit the context and
are not the call: what they write is let be.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from peewee import Database

from pulsarack.daemon.admins import masking
from pulsarack.daemon.store import Transactions
from pulsarack.daemon.store_thread import Job
from pulsarack.ledger import sql
from pulsarack.queue import admin_acts
from pulsarack.queue.admin_acts import Act, ActOutcome, Noted
from pulsarack.queue.validation import Refusal

LONGEST_REASON = 300
T = TypeVar("T")


@dataclass(slots=True, eq=False)
class Pending:
    """An act under way: what is recorded of it, on disk, and whether it is done.

    `keeps_refusals`: whether a refusal is recorded, which is done for so many of a user only.
    """

    act: Act
    keeps_refusals: bool
    task: "asyncio.Task[Any] | None" = field(default_factory=asyncio.current_task)
    noted: list[tuple[Act, Noted]] = field(default_factory=list)
    done: bool = False


ACT: ContextVar[Pending | None] = ContextVar("act", default=None)
"""What the call of this task is about to do."""


async def write(how: Callable[[Job[T]], Awaitable[T]], job: Job[T]) -> T:
    """Write a job by `how`, with the record of the act that it is done for, if there is one."""
    pending = ACT.get()
    if pending is None or pending.done or pending.task is not asyncio.current_task():
        return await how(job)
    noted: list[tuple[Act, Noted]] = []

    def both(db: Database) -> T:
        noted.clear()  # of a run that was undone
        before = sql.changes(db)
        answer = job(db)
        act = _act_of(pending, answer, changed=sql.changes(db) != before)
        if act is not None:
            noted.append((act, admin_acts.note(db, act)))
        return answer

    answer = await how(both)
    pending.noted += noted  # only now: the commit may have failed
    pending.done = any(act is pending.act for act, _ in noted)
    return answer


def refused(act: Act, code: str, reason: str) -> Act:
    """The same act, which was not done."""
    return replace(
        act,
        outcome=ActOutcome.REFUSED,
        code=code,
        reason=masking.free_text(reason, LONGEST_REASON),
    )


def _act_of(pending: Pending, answer: object, *, changed: bool) -> Act | None:
    if isinstance(answer, Refusal):
        if not pending.keeps_refusals:
            return None
        return refused(pending.act, answer.code.value, answer.message)
    return pending.act if changed else None


class Witnessed:
    """`Transactions` of a part that writes what a call asked it for."""

    def __init__(self, store: Transactions) -> None:
        self._store = store

    async def write(self, job: Job[T]) -> T:
        """As the store's, with the record of an act."""
        return await write(self._store.write, job)

    async def write_first(self, job: Job[T]) -> T:
        """As the store's, with the record of an act."""
        return await write(self._store.write_first, job)

    async def write_for(self, source: str, job: Job[T], turns: int = 1) -> T:
        """As the store's, with the record of an act; raises Busy."""
        return await write(lambda one: self._store.write_for(source, one, turns), job)

    async def read(self, job: Job[T]) -> T:
        """As the store's."""
        return await self._store.read(job)

    async def read_for(self, source: str, job: Job[T]) -> T:
        """As the store's; raises Busy."""
        return await self._store.read_for(source, job)

    def close(self) -> None:
        """It is not theirs to close."""
