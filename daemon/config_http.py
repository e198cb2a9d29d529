"""[http]: the server for other programs, and how results are reported to them.

Without `listen` the channel is off. The limits bound what a stranger can make the daemon hold;
each has a refusal of its own that is counted. Times are seconds.
"""

import ipaddress
from typing import Annotated

from pydantic import AfterValidator, Field

from pulsarack.daemon.config_fields import FilePath, Limit, Seconds, Section

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

    listen: Annotated[str, AfterValidator(_listen)] | None = None
    tls_certificate: FilePath | None = None
    tls_key: FilePath | None = None
    dialects_dir: FilePath | None = None
    trusted_proxies: Networks = ()
    bank_accounts: Names = ()
    access_log: bool = True
    clock_window_seconds: Seconds = 300.0
    body_octets: _OCTETS = 65_536
    header_octets: _OCTETS = 8_192
    headers: Annotated[int, Field(ge=8, le=1000)] = 64
    connections: Limit = 512
    connections_per_address: Limit = 64
    in_flight: Limit = 128
    in_flight_per_account: Limit = 32
    requests_per_second: Limit = 20
    burst: Limit = 100
    head_seconds: Seconds = 10.0
    body_seconds: Seconds = 10.0
    idle_seconds: Seconds = 30.0
    stop_seconds: Seconds = 10.0
    report_seconds: Seconds = 15.0
    reports_at_once: Limit = 32
    reports_per_host: Limit = 4
    report_private_networks: Networks = ()
