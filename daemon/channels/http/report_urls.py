"""Where reports may go: the guard against an agent who sends us into our own network.

A report URL is an agent's choice, so it is hostile: only http and https, no user in it, and only
addresses of the internet unless the configuration allows others. The name is resolved at each
sending, every address that is not allowed is dropped, and the connection is made to what is left
(the resolver is the connector's own), so a name that changes its address in between gains nothing.
"""

import socket
from collections.abc import Sequence
from typing import Any

from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver
from yarl import URL

from pulsarack.daemon.channels.http import addresses
from pulsarack.daemon.channels.http.addresses import Network

_LONGEST = 2_000
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
    if literal is not None:
        check_address(str(literal), private)
    return found


def check_address(text: str, private: Sequence[Network]) -> None:
    """Refuse an address that is no public one; raises NotAllowed."""
    address = addresses.parse(text)
    if address is None or not (addresses.is_public(address) or addresses.is_in(address, private)):
        raise NotAllowed(f"{text} is no public address")


class GuardedResolver(AbstractResolver):
    """Gives the connector only addresses that reports may go to."""

    def __init__(
        self, private: Sequence[Network], resolver: AbstractResolver | None = None
    ) -> None:
        self._private = private
        self._resolver = resolver or ThreadedResolver()

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
