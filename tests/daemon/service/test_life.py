"""The life of the process: what systemd hears of it, how it ends and with what status.

Most of it without a process; one whole daemon is started, told all signals, and ends.
"""

import asyncio
import errno
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pulsarack.daemon import run as runs
from pulsarack.daemon.config_errors import ConfigErrors
from pulsarack.daemon.control import SocketTaken
from pulsarack.daemon.errors import DaemonError
from pulsarack.daemon.service import exits
from pulsarack.daemon.service.ending import start_failed
from pulsarack.daemon.service.notify import notify, reloading, status
from pulsarack.daemon.service.patience import GRANTED_SECONDS, Patience
from pulsarack.daemon.service.signals import Signals
from pulsarack.daemon.service.start_clock import EARLIEST, ClockBehind, wait_for_clock
from pulsarack.daemon.store_errors import (
    DatabaseDamaged,
    NotStored,
    SchemaNewer,
    StateDirectoryFull,
    StateDirectoryUnusable,
    StoreLocked,
)
from tests.daemon.virtual_loop import LoopClock, run

FULL = OSError(errno.ENOSPC, "No space left on device")


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    """The socket on which systemd would listen."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "notify"))
        listening.settimeout(60)
        yield listening


def test_what_is_said_together_is_one_datagram_of_lines(
    tmp_path: Path, manager: socket.socket
) -> None:
    environ = {"NOTIFY_SOCKET": str(tmp_path / "notify")}
    notify("READY=1", status("61 chips\nready\x00\x1b[2J"), environ=environ)
    notify(environ=environ)
    notify(status("x" * 1000), environ=environ)
    assert manager.recv(9999) == b"READY=1\nSTATUS=61 chips ready [2J"
    assert manager.recv(9999) == b"STATUS=" + b"x" * 297 + b"..."


def test_a_manager_that_does_not_listen_holds_nobody_up(
    tmp_path: Path, manager: socket.socket
) -> None:
    environ = {"NOTIFY_SOCKET": str(tmp_path / "notify")}
    for _ in range(10_000):  # more than the socket's queue holds
        notify("WATCHDOG=1", environ=environ)
    assert manager.recv(100) == b"WATCHDOG=1"


def test_a_reload_bears_the_time_at_which_it_began() -> None:
    first, second = reloading(), reloading()
    assert first[0] == "RELOADING=1"
    micros = [int(one[1].removeprefix("MONOTONIC_USEC=")) for one in (first, second)]
    assert micros == sorted(micros)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConfigErrors(Path("x"), []), 78),
        (SchemaNewer("x", "queue", 99, 17), 78),
        (DatabaseDamaged(Path("x"), "page 7"), 78),
        (StateDirectoryUnusable(Path("x"), PermissionError(13, "no")), 78),
        (StoreLocked(Path("x"), 7), 75),
        (StateDirectoryFull(Path("x"), 0), 75),
        (NotStored(FULL), 75),
        (SocketTaken("x", "y"), 75),
        (ClockBehind(0), 75),
        (FULL, 75),
        (OSError(errno.EIO, "I/O error"), 1),
        (DaemonError("x"), 1),
        (KeyError("x"), 1),
    ],
)
def test_the_status_says_whether_a_restart_could_help(error: Exception, code: int) -> None:
    assert exits.status_of(error) == code


def test_an_error_without_words_is_told_by_its_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert start_failed(TimeoutError()) == 1
    assert capsys.readouterr().err == "pulsarack: TimeoutError\n"


def test_patience_asks_for_more_time_and_says_why() -> None:
    told: list[tuple[str, ...]] = []
    with Patience(60.0, "checking", tell=lambda *lines: told.append(lines)) as patience:
        patience.ask()
    assert told == [(f"EXTEND_TIMEOUT_USEC={GRANTED_SECONDS:.0f}000000", "STATUS=checking")]


def test_an_impossible_clock_is_waited_for_and_then_given_up() -> None:
    async def work() -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        right = LoopClock(round(EARLIEST.timestamp() * 1000) - 30_000)
        await wait_for_clock(right)
        assert 30 <= loop.time() - began < 40
        with pytest.raises(ClockBehind, match=r"1970-01-01 00:10 UTC.*timedatectl"):
            await wait_for_clock(LoopClock(0 - round(loop.time() * 1000)), seconds=600.0)

    run(work())


# --- starts that fail, in this process ----------------------------------------------------


@pytest.fixture(autouse=True)
def sqlite_is_in_use(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other tests of this process may have files open, and then SQLite cannot be set up."""
    monkeypatch.setattr(runs.sqlite_engine, "tune", lambda: None)


