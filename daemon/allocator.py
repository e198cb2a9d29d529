"""The C library's allocator, set up for a daemon that gives back what it no longer needs.

glibc gives each thread a heap of its own, so that threads need not wait for each other, and keeps
in it what was freed there. Here threads take turns anyway (the interpreter has one lock), and what
a backup has taken and freed in its thread was still held the day after. So all threads share one
heap, and large pieces are taken from the system one by one and given back to it. glibc itself
would raise the size from which it does that with each such piece that it sees freed.
"""

import ctypes
from typing import Final

# <malloc.h>; mallopt(3) says what they mean.
_M_TRIM_THRESHOLD: Final = -1
_M_MMAP_THRESHOLD: Final = -3
_M_ARENA_MAX: Final = -8

_HEAPS = 1
_LARGE_OCTETS = 256 * 1024
_FREE_OCTETS = 1024 * 1024
"""What may lie free at the end of the heap; more than that is given back."""


def tune() -> None:
    """To be called before the first thread is started; does nothing without a `mallopt`."""
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # another C library, or one that is linked in
        return
    for name, value in (
        (_M_ARENA_MAX, _HEAPS),
        (_M_MMAP_THRESHOLD, _LARGE_OCTETS),
        (_M_TRIM_THRESHOLD, _FREE_OCTETS),
    ):
        mallopt(name, value)
