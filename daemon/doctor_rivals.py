"""What the doctor says of other programs that take modems: those that run, and who holds a port.

ModemManager sends AT commands to every port it finds, brltty takes USB-serial cables for Braille
displays, the daemons of other SMS programs want the ports for themselves. A process that holds
one of our ports is found by what it has open; the processes of others only root may look at.
"""

import glob
import os
from collections.abc import Iterator
from pathlib import Path

from pulsarack.daemon import doctor_udev
from pulsarack.daemon.doctor import AS_ROOT, Finding, Subject, bad, ok, skip
from pulsarack.modems.watch import scan

NAME = "other programs"
_LEFT_ALONE = "ModemManager"
RIVALS = {
    _LEFT_ALONE: ("it sends AT commands to the ports it finds", "ModemManager"),
    "brltty": ("it takes USB-serial cables for Braille displays", "brltty"),
    "gammu-smsd": ("it reads and deletes the SMS of a modem", "gammu-smsd"),
    "smsd": ("it reads and deletes the SMS of a modem", "smstools"),
}
"""By the name of the process (proc_pid_comm(5)): what it does, and the unit that runs it."""
_COMM_MOST = 15
_MATCHES_MOST = 4096


def programs(subject: Subject) -> Iterator[Finding]:
    """No program runs that is known to take modems, unless it was told to leave ours."""
    seen = {name: pid for pid, name in _processes(subject)}
    if not seen:
        yield skip(NAME, "there is no /proc here")
        return
    found = {name: pid for name, pid in seen.items() if name in RIVALS}
    told = bool(doctor_udev.installed(subject))
    for name, pid in found.items():
        does, unit = RIVALS[name]
        if name == _LEFT_ALONE and told:
            yield ok(NAME, f"{name} runs, and udev tells it to leave our devices alone")
            continue
        command = f"sudo systemctl disable --now {unit}"
        yield bad(NAME, f"{name} runs (process {pid}): {does}", command)
    if not found:
        yield ok(NAME, "none that is known to take modems runs")


def holders(subject: Subject) -> Iterator[Finding]:
    """Nobody else has one of our ports open."""
    ports = _our_ports(subject)
    if not ports:
        return
    hidden = False
    ours = {os.getpid(), subject.running}
    for pid, name in _processes(subject):
        if pid in ours:
            continue
        handles = subject.machine.entries(f"/proc/{pid}/fd")
        hidden = hidden or handles is None
        for port in sorted({_target(one) for one in handles or ()} & ports):
            what = f"{port} is held by {name} (process {pid})"
            yield bad(NAME, what, f"sudo kill {pid}", "and see that it is not started again")
    if hidden and os.geteuid() != 0:
        yield skip(NAME, f"who holds a port only root can see: {AS_ROOT}")


def _processes(subject: Subject) -> list[tuple[int, str]]:
    found = []
    for one in subject.machine.entries("/proc") or ():
        if one.name.isdecimal() and (name := subject.machine.text(f"/proc/{one.name}/comm")):
            found.append((int(one.name), name.strip()[:_COMM_MOST]))
    return found


def _our_ports(subject: Subject) -> set[str]:
    """The device files that the daemon is to have for itself."""
    ports = set(doctor_udev.usb_ttys(subject)) if subject.config.finds_usb_modems else set()
    for section in subject.config.ports:
        if section.url is None and section.driver == "at":
            matches = scan([section.path]) if glob.has_magic(section.path) else [section.path]
            ports.update(os.path.realpath(one) for one in list(matches)[:_MATCHES_MOST])
    # A pseudo terminal of a simulated rack is nobody's modem.
    known = {one.name for one in subject.machine.entries("/sys/class/tty") or ()}
    return {port for port in ports if port.startswith("/dev/") and port[5:] in known}


def _target(handle: Path) -> str:
    try:
        return str(handle.readlink())
    except OSError:
        return ""
