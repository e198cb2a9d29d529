"""Enough file descriptors for a full rack and everyone who calls.

systemd starts a service with a limit of 1024, for the sake of programs that use select(2),
and lets it raise that by itself; this one waits by epoll(7). A serial port takes five (the
device, and two pipes that pyserial opens with it), so 512 modems alone need 2560.
"""

import resource

WANTED = 16_384


def raise_limit(wanted: int = WANTED) -> int:
    """Raise the soft limit as far as it is wanted and allowed; the limit that holds now."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    unlimited = resource.RLIM_INFINITY
    allowed = wanted if hard == unlimited else min(wanted, hard)
    if soft == unlimited or soft >= allowed:
        return soft
    resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    return allowed
