"""What was learnt about models of modems, kept over restarts.

It is read once at the start. Changes are written one after the other by a task of its own,
so that no order waits for them; one that is lost by a crash is learnt again. A row that this
version does not understand is left out.
"""

import asyncio

from pulsarack.daemon.context import Context
from pulsarack.daemon.store_errors import StoreError
from pulsarack.modems.at.cusd import UssdEncoding
from pulsarack.modems.learned import Learned
from pulsarack.queue import learned as rows

_ENCODINGS = {one.value: one for one in UssdEncoding}


class LearnedStore:
    """Writes down what a `Learned` learns."""

    def __init__(self, context: Context, learned: Learned) -> None:
        self._context = context
        self._learned = learned
        self._changes: asyncio.Queue[tuple[str, UssdEncoding | None]] = asyncio.Queue()

    async def load(self) -> None:
        """Take in what was learnt before, and listen from now on."""
        known = await self._context.store.read(rows.encodings)
        self._learned.remember(
            (kind, _ENCODINGS[encoding]) for kind, encoding in known if encoding in _ENCODINGS
        )
        self._learned.on_change = lambda kind, encoding: self._changes.put_nowait((kind, encoding))

    async def run(self) -> None:
        """Write changes until cancelled."""
        while True:
            kind, encoding = await self._changes.get()
            await self._write(kind, encoding)

    async def _write(self, kind: str, encoding: UssdEncoding | None) -> None:
        value, now_ms = encoding.value if encoding else None, self._context.clock.now_ms()
        try:
            await self._context.store.write(lambda db: rows.note(db, kind, value, now_ms=now_ms))
        except StoreError as error:
            self._context.log.error("store.failed", why=str(error))
        self._context.log.info("modem.learned", model=kind, encoding=value or "forgotten")
