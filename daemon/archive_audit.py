"""The audit of the archives: what left the database is there, whole, and as it was promised.

Each archive is read as one snapshot beside the database's own. The orders that the database
says are in it must be there, with everything that P1 to P4 and P6 demand of an order, and its
transfers, added up again, must be what the accounts brought forward from it, row for row.
Copies that never followed (of an order that the database still has) are no finding: it decides.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from peewee import Database

from pulsarack.daemon.archive_file import names_in, open_to_read, path_of
from pulsarack.daemon.store_errors import ArchiveError
from pulsarack.ledger import audit as ledger_audit
from pulsarack.ledger import closing
from pulsarack.queue import archive
from pulsarack.queue import audit as queue_audit
from pulsarack.queue.archive import PastOrder
from pulsarack.queue.audit import Finding
from pulsarack.queue.rows import tuples

_AT_ONCE = 5_000
# Rules that speak of one matter and its transfers; the others are of accounts and whole books.
_LEDGER_RULES: tuple[Callable[[Database], ledger_audit.Findings], ...] = (
    ledger_audit.resolutions_match_their_holds,
    ledger_audit.holds_end_once,
    ledger_audit.reversals_match_and_happen_once,
    ledger_audit.rows_are_well_formed,
)


def findings(db: Database, folder: Path) -> Iterator[Finding]:
    """Everything that is wrong with the archives of a database."""
    orders = {one.name for one in archive.archives(db)}
    known = orders | {one.archive for one in closing.closed_rows(db)}
    try:
        there_are = set(names_in(folder))
    except ArchiveError as error:
        there_are = set()
        if not known:  # else each of them says so
            yield Finding("P1", "archives", str(error))
    for name in sorted(known | there_are):
        try:
            with open_to_read(path_of(folder, name)) as there:
                found = list(_of_one(db, there, name))
        except ArchiveError as error:
            found = [Finding("P1", "it", str(error))]
        for one in found:
            yield replace(one, subject=f"archive {name}: {one.subject}")


def _of_one(db: Database, there: Database, name: str) -> Iterator[Finding]:
    for (told,) in tuples(there, "PRAGMA integrity_check"):
        if told != "ok":
            yield Finding("P1", "it", f"integrity check: {' '.join(told.split())}")
    yield from _moved(db, there, name)
    yield from _strays(db, there)
    for rule in _LEDGER_RULES:
        for subject, detail in rule(there):
            yield Finding("P3", subject, f"{rule.__name__.replace('_', ' ')}: {detail}")
    yield from queue_audit.findings_of_orders(there)


def _moved(db: Database, there: Database, name: str) -> Iterator[Finding]:
    """Every order that left is there and says what its slim row says; so do its transfers."""
    adding, last = closing.Adding(name), 0
    while page := archive.moved(db, name, after=last, limit=_AT_ONCE):
        ids, last = [one.id for one in page], page[-1].id
        kept = archive.in_archive(there, ids)
        for past in page:
            if wrong := _differs(past, kept.get(past.id)):
                yield Finding("P1", f"order {past.id}", wrong)
        for entry in archive.entries(there, ids):
            adding.add(entry)
    yield from _sums(db, adding, name)


def _differs(past: PastOrder, kept: PastOrder | None) -> str | None:
    if kept is None:
        return "it left the database for this archive and is not there"
    if replace(kept, archive=past.archive) != past:
        return f"the archive has {kept}, the database knows {past}"
    return None


def _sums(db: Database, adding: closing.Adding, name: str) -> Iterator[Finding]:
    """What the rows add up to is what was brought forward from this archive, by account."""
    wanted = {one.account: one for one in closing.brought_forward(db) if one.archive == name}
    found = adding.brought_forward()
    for account in sorted(wanted.keys() | found.keys()):
        if wanted.get(account) != found.get(account):
            detail = f"brought forward is {wanted.get(account)}, its rows say {found.get(account)}"
            yield Finding("P3", f"account {account}", detail)
    rows = next((one for one in closing.closed_rows(db) if one.archive == name), None)
    if rows != adding.closed_rows() and (rows or wanted or found):
        yield Finding("P3", "its journal", f"{rows} left for it, it has {adding.closed_rows()}")


def _strays(db: Database, there: Database) -> Iterator[Finding]:
    """An order that the database does not know was there before the database was put back."""
    last = 0
    while ids := archive.all_ids(there, after=last, limit=_AT_ONCE):
        last = ids[-1]
        for stray in archive.nowhere(db, ids):
            detail = "the database does not know it: was an older backup of it put back?"
            yield Finding("P1", f"order {stray}", detail)
