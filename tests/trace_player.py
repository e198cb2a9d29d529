"""Plays a recorded conversation (tests/traces/README.md) as a modem.

``Recording`` reads a file and says what comes back for what was sent, as pairs of
delay and bytes. ``TracePort`` plays it in memory on a clock handed in; ``TracePty``
over a real pty in the running event loop.
"""

import asyncio
import contextlib
import os
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

TRACES = Path(__file__).parent / "traces"
BODY = "<body>"

Timed = list[tuple[float, bytes]]


@dataclass
class Exchange:
    """One command and its answer; ``pattern`` matches the whole command."""

    pattern: re.Pattern[str]
    answer: Timed = field(default_factory=list)
    taken: int = 0


class Recording:
    """A trace file, and how far each of its exchanges has been played."""

    def __init__(self, path: Path) -> None:
        self.unknown: list[str] = []
        self.commands: list[str] = []
        self._exchanges = _parse(path)
        self._pending = ""

    def feed(self, data: bytes) -> Timed:
        """What comes back for these bytes: seconds from now, and the bytes."""
        self._pending += data.decode("latin-1").replace("\x1b", "")
        answers: Timed = []
        while match := re.search(r"[\r\x1a]", self._pending):
            command = self._pending[: match.start()].strip()
            self._pending = self._pending[match.end() :]
            if match.group() == "\x1a":
                command = BODY
            if command:
                answers += self._answer(command)
        return answers

    def _answer(self, command: str) -> Timed:
        self.commands.append(command)
        found = [one for one in self._exchanges if one.pattern.fullmatch(command)]
        if not found:
            self.unknown.append(command)
            return [(0.0, b"\r\nERROR\r\n")]
        exchange = next((one for one in found if not one.taken), found[-1])
        exchange.taken += 1
        return exchange.answer


def _parse(path: Path) -> list[Exchange]:
    exchanges: list[Exchange] = []
    seconds = 0.0
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        if line.startswith("> "):
            exchanges.append(Exchange(_pattern(line[2:])))
            seconds = 0.0
        elif line.startswith("<") and exchanges:
            if line.startswith("< @"):
                seconds += float(line[3:])
            else:
                _add(exchanges[-1].answer, seconds, line)
        else:
            raise ValueError(f"{path}: line {number}: neither sent nor received")
    return exchanges


def _pattern(sent: str) -> re.Pattern[str]:
    if len(sent) > 2 and sent.startswith("/") and sent.endswith("/"):
        return re.compile(sent[1:-1])
    return re.compile(re.escape(sent))


def _add(answer: Timed, seconds: float, line: str) -> None:
    if line.startswith("<> ") or line == "<>":
        answer.append((seconds, b"\r\n> "))
        return
    goes_on = line.startswith("<|")
    said = line[2:].removeprefix(" ").replace("\\0", "\0")
    text = said.encode("latin-1") + b"\r\n"
    answer.append((seconds, text if goes_on else b"\r\n" + text))


class _Clock(Protocol):
    def monotonic(self) -> float: ...
    def call_at(self, when: float, callback: Callable[[], None]) -> Any: ...


class TracePort:
    """A port in memory behind which the recording answers."""

    def __init__(self, path: Path, clock: _Clock) -> None:
        self.on_bytes: Callable[[bytes], None] = lambda data: None
        self.on_gone: Callable[[str], None] = lambda reason: None
        self.recording = Recording(path)
        self._clock = clock
        self._open = True

    def write(self, data: bytes) -> None:
        for seconds, reply in self.recording.feed(data):
            self._clock.call_at(self._clock.monotonic() + seconds, self._deliver(reply))

    def close(self) -> None:
        self._open = False

    def _deliver(self, reply: bytes) -> Callable[[], None]:
        def deliver() -> None:
            if self._open:
                self.on_bytes(reply)

        return deliver


class TracePty:
    """The recording behind a pty; open ``path`` as the modem's port.

    ``speed`` divides the waits of the recording.
    """

    def __init__(self, path: Path, speed: float = 1.0) -> None:
        self.recording = Recording(path)
        self._loop = asyncio.get_running_loop()
        self._speed = speed
        # The slave stays open here, so that the pty outlives whoever opens it.
        self._master, self._slave = os.openpty()
        os.set_blocking(self._master, False)
        self.path = os.ttyname(self._slave)
        self._loop.add_reader(self._master, self._read)

    def close(self) -> None:
        """Unplug the modem."""
        if self._master >= 0:
            self._loop.remove_reader(self._master)
            os.close(self._slave)
            os.close(self._master)
            self._master = self._slave = -1

    def _read(self) -> None:
        with contextlib.suppress(OSError):
            for seconds, reply in self.recording.feed(os.read(self._master, 4096)):
                self._loop.call_later(seconds / self._speed, self._write, reply)

    def _write(self, reply: bytes) -> None:
        if self._master >= 0:
            with contextlib.suppress(OSError):
                os.write(self._master, reply)
