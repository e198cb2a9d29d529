"""A port on the network: raw bytes over TCP, or telnet with RFC 2217.

The connection is the port: when it ends, the port is gone, and whoever drives it opens it
anew after a pause of his. A server that has vanished without a word is noticed by the kernel,
by keep-alive while nothing is said and by TCP_USER_TIMEOUT while something waits for its
acknowledgement (RFC 5482).
"""

import asyncio
import contextlib
import os
import socket
from collections.abc import Callable

from pulsarack.modems.errors import PortUnreachable
from pulsarack.modems.port import WRITE_OCTETS_MAX
from pulsarack.modems.port_url import PortUrl
from pulsarack.modems.telnet import Telnet, escape

CONNECT_SECONDS = 10.0
AGREE_SECONDS = 5.0
"""How long the server may take to agree to RFC 2217."""
_DEAD_AFTER_SECONDS = 30
_KEEPALIVE = (
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),
    (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 15),
    (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 5),
    (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3),
    (socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _DEAD_AFTER_SECONDS * 1000),
)


class NetPort(asyncio.Protocol):
    """See ``transport.Port``. Made by `open_url`."""

    def __init__(self, telnet: Telnet | None) -> None:
        self.on_bytes: Callable[[bytes], None] = lambda data: None
        self.on_gone: Callable[[str], None] = lambda reason: None
        self.agreed: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._telnet = telnet
        self._transport: asyncio.Transport | None = None

    def write(self, data: bytes) -> None:
        """Hand over bytes; a server that takes none is gone before they pile up."""
        self._send(escape(data) if self._telnet is not None else data)

    def close(self) -> None:
        """Hang up; ``on_gone`` is not called for it."""
        transport, self._transport = self._transport, None
        if transport is not None:
            transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """For asyncio."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        line: socket.socket = transport.get_extra_info("socket")
        for level, option, value in _KEEPALIVE:
            with contextlib.suppress(OSError):
                line.setsockopt(level, option, value)
        if self._telnet is None:
            self.agreed.set_result(True)
        else:
            transport.write(self._telnet.hello())

    def data_received(self, data: bytes) -> None:
        """For asyncio."""
        if self._transport is None:
            return
        if self._telnet is not None:
            data, reply = self._telnet.feed(data)
            if reply:
                self._send(reply)
            if self._telnet.controls is not None and not self.agreed.done():
                self.agreed.set_result(self._telnet.controls)
        if data:
            self.on_bytes(data)

    def connection_lost(self, error: Exception | None) -> None:
        """For asyncio."""
        if not self.agreed.done():
            self.agreed.set_result(False)
        if self._transport is not None:
            self._transport = None
            self.on_gone(str(error) if error else "the server hung up")

    def _send(self, data: bytes) -> None:
        if self._transport is None:
            return
        if self._transport.get_write_buffer_size() + len(data) > WRITE_OCTETS_MAX:
            self._lose("the port takes no more bytes")
        else:
            self._transport.write(data)

    def _lose(self, reason: str) -> None:
        self.close()
        # Not from inside write(): its caller must not be called back half-way.
        asyncio.get_running_loop().call_soon(self.on_gone, reason)


async def open_url(path: str, url: PortUrl, baud: int) -> NetPort:
    """Connect; raises PortUnreachable, which names ``path``."""
    telnet = Telnet(baud) if url.scheme == "rfc2217" else None
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            _, port = await loop.create_connection(lambda: NetPort(telnet), url.host, url.port)
    except TimeoutError:
        raise PortUnreachable(path, f"no answer within {CONNECT_SECONDS:g} s") from None
    except (OSError, UnicodeError) as error:
        raise PortUnreachable(path, _why(error)) from None
    try:
        async with asyncio.timeout(AGREE_SECONDS):
            agreed = await port.agreed
    except TimeoutError:
        agreed = False
    except BaseException:
        port.close()
        raise
    if not agreed:
        port.close()
        raise PortUnreachable(path, "the server does not agree to RFC 2217; is it socket://?")
    return port


def _why(error: OSError | UnicodeError) -> str:
    """asyncio puts a text of its own where the system's would stand."""
    if isinstance(error, OSError) and error.errno is not None and error.errno > 0:
        return os.strerror(error.errno)
    return getattr(error, "strerror", None) or str(error)
