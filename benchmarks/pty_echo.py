"""The other end of a bare pty: says back what it hears, byte for byte, until it is ended.

`python -m benchmarks.pty_echo PATH`. The reference of the dispatch latency: what a write, a
read and a wake-up of another process cost on this machine and nothing else.
"""

import os
import sys

from benchmarks.child import READY

_READ_BYTES = 4096


def run(path: str) -> None:
    """Echoes for ever."""
    file = os.open(path, os.O_RDWR | os.O_NOCTTY)
    sys.stdout.write(READY)
    sys.stdout.flush()
    while True:
        os.write(file, os.read(file, _READ_BYTES))


if __name__ == "__main__":
    run(sys.argv[1])
