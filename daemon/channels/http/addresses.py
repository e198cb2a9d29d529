"""Who asks, and whom we may report to: IP addresses, behind proxies and in networks.

A proxy that the configuration trusts says for whom it asks (X-Forwarded-For). The header is read
from its end: each proxy adds whom it was asked by, so the last address that is no trusted proxy
is the caller; what stands before it anybody can have written.

Reports go to addresses of agents' choice. An address that is no public one would let an agent
reach through us into our own network, so those are refused, in every way to write them.
"""

import ipaddress
from collections.abc import Iterable, Sequence

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

# Most hops that are believed; more is not a chain of proxies.
_HOPS = 16
# An IPv4 address in the last four octets of one of IPv6: RFC 6052, RFC 8215 (as most write it),
# RFC 4291 2.5.5.1, RFC 2765.
_HOLDS_IPV4 = tuple(
    ipaddress.IPv6Network(text)
    for text in ("64:ff9b::/96", "64:ff9b:1::/48", "::/96", "::ffff:0:0:0/96")
)


def networks(texts: Iterable[object]) -> tuple[Network, ...]:
    """Networks from their texts, or as they are; raises ValueError."""
    return tuple(
        one if isinstance(one, Network) else ipaddress.ip_network(str(one), strict=False)
        for one in texts
    )


def parse(text: str) -> Address | None:
    """An address, an IPv4 one in IPv6's clothes as itself; None if it is none."""
    try:
        found = ipaddress.ip_address(text.strip().partition("%")[0])
    except ValueError:
        return None
    return _plain(found)


def is_in(address: Address, among: Iterable[Network]) -> bool:
    """Whether an address is in one of the networks."""
    return any(address.version == one.version and address in one for one in among)


def caller(peer: str, forwarded_for: Sequence[str], trusted: Sequence[Network]) -> str:
    """The address for which a connection from `peer` asks."""
    if ":" not in peer and not (trusted and forwarded_for):
        return peer  # as nearly all are: nothing about it is left to find out
    address = parse(peer)
    if address is None:
        return peer
    hops = [one for line in forwarded_for for one in line.split(",")][-_HOPS:]
    while hops and is_in(address, trusted):
        named = parse(hops.pop())
        if named is None:
            break
        address = named
    return str(address)


def is_public(address: Address) -> bool:
    """Whether an address is one of the internet's, whatever else it stands for."""
    return all(one.is_global and not one.is_multicast for one in _meanings(address))


def _plain(address: Address) -> Address:
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def _meanings(address: Address) -> list[Address]:
    """The address, and those of IPv4 that lie in it."""
    address = _plain(address)
    found: list[Address] = [address]
    if isinstance(address, ipaddress.IPv6Address):
        if address.sixtofour is not None:
            found.append(address.sixtofour)
        if address.teredo is not None:
            found += address.teredo
        if any(address in one for one in _HOLDS_IPV4):
            found.append(ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF))
    return found
