"""Books in memory, made by the ledger's own migration script."""

from collections.abc import Iterator
from importlib.resources import files

import pytest
from peewee import Database
from playhouse.apsw_ext import APSWDatabase


@pytest.fixture
def db() -> Iterator[Database]:
    """Accounts: none. Rows: none."""
    books = APSWDatabase(":memory:", pragmas={"foreign_keys": 1, "recursive_triggers": 1})
    script = files("pulsarack.ledger") / "migrations" / "0001_accounts_and_transfers.sql"
    books.connect()
    books.connection().execute(script.read_text(encoding="utf-8"))
    yield books
    books.close()