def started(path: Path, text: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    """Try to start a daemon that cannot; its status and what it said."""
    file = path / "pulsarack.toml"
    file.write_text(text)

    async def beside() -> int:
        return await asyncio.to_thread(runs.main, file)

    return asyncio.run(beside()), capsys.readouterr().err


def test_what_only_a_person_can_mend_is_not_tried_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    state = tmp_path / "state"
    state.mkdir()
    sound = '[daemon]\nstate_dir = "state"\nsocket = "s"\n'
    assert started(tmp_path, "[daemon]\nsate_dir = 1\nlog_level = 2\n", capsys) == (
        78,
        f"pulsarack: {tmp_path}/pulsarack.toml:2: daemon.sate_dir: there is no such key;"
        " did you mean state_dir?\n"
        f"pulsarack: {tmp_path}/pulsarack.toml:3: daemon.log_level: 2 was given;"
        " allowed are 'debug', 'info', 'warning' or 'error'\n",
    )
    code, said = started(tmp_path, f'{sound}secrets_file = "secrets.toml"\n', capsys)
    assert (code, "secrets.toml: there is no such file; create it" in said) == (78, True)
    code, said = started(tmp_path, f'{sound}recipes_dir = "none"\n', capsys)
    assert (code, "no such directory" in said) == (78, True)
    state.chmod(0o500)
    if os.geteuid() != 0:
        assert started(tmp_path, sound, capsys)[0] == 78
    state.chmod(0o700)
    (state / "pulsarack.db").write_bytes(b"no database at all, but a text" * 100)
    code, said = started(tmp_path, sound, capsys)
    assert (code, "pulsarack.db" in said) == (78, True)


# --- a whole process ----------------------------------------------------------------------


def test_a_daemon_hears_every_signal_at_its_time(
    tmp_path: Path, manager: socket.socket, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "pulsarack.toml"
    sound = (
        '[daemon]\nstate_dir = "."\nsocket = "s"\nlog_format = "json"\n'
        "[usb]\nmodems = false\n[rehearsal]\nspeed = 20\n"
    )
    config.write_text(sound)
    environ = {**os.environ, "NOTIFY_SOCKET": str(tmp_path / "notify")}
    environ.pop("CREDENTIALS_DIRECTORY", None)
    command = [sys.executable, "-m", "pulsarack.daemon.main", "--config", str(config), "run"]
    with subprocess.Popen(command, env=environ, stderr=subprocess.PIPE, text=True) as daemon:
        assert heard(manager, "READY=1") == []
        assert heard(manager, "STATUS=no modem found; plug one in, see pulsarack rack") == []

        # A second one on the same directory, and one on the same socket.
        code, said = started(tmp_path, sound, capsys)
        assert (code, f"process {daemon.pid} already works in" in said) == (75, True)
        (tmp_path / "other").mkdir()
        code, said = started(tmp_path, sound.replace('"."', '"other"'), capsys)
        assert (code, "a daemon listens at" in said) == (75, True)

        config.write_text(f"{sound}[chips]\nreserve = -1\n")
        daemon.send_signal(signal.SIGHUP)
        assert heard(manager, "RELOADING=1") == []
        assert heard(manager, "READY=1") == []
        (bad,) = heard(manager, "STATUS=", but="STATUS=no modem found; plug one in")
        assert "running with the configuration of before" in bad
        config.write_text(f"{sound}[chips]\nreserve = 7\n")
        daemon.send_signal(signal.SIGHUP)
        heard(manager, "RELOADING=1")
        heard(manager, "READY=1")
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGTERM, signal.SIGINT):
            daemon.send_signal(number)
        heard(manager, "STOPPING=1")
        _, said = daemon.communicate(timeout=60)
    assert daemon.returncode == 0
    assert '"event":"config.refused"' in said
    assert '"changed":"chips.reserve"' in said
    assert '"event":"daemon.stopped"' in said


def heard(manager: socket.socket, wanted: str, but: str = "") -> list[str]:
    """Wait for a datagram that begins so; what else came before it that is no sign of life."""
    other = []
    while True:
        said = manager.recv(9999).decode()
        if said.startswith(wanted) and said != but:
            return [*other, said] if but else other
        if said != "WATCHDOG=1":
            other.append(said)


def test_handlers_are_given_back_and_a_closed_loop_is_no_harm() -> None:
    before = [signal.getsignal(one) for one in (signal.SIGHUP, signal.SIGTERM, signal.SIGINT)]
    signals = Signals()
    signals.hear_reload()
    os.kill(os.getpid(), signal.SIGHUP)
    assert signals.reload.is_set()  # before there was a loop

    async def work() -> None:
        signals.attach()
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.wait_for(signals.stop.wait(), 60)

    asyncio.run(work())
    os.kill(os.getpid(), signal.SIGTERM)
    signals.forget()
    signal.signal(signal.SIGINT, before[2])  # that of before was the loop's, which is gone
    assert before == [signal.getsignal(n) for n in (signal.SIGHUP, signal.SIGTERM, signal.SIGINT)]
