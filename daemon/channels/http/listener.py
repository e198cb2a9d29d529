"""The listening socket: accepts, counts, and shakes hands.

It accepts by itself, as the control socket does, for two reasons: a connection is counted from
its first moment, so that nobody fills the daemon with handshakes of TLS that he never ends; and
asyncio's Server forgets, open, a client that it has accepted in the moment it is closed (CPython
3.11, Server._attach).
"""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Callable

from pulsarack.daemon import log as logging
from pulsarack.daemon.channels.http.connection import Connection
from pulsarack.modems.timing import Clock

_ACCEPT_AGAIN_SECONDS = 1.0
# So that a loop which is busy accepting still does everything else.
_AT_ONCE = 32


class Listener:
    """Takes connections; `connect` gives what serves one, or None if there is no place for it."""

    def __init__(
        self,
        listening: socket.socket,
        clock: Clock,
        connect: Callable[[str], Connection | None],
        refuse: Callable[[str, socket.socket], None],
        *,
        tls: ssl.SSLContext | None,
        handshake_seconds: float,
    ) -> None:
        self._socket = listening
        self._clock = clock
        self._connect = connect
        self._refuse = refuse
        self._tls = tls
        self._handshake_seconds = handshake_seconds if tls is not None else None
        self._beginning: set[asyncio.Task[None]] = set()
        self._open = True
        self._log = logging.get(channel="http")
        listening.setblocking(False)
        self._accept_more()

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._socket.getsockname()[1])

    async def close(self) -> None:
        """Accept no more; who has not ended his handshake is cut off."""
        self._open = False
        asyncio.get_running_loop().remove_reader(self._socket)
        self._socket.close()
        for task in self._beginning:
            task.cancel()
        await asyncio.gather(*self._beginning, return_exceptions=True)

    def _accept_more(self) -> None:
        if self._open:
            asyncio.get_running_loop().add_reader(self._socket, self._accept)

    def _accept(self) -> None:
        for _ in range(_AT_ONCE):
            try:
                client, address = self._socket.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                # Out of descriptors or memory: the socket stays readable, so look away a while.
                self._log.error("http.accept_failed", why=str(error))
                asyncio.get_running_loop().remove_reader(self._socket)
                again = self._clock.monotonic() + _ACCEPT_AGAIN_SECONDS
                self._clock.call_at(again, self._accept_more)
                return
            client.setblocking(False)
            name = str(address[0])
            connection = self._connect(name)
            if connection is None:
                self._refuse(name, client)
                client.close()
            else:
                task = asyncio.create_task(self._begin(client, connection))
                self._beginning.add(task)
                task.add_done_callback(self._beginning.discard)

    async def _begin(self, client: socket.socket, connection: Connection) -> None:
        try:
            await asyncio.get_running_loop().connect_accepted_socket(
                lambda: connection,
                client,
                ssl=self._tls,
                ssl_handshake_timeout=self._handshake_seconds,
            )
        except (OSError, asyncio.CancelledError):
            # No TLS, or not in time, or we are closing; nothing was asked for yet.
            connection.release()
            with contextlib.suppress(OSError):
                client.close()
