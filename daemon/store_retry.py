"""Waiting for the disk with something that nobody else knows.

What an operator answered is known to one coroutine only. If the database does not take it
(the disk is full), it is kept and offered again until it is taken: with the coroutine the
answer would go, and the order would have to be decided from its stock. Every such job is
safe to repeat. The dispatcher ends the daemon if this lasts too long.
"""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from pulsarack.daemon import log as logging
from pulsarack.daemon.store_errors import NotStored
from pulsarack.modems.timing import Clock

T = TypeVar("T")

RETRY_SECONDS = 5.0


async def insist(clock: Clock, write: Callable[[], Awaitable[T]], leave: Callable[[], bool]) -> T:
    """Write, again and again while the disk refuses; `leave` tells when to give up and raise."""
    while True:
        try:
            return await write()
        except NotStored as error:
            if leave():
                raise
            logging.get().error("store.waiting", why=error.message, remedy=error.remedy)
        await clock.sleep(RETRY_SECONDS)
