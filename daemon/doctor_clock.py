"""What the doctor says of time: who keeps the clock, what it shows, and in which zone."""

from collections.abc import Iterator

from peewee import Database

from pulsarack.daemon.doctor import Finding, Subject, bad, edit, ok, skip, warn
from pulsarack.daemon.service import start_clock
from pulsarack.queue import clock_steps

NAME = "clock"
_MS = 1000
_SET = "sudo timedatectl set-ntp true"
_ZONES = "zoneinfo/"


def clock(subject: Subject) -> Iterator[Finding]:
    """The machine's clock shows a time that can be, and somebody keeps it right."""
    if not start_clock.possible(subject.now_ms):
        shown = start_clock.said(subject.now_ms)
        yield bad(NAME, f"the machine's clock shows {shown}", _SET, "times go into the books")
    if (speed := subject.config.rehearsal.speed) != 1:
        what = (
            f"the daemon's clock runs {speed:g} times too fast: with real modems nothing is in time"
        )
        remedy = "take [rehearsal] out, unless the rack is a simulated one"
        yield warn(NAME, what, edit(subject), remedy)
    if subject.synchronised is False:
        remedy = "or install chrony: times go into the books"
        yield warn(NAME, "nothing keeps the machine's clock right", _SET, remedy)
    elif subject.synchronised:
        yield ok(NAME, "it is synchronised")
    else:
        yield skip(NAME, "the kernel does not say whether it is synchronised")


def time_zone(subject: Subject) -> Iterator[Finding]:
    """The machine and the trade have the same zone, so that both logs and books say one time."""
    name, wanted = "time zone", subject.config.daemon.timezone
    found = _zone(subject)
    if found is None:
        yield skip(name, "the machine does not name its zone")
    elif found == wanted:
        yield ok(name, f"it is {wanted}, for the machine and for the trade")
    else:
        what = f"the machine's is {found}, the trade's {wanted}: logs and reports differ in time"
        remedy = "or correct [daemon] timezone"
        yield warn(name, what, f"sudo timedatectl set-timezone {wanted}", remedy)


def _zone(subject: Subject) -> str | None:
    """As timedatectl(1) finds it: where the link localtime(5) leads to."""
    try:
        target = str(subject.machine.at("/etc/localtime").readlink())
    except OSError:
        return (subject.machine.text("/etc/timezone") or "").strip() or None
    return target.partition(_ZONES)[2] or None


def rows(db: Database, now_ms: int) -> Iterator[Finding]:
    """The clock agrees with what was written by it, and with the operators' texts."""
    newest = clock_steps.newest_entry(db)
    ahead = 0 if newest is None else newest - now_ms
    if ahead > clock_steps.SMALL_MS:
        what = f"the machine's clock is {ahead // _MS} s behind the newest entry"
        yield warn(NAME, what, "timedatectl", "set it right: the daemon moves what waits along")
    for operator in clock_steps.operators_that_differ(db):
        what = f"the texts of {operator} bear times that differ from ours by more than 5 minutes"
        remedy = (
            "compare the machine's clock and time zone with a telephone's;"
            " if they are right, it is that operator's clock"
        )
        yield warn(NAME, what, "timedatectl", remedy)
