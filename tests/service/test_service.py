"""The package and its service under a real systemd: one machine for all, booted once.

The tests here stand in their order: each finds the machine as the one before has left it. What
takes seconds of the unit's own patience (the watchdog, the pause before a restart) is shortened
by a drop-in, as an admin would write it; nothing else of the unit is changed.
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
from tests.service.package import PYTHON, small

DROP_IN = "/etc/systemd/system/pulsarack.service.d/quick.conf"
QUICK = "[Service]\nWatchdogSec={watchdog}\nRestartSec=100ms\n"
PATIENT, CURT = "120", "1500ms"
CONFIG = "/etc/pulsarack/pulsarack.toml"
SOUND = '[[port]]\npath = "/dev/ttyUSB0"\n'
SERVICE = "pulsarack.service"
TIMER = "pulsarack-backup.timer"
# Forbids packages to start anything; images that tests run in have it.
POLICY = "/usr/sbin/policy-rc.d"
SOME = tuple("123456789")
# Libraries from Debian are not needed by what is tested here, and need not be there.
DPKG = ("dpkg", "--force-depends")
_LISTENER = """
import socket, time
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
    name = os.ttyname(theirs)
    shutil.chown(name, "root", "dialout")
    Path(name).chmod(0o660)
    os.close(theirs)  # the daemon wants it for itself alone
    yield ours, name
    os.close(ours)


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory, port: tuple[int, str]) -> Iterator[Container]:
    """It has a configuration and two packages of pulsarack, /1.deb and /2.deb."""
    directory = tmp_path_factory.mktemp("machine")
    with booted(directory, (f"{port[1]}:/dev/ttyUSB0",)) as container:
        for version in "12":
            shutil.copyfile(small(directory, version), container.root / f"{version}.deb")
        container.run("rm", "-f", POLICY)
        container.write(CONFIG, SOUND)
        container.write(DROP_IN, QUICK.format(watchdog=PATIENT))
        yield container


def test_it_is_installed_and_waits_for_a_socket_that_is_taken(machine: Container) -> None:
    """Another program has it; systemd clears the directory, and tries again."""
    machine.run("mkdir", "/run/pulsarack")
    machine.run("systemd-run", "-q", "--unit=taker", f"{PYTHON}/bin/python3", "-Ic", _LISTENER)
    machine.run("sh", "-c", "until [ -S /run/pulsarack/control.sock ]; do sleep 0.02; done")
    said = machine.run(*DPKG, "-i", "/1.deb")
    assert "systemctl status pulsarack.service" in said
    assert "pulsarack doctor" in said
    machine.until("ActiveState", "active")
    assert machine.shown("NRestarts") in SOME
    assert "listens at /run/pulsarack/control.sock already" in machine.journal()
    machine.run("systemctl", "stop", "taker.service")


def test_it_runs_without_a_modem_or_a_secret_and_says_so(machine: Container) -> None:
    assert machine.run("systemctl", "is-enabled", SERVICE, TIMER).split() == ["enabled"] * 2
    assert machine.shown("ActiveState", TIMER) == "active"
    machine.until("StatusText", "no chip ready")
    assert "ready" in machine.run("pulsarack", "status")
    assert machine.run("cat", CONFIG) == SOUND.strip(), "what was there is left alone"
    mode = machine.run("stat", "-c", "%U %a", "/etc/pulsarack/secrets.toml")
    assert mode == "root 600"


def test_the_sandbox_lets_it_write_fields_into_the_journal(machine: Container) -> None:
    wanted = ("EVENT=daemon.started", "PRIORITY=6", "SYSLOG_IDENTIFIER=pulsarack")
    found = machine.run("journalctl", "--no-pager", "-u", SERVICE, "-o", "json", *wanted)
    entry = json.loads(found.splitlines()[0])
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
        except OSError:  # nothing there yet, or nobody at the other end
            time.sleep(0.02)


def test_it_may_do_little_else(machine: Container) -> None:
    inside = machine.run("cat", f"/proc/{machine.shown('MainPID')}/status")
    facts = dict(line.split(":\t", 1) for line in inside.splitlines() if ":\t" in line)
    assert set(facts["CapBnd"]) == set(facts["CapEff"]) == {"0"}
    assert facts["NoNewPrivs"] == "1" and facts["Seccomp"] == "2"
    owner = machine.run("id", "-u", "pulsarack")
    assert set(facts["Uid"].split()) == {owner} and owner != "0"


