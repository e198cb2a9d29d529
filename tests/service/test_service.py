"""The service under a real systemd, with its unit as it is: one machine for all, booted once.

The tests here stand in their order: each finds the service as the one before has left it, and
says so. What takes seconds of the unit's own patience (the watchdog, the pause before a restart)
is shortened by a drop-in; nothing else of the unit is changed.
"""

import json
import os
import shutil
import time
import tty
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.service.container import Container, booted

DROP_IN = "/etc/systemd/system/pulsarack.service.d/quick.conf"
QUICK = "[Service]\nWatchdogSec={watchdog}\nRestartSec=100ms\n"
CONFIG = "/etc/pulsarack/pulsarack.toml"
SOUND = '[[port]]\npath = "/dev/ttyUSB0"\n'
SERVICE = "pulsarack.service"
PATIENT, CURT = "120", "1500ms"
SOME = tuple("123456789")
_LISTENER = """
import os, socket, time
os.makedirs("/run/pulsarack", exist_ok=True)
with socket.socket(socket.AF_UNIX) as listener:
    listener.bind("/run/pulsarack/control.sock")
    listener.listen()
    time.sleep(600)
"""


@pytest.fixture(scope="module")
def port() -> Iterator[tuple[int, str]]:
    """The far end of a serial line, and the name of the near one, which belongs to dialout."""
    if os.geteuid() != 0:
        pytest.skip("a container is for root")
    ours, theirs = os.openpty()
    tty.setraw(theirs)
    os.set_blocking(ours, False)
    shutil.chown(os.ttyname(theirs), "root", "dialout")
    Path(os.ttyname(theirs)).chmod(0o660)
    yield ours, os.ttyname(theirs)
    os.close(ours)
    os.close(theirs)


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory, port: tuple[int, str]) -> Iterator[Container]:
    """It has the service, a sound configuration, and no secret at all."""
    with booted(tmp_path_factory.mktemp("machine"), (f"{port[1]}:/dev/ttyUSB0",)) as container:
        container.write(CONFIG, SOUND)
        container.write(DROP_IN, QUICK.format(watchdog=PATIENT))
        container.run("systemctl", "daemon-reload")
        yield container


def test_it_starts_without_hardware_or_secrets_and_says_so(machine: Container) -> None:
    machine.run("systemctl", "start", SERVICE)
    # Type=notify: the start has ended because the daemon said READY=1.
    assert machine.shown("ActiveState") == "active"
    assert "chip" in machine.shown("StatusText")
    status = machine.run("pulsarack", "status")
    assert "ready" in status
    assert "credential" not in machine.journal()


def test_the_sandbox_lets_it_write_fields_into_the_journal(machine: Container) -> None:
    wanted = ("EVENT=daemon.started", "PRIORITY=6", "SYSLOG_IDENTIFIER=pulsarack")
    found = machine.run("journalctl", "--no-pager", "-u", SERVICE, "-o", "json", *wanted)
    (entry,) = map(json.loads, found.splitlines())
    assert entry["_TRANSPORT"] == "journal"
    assert int(entry["RECIPES"]) >= 1
    assert entry["MESSAGE"].startswith("daemon.started queued_again=0 undecided=0")


def test_the_sandbox_lets_it_use_its_port(machine: Container, port: tuple[int, str]) -> None:
    heard = b""
    deadline = time.monotonic() + 30
    while b"AT" not in heard:
        assert time.monotonic() < deadline, machine.run("pulsarack", "modem", "list")
        try:
            heard += os.read(port[0], 4096)
        except BlockingIOError:
            time.sleep(0.02)


def test_it_may_do_little_else(machine: Container) -> None:
    inside = machine.run("cat", f"/proc/{machine.shown('MainPID')}/status")
    facts = dict(line.split(":\t", 1) for line in inside.splitlines() if ":\t" in line)
    assert set(facts["CapBnd"]) == set(facts["CapEff"]) == {"0"}
    assert facts["NoNewPrivs"] == "1" and facts["Seccomp"] == "2"
    owner = machine.run("id", "-u", "pulsarack")
    assert set(facts["Uid"].split()) == {owner} and owner != "0"


