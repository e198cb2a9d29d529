"""Ports on the network, as the configuration names them: ``rfc2217://`` and ``socket://``.

RFC 2217 is telnet with control of the line: terminal servers speak it, and ser2net. A socket
is the bytes alone, as modem pools with an Ethernet of their own give them.
"""

import re
from dataclasses import dataclass

_URL = re.compile(
    r"(rfc2217|socket)://(?:\[([0-9A-Fa-f:.]{2,45})\]|([A-Za-z0-9._-]{1,253})):([0-9]{1,5})"
)
PORT_MOST = 65_535


@dataclass(frozen=True, slots=True)
class PortUrl:
    """``scheme`` is rfc2217 or socket."""

    scheme: str
    host: str
    port: int


def parse(text: str) -> PortUrl | None:
    """None if it is no URL of ours; then it is a path, or a mistake."""
    match = _URL.fullmatch(text)
    if match is None or not 1 <= int(match.group(4)) <= PORT_MOST:
        return None
    return PortUrl(match.group(1), match.group(2) or match.group(3), int(match.group(4)))