def test_started_twice_it_is_the_same(machine: Container) -> None:
    pid = machine.shown("MainPID")
    machine.run("systemctl", "start", SERVICE)
    assert machine.shown("MainPID") == pid


def test_a_reload_takes_a_new_file_and_keeps_the_old_one_for_a_bad_one(machine: Container) -> None:
    pid = machine.shown("MainPID")
    machine.write(CONFIG, f"{SOUND}[chips]\nreserve = 5000\n")
    machine.run("systemctl", "reload", SERVICE)
    machine.until_said("config.reloaded")
    machine.write(CONFIG, f"{SOUND}[chips]\nreserf = 5000\n")
    machine.run("systemctl", "reload", SERVICE)
    machine.until_said("reserf")
    assert machine.shown("ActiveState") == "active" and machine.shown("MainPID") == pid
    machine.write(CONFIG, SOUND)


def test_an_upgrade_ends_it_in_order_and_starts_it_again(machine: Container) -> None:
    pid = machine.shown("MainPID")
    machine.write(DROP_IN, QUICK.format(watchdog=CURT))
    assert "pulsarack finishes" in machine.run(*DPKG, "-i", "/2.deb")
    assert machine.shown("ActiveState") == machine.shown("ActiveState", TIMER) == "active"
    assert machine.shown("MainPID") != pid
    assert "daemon.stopped" in machine.journal()


def test_a_process_that_hangs_is_killed_and_started_anew(machine: Container) -> None:
    pid = machine.shown("MainPID")
    machine.run("kill", "-STOP", pid)
    machine.until("NRestarts", *SOME)
    machine.until("ActiveState", "active")
    assert machine.shown("MainPID") != pid
    assert "Watchdog timeout" in machine.journal()
    machine.write(DROP_IN, QUICK.format(watchdog=PATIENT))
    machine.run("systemctl", "daemon-reload")
    machine.run("systemctl", "stop", SERVICE)
    assert machine.shown("Result") == "success"


def test_it_can_be_ended_while_it_starts(machine: Container) -> None:
    machine.run("systemctl", "start", "--no-block", SERVICE)
    machine.until("ActiveState", "activating")
    machine.run("systemctl", "stop", SERVICE)
    assert (machine.shown("ActiveState"), machine.shown("Result")) == ("inactive", "success")


def test_what_no_restart_puts_right_is_not_tried_again(machine: Container) -> None:
    machine.write(CONFIG, "[no such section]\n")
    assert machine.ended("systemctl", "start", SERVICE).returncode != 0
    assert machine.shown("ActiveState") == "failed"
    assert machine.shown("ExecMainStatus") == "78"
    assert machine.shown("NRestarts") == "0"


def test_it_is_removed_and_the_books_stay(machine: Container) -> None:
    machine.write("/etc/pulsarack/pepper", "00" * 32, 0o600)
    machine.run(*DPKG, "-r", "pulsarack")
    assert machine.ended("sh", "-c", "command -v pulsarack").returncode != 0
    assert machine.shown("ActiveState", TIMER) == "inactive"
    kept = machine.run("ls", "/etc/pulsarack", "/var/lib/pulsarack").split()
    assert {"pulsarack.toml", "secrets.toml", "pepper", "pulsarack.db"} <= set(kept)
    said = machine.run(*DPKG, "-P", "pulsarack")
    assert "rm -r /var/lib/pulsarack /etc/pulsarack" in said
    kept = machine.run("ls", "/etc/pulsarack", "/var/lib/pulsarack").split()
    assert {"pepper", "pulsarack.db"} <= set(kept)
    assert not {"pulsarack.toml", "secrets.toml"} & set(kept), "no key is in them"
    links = machine.ended("sh", "-c", "ls /etc/systemd/system/*.wants/ | grep pulsarack")
    assert not links.stdout


def test_installed_anew_it_has_an_example_that_is_sound(machine: Container) -> None:
    """On a machine where nothing may be started, such as an image that is being made."""
    machine.write(POLICY, "#!/bin/sh\nexit 101\n", 0o755)
    machine.run(*DPKG, "-i", "/2.deb")
    assert machine.shown("ActiveState") == "inactive"
    assert machine.run("systemctl", "is-enabled", SERVICE) == "enabled"
    assert "[daemon]" in machine.run("cat", CONFIG)
    machine.run("pulsarack", "config", "check")
