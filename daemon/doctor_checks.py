"""What the doctor looks at, in the order in which it is told; here: recipes, directory, daemon."""

import os
import stat
from collections.abc import Iterator
from shlex import quote

from pulsarack.daemon import (
    doctor_backups,
    doctor_clock,
    doctor_identity,
    doctor_ports,
    doctor_rights,
    doctor_rivals,
    doctor_store,
    doctor_udev,
    doctor_unit,
    doctor_usb,
)
from pulsarack.daemon.client import Client, ClientError
from pulsarack.daemon.doctor import LOG, Check, Finding, Subject, bad, ok, warn
from pulsarack.daemon.doctor_facts import real_name
from pulsarack.daemon.store_files import FILE_MODE, SMALLEST_FREE_BYTES, free_bytes, kept_in
from pulsarack.modems.errors import ModemError
from pulsarack.modems.profile import Profiles
from pulsarack.ussd.errors import UssdError

MEGABYTE = 1024 * 1024
# A busy rack writes some tens of megabytes a day.
FEW_FREE_BYTES = 500 * MEGABYTE
FEW_FREE_FILES = 1000
ANSWER_SECONDS = 10.0


def recipes_and_profiles(subject: Subject) -> Iterator[Finding]:
    """Every recipe and every profile can be read."""
    daemon = subject.config.daemon
    if isinstance(subject.recipes, UssdError):
        for line in str(subject.recipes).splitlines():
            yield bad("recipes", line, f"ls -l {quote(str(daemon.recipes_dir))}")
    else:
        yield ok("recipes", f"{len(subject.recipes.recipes)} are sound")
    try:
        Profiles.load(*([daemon.profiles_dir] if daemon.profiles_dir else []))
    except ModemError as found:
        for line in str(found).splitlines():
            yield bad("profiles", line, f"ls -l {quote(str(daemon.profiles_dir))}")
    else:
        yield ok("profiles", "all are sound")


def state_directory(subject: Subject) -> Iterator[Finding]:
    """The directory is there, belongs to one user with all in it, and has room."""
    name, place = "state directory", subject.state_dir
    if not place.is_dir():
        command = f"sudo install -d -o pulsarack -g pulsarack -m 750 {quote(str(place))}"
        yield bad(name, f"{place} is no directory", command)
        return
    owner = place.stat().st_uid
    strangers = [file for file in sorted(place.iterdir()) if file.stat().st_uid != owner]
    for file in strangers:
        theirs, ours = real_name(file.stat().st_uid), real_name(owner)
        what = f"{file} belongs to {theirs}, the directory to {ours}"
        yield bad(name, what, f"sudo chown -R {ours}: {quote(str(place))}")
    if os.statvfs(place).f_flag & os.ST_RDONLY:
        remedy = "a kernel does that to a disk that fails; see why, then mount it again"
        what = f"{place} is on a file system that is read-only"
        yield bad(name, what, "sudo dmesg --level=err", remedy)
    elif os.geteuid() == owner and not os.access(place, os.W_OK | os.X_OK):
        yield bad(name, f"{place} cannot be written", f"sudo chmod u+rwx {quote(str(place))}")
    elif not strangers:
        yield ok(name, f"{place} belongs to {real_name(owner)}, with all that is in it")


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
        paths = " ".join(quote(str(file)) for file in open_ones)
        yield warn("state directory", what, f"sudo chmod {FILE_MODE:o} {paths}")


def free_space(subject: Subject) -> Iterator[Finding]:
    """There is room for the orders to come."""
    if not subject.state_dir.is_dir():
        return
    place = subject.state_dir
    free = free_bytes(place)
    what = f"{free // MEGABYTE} MB are free at {place}"
    command, remedy = f"df -h {quote(str(place))}", "a full disk refuses every order"
    if free < SMALLEST_FREE_BYTES:
        yield bad("free space", what, command, remedy)
    elif free < FEW_FREE_BYTES:
        yield warn("free space", what, command, remedy)
    else:
        yield ok("free space", what)
    found = os.statvfs(place)
    if found.f_files > 0 and found.f_favail < FEW_FREE_FILES:
        what = f"only {found.f_favail} more files can be made at {place}"
        yield bad("free space", what, f"df -i {quote(str(place))}")


def daemon(subject: Subject) -> Iterator[Finding]:
    """The daemon is there, and answers."""
    running = subject.running
    try:
        with Client(subject.socket, ANSWER_SECONDS) as client:
            client.call("status")
    except ClientError as found:
        if running is None:
            yield warn("daemon", "it does not run", "sudo systemctl start pulsarack")
        else:
            what = f"process {running} works in {subject.state_dir}, but: {found.message}"
            yield bad("daemon", what, LOG, found.remedy)
        return
    if running is None:
        what = f"the one at {subject.socket} works in another directory than {subject.state_dir}"
        yield warn("daemon", what, "pulsarack status", "name its --config, or its --socket")
    else:
        yield ok("daemon", f"process {running} answers at {subject.socket}")


def jobs(subject: Subject) -> Iterator[Finding]:
    """What the daemon does by itself was done the last time."""
    if subject.running is None:
        return
    try:
        with Client(subject.socket, ANSWER_SECONDS) as client:
            found = client.call("schedule.list")["jobs"]
    except ClientError:
        return  # that the daemon does not answer is told by its own check
    failed = [one for one in found if one.get("failures")]
    for one in failed:
        what = (
            f"the job {one.get('name')} failed {one['failures']} times in a row: {one.get('said')}"
        )
        yield warn("jobs", what, f"pulsarack schedule run {one.get('name')}")
    if not failed:
        yield ok("jobs", f"none of {len(found)} has failed")


CHECKS: tuple[Check, ...] = (
    doctor_rights.secrets_file,
    doctor_rights.credentials,
    doctor_rights.configuration_file,
    doctor_identity.pepper_file,
    doctor_identity.asked_pins,
    recipes_and_profiles,
    state_directory,
    rights,
    free_space,
    doctor_rights.port_group,
    doctor_rights.admin_group,
    doctor_clock.clock,
    doctor_clock.time_zone,
    doctor_store.sqlite_version,
    doctor_udev.rules,
    doctor_ports.serial_ports,
    doctor_ports.usb_modems,
    doctor_rivals.programs,
    doctor_rivals.holders,
    doctor_usb.depth,
    doctor_usb.power,
    doctor_usb.over_current,
    doctor_usb.endpoints,
    doctor_unit.unit,
    daemon,
    jobs,
    doctor_ports.rack,
    doctor_backups.backups,
    *doctor_store.CHECKS,
)