def test_a_second_one_is_refused_and_disturbs_nothing(machine: Container) -> None:
    pid = machine.shown("MainPID")
    machine.run("systemctl", "start", SERVICE)
    assert machine.shown("MainPID") == pid, "systemd knows that it runs"
    by_hand = ("setpriv", "--reuid=pulsarack", "--regid=pulsarack", "--init-groups")
    second = machine.ended(*by_hand, "pulsarack", "run")
    assert second.returncode == 75, second.stdout
    assert machine.shown("MainPID") == pid
    assert machine.shown("ActiveState") == "active"


def test_a_reload_takes_a_new_file_and_keeps_the_old_one_for_a_bad_one(machine: Container) -> None:
    pid = machine.shown("MainPID")
    machine.write(CONFIG, f"{SOUND}[chips]\nreserve = 5000\n")
    machine.run("systemctl", "reload", SERVICE)
    machine.write(CONFIG, f"{SOUND}[chips]\nreserf = 5000\n")
    machine.run("systemctl", "reload", SERVICE)
    deadline = time.monotonic() + 30
    while "reserf" not in machine.journal():
        assert time.monotonic() < deadline, machine.journal()
        time.sleep(0.05)
    assert "config.reloaded" in machine.journal()
    assert machine.shown("ActiveState") == "active" and machine.shown("MainPID") == pid
    machine.write(CONFIG, SOUND)


def test_it_ends_in_order(machine: Container) -> None:
    machine.run("systemctl", "stop", SERVICE)
    assert (machine.shown("Result"), machine.shown("ExecMainStatus")) == ("success", "0")
    assert machine.shown("NRestarts") == "0"


def test_a_process_that_hangs_is_killed_and_started_anew(machine: Container) -> None:
    machine.write(DROP_IN, QUICK.format(watchdog=CURT))
    machine.run("systemctl", "daemon-reload")
    machine.run("systemctl", "start", SERVICE)
    pid = machine.shown("MainPID")
    machine.run("kill", "-STOP", pid)
    machine.until("NRestarts", *SOME)
    machine.until("ActiveState", "active")
    assert machine.shown("MainPID") != pid
    assert "Watchdog timeout" in machine.journal()
    machine.write(DROP_IN, QUICK.format(watchdog=PATIENT))
    machine.run("systemctl", "daemon-reload")
    machine.run("systemctl", "stop", SERVICE)


def test_what_no_restart_puts_right_is_not_tried_again(machine: Container) -> None:
    machine.write(CONFIG, "[no such section]\n")
    assert machine.ended("systemctl", "start", SERVICE).returncode != 0
    assert machine.shown("ActiveState") == "failed"
    assert machine.shown("ExecMainStatus") == "78"
    assert machine.shown("NRestarts") == "0"
    machine.run("systemctl", "reset-failed", SERVICE)
    machine.write(CONFIG, SOUND)


def test_a_socket_that_is_taken_is_waited_for(machine: Container) -> None:
    """By another program, before ours: the restarts go on until it is gone."""
    options = ("--quiet", "--unit=taker", "--uid=pulsarack", "-pRuntimeDirectory=pulsarack")
    machine.run("systemd-run", *options, "/opt/python/bin/python3", "-Ic", _LISTENER)
    machine.until("ActiveState", "active", unit="taker.service")
    machine.run("systemctl", "start", "--no-block", SERVICE)
    machine.until("NRestarts", *SOME)
    assert machine.shown("ExecMainStatus") in ("75", "0")
    machine.run("systemctl", "stop", "taker.service")
    machine.until("ActiveState", "active")


def test_it_can_be_ended_while_it_starts(machine: Container) -> None:
    machine.run("systemctl", "stop", SERVICE)
    machine.run("systemctl", "reset-failed", SERVICE, check=False)
    machine.run("systemctl", "start", "--no-block", SERVICE)
    machine.until("ActiveState", "activating")
    machine.run("systemctl", "stop", SERVICE)
    assert (machine.shown("ActiveState"), machine.shown("Result")) == ("inactive", "success")
