"""The reference of the daemon's CPU: an event loop that does a top-up's bytes, and nothing else.

`python -m benchmarks.bytes_loop SPEC.json` opens the ports named in the file and runs the
recorded steps on each, round and round, until SIGTERM: a write, then reads until the awaited
bytes are there. It keeps nothing, parses nothing and decides nothing.
"""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.child import READY
from benchmarks.rack_file import TELKOMSEL, destinations
from benchmarks.steps import PLACE, Recorded, Step

_READ_BYTES = 4096
_LINE_END = b"\r\n"


@dataclass(frozen=True, slots=True)
class Spec:
    """What the loop is told. `first`: the first number, clear of those used already."""

    ports: list[str]
    steps: list[Step]
    first: int


def write_spec(path: Path, ports: list[Path], recorded: Recorded, first: int) -> None:
    """What `read_spec` reads."""
    content: dict[str, Any] = {
        "ports": [str(port) for port in ports],
        "steps": [[step.write.decode("latin-1"), step.until.decode()] for step in recorded.steps],
        "first": first,
    }
    path.write_text(json.dumps(content), encoding="utf-8")


def read_spec(path: Path) -> Spec:
    """The file of `write_spec`."""
    content = json.loads(path.read_text(encoding="utf-8"))
    steps = [Step(said.encode("latin-1"), until.encode()) for said, until in content["steps"]]
    return Spec(content["ports"], steps, content["first"])


class BareLine:
    """One port and the step that is under way on it."""

    def __init__(self, path: str, steps: list[Step], numbers: Iterator[str]) -> None:
        self._file = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        self._steps = steps
        self._numbers = numbers
        self._place = 0
        self._heard = b""
        asyncio.get_running_loop().add_reader(self._file, self._read)
        self._write()

    def close(self) -> None:
        """Leaves the port."""
        asyncio.get_running_loop().remove_reader(self._file)
        os.close(self._file)

    def _write(self) -> None:
        said = self._steps[self._place].write
        if PLACE in said:
            said = said.replace(PLACE, next(self._numbers).encode())
        os.write(self._file, said)

    def _read(self) -> None:
        self._heard += os.read(self._file, _READ_BYTES)
        begun = self._heard.find(self._steps[self._place].until)
        if begun < 0 or self._heard.find(_LINE_END, begun) < 0:
            return
        self._heard = b""
        self._place = (self._place + 1) % len(self._steps)
        self._write()


async def run(spec: Spec) -> None:
    """Runs until it is told to end."""
    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    numbers = destinations(TELKOMSEL, spec.first)
    lines = [BareLine(port, spec.steps, numbers) for port in spec.ports]
    sys.stdout.write(READY)
    sys.stdout.flush()
    await ended.wait()
    for line in lines:
        line.close()


if __name__ == "__main__":
    asyncio.run(run(read_spec(Path(sys.argv[1]))))
