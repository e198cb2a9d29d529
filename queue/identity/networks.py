"""Where the programs of agents may call from, and where they may be called back.

An allow-list is a text of networks (`192.0.2.0/24 2001:db8::/32`); a lone address is a network
of one. IPv4 addresses written as IPv6 (::ffff:192.0.2.7) are IPv4 here, in lists and in
callers. A report's URL that an agent gives himself must lead outside: the daemon calls it from
within, where its own database and the neighbours' machines would answer. What a name stands
for is known only when it is looked up, so whoever calls it checks the address with
`leads_outside` again (daemon/channels/http/report_urls.py).
"""

import ipaddress
import re
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from urllib.parse import SplitResult, urlsplit

from pulsarack.queue.validation import Refusal, RefusalCode

Network = IPv4Network | IPv6Network
Address = IPv4Address | IPv6Address

NETWORKS_MOST = 50
LONGEST_URL = 500
_URL = re.compile(r"https?://[!-~]+", re.ASCII | re.IGNORECASE)
_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?\.?|[0-9a-fA-F:.]+", re.ASCII)
_INNER_NAMES = ("localhost", "local", "internal", "lan", "home", "localdomain")
_MAPPED_BITS = 96
_CUSTOMER_BITS = 64
# An IPv4 address in the last four octets of one of IPv6: RFC 6052, RFC 8215 (as most write it),
# RFC 4291 2.5.5.1, RFC 2765.
_HOLDS_IPV4 = tuple(
    IPv6Network(text) for text in ("64:ff9b::/96", "64:ff9b:1::/48", "::/96", "::ffff:0:0:0/96")
)


def address(text: str) -> Address | None:
    """An address as a connection shows it; of a v4-mapped one the IPv4 address."""
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, IPv6Address) else None
    return mapped or found


def neighbourhood(text: str) -> str:
    """A caller's address as far as it tells callers apart: of IPv6 the first half, since a
    customer has all addresses below it."""
    found = address(text)
    if not isinstance(found, IPv6Address):
        return text if found is None else str(found)
    return str(IPv6Network((found, _CUSTOMER_BITS), strict=False))


def network(text: str) -> Network | None:
    """A network or a lone address; None if it is neither, or has bits below its length."""
    try:
        found = ipaddress.ip_network(text)
    except ValueError:
        return None
    if isinstance(found, IPv6Network) and found.prefixlen >= _MAPPED_BITS:
        mapped = found.network_address.ipv4_mapped
        if mapped is not None:
            return IPv4Network((mapped, found.prefixlen - _MAPPED_BITS))
    return found


def parse(text: str) -> tuple[Network, ...]:
    """The networks of a stored list; raises ValueError for what `listed` did not make."""
    return tuple(map(ipaddress.ip_network, text.split()))


def listed(typed: list[str]) -> str | Refusal:
    """The list as it is stored: each network once, in order."""
    if len(typed) > NETWORKS_MOST:
        what = f"there are more than {NETWORKS_MOST} networks"
        return Refusal(RefusalCode.BAD_NETWORK, what, "give wider ones")
    found: set[Network] = set()
    for one in typed:
        made = network(one.strip())
        if made is None:
            what = f"'{one[:60]}' is no address and no network"
            remedy = "write 192.0.2.7, 192.0.2.0/24 or 2001:db8::/32"
            return Refusal(RefusalCode.BAD_NETWORK, what, remedy)
        found.add(made)
    return " ".join(map(str, sorted(found, key=_order)))


def _order(one: Network) -> tuple[int, int, int]:
    return one.version, int(one.network_address), one.prefixlen


def leads_outside(one: Address) -> bool:
    """Whether an address is of one machine of the Internet, whatever else it stands for."""
    return all(each.is_global and not each.is_multicast for each in _meanings(one))


def _meanings(one: Address) -> list[Address]:
    """The address, and those of IPv4 that lie in it."""
    if isinstance(one, IPv4Address):
        return [one]
    if one.ipv4_mapped is not None:
        return [one.ipv4_mapped]
    inner = [one.sixtofour, *(one.teredo or ())]
    if any(one in each for each in _HOLDS_IPV4):
        inner.append(IPv4Address(int(one) & 0xFFFF_FFFF))
    return [one, *(each for each in inner if each is not None)]


def check_report_url(url: str, *, by_admin: bool) -> Refusal | None:
    """What is wrong with a URL for reports, if anything is. An admin may name inner hosts."""
    if len(url) > LONGEST_URL:
        return _bad_url(f"the URL is longer than {LONGEST_URL} characters")
    parts = _parts(url)
    if parts is None or not parts.hostname:
        return _bad_url("that is not a URL of http or https")
    if parts.username is not None or parts.password is not None:
        return _bad_url("the URL holds a user")
    if parts.fragment or not _HOST.fullmatch(parts.hostname):
        return _bad_url("the URL holds what a server never sees, or no host")
    if not by_admin and not _outer_host(parts.hostname):
        return _bad_url("the URL leads to an inner address")
    return None


def _parts(url: str) -> SplitResult | None:
    if not _URL.fullmatch(url):
        return None
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return None
    return parts


def _outer_host(host: str) -> bool:
    host = host.lower().removesuffix(".")
    literal = address(host)
    if literal is not None:
        return leads_outside(literal)
    # A last label of digits is an address in one of its older spellings (127.1, 0x7f000001).
    last = host.rpartition(".")[2]
    return "." in host and not last[:1].isdigit() and last not in _INNER_NAMES


def _bad_url(what: str) -> Refusal:
    remedy = "write it as https://host/path, or http://203.0.113.7:8080/path"
    return Refusal(RefusalCode.BAD_URL, what, remedy)
