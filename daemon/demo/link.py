"""The way to a daemon that may be killed at any moment: calls that are sent until answered.

A call that broke off may or may not have been carried out. It is sent again, as it was:
orders carry their client reference and everything else is harmless to repeat, which is
what a demonstration wants to show. Errors with which the daemon answers are answers.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import aclosing, suppress
from pathlib import Path
from typing import Any

from pulsarack.daemon.async_client import AsyncClient
from pulsarack.daemon.client import CallFailed, ClientError, NotReached

RETRY_SECONDS = 0.1
# The daemon says so while it ends: it took the request and did nothing.
_NOT_NOW = "STOPPING"


class Link:
    """One connection for calls, renewed as often as it breaks; streams beside it."""

    def __init__(self, socket: Path) -> None:
        self._socket = socket
        self._client: AsyncClient | None = None
        self._connecting = asyncio.Lock()
        # How many calls were sent and not answered, by name; each was sent again.
        self.broken_off: Counter[str] = Counter()

    async def call(self, name: str, /, **args: Any) -> Any:
        """The result of a call; raises CallFailed if the daemon refuses it."""
        while True:
            try:
                return await self.try_call(name, **args)
            except CallFailed as refusal:
                if refusal.code != _NOT_NOW:
                    raise
            except NotReached:
                pass  # nothing was sent
            except ClientError:
                self.broken_off[name] += 1
            await asyncio.sleep(RETRY_SECONDS)

    async def try_call(self, name: str, /, **args: Any) -> Any:
        """The same, sent once; raises ClientError if the daemon is not there or goes away."""
        client = await self._connected()
        try:
            return await client.call(name, **args)
        except CallFailed:
            raise
        except ClientError:
            await self._drop(client)
            raise

    async def follow(
        self, name: str, take: Callable[[dict[str, Any]], Awaitable[None]], /, **args: Any
    ) -> None:
        """Hands every event of a stream to `take`, for ever; begins anew when it breaks.

        What happens in between is not told: whoever must know it has to ask.
        """
        while True:
            with suppress(ClientError):
                client = await self._connected()
                async with aclosing(client.stream(name, **args)) as events:
                    async for event in events:
                        await take(event)
            await asyncio.sleep(RETRY_SECONDS)

    async def close(self) -> None:
        """Leaves."""
        if self._client is not None:
            await self._drop(self._client)

    async def _connected(self) -> AsyncClient:
        async with self._connecting:
            if self._client is None:
                self._client = await AsyncClient.connect(self._socket)
            return self._client

    async def _drop(self, client: AsyncClient) -> None:
        if self._client is client:
            self._client = None
            await client.close()
