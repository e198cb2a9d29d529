"""Books in memory, made by the ledger's own migration scripts."""

from collections.abc import Iterator
from importlib.resources import files

import pytest
from peewee import Database
from playhouse.apsw_ext import APSWDatabase


def schema() -> str:
    """All scripts, in their order."""
    scripts = (files("pulsarack.ledger") / "migrations").iterdir()
    found = sorted((one for one in scripts if one.name.endswith(".sql")), key=lambda one: one.name)
    return "\n".join(one.read_text(encoding="utf-8") for one in found)


@pytest.fixture
def db() -> Iterator[Database]:
    """Accounts: none. Rows: none."""
    books = APSWDatabase(":memory:", pragmas={"foreign_keys": 1, "recursive_triggers": 1})
    books.connect()
    books.connection().execute(schema())
    yield books
    books.close()
