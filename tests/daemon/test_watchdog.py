"""The watchdog: silence is counted in looks, and a real daemon that is stuck ends itself.

The counting is tested without threads and without time. The children are whole daemons in
which one part is patched so that it waits for ever; that they end at all is the test.
"""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pulsarack.daemon.service import exits
from pulsarack.daemon.service.notify import notify
from pulsarack.daemon.watchdog import (
    LOOKS,
    LoopPulse,
    Watchdog,
    service_limit,
)


class Ended(Exception):
    """What a test's watchdog does instead of ending the process."""


def end(part: str, seconds: float) -> None:
    raise Ended(part)


def watchdog(*signs: Iterator[int | None], told: list[str] | None = None) -> Watchdog:
    parts = {f"part {n}": (lambda sign=sign: next(sign)) for n, sign in enumerate(signs, start=1)}
    return Watchdog(parts, 60.0, end=end, tell=(told if told is not None else []).append)


def test_what_is_silent_for_the_whole_limit_ends_the_process() -> None:
    dog = watchdog(iter(range(100)), iter([7] * 100))
    for _ in range(LOOKS):
        dog.look()
    with pytest.raises(Ended, match="part 2"):
        dog.look()


def test_what_is_slow_but_alive_or_idle_does_not() -> None:
    slow = [number for number in range(20) for _ in range(LOOKS)]
    idle = [None] * len(slow)
    dog = watchdog(iter(slow), iter(idle))
    for _ in slow:
        dog.look()


def test_systemd_hears_only_of_a_daemon_that_is_alive_in_all_parts() -> None:
    told: list[str] = []
    dog = watchdog(iter([1, 2, 3, 4]), iter([None, 5, 5, 6]), told=told)
    counts = []
    for _ in range(4):
        dog.look()
        counts.append(len(told))
    assert counts == [1, 2, 2, 3]
    assert set(told) == {"WATCHDOG=1"}


@pytest.mark.parametrize(("service", "between"), [(None, 7.5), (120.0, 7.5), (10.0, 5.0)])
def test_it_looks_at_least_at_half_of_what_systemd_wants(
    service: float | None, between: float
) -> None:
    assert Watchdog({}, 60.0, service_seconds=service).seconds_between == between


def test_the_limit_of_the_service_is_read_from_its_environment() -> None:
    assert service_limit({}) is None
    assert service_limit({"WATCHDOG_USEC": "30000000"}) == 30.0
    assert service_limit({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "7"}, pid=7) == 30.0
    assert service_limit({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "7"}, pid=8) is None
    assert service_limit({"WATCHDOG_USEC": "soon"}) is None
    assert service_limit({"WATCHDOG_USEC": "0"}) is None


@pytest.mark.parametrize("abstract", [True, False])
def test_systemd_is_told_on_its_socket(tmp_path: Path, abstract: bool) -> None:
    name = f"@pulsarack-test-{os.getpid()}" if abstract else str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(name.replace("@", "\0"))
        notify("READY=1", environ={"NOTIFY_SOCKET": name})
        assert listening.recv(100) == b"READY=1"
    notify("READY=1", environ={"NOTIFY_SOCKET": name})  # nobody listens: no harm
    notify("READY=1", environ={})


async def test_a_loop_gives_a_sign_only_while_it_runs() -> None:
    pulse = LoopPulse(asyncio.get_running_loop())
    assert [pulse(), pulse(), pulse()] == [0, 0, 0]  # it had no chance to answer
    await asyncio.sleep(0)
    assert pulse() == 1
    await asyncio.sleep(0)
    assert pulse() == 2


# --- real processes -----------------------------------------------------------------------

CHILD = """
import asyncio, sys, threading
from pathlib import Path
from pulsarack.daemon import run, store
from pulsarack.daemon.dispatcher import Dispatcher

def wait_for_ever(*anything):
    threading.Event().wait()

async def wedge_the_loop(self):
    wait_for_ever()

async def wedge_the_writer(self):
    await self._context.store.write(wait_for_ever)

async def wedge_the_reader(self):
    await self._context.store.read(wait_for_ever)

async def kill_the_writer(self):
    def die(db):
        raise SystemExit
    try:
        await self._context.store.write(die)
    finally:
        await asyncio.get_running_loop().create_future()

async def write_slowly(self):
    for _ in range(3):
        await self._context.store.write(lambda db: threading.Event().wait(0.7))
    sys.stdout.write("written\\n")
    sys.stdout.flush()
    await asyncio.get_running_loop().create_future()

Dispatcher.run = globals()[sys.argv[2]]
sys.exit(run.main(Path(sys.argv[1])))
"""


def child(tmp_path: Path, patch: str, limit: float) -> "subprocess.Popen[str]":
    (tmp_path / "state").mkdir()
    config = tmp_path / "pulsarack.toml"
    config.write_text(
        f'[daemon]\nstate_dir = "state"\nsocket = "socket"\nwatchdog_seconds = {limit}\n'
        # A rehearsal's clock is another one: the limit is of real seconds.
        "[rehearsal]\nspeed = 100.0\n"
    )
    return subprocess.Popen(
        [sys.executable, "-c", CHILD, str(config), patch],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize(
    ("patch", "part"),
    [
        ("wedge_the_loop", "the event loop"),
        ("wedge_the_writer", "the writing thread"),
        ("wedge_the_reader", "the reading thread"),
    ],
)
def test_a_daemon_that_is_stuck_ends_by_itself(tmp_path: Path, patch: str, part: str) -> None:
    with child(tmp_path, patch, 1.0) as process:
        _, errors = process.communicate()
    assert process.returncode == exits.STUCK
    last = errors.strip().splitlines()[-1]
    assert "daemon.stuck" in last and part in last and "started anew" in last
    assert "Thread 0x" in errors  # the stacks
    assert "in wait_for_ever" in errors


def test_a_daemon_whose_writing_thread_dies_ends_at_once(tmp_path: Path) -> None:
    with child(tmp_path, "kill_the_writer", 30.0) as process:
        _, errors = process.communicate()
    assert process.returncode == 1
    assert "daemon.part_failed" in errors and "the store is closed" in errors


def test_a_disk_that_is_slow_for_less_than_the_limit_ends_nothing(tmp_path: Path) -> None:
    with child(tmp_path, "write_slowly", 5.0) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "written\n"
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate()
    assert process.returncode == 0, errors
    assert "daemon.stuck" not in errors
