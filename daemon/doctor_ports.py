"""What the doctor looks at of the ports: those that are configured, USB modems, held slots."""

import glob
import os
from collections.abc import Iterator

from pulsarack.daemon import ports
from pulsarack.daemon.client import Client, ClientError
from pulsarack.daemon.doctor import Finding, Subject, bad, edit, ok, warn
from pulsarack.modems.at_ports import AtPorts
from pulsarack.modems.udev import UDEV_SOCKET, Udev
from pulsarack.modems.watch import scan

ANSWER_SECONDS = 10.0
_RIGHTS = "sudo adduser pulsarack dialout"
_ANEW = "then start the daemon anew"
_RACK = "pulsarack rack"


def serial_ports(subject: Subject) -> Iterator[Finding]:
    """The ports that are configured are there, and may be used."""
    name, sections = "ports", subject.config.ports
    if not sections and not subject.config.finds_usb_modems:
        remedy = "name your modems' ports in [[port]] sections, or set [usb] modems = true"
        yield warn(name, "no port is configured", edit(subject), remedy)
        return
    for problem in ports.problems(sections):
        yield warn(name, f"{problem.path}: {problem.why}", edit(subject), problem.remedy)
    usable = 0
    for section in sections:
        if section.url is not None:
            continue
        if section.driver == "gammu":
            usable += os.access(section.path, os.R_OK | os.W_OK)
            continue
        found = scan([section.path])
        if not found and glob.has_magic(section.path):
            remedy = "plug a modem in, or correct the pattern"
            yield warn(name, f"{section.path} matches nothing", edit(subject), remedy)
        for path in found:
            if os.access(path, os.R_OK | os.W_OK):
                usable += 1
            else:
                yield warn(name, f"{path} may not be used by you", _RIGHTS, _ANEW)
    if usable:
        yield ok(name, f"{usable} can be used")


def usb_modems(subject: Subject) -> Iterator[Finding]:
    """USB modems can be found, and used."""
    name = "usb modems"
    if not subject.config.finds_usb_modems:
        return
    udev = Udev()
    if not udev.usable:
        yield bad(name, "libudev is missing", "sudo apt-get install libudev1")
        return
    if not UDEV_SOCKET.exists():
        what = "no udev runs here; ports are looked at twice a second instead"
        yield warn(name, what, "sudo systemctl start systemd-udevd", "nothing in a container")
    udev.enumerate()
    table = AtPorts.load()
    usable = 0
    for key, place in udev.places().items():
        if what := table.foreign(place):
            yield ok(name, f"{key} is {what}, and left alone")
        elif all(os.access(tty.node, os.R_OK | os.W_OK) for tty in place.ttys):
            usable += 1
        else:
            yield warn(name, f"the ttys of {key} may not be used by you", _RIGHTS, _ANEW)
    for kernel_name, model in udev.models().items():
        if model in table.cdroms:
            what = f"the stick at {kernel_name} ({model}) is still a CD-ROM"
            yield warn(name, what, "sudo apt-get install usb-modeswitch", "then plug it in anew")
    if usable:
        yield ok(name, f"{usable} places have one")
    else:
        remedy = "plug one in, or name ports in [[port]] sections"
        yield warn(name, "none is plugged in", "lsusb -t", remedy)


def rack(subject: Subject) -> Iterator[Finding]:
    """No two modems show the same card or the same IMEI, none was given up, each has its chip."""
    if subject.running is None:
        return
    try:
        with Client(subject.socket, ANSWER_SECONDS) as client:
            modems = client.call("modem.list")["modems"]
            chips = client.call("chip.list")["chips"]
    except ClientError:
        return  # that the daemon does not answer is told by its own check
    for modem in modems:
        slot, state = modem.get("slot"), modem.get("state")
        why, _, remedy = str(modem.get("why")).partition("; ")
        if state == "held":
            yield bad("modems", f"slot {slot} is {why}", _RACK, remedy)
        elif state == "failed":
            yield warn("modems", f"slot {slot} has failed: {why}", _RACK, remedy)
    for chip in chips:
        if chip.get("state") == "ACTIVE" and chip.get("slot") is None:
            what = f"chip {chip.get('name')} ({chip.get('iccid')}) is in no slot"
            yield warn("chips", what, _RACK, "plug it in; its stock stays in the books meanwhile")
