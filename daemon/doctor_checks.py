"""What the doctor looks at beside the database: files, directory, ports, socket, clock."""

import os
import pwd
import stat
from collections.abc import Iterator

from pulsarack.daemon import doctor_identity, doctor_ports, doctor_store, secrets
from pulsarack.daemon.client import Client, ClientError
from pulsarack.daemon.doctor import Check, Finding, Subject, bad, error, ok, warn
from pulsarack.daemon.errors import DaemonError
from pulsarack.daemon.store_files import FILE_MODE, SMALLEST_FREE_BYTES, free_bytes, kept_in
from pulsarack.modems.errors import ModemError
from pulsarack.modems.profile import Profiles
from pulsarack.ussd.errors import UssdError
from pulsarack.ussd.shelf import load_shelf

MEGABYTE = 1024 * 1024
# A busy rack writes some tens of megabytes a day.
FEW_FREE_BYTES = 500 * MEGABYTE
ANSWER_SECONDS = 10.0


def secrets_file(subject: Subject) -> Iterator[Finding]:
    """The chips' PINs can be read, and by nobody else."""
    place = secrets.find(subject.config.daemon.secrets_file, subject.environ)
    if place is None:
        yield ok("secrets file", "none is named here; systemd may hand one to the daemon")
        return
    try:
        secrets.load(subject.config.daemon.secrets_file, subject.environ)
    except DaemonError as found:
        yield error("secrets file", found)
        return
    yield ok("secrets file", f"{place} is sound, and closed to others")


def recipes_and_profiles(subject: Subject) -> Iterator[Finding]:
    """Every recipe and every profile can be read."""
    daemon = subject.config.daemon
    try:
        shelf = load_shelf([daemon.recipes_dir] if daemon.recipes_dir else [])
    except UssdError as found:
        for line in str(found).splitlines():
            yield bad("recipes", line, "see: pulsarack recipe check FILE")
    else:
        yield ok("recipes", f"{len(shelf.recipes)} are sound")
    try:
        Profiles.load(*([daemon.profiles_dir] if daemon.profiles_dir else []))
    except ModemError as found:
        for line in str(found).splitlines():
            yield bad("profiles", line, "correct the file in profiles_dir")
    else:
        yield ok("profiles", "all are sound")


def state_directory(subject: Subject) -> Iterator[Finding]:
    """The directory is there, belongs to one user with all in it, and has room."""
    name, place = "state directory", subject.state_dir
    if not place.is_dir():
        remedy = f"create it: install -d -o pulsarack -g pulsarack -m 750 {place}"
        yield bad(name, f"{place} is no directory", remedy)
        return
    owner = place.stat().st_uid
    strangers = [file for file in sorted(place.iterdir()) if file.stat().st_uid != owner]
    for file in strangers:
        what = f"{file} belongs to {_user(file.stat().st_uid)}, the directory to {_user(owner)}"
        yield bad(name, what, f"chown -R {_user(owner)}: {place}")
    if os.statvfs(place).f_flag & os.ST_RDONLY:
        remedy = "see why (dmesg): a kernel does that to a disk that fails; then mount it again"
        yield bad(name, f"{place} is on a file system that is read-only", remedy)
    elif os.geteuid() == owner and not os.access(place, os.W_OK | os.X_OK):
        yield bad(name, f"{place} cannot be written", f"chmod u+rwx {place}")
    elif not strangers:
        yield ok(name, f"{place} belongs to {_user(owner)}, with all that is in it")


def rights(subject: Subject) -> Iterator[Finding]:
    """The files of the database, with telephone numbers and money, are closed to others."""
    open_ones = [
        file
        for file in kept_in(subject.database)
        if file.is_file() and stat.S_IMODE(file.stat().st_mode) & ~(FILE_MODE | stat.S_IXUSR)
    ]
    if open_ones:
        names = ", ".join(file.name for file in open_ones)
        what = f"more than the owner and the group's readers may use {names}"
        remedy = f"chmod {FILE_MODE:o} {' '.join(map(str, open_ones))}"
        yield warn("state directory", what, remedy)


def free_space(subject: Subject) -> Iterator[Finding]:
    """There is room for the orders to come."""
    if not subject.state_dir.is_dir():
        return
    free = free_bytes(subject.state_dir)
    what = f"{free // MEGABYTE} MB are free at {subject.state_dir}"
    remedy = "free some space (see: df -h); a full disk refuses every order"
    if free < SMALLEST_FREE_BYTES:
        yield bad("free space", what, remedy)
    elif free < FEW_FREE_BYTES:
        yield warn("free space", what, remedy)
    else:
        yield ok("free space", what)


def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def clock(subject: Subject) -> Iterator[Finding]:
    """The machine's clock is kept right by somebody."""
    if subject.synchronised is False:
        remedy = "timedatectl set-ntp true (or install chrony): times go into the books"
        yield warn("clock", "nothing keeps the machine's clock right", remedy)
    elif subject.synchronised:
        yield ok("clock", "it is synchronised")


def daemon(subject: Subject) -> Iterator[Finding]:
    """The daemon is there, and answers."""
    running = subject.running
    try:
        with Client(subject.socket, ANSWER_SECONDS) as client:
            client.call("status")
    except ClientError as found:
        if running is None:
            yield warn("daemon", "it does not run", "start it: systemctl start pulsarack")
        else:
            what = f"process {running} works in {subject.state_dir}, but: {found.message}"
            yield bad("daemon", what, f"{found.remedy}; its log: journalctl -u pulsarack")
        return
    if running is None:
        what = f"the one at {subject.socket} works in another directory than {subject.state_dir}"
        yield warn("daemon", what, "name the right --config, or the right --socket")
    else:
        yield ok("daemon", f"process {running} answers at {subject.socket}")


CHECKS: tuple[Check, ...] = (
    secrets_file,
    doctor_identity.pepper_file,
    doctor_identity.asked_pins,
    recipes_and_profiles,
    state_directory,
    rights,
    free_space,
    clock,
    doctor_ports.serial_ports,
    doctor_ports.usb_modems,
    daemon,
    doctor_ports.held_slots,
    *doctor_store.CHECKS,
)
