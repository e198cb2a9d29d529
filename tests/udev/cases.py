"""The rules as udev itself carries them out: python -m tests.udev.cases NAME DIRECTORY.

`udevadm test` runs on the machine of umockdev's, with a /run and a /dev of its own (mount
namespace), so that nothing of it is left. Run by test_rules.py.
"""

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from pulsarack.modems.udev import Udev
from tests.umockdev import ROOT, Testbed

RULES = ROOT / "udev" / "70-pulsarack.rules"
ALONE = """
set -e
mount -t tmpfs none /run
mkdir -p /run/udev/rules.d /run/dev
mount --bind /dev /run/dev
mount -t tmpfs none /dev
for name in null zero full random urandom; do
    touch /dev/$name
    mount --bind /run/dev/$name /dev/$name
done
cp "$1" /run/udev/rules.d/
udevadm test --action=add "$2"
sed -n "s/^L:/PRIORITY=/p" /run/udev/data/*
"""


def udevadm_test(path: str) -> tuple[dict[str, str], str]:
    """The properties that udev gives a device, and what it says on the way."""
    command = ["unshare", "--mount", "sh", "-c", ALONE, "sh", str(RULES), path]
    found = subprocess.run(command, capture_output=True, text=True, check=True)
    return dict(re.findall(r"^([^=\s]+)=(.*)$", found.stdout, re.MULTILINE)), found.stderr


def the_slots_of_the_rules_are_those_of_the_product(directory: Path) -> None:
    bed = Testbed()
    stick = bed.plug("2.1", "12d1:1001", [(0, "ttyUSB0"), (2, "ttyUSB1")], address=5)
    card = bed.plug(
        "3", "0403:6011", [(n, f"ttyUSB{n + 2}") for n in range(4)], address=6, driver="ftdi_sio"
    )
    cable = bed.plug("4.1.2", "067b:2303", [(0, "ttyUSB6")], address=7, driver="pl2303")
    acm = bed.plug("5", "1bc7:0021", [(0, "ttyACM0")], address=8, driver="cdc_acm")
    udev = Udev()
    udev.enumerate()
    slots = {tty.node: key for key, place in udev.places().items() for tty in place.ttys}
    assert len(slots) == 8
    for path in (*stick, *card, *cable, *acm):
        found, _ = udevadm_test(path)
        slot = slots[found["DEVNAME"]]
        assert found["PULSARACK_SLOT"] == slot
        assert f"/dev/pulsarack/{slot}" in found["DEVLINKS"].split()
        assert ":systemd:" in found["TAGS"]


def the_at_port_has_the_name_of_the_slot(directory: Path) -> None:
    bed = Testbed()
    ttys = bed.plug("2.1", "2c7c:0125", [(n, f"ttyUSB{n}") for n in range(4)], address=5)
    found = [udevadm_test(tty)[0] for tty in ttys]
    for number, one in enumerate(found):
        assert f"/dev/pulsarack/usb-0000:00:14.0-2.1.if0{number}" in one["DEVLINKS"].split()
    assert [one.get("PRIORITY") for one in found] == [None, None, "20", None]
    huawei = bed.plug(
        "3", "12d1:1573", [(0, "ttyUSB8"), (1, "ttyUSB9")], address=6, protocol="02/02"
    )
    assert udevadm_test(huawei[0])[0]["PRIORITY"] == "10"


def modem_manager_is_kept_away(directory: Path) -> None:
    bed = Testbed()
    for number, model in enumerate(("12d1:1001", "0403:6011", "05c6:9003"), start=2):
        (tty,) = bed.plug(str(number), model, [(0, f"ttyUSB{number}")], address=number)
        usb = tty.split(f"/1-{number}:1.0")[0]
        assert udevadm_test(usb)[0]["ID_MM_DEVICE_IGNORE"] == "1"


def udev_finds_no_fault_with_the_rules(directory: Path) -> None:
    bed = Testbed()
    (tty,) = bed.plug("2", "12d1:1001", [(0, "ttyUSB0")], address=5)
    found, said = udevadm_test(tty)
    complaints = [
        line
        for line in said.splitlines()
        if RULES.name in line and re.search(r"nvalid|nknown|gnor|rror|nexpected", line)
    ]
    assert not complaints
    assert re.search(rf"{re.escape(RULES.name)}:\d+ GROUP", said)
    assert found["PULSARACK_SLOT"]


CASES: dict[str, Callable[[Path], None]] = {
    case.__name__: case
    for case in (
        the_slots_of_the_rules_are_those_of_the_product,
        the_at_port_has_the_name_of_the_slot,
        modem_manager_is_kept_away,
        udev_finds_no_fault_with_the_rules,
    )
}

if __name__ == "__main__":
    CASES[sys.argv[1]](Path(sys.argv[2]))
