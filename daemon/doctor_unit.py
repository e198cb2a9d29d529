"""What the doctor says of the service: installed, enabled, up, and how often it fell.

systemd is asked (systemctl show); where it does not run the machine, that is said.
"""

from collections.abc import Iterator

from pulsarack.daemon.doctor import LOG, Finding, Subject, bad, ok, skip, warn

NAME = "service"
UNIT = "pulsarack.service"
BACKUP_TIMER = "pulsarack-backup.timer"
_PROPERTIES = "LoadState,UnitFileState,ActiveState,SubState,Result,NRestarts,NeedDaemonReload"
_INSTALL = "sudo apt-get install ./pulsarack_*.deb"
_RESTART = "sudo systemctl restart pulsarack"


def unit(subject: Subject) -> Iterator[Finding]:
    """The unit of the daemon, and the timer of its backups."""
    if not subject.machine.booted_by_systemd:
        yield skip(NAME, "systemd does not run this machine")
        return
    found = show(subject, UNIT)
    if not found:
        yield skip(NAME, "systemd does not answer")
        return
    if found.get("LoadState") != "loaded":
        if subject.running is None:
            yield bad(NAME, f"{UNIT} is not installed", _INSTALL)
        else:
            yield ok(NAME, f"{UNIT} is not installed; the daemon was started by hand")
        return
    yield from _standing(found)
    timer = show(subject, BACKUP_TIMER)
    if timer.get("LoadState") == "loaded" and timer.get("ActiveState") != "active":
        what = f"{BACKUP_TIMER} does not run, so no backup is made when the daemon is down"
        yield warn(NAME, what, f"sudo systemctl enable --now {BACKUP_TIMER}")


def show(subject: Subject, name: str) -> dict[str, str]:
    """What systemd knows of a unit; empty if it does not answer."""
    said = subject.machine.ask(("systemctl", "show", name, f"--property={_PROPERTIES}")) or ""
    pairs = (line.partition("=") for line in said.splitlines())
    return {key: value.strip() for key, sign, value in pairs if sign}


def _standing(found: dict[str, str]) -> Iterator[Finding]:
    state, sub = found.get("ActiveState", ""), found.get("SubState", "")
    if state == "failed":
        what = f"{UNIT} has failed: {found.get('Result') or 'no reason given'}"
        yield bad(NAME, what, LOG, f"put right what it says, then: {_RESTART}")
    elif sub == "auto-restart":
        yield bad(NAME, f"{UNIT} ends again and again", LOG)
    elif state not in ("active", "activating", "reloading"):
        yield warn(NAME, f"{UNIT} is {state or 'down'}", "sudo systemctl start pulsarack")
    else:
        yield ok(NAME, f"{UNIT} is {state}")
    if found.get("UnitFileState") not in ("enabled", "enabled-runtime"):
        what = f"{UNIT} does not start with the machine"
        yield warn(NAME, what, "sudo systemctl enable pulsarack")
    if found.get("NeedDaemonReload") == "yes":
        yield warn(NAME, f"{UNIT} was changed on disk", "sudo systemctl daemon-reload")
    fallen = found.get("NRestarts", "0")
    if fallen.isdecimal() and int(fallen):
        what = f"systemd had to start it anew {fallen} times since it was started by a person"
        yield warn(NAME, what, "journalctl -u pulsarack -p err")
