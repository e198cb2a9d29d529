"""[http]: the server for other programs, and how results are reported to them.

Without `listen` the channel is off. The limits bound what a stranger can make the daemon hold;
each has a refusal of its own that is counted. Times are seconds.
"""

import ipaddress
from typing import Annotated, ClassVar

from pydantic import AfterValidator, Field

from pulsarack.daemon.config_fields import FilePath, Limit, Seconds, Section, explained

_PORTS = 65_535
_OCTETS = Annotated[int, Field(ge=1024, le=16 * 1024 * 1024)]
_FORM = 'write HOST:PORT, such as "127.0.0.1:8080" or "[::]:8443"'


def split_listen(listen: str) -> tuple[str, int]:
    """Host and port of a text; raises ValueError."""
    host, colon, port = listen.rpartition(":")
    if not colon or not port.isascii() or not port.isdigit() or int(port) > _PORTS:
        raise ValueError(_FORM)
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        raise ValueError(_FORM)
    if not host:
        raise ValueError(_FORM)
    return host, int(port)


def _listen(listen: str) -> str:
    split_listen(listen)
    return listen


def _networks(networks: tuple[str, ...]) -> tuple[str, ...]:
    for one in networks:
        try:
            ipaddress.ip_network(one)
        except ValueError:
            raise ValueError('write addresses or networks such as "10.0.0.0/8"') from None
    return networks


Networks = Annotated[tuple[str, ...], Field(strict=False), AfterValidator(_networks)]


Names = Annotated[tuple[Annotated[str, Field(max_length=64)], ...], Field(strict=False)]


class HttpSection(Section):
    """[http]: where programs reach the daemon, and what they may take of it.

    `dialects_dir`: own codes and texts of the trade's dialects. `trusted_proxies` are believed
    when they say for whom they ask (X-Forwarded-For). `report_private_networks`: results may be
    reported to these addresses although they are no public ones.
    """

    ABOUT: ClassVar[str] = (
        "The server for other programs (docs/http-api.md), and how results are reported to them."
    )

    listen: Annotated[str, AfterValidator(_listen)] | None = explained(
        None,
        'Where it listens: "127.0.0.1:8080" behind a proxy that does TLS, or "[::]:8443"'
        " (all addresses, those of IPv4 too). Without this key the channel is off.",
        "127.0.0.1:8080",
    )
    tls_certificate: FilePath | None = explained(
        None,
        "A certificate with its chain, and its key without a password, both PEM; read when the"
        " daemon starts. Without them requests come in the clear: then only over a proxy on this"
        " machine, or a network of your own.",
        "/etc/pulsarack/http.pem",
    )
    tls_key: FilePath | None = explained(
        None,
        "",
        "/etc/pulsarack/http.key",
    )
    dialects_dir: FilePath | None = explained(
        None,
        "Your own codes and texts for the trade's dialects (OtomaX, IRS, Digiflazz ...): a file"
        " of a dialect's name, such as otomax.toml, replaces what it names of the shipped one."
        " docs/dialects.md tells how.",
        "/etc/pulsarack/dialects",
    )
    trusted_proxies: Networks = explained(
        (),
        "Proxies that are believed when they say for whom they ask (X-Forwarded-For): an"
        ' account\'s list of addresses is compared with what they say. ["127.0.0.1"] for a proxy'
        " on this machine.",
    )
    bank_accounts: Names = explained(
        (),
        "Accounts whose programs may hand in rows of our banks' statements. A row that fits a"
        " ticket raises a deposit: such an account needs a list of addresses, and its key is"
        " worth money.",
    )
    access_log: bool = explained(
        True,
        "A line in the log for every request: the route, never a query or a body.",
    )
    clock_window_seconds: Seconds = explained(
        300.0,
        "How far a caller's clock may be off; what was signed longer ago is refused.",
    )
    body_octets: _OCTETS = explained(
        65_536,
        "What a request may have, and what callers may take of the server all together and each.",
    )
    header_octets: _OCTETS = 8_192
    headers: Annotated[int, Field(ge=8, le=1000)] = 64
    connections: Limit = 512
    connections_per_address: Limit = 64
    in_flight: Limit = 128
    in_flight_per_account: Limit = 32
    requests_per_second: Limit = 20
    burst: Limit = 100
    head_seconds: Seconds = explained(
        10.0,
        "How long a caller may take for the head of a request, for its body (and for taking an"
        " answer), and how long a connection may lie idle; how long requests may take at the end"
        " of the daemon.",
    )
    body_seconds: Seconds = 10.0
    idle_seconds: Seconds = 30.0
    stop_seconds: Seconds = 10.0
    report_seconds: Seconds = explained(
        15.0,
        "How long a receiver may take for a report, how many are sent at once, and how many to"
        " one host.",
    )
    reports_at_once: Limit = 32
    reports_per_host: Limit = 4
    report_private_networks: Networks = explained(
        (),
        "Results are reported to public addresses only, since an agent chooses where; and to"
        ' these. ["10.1.0.0/16"] if agents\' programs run in your own network.',
    )
