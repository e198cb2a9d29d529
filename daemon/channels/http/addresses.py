"""Who asks: IP addresses, behind proxies and in networks.

A proxy that the configuration trusts says for whom it asks (X-Forwarded-For). The header is read
from its end: each proxy adds whom it was asked by, so the last address that is no trusted proxy
is the caller; what stands before it anybody can have written.
"""

import ipaddress
from collections.abc import Iterable, Sequence

from pulsarack.queue.identity.networks import Address, Network, address

# Most hops that are believed; more is not a chain of proxies.
_HOPS = 16


def networks(texts: Iterable[object]) -> tuple[Network, ...]:
    """Networks from their texts, or as they are; raises ValueError."""
    return tuple(
        one if isinstance(one, Network) else ipaddress.ip_network(str(one), strict=False)
        for one in texts
    )


def parse(text: str) -> Address | None:
    """An address, an IPv4 one in IPv6's clothes as itself; None if it is none."""
    return address(text.strip().partition("%")[0])


def is_in(one: Address, among: Iterable[Network]) -> bool:
    """Whether an address is in one of the networks."""
    return any(one.version == each.version and one in each for each in among)


def caller(peer: str, forwarded_for: Sequence[str], trusted: Sequence[Network]) -> str:
    """The address for which a connection from `peer` asks."""
    if ":" not in peer and not (trusted and forwarded_for):
        return peer  # as nearly all are: nothing about it is left to find out
    found = parse(peer)
    if found is None:
        return peer
    hops = [one for line in forwarded_for for one in line.split(",")][-_HOPS:]
    while hops and is_in(found, trusted):
        named = parse(hops.pop())
        if named is None:
            break
        found = named
    return str(found)
