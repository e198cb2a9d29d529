"""The database of a stopped daemon, made as old as the version with an earlier schema."""

from pathlib import Path

from pulsarack.daemon.store_files import database, files_of
from pulsarack.daemon.store_mark import commits
from pulsarack.ledger import sql
from tests.queue.test_upgrade import as_version, copied


def make_older(path: Path, number: int) -> None:
    """Put it in place as that version would have left it: whole, and at the same commit."""
    old = path.with_name("older.db")
    as_version(path, old, number)
    current, older = database(path, "OFF"), database(old, "OFF")
    current.connect()
    older.connect()
    sql.run(older, f"PRAGMA user_version = {commits(current)}")
    current.close()
    older.close()
    for one in files_of(path):
        one.unlink(missing_ok=True)
    copied(old, path)
    for one in files_of(old):
        one.unlink(missing_ok=True)
