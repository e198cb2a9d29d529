"""What the doctor says of the machine: each check on a small tree of files, and its command."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pulsarack.daemon import (
    config,
    doctor_clock,
    doctor_rights,
    doctor_rivals,
    doctor_udev,
    doctor_unit,
    doctor_usb,
)
from pulsarack.daemon.doctor import Check, Finding, Level, Subject, examine
from pulsarack.daemon.doctor_facts import Machine, caller, with_credentials
from tests.daemon.machine_tree import NOWHERE, Tree

RULES = Path(__file__).parents[2] / "udev" / doctor_udev.FILE
NOW = 1_795_331_100_000  # 2026-11-22
PASSWD = "root:x:0:0::/root:/bin/sh\npulsarack:x:990:990::/x:/bin/false\nani:x:1000:1000::/h:/b\n"
SHOWN = {
    "LoadState": "loaded",
    "UnitFileState": "enabled",
    "ActiveState": "active",
    "SubState": "running",
    "Result": "success",
    "NRestarts": "0",
    "NeedDaemonReload": "no",
}


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(tmp_path / "machine")


@pytest.fixture
def look(tmp_path: Path, tree: Tree, monkeypatch: pytest.MonkeyPatch) -> "Iterator[Look]":
    monkeypatch.setattr(Subject, "running", None)
    (tmp_path / "state").mkdir()
    yield Look(tmp_path, tree)


class Look:
    """What one check says of a tree."""

    def __init__(self, place: Path, tree: Tree) -> None:
        self.place, self.tree = place, tree
        self.settings: dict[str, Any] = {"daemon": {"state_dir": "state"}}
        self.now_ms = NOW

    def __call__(self, check: Check, machine: Machine | None = None) -> list[str]:
        found = self.findings(check, machine)
        return [f"{one.level} {one.what} $ {one.command}".removesuffix(" $ ") for one in found]

    def findings(self, check: Check, machine: Machine | None = None) -> list[Finding]:
        path = self.place / "pulsarack.toml"
        settings = config.parse(self.settings, path)
        machine = machine or self.tree.machine
        subject = Subject(settings, self.place / "s", {}, self.now_ms, True, machine, None)
        return list(examine(subject, [check]))


MACHINE_CHECKS: tuple[Check, ...] = (
    doctor_rights.port_group,
    doctor_clock.time_zone,
    doctor_udev.rules,
    doctor_rivals.programs,
    doctor_usb.depth,
    doctor_unit.unit,
)


@pytest.mark.parametrize("check", MACHINE_CHECKS)
def test_a_check_that_cannot_look_says_so(look: Look, check: Check) -> None:
    (found,) = look.findings(check, NOWHERE)
    assert (found.level, found.command) == (Level.SKIP, "")


# --- rights -------------------------------------------------------------------------------


def users(tree: Tree, dialout: str = "", pulsarack: str = "") -> None:
    me = os.geteuid()
    tree.file("/etc/passwd", PASSWD if me == 0 else f"{PASSWD}me:x:{me}:{me}::/h:/b\n")
    tree.file("/etc/group", f"dialout:x:20:{dialout}\npulsarack:x:990:{pulsarack}\nodd:x\n")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_the_daemon_s_user_must_be_in_dialout(look: Look, tree: Tree) -> None:
    os.chown(look.place / "state", 990, 990)
    users(tree)
    assert look(doctor_rights.port_group) == [
        "bad pulsarack is not in the group dialout and can open no port"
        " $ sudo adduser pulsarack dialout"
    ]
    users(tree, dialout="ani,pulsarack")
    assert look(doctor_rights.port_group) == ["ok pulsarack is in the group dialout"]
    users(tree)
    tree.folder("/run/systemd/system")
    tree.answers["pulsarack"] = "dialout plugdev\n"
    assert look(doctor_rights.port_group) == ["ok pulsarack is in the group dialout"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_a_running_daemon_shows_its_own_groups(
    look: Look, tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.chown(look.place / "state", 990, 990)
    users(tree, dialout="pulsarack")
    monkeypatch.setattr(Subject, "running", 77)
    tree.file("/proc/77/status", "Name:\tx\nGid:\t990\t990\t990\t990\nGroups:\t990 \n")
    (found,) = look.findings(doctor_rights.port_group)
    assert found.what.startswith("the running daemon is not in the group dialout")
    assert "restart" in found.remedy
    tree.file("/proc/77/status", "Gid:\t990\nGroups:\t20 990\n")
    assert look(doctor_rights.port_group) == ["ok pulsarack is in the group dialout"]


def test_who_asks_must_be_in_the_group_of_the_socket(look: Look, tree: Tree) -> None:
    tree.caller = 1000
    tree.file("/etc/passwd", PASSWD)
    assert look(doctor_rights.admin_group) == [
        "bad there is no group pulsarack, whose members command the daemon $ sudo systemd-sysusers"
    ]
    users(tree)
    assert look(doctor_rights.admin_group) == [
        "warn ani is not in the group pulsarack and cannot command the daemon"
        " $ sudo adduser ani pulsarack"
    ]
    users(tree, pulsarack="ani")
    (found,) = look.findings(doctor_rights.admin_group)
    # By sudo, or in a session that is older than the membership.
    assert (found.level, found.command) in [(Level.OK, ""), (Level.WARN, "newgrp pulsarack")]
    tree.caller = 4711
    assert look(doctor_rights.admin_group) == ["skip your login cannot be found out"]
    tree.caller = 0
    assert look(doctor_rights.admin_group) == ["ok you may command the daemon"]


def test_the_caller_is_who_called_sudo() -> None:
    assert caller({"SUDO_UID": "x1"}) == os.getuid()
    assert caller({"SUDO_UID": "1000"}) == (1000 if os.geteuid() == 0 else os.getuid())


def test_root_reads_what_the_unit_hands_to_the_daemon() -> None:
    usual = with_credentials({}, Path("/etc/pulsarack/pulsarack.toml"))
    assert usual == ({"CREDENTIALS_DIRECTORY": "/etc/pulsarack"} if os.geteuid() == 0 else {})
    assert with_credentials({}, Path("/home/ani/pulsarack.toml")) == {}


def test_files_with_secrets_are_for_their_owner_alone(look: Look, tree: Tree) -> None:
    token = look.place / "token"
    token.write_text("x")
    token.chmod(0o640)
    pepper = tree.file("/etc/pulsarack/pepper", "x")
    pepper.chmod(0o600)
    look.settings["whatsapp"] = {"token_file": str(token), "app_secret_file": "none"}
    assert look(doctor_rights.credentials) == [
        f"bad {token} holds a secret, and more than its owner may use it $ sudo chmod 600 {token}",
        f"bad there is no {look.place}/none, which the configuration names"
        " $ sudoedit /etc/pulsarack/pulsarack.toml",
        "ok 1 files with secrets are closed to all but their owners",
    ]


def test_what_the_daemon_obeys_may_not_be_changed_by_others(look: Look) -> None:
    recipes = look.place / "recipes"
    recipes.mkdir()
    recipes.chmod(0o777)
    look.settings["daemon"]["recipes_dir"] = "recipes"
    assert look(doctor_rights.configuration_file) == [
        f"bad others can write {recipes}, and with it decide what is sent where"
        f" $ sudo chmod go-w {recipes}"
    ]
    recipes.chmod(0o755)
    assert look(doctor_rights.configuration_file) == []


# --- time ---------------------------------------------------------------------------------


def test_a_clock_in_1970_is_bad(look: Look) -> None:
    look.now_ms = 3_600_000
    assert look(doctor_clock.clock)[0] == (
        "bad the machine's clock shows 1970-01-01 01:00 UTC $ sudo timedatectl set-ntp true"
    )


def test_a_clock_that_runs_too_fast_is_for_exercises(look: Look) -> None:
    look.settings["rehearsal"] = {"speed": 40.0}
    assert look(doctor_clock.clock)[0] == (
        "warn the daemon's clock runs 40 times too fast: with real modems nothing is in time"
        " $ sudoedit /etc/pulsarack/pulsarack.toml"
    )


def test_machine_and_trade_have_one_zone(look: Look, tree: Tree) -> None:
    tree.link("/etc/localtime", "/usr/share/zoneinfo/Etc/UTC")
    assert look(doctor_clock.time_zone) == [
        "warn the machine's is Etc/UTC, the trade's Asia/Jakarta: logs and reports differ in time"
        " $ sudo timedatectl set-timezone Asia/Jakarta"
    ]
    (tree.root / "etc/localtime").unlink()
    tree.file("/etc/timezone", "Asia/Jakarta\n")
    assert look(doctor_clock.time_zone) == [
        "ok it is Asia/Jakarta, for the machine and for the trade"
    ]


# --- udev ---------------------------------------------------------------------------------


def test_the_digest_is_that_of_the_rules() -> None:
    shipped = doctor_udev.digest(RULES.read_text(encoding="utf-8"))
    assert shipped == doctor_udev.DIGEST, f'write DIGEST = "{shipped}" into daemon/doctor_udev.py'


def test_rules_are_there_and_of_this_version(look: Look, tree: Tree) -> None:
    tree.folder("/sys/class/tty")
    assert look(doctor_udev.rules)[0].startswith("bad there are none of ours")
    text = RULES.read_text(encoding="utf-8")
    hubs = f"# {doctor_udev.OPTIONAL}"
    assert hubs in text
    tree.file("/lib/udev/rules.d/70-pulsarack.rules", text.replace(hubs, doctor_udev.OPTIONAL))
    good = look(doctor_udev.rules)
    assert good == ["ok /lib/udev/rules.d/70-pulsarack.rules is of this version"]
    tree.file("/etc/udev/rules.d/70-pulsarack.rules", text.replace("dialout", "plugdev"))
    assert look(doctor_udev.rules) == [
        "bad /etc/udev/rules.d/70-pulsarack.rules is of another version and hides the one of this"
        " version below it $ sudo rm /etc/udev/rules.d/70-pulsarack.rules"
    ]
    (tree.root / "lib/udev/rules.d/70-pulsarack.rules").unlink()
    assert look(doctor_udev.rules) == [
        "warn /etc/udev/rules.d/70-pulsarack.rules is of another version than this program"
        " $ sudo apt-get install --reinstall ./pulsarack_*.deb"
    ]


def test_rules_that_came_after_the_modems(look: Look, tree: Tree) -> None:
    tree.file("/etc/udev/rules.d/70-pulsarack.rules", RULES.read_text(encoding="utf-8"))
    tree.folder("/sys/class/tty/ttyUSB0")
    assert look(doctor_udev.rules)[1:] == [
        "warn USB ports are there that were plugged in before udev knew the rules"
        " $ sudo udevadm trigger"
    ]
    tree.folder("/dev/pulsarack")
    assert look(doctor_udev.rules)[1:] == []


# --- other programs -----------------------------------------------------------------------


def test_programs_that_take_modems(look: Look, tree: Tree) -> None:
    tree.process(1, "systemd")
    assert look(doctor_rivals.programs) == ["ok none that is known to take modems runs"]
    tree.process(300, "ModemManager")
    tree.process(301, "brltty")
    assert look(doctor_rivals.programs) == [
        "bad ModemManager runs (process 300): it sends AT commands to the ports it finds"
        " $ sudo systemctl disable --now ModemManager",
        "bad brltty runs (process 301): it takes USB-serial cables for Braille displays"
        " $ sudo systemctl disable --now brltty",
    ]
    tree.file("/etc/udev/rules.d/70-pulsarack.rules", "x")
    assert look(doctor_rivals.programs)[0] == (
        "ok ModemManager runs, and udev tells it to leave our devices alone"
    )


def test_who_holds_our_ports(look: Look, tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    for tty in ("ttyUSB0", "ttyUSB1", "ttyS4", "ttyS5"):
        tree.folder(f"/sys/class/tty/{tty}")
    tree.process(7, "minicom", "/dev/pts/1", "/dev/ttyUSB1")
    tree.process(8, "pulsarack", "/dev/ttyUSB0")
    tree.process(9, "screen", "/dev/ttyS4", "/dev/ttyS5", "/dev/ttyS4")
    tree.process(os.getpid(), "python", "/dev/ttyUSB0")
    monkeypatch.setattr(Subject, "running", 8)
    look.settings |= {"port": [{"path": "/dev/ttyS4"}], "usb": {"modems": True}}
    assert look(doctor_rivals.holders) == [
        "bad /dev/ttyUSB1 is held by minicom (process 7) $ sudo kill 7",
        "bad /dev/ttyS4 is held by screen (process 9) $ sudo kill 9",
    ]


# --- USB ----------------------------------------------------------------------------------


def bus(tree: Tree) -> None:
    root = {"manufacturer": "Linux 6.1.0 xhci-hcd", "serial": "0000:00:14.0"}
    tree.usb("usb1", bDeviceClass="09", bmAttributes="e0", bMaxPower="0mA", **root)
    tree.usb("usb2", bDeviceClass="09", bmAttributes="e0", bMaxPower="0mA", **root)
    tree.usb("1-2", bDeviceClass="09", bmAttributes="e0", bMaxPower="100mA")


def test_a_tree_as_it_should_be(look: Look, tree: Tree) -> None:
    bus(tree)
    tree.usb("1-2.1", bmAttributes="a0", endpoints=9)
    assert look(doctor_usb.depth) == ["ok 4 devices, 3 tiers deep"]
    assert look(doctor_usb.power) == [
        "ok hub 1-2 has a supply of its own; what hangs on it may draw 500 mA"
    ]
    assert look(doctor_usb.over_current) == look(doctor_usb.endpoints) == []


def test_too_many_hubs_in_a_chain(look: Look, tree: Tree) -> None:
    bus(tree)
    tree.usb("1-2.1.1.1.4")
    assert look(doctor_usb.depth) == ["warn 1-2.1.1.1.4 hangs on tier 6, behind 4 hubs $ lsusb -t"]


def test_a_hub_that_lives_on_its_cable(look: Look, tree: Tree) -> None:
    bus(tree)
    tree.usb("1-2.3", bDeviceClass="09", bmAttributes="80", bMaxPower="100mA")
    tree.usb("1-2.3.1", bMaxPower="500mA")
    assert [one for one in look(doctor_usb.power) if not one.startswith("ok")] == [
        "bad hub 1-2.3 lives on its cable's 500 mA, and what hangs on it may draw 500 mA $ lsusb -t"
    ]


def test_a_port_that_cut_its_power(look: Look, tree: Tree) -> None:
    bus(tree)
    tree.file("/sys/bus/usb/devices/1-2:1.0/1-2-port3/over_current_count", "4\n")
    tree.file("/sys/bus/usb/devices/1-0:1.0/usb1-port1/over_current_count", "0\n")
    assert look(doctor_usb.over_current) == [
        "bad USB port 1-2-port3 was overloaded 4 times and cut its power"
        " $ sudo dmesg --level=err,warn"
    ]


def test_a_controller_that_is_nearly_full(look: Look, tree: Tree) -> None:
    bus(tree)
    for number in range(1, 9):
        tree.usb(f"1-2.{number}", endpoints=9)
    (line,) = look(doctor_usb.endpoints)
    assert line.startswith("warn 86 endpoints hang on controller 0000:00:14.0; many end at 96")


def test_sysfs_that_says_nonsense_is_read_as_nothing(look: Look, tree: Tree) -> None:
    tree.usb("1-x", bMaxPower="5")
    tree.usb("1-1", bDeviceClass="\x00", bMaxPower="lots", bmAttributes="zz", endpoints=255)
    assert look(doctor_usb.depth) == ["ok 1 devices, 2 tiers deep"]
    assert look(doctor_usb.power) == []


# --- the service --------------------------------------------------------------------------


def shown(tree: Tree, unit: str, **changed: str) -> None:
    tree.folder("/run/systemd/system")
    tree.answers[unit] = "".join(f"{key}={value}\n" for key, value in (SHOWN | changed).items())


def test_a_service_that_works(look: Look, tree: Tree) -> None:
    shown(tree, doctor_unit.UNIT)
    shown(tree, doctor_unit.BACKUP_TIMER, SubState="waiting")
    assert look(doctor_unit.unit) == ["ok pulsarack.service is active"]


@pytest.mark.parametrize(
    ("changed", "line"),
    [
        ({"LoadState": "not-found"}, "bad pulsarack.service is not installed"),
        ({"ActiveState": "failed", "Result": "exit-code"}, "bad pulsarack.service has failed: e"),
        ({"ActiveState": "activating", "SubState": "auto-restart"}, "bad pulsarack.service ends"),
        ({"ActiveState": "inactive"}, "warn pulsarack.service is inactive $ sudo systemctl start"),
        ({"UnitFileState": "disabled"}, "warn pulsarack.service does not start with the machine"),
        ({"NeedDaemonReload": "yes"}, "warn pulsarack.service was changed on disk"),
        ({"NRestarts": "7"}, "warn systemd had to start it anew 7 times"),
    ],
)
def test_a_service_that_does_not(
    look: Look, tree: Tree, changed: dict[str, str], line: str
) -> None:
    shown(tree, doctor_unit.UNIT, **changed)
    found = [one for one in look(doctor_unit.unit) if not one.startswith("ok")]
    assert [one for one in found if one.startswith(line)] == found
    assert " $ " in found[0]


def test_a_timer_that_stands_still(look: Look, tree: Tree) -> None:
    shown(tree, doctor_unit.UNIT)
    shown(tree, doctor_unit.BACKUP_TIMER, ActiveState="inactive")
    assert look(doctor_unit.unit)[1:] == [
        "warn pulsarack-backup.timer does not run, so no backup is made when the daemon is down"
        " $ sudo systemctl enable --now pulsarack-backup.timer"
    ]
