"""What uhubctl says of a hub and its ports, read as the words of a stranger.

Only a hub that switches each port by itself (``ppps``) is of use: where the power is
ganged, the neighbours would go as well. Lines that do not look as expected are skipped.
"""

import re
from dataclasses import dataclass

OUTPUT_OCTETS_MAX = 64 * 1024
_LINES_MAX = 1024
_HUB = re.compile(r"(?:Current|New) status for hub (\d+(?:-\d+(?:\.\d+)*)?) \[(.{0,300})\]\s*\Z")
_PORT = re.compile(r"\s+Port (\d{1,3}): [0-9a-fA-F]{4}\b(.{0,400})")


@dataclass(frozen=True, slots=True)
class HubPort:
    """A port of a hub, as uhubctl names both: location ``1-2``, port 1."""

    hub: str
    port: int


def hub_port(kernel_name: str) -> HubPort | None:
    """The hub and the port where a device hangs; None if the name is none."""
    if not re.fullmatch(r"\d{1,4}-\d{1,3}(\.\d{1,3}){0,6}", kernel_name):
        return None
    bus, _, chain = kernel_name.partition("-")
    above, _, last = chain.rpartition(".")
    return HubPort(f"{bus}-{above}" if above else bus, int(last))


def switchable(output: str, wanted: HubPort) -> bool:
    """Whether the output shows that this hub switches this port by itself."""
    hub_fits = False
    for line in output.splitlines()[:_LINES_MAX]:
        if match := _HUB.match(line):
            words = re.split(r"[ ,]+", match[2])
            hub_fits = match[1] == wanted.hub and "ppps" in words
        elif hub_fits and (match := _PORT.match(line)) and int(match[1]) == wanted.port:
            return True
    return False
