"""What the doctor says of rights: who may read the secrets, change the rules, and use the ports.

The secrets are those of the configuration and those that systemd hands the daemon from
/etc/pulsarack (LoadCredential=). Only their owner may read them. Whoever can write the
configuration or a recipe decides where money goes, so nobody but root and the daemon's user may.
"""

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from shlex import quote

from pulsarack.daemon import credentials as credential_files
from pulsarack.daemon import secrets
from pulsarack.daemon.credentials import WHATSAPP, XMPP
from pulsarack.daemon.doctor import Finding, Subject, bad, edit, error, ok, skip, warn
from pulsarack.daemon.doctor_facts import PORT_GROUP, SERVICE_GROUP, SERVICE_USER, real_name
from pulsarack.daemon.errors import DaemonError

CREDENTIALS_DIR = "/etc/pulsarack"
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH
_RESTART = "then start the daemon anew: sudo systemctl restart pulsarack"


def secrets_file(subject: Subject) -> Iterator[Finding]:
    """The chips' PINs can be read, and by nobody else."""
    place = secrets.find(subject.config.daemon.secrets_file, subject.environ)
    if place is None:
        yield ok("secrets file", "none is named here; systemd may hand one to the daemon")
        return
    try:
        secrets.load(subject.config.daemon.secrets_file, subject.environ)
    except DaemonError as found:
        yield error("secrets file", found, f"sudoedit {quote(str(place))}")
        return
    yield ok("secrets file", f"{place} is sound, and closed to others")


def credentials(subject: Subject) -> Iterator[Finding]:
    """Every other file with a secret is there, and closed to all but its owner."""
    name, closed = "credentials", 0
    for path in _named(subject):
        try:
            mode = path.stat().st_mode
        except FileNotFoundError:
            yield bad(name, f"there is no {path}, which the configuration names", edit(subject))
            continue
        except PermissionError:
            yield skip(name, f"{path} lies where you may not look")
            continue
        if mode & _OTHERS:
            what = f"{path} holds a secret, and more than its owner may use it"
            yield bad(name, what, f"sudo chmod 600 {quote(str(path))}")
        else:
            closed += 1
    if closed:
        yield ok(name, f"{closed} files with secrets are closed to all but their owners")


def _named(subject: Subject) -> list[Path]:
    settings = subject.config
    files = credential_files.configured(settings)
    # The PINs and the master keys have checks of their own, which read them.
    named = [settings.http.tls_key, *(files[one] for one in (XMPP, *WHATSAPP))]
    handed = [subject.machine.at(f"{CREDENTIALS_DIR}/{one}") for one in files]
    there = [one for one in handed if os.path.lexists(one)]
    return [*filter(None, named), *there]


def configuration_file(subject: Subject) -> Iterator[Finding]:
    """Nobody but root and the daemon's user may change what it obeys."""
    name, daemon = "configuration", subject.config.daemon
    for path in filter(None, (subject.config_path, daemon.recipes_dir, daemon.profiles_dir)):
        found = path.stat()
        if found.st_mode & _OTHERS_WRITE:
            what = f"others can write {path}, and with it decide what is sent where"
            yield bad(name, what, f"sudo chmod go-w {quote(str(path))}")
        elif found.st_uid not in (0, os.geteuid(), _daemon_uid(subject)):
            what = f"{path} belongs to {real_name(found.st_uid)}, who can change it"
            yield warn(name, what, f"sudo chown root: {quote(str(path))}")


def _daemon_uid(subject: Subject) -> int | None:
    """Whom the daemon runs as: the owner of its directory."""
    try:
        return subject.state_dir.stat().st_uid
    except OSError:
        return subject.machine.user_id(SERVICE_USER)


def port_group(subject: Subject) -> Iterator[Finding]:
    """The daemon may open serial ports: it is in the group that Debian gives them."""
    name, machine, uid = "groups", subject.machine, _daemon_uid(subject)
    group = machine.group(PORT_GROUP)
    login = None if uid is None else machine.user_name(uid)
    if group is None or login is None:
        yield skip(name, f"whether the daemon is in the group {PORT_GROUP} cannot be told here")
        return
    if uid == 0:
        what = f"the daemon's files belong to root, not to {SERVICE_USER}: it runs with every right"
        command = f"sudo chown -R {SERVICE_USER}: {quote(str(subject.state_dir))}"
        yield warn(name, what, command, "and start it by systemd")
        return
    running = _groups_of(subject)
    if running is not None and group.gid not in running:
        what = f"the running daemon is not in the group {PORT_GROUP} and can open no port"
        yield bad(name, what, f"sudo adduser {login} {PORT_GROUP}", _RESTART)
    elif running is None and not (machine.is_member(login, group) or _unit_adds(subject)):
        what = f"{login} is not in the group {PORT_GROUP} and can open no port"
        yield bad(name, what, f"sudo adduser {login} {PORT_GROUP}", _RESTART)
    else:
        yield ok(name, f"{login} is in the group {PORT_GROUP}")


def _groups_of(subject: Subject) -> frozenset[int] | None:
    """The groups of the daemon's process, which systemd may have added to: proc_pid_status(5)."""
    pid = subject.running
    if not pid or (text := subject.machine.text(f"/proc/{pid}/status")) is None:
        return None
    found: set[int] = set()
    for line in text.splitlines():
        name, _, values = line.partition(":")
        if name in ("Gid", "Groups"):
            found.update(int(one) for one in values.split() if one.isdecimal())
    return frozenset(found)


def _unit_adds(subject: Subject) -> bool:
    if not subject.machine.booted_by_systemd:
        return False
    said = subject.machine.ask(
        ("systemctl", "show", "pulsarack", "--property=SupplementaryGroups", "--value")
    )
    return PORT_GROUP in (said or "").split()


def admin_group(subject: Subject) -> Iterator[Finding]:
    """Who asks may command the daemon: its socket is open to one group."""
    name, machine, uid = "groups", subject.machine, subject.machine.caller
    if uid == 0 or uid == _daemon_uid(subject):
        yield ok(name, "you may command the daemon")
        return
    group, login = machine.group(SERVICE_GROUP), machine.user_name(uid)
    if group is None:
        what = f"there is no group {SERVICE_GROUP}, whose members command the daemon"
        yield bad(name, what, "sudo systemd-sysusers")
    elif login is None:
        yield skip(name, "your login cannot be found out")
    elif not machine.is_member(login, group):
        what = f"{login} is not in the group {SERVICE_GROUP} and cannot command the daemon"
        yield warn(name, what, f"sudo adduser {login} {SERVICE_GROUP}", "then log in anew")
    elif os.geteuid() != 0 and group.gid not in machine.groups_of_caller:
        what = f"{login} is in the group {SERVICE_GROUP}, but this session is older than that"
        yield warn(name, what, f"newgrp {SERVICE_GROUP}", "or log in anew")
    else:
        yield ok(name, f"{login} may command the daemon")
