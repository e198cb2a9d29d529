"""What the daemon tells systemd about itself: sd_notify(3), on the socket in $NOTIFY_SOCKET.

One datagram holds one or several assignments, one a line; what stands in one datagram takes
effect together. Started by something else than systemd, there is no socket and nothing is sent.
Nothing here waits or fails: a daemon must not stand still because nobody listens to it.
"""

import os
import socket
from collections.abc import Mapping
from contextlib import suppress

from pulsarack.daemon.clock import steady_microseconds

READY = "READY=1"
STOPPING = "STOPPING=1"
WATCHDOG = "WATCHDOG=1"

# The journal and `systemctl status` show one line; what is longer nobody reads there.
_STATUS_LETTERS = 300


def notify(*lines: str, environ: Mapping[str, str] = os.environ) -> None:
    """Tell systemd, if it has started us, all lines in one datagram."""
    address = environ.get("NOTIFY_SOCKET", "")
    if address.startswith("@"):
        address = "\0" + address[1:]
    if not address or not lines:
        return
    kind = socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK
    with suppress(OSError), socket.socket(socket.AF_UNIX, kind) as connection:
        connection.connect(address)
        connection.sendall("\n".join(lines).encode("utf-8", "replace"))


def status(text: str) -> str:
    """The assignment that shows a sentence in `systemctl status`; one line, whatever it holds."""
    words = " ".join("".join(one if one.isprintable() else " " for one in text).split())
    short = words if len(words) <= _STATUS_LETTERS else f"{words[: _STATUS_LETTERS - 3]}..."
    return f"STATUS={short}"


def reloading() -> tuple[str, str]:
    """The assignments that begin a reload; READY ends it.

    The time tells a manager that waits for its own reload (Type=notify-reload) that this is it
    and not an earlier one: CLOCK_MONOTONIC, as the manual page wants.
    """
    return "RELOADING=1", f"MONOTONIC_USEC={steady_microseconds()}"


def more_time(seconds: float) -> str:
    """The assignment that asks for so much more time to start, or to stop, from now on.

    It counts only once the unit's own TimeoutStartSec= or TimeoutStopSec= has passed.
    """
    return f"EXTEND_TIMEOUT_USEC={round(seconds * 1_000_000)}"
