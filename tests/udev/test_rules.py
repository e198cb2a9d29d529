"""udev/70-pulsarack.rules: what it says is what the product knows, and udev understands it."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from pulsarack.modems.at_ports import AtPorts, primary_ports
from pulsarack.modems.slots import BRIDGE_DRIVERS
from tests.udev.cases import CASES, RULES
from tests.umockdev import ROOT, run_case

TEXT = RULES.read_text()


def test_the_rules_know_the_at_ports_of_the_table() -> None:
    pattern = r'^ENV\{\.PULSARACK_AT\}=="([0-9a-f]{4}:[0-9a-f]{4})-([0-9a-f]{2})"'
    found = {model: int(number, 16) for model, number in re.findall(pattern, TEXT, re.MULTILINE)}
    assert found == dict(primary_ports(AtPorts.load()))


def test_the_rules_know_the_same_cables() -> None:
    (drivers,) = re.findall(r'DRIVERS=="([^"]+)", ENV\{\.PULSARACK_CABLE\}', TEXT)
    assert set(drivers.split("|")) == BRIDGE_DRIVERS


def test_what_may_be_reset_may_be_written_to_by_the_service() -> None:
    _, devices = TEXT.split('LABEL="pulsarack_device"')
    (rights,) = re.findall(
        r'^ATTR\{idVendor\}=="([^"]+)", GROUP="dialout", MODE="066[04]"$', devices, re.MULTILINE
    )
    makers = re.findall(r'^ATTR\{idVendor\}=="([0-9a-f]{4})", ENV', devices, re.MULTILINE)
    assert sorted(rights.split("|")) == sorted(makers)
    unit = (ROOT / "systemd/pulsarack.service").read_text()
    users = (ROOT / "systemd/pulsarack.sysusers").read_text()
    assert "\nUser=pulsarack\n" in unit and "\nm pulsarack dialout\n" in users
    assert "\nDeviceAllow=char-usb_device rw\n" in unit


def test_every_line_is_a_comment_or_a_rule_and_every_label_is_there() -> None:
    token = r'[A-Z]+(?:\{[^}]+\})?(?:==|!=|\+=|=)"[^"]*"'
    for number, line in enumerate(TEXT.splitlines(), start=1):
        rule = re.fullmatch(rf"{token}(?:, {token})*", line)
        assert not line or line.startswith("#") or rule, f"line {number}: {line}"
    labels = re.findall(r'LABEL="([^"]+)"', TEXT)
    assert set(re.findall(r'GOTO="([^"]+)"', TEXT)) == set(labels)
    assert len(labels) == len(set(labels))
    for label in labels:
        assert TEXT.rindex(f'GOTO="{label}"') < TEXT.index(f'LABEL="{label}"'), "only forwards"


@pytest.mark.parametrize("name", CASES)
def test_as_udev_carries_them_out(name: str, tmp_path: Path) -> None:
    if shutil.which("udevadm") is None:
        pytest.skip("there is no udevadm here: apt-get install udev")
    apart = ["unshare", "--mount", "mount", "-t", "tmpfs", "none", "/run"]
    if subprocess.run(apart, capture_output=True, check=False).returncode:
        pytest.skip("a mount namespace is for root")
    run_case("tests.udev.cases", name, tmp_path)
