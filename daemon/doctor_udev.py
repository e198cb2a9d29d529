"""What the doctor says of udev's rules: that they are there, ours, of this version, and at work.

A folder further up hides the file of the same name in those below (udev(7)): an old copy in
/etc then holds back what a package brings. Of the file only the rules count, not comments, and
not the one line for hubs that a technician may switch on.
"""

from collections.abc import Iterator
from hashlib import sha256

from pulsarack.daemon.doctor import Finding, Subject, bad, ok, skip, warn

NAME = "udev rules"
FILE = "70-pulsarack.rules"
FOLDERS = (
    "/etc/udev/rules.d",
    "/run/udev/rules.d",
    "/usr/local/lib/udev/rules.d",
    "/usr/lib/udev/rules.d",
    "/lib/udev/rules.d",
)
DIGEST = "0b7d2ff87c97dcf5"
"""Of the rules that belong to this version; a test computes it from the file and says it."""
OPTIONAL = 'ATTR{bDeviceClass}=="09"'
_TTYS = ("ttyUSB", "ttyACM")
_RELOAD = "sudo udevadm control --reload"
_INSTALL = "sudo apt-get install --reinstall ./pulsarack_*.deb"


def digest(text: str) -> str:
    """What two files of rules that do the same have in common."""
    lines = [" ".join(line.split()) for line in text.splitlines()]
    rules = [line for line in lines if line and line[0] != "#" and not line.startswith(OPTIONAL)]
    return sha256("\n".join(rules).encode()).hexdigest()[:16]


def rules(subject: Subject) -> Iterator[Finding]:
    """The rules that name slots, give rights, and keep others away."""
    found = installed(subject)
    if not found:
        if not subject.config.finds_usb_modems:
            yield ok(NAME, "there are none; no USB modems are to be found by themselves")
        elif subject.machine.entries("/sys/class/tty") is None:
            yield skip(NAME, "there is no /sys here")
        else:
            what = "there are none of ours: ports have no rights, and ModemManager may take them"
            yield bad(NAME, what, _INSTALL)
        return
    first, text = found[0]
    if digest(text) == DIGEST:
        yield ok(NAME, f"{first} is of this version")
        yield from _at_work(subject)
    elif any(digest(other) == DIGEST for _, other in found[1:]):
        what = f"{first} is of another version and hides the one of this version below it"
        yield bad(NAME, what, f"sudo rm {first}", f"then: {_RELOAD}")
    else:
        yield warn(NAME, f"{first} is of another version than this program", _INSTALL)


def installed(subject: Subject) -> list[tuple[str, str]]:
    """Path and text of each file of ours, the one that counts first."""
    paths = [f"{folder}/{FILE}" for folder in FOLDERS]
    return [(path, text) for path in paths if (text := subject.machine.text(path)) is not None]


def _at_work(subject: Subject) -> Iterator[Finding]:
    """They make a link for every tty of a USB modem."""
    if not subject.config.finds_usb_modems or not usb_ttys(subject):
        return
    if subject.machine.entries("/dev/pulsarack") is None:
        what = "USB ports are there that were plugged in before udev knew the rules"
        yield warn(NAME, what, "sudo udevadm trigger", f"after: {_RELOAD}")


def usb_ttys(subject: Subject) -> list[str]:
    """The ttys of USB devices."""
    entries = subject.machine.entries("/sys/class/tty") or []
    return [f"/dev/{one.name}" for one in entries if one.name.startswith(_TTYS)]
