"""Agents' telephones: they write to the chips of the simulated rack, and hear what these send."""

import asyncio
import contextlib
import itertools
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pulsarack.daemon.demo.errors import DemoError
from pulsarack.daemon.demo.line import Sending


class Telephones:
    """The connection to the rack's telephones, as its process serves them."""

    def __init__(self, chips: Sequence[str]) -> None:
        """chips: numbers of those that take orders, one after the other."""
        self._chips = itertools.cycle(chips)
        self._listeners: dict[str, Callable[[str], None]] = {}
        self._writer: asyncio.StreamWriter | None = None
        self._connected = asyncio.Event()

    def listen(self, number: str, listener: Callable[[str], None]) -> None:
        """Call this with each text that a number gets."""
        self._listeners[number] = listener

    async def run(self, socket: Path) -> None:
        """Hear, for ever."""
        reader, self._writer = await asyncio.open_unix_connection(socket)
        self._connected.set()
        with contextlib.closing(self._writer):
            while line := await reader.readline():
                self._take(json.loads(line))
        raise DemoError("the telephones of the rack have hung up", "read rack.log")

    def _take(self, said: dict[str, dict[str, str]]) -> None:
        if "error" in said:
            raise DemoError(f"a telephone could not write: {said['error']}", "mend the demo")
        heard = said.get("heard")
        if isinstance(heard, dict) and (listener := self._listeners.get(heard["number"])):
            listener(heard["text"])

    async def write(self, number: str, text: str, chip: str) -> None:
        """A telephone writes to a chip's number."""
        await self._connected.wait()
        assert self._writer is not None
        said = {"from": number, "to": chip, "text": text}
        self._writer.write(json.dumps(said).encode() + b"\n")
        await self._writer.drain()

    def next_chip(self) -> str:
        """Agents know several numbers, and take one after the other."""
        return next(self._chips)


@dataclass(frozen=True, slots=True)
class SmsSender:
    """One telephone. What it has sent lies on a SIM until the daemon has it: no need to repeat."""

    telephones: Telephones
    number: str

    def message(self, text: str) -> Sending:
        """The same text to the same chip: sent at once it is as if the network had doubled it."""
        chip = self.telephones.next_chip()

        async def send() -> None:
            await self.telephones.write(self.number, text, chip)

        return Sending(send)
