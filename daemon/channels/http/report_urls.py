"""Where reports may go: the guard against an agent who sends us into our own network.

A report URL is an agent's choice, so it is hostile: only http and https, no user in it, and only
addresses of the internet unless the configuration allows others. The name is resolved at each
sending, every address that is not allowed is dropped, and the connection is made to what is left
(the resolver is the connector's own), so a name that changes its address in between gains nothing.
"""

import asyncio
import socket
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from pulsarack.daemon.channels.http import addresses
from pulsarack.queue.identity import networks
from pulsarack.queue.identity.networks import Network

_LONGEST = 2_000
_RESOLVING_AT_ONCE = 8
_SCHEMES = ("http", "https")


class NotAllowed(OSError):
    """No report goes there; the text says why."""


def check(url: str, private: Sequence[Network]) -> URL:
    """The URL, if reports may go there as far as its text tells; raises NotAllowed."""
    try:
        found = URL(url)
        port = found.port
    except (ValueError, TypeError):
        raise NotAllowed("it is no URL") from None
    if len(url) > _LONGEST or found.scheme not in _SCHEMES or not found.host or not port:
        raise NotAllowed("it is no URL of http or https")
    if found.user is not None or found.password is not None:
        raise NotAllowed("it holds a user or a password")
    literal = addresses.parse(found.host)
    # Short and odd forms of IPv4 (127.1, 2130706433): the system's own functions know them.
    if literal is None and found.host.replace(".", "").isdigit():
        raise NotAllowed("its host is no name, and no address as it is written in full")
    if literal is not None:
        check_address(str(literal), private)
    return found


def check_address(text: str, private: Sequence[Network]) -> None:
    """Refuse an address that is no public one; raises NotAllowed."""
    address = addresses.parse(text)
    if address is None or not (
        networks.leads_outside(address) or addresses.is_in(address, private)
    ):
        raise NotAllowed(f"{text} is no public address")


class OwnThreads(AbstractResolver):
    """The machine's resolver, in threads of its own: a slow name server, which may be the agent's,
    holds up nothing but reports."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(_RESOLVING_AT_ONCE, thread_name_prefix="resolve")

    async def resolve(
        self, host: str, port: int = 0, family: Any = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """All addresses of a name; raises OSError."""
        ask = partial(socket.getaddrinfo, host, port, family, socket.SOCK_STREAM)
        found = await asyncio.get_running_loop().run_in_executor(self._pool, ask)
        return [
            ResolveResult(
                hostname=host,
                host=str(where[0]),
                port=port,
                family=kind,
                proto=protocol,
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for kind, _, protocol, _, where in found
        ]

    async def close(self) -> None:
        """End the threads; who still asks is not waited for."""
        self._pool.shutdown(wait=False, cancel_futures=True)


class GuardedResolver(AbstractResolver):
    """Gives the connector only addresses that reports may go to."""

    def __init__(
        self, private: Sequence[Network], resolver: AbstractResolver | None = None
    ) -> None:
        self._private = private
        self._resolver = resolver or OwnThreads()

    async def resolve(
        self, host: str, port: int = 0, family: Any = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """The allowed addresses of a name; raises NotAllowed if there is none."""
        found = await self._resolver.resolve(host, port, family)
        allowed = [one for one in found if self._allows(one["host"])]
        if not allowed:
            raise NotAllowed(f"{host} has no public address")
        return allowed

    async def close(self) -> None:
        """Close the resolver that is asked."""
        await self._resolver.close()

    def _allows(self, text: str) -> bool:
        try:
            check_address(text, self._private)
        except NotAllowed:
            return False
        return True
