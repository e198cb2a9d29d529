"""A small daemon for the tests of the command line: the real control server, canned answers.

It runs in a thread with a loop of its own, since commands block while they wait.
"""

import asyncio
import functools
import subprocess
import threading
from collections.abc import AsyncGenerator, Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from pulsarack.daemon import migrations
from pulsarack.daemon.clock import WallClock
from pulsarack.daemon.control import ControlServer
from pulsarack.daemon.control_arguments import ARGUMENTS, STREAMS
from pulsarack.daemon.control_protocol import CallError, Calls, Peer


class FakeDaemon:
    """Answers every call of the vocabulary from `answers`, and remembers what it was asked.

    An answer is a value, a CallError, or a function of the arguments. A stream's answer
    is the list of its events, or a generator of them; after them it waits until it is left.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.answers: dict[str, Any] = {}
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.peers: list[Peer] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        calls = Calls()
        for name in ARGUMENTS:
            calls.add(name, self._streamer(name) if name in STREAMS else self._answerer(name))
        self._server = ControlServer(path, calls, WallClock())

    def start(self) -> None:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._server.start(), self._loop).result(10)

    def stop(self) -> None:
        asyncio.run_coroutine_threadsafe(self._server.close(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def args_of(self, name: str) -> dict[str, Any]:
        """What the latest call of that name was given."""
        return [args for asked, args in self.asked if asked == name][-1]

    def _answerer(self, name: str) -> Callable[[Any, Peer], Any]:
        async def answer(arguments: Any, peer: Peer) -> Any:
            self._note(name, arguments, peer)
            return self._answer(name, arguments)

        return answer

    def _streamer(self, name: str) -> Callable[[Any, Peer], Any]:
        async def stream(arguments: Any, peer: Peer) -> AsyncGenerator[Any, None]:
            self._note(name, arguments, peer)
            events = self._answer(name, arguments)
            if isinstance(events, AsyncGenerator):
                async for event in events:
                    yield event
            else:
                for event in events:
                    yield event
            await asyncio.get_running_loop().create_future()

        return stream

    def _note(self, name: str, arguments: Any, peer: Peer) -> None:
        given = {field: getattr(arguments, field) for field in arguments.__struct_fields__}
        self.asked.append((name, {key: value for key, value in given.items() if value is not None}))
        self.peers.append(peer)

    def _answer(self, name: str, arguments: Any) -> Any:
        answer = self.answers.get(name, {})
        if isinstance(answer, CallError):
            raise answer
        return answer(arguments) if callable(answer) else answer


@pytest.fixture
def fake_daemon(tmp_path: Path) -> Iterator[FakeDaemon]:
    daemon = FakeDaemon(tmp_path / "control.sock")
    daemon.start()
    yield daemon
    daemon.stop()


@pytest.fixture(scope="session", autouse=True)
def schema_made_once() -> Iterator[None]:
    """What every audit compares the tables with is made of the same scripts once a process: it
    takes longer than all the rest of an audit."""
    made_by = functools.cache(migrations._made_by)
    with mock.patch.object(migrations, "_made_by", lambda scripts: made_by(tuple(scripts))):
        yield


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of two megabytes; skips where the test may not mount one."""
    place = tmp_path / "small_disk"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=2m", "none", str(place)]
    try:
        made = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("there is no mount here")
    if made.returncode:
        pytest.skip(f"may not mount a file system: {made.stderr.strip()}")
    yield place
    # Lazily: a test that failed may still have a file open there.
    subprocess.run(["umount", "-l", str(place)], check=True)
