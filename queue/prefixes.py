"""Which operator a number belongs to: an editable longest-prefix table.

Carrier names that come with telephone number libraries follow companies, not
products (two merged networks still sell apart), so the table is our own. The
shipped rows are what public lists of 2026 agree on; an admin may add longer
prefixes, e.g. one sales area of an operator.
"""

from dataclasses import dataclass

from peewee import Database

from pulsarack.queue.rows import columns, execute, scalar, select, touched, tuples

LONGEST = 8

SHIPPED: dict[str, tuple[str, ...]] = {
    "telkomsel": ("0811", "0812", "0813", "0821", "0822", "0823", "0851", "0852", "0853"),
    "indosat": ("0814", "0815", "0816", "0855", "0856", "0857", "0858"),
    "xl": ("0817", "0818", "0819", "0859", "0877", "0878", "0879"),
    "axis": ("0831", "0832", "0833", "0838"),
    "tri": ("0895", "0896", "0897", "0898", "0899"),
    "smartfren": ("0881", "0882", "0883", "0884", "0885", "0886", "0887", "0888", "0889"),
}


@dataclass(frozen=True, slots=True)
class Prefix:
    """The first digits of numbers, E.164 without plus, and whose they are."""

    prefix: str
    operator: str


def every(db: Database) -> list[Prefix]:
    """The whole table, in order."""
    return select(db, Prefix, f"SELECT {columns(Prefix)} FROM prefix ORDER BY prefix")


class Table:
    """The whole table as it is at this moment, for who looks many numbers up in it."""

    def __init__(self, db: Database) -> None:
        rows = tuples(db, "SELECT prefix, operator FROM prefix")
        self._operators: dict[str, str] = dict(rows)
        lengths = {len(prefix) for prefix in self._operators}
        self._lengths = sorted((one for one in lengths if one <= 2 + LONGEST), reverse=True)

    def operator_of(self, destination: str) -> str | None:
        """As `operator_of` in the database."""
        for length in self._lengths:
            operator = self._operators.get(destination[:length])
            if operator is not None:
                return operator
        return None


def put(db: Database, prefix: str, operator: str) -> None:
    """Add a prefix (E.164 digits) or give it to another operator."""
    execute(
        db,
        "INSERT INTO prefix (prefix, operator) VALUES (?, ?)"
        " ON CONFLICT (prefix) DO UPDATE SET operator = excluded.operator",
        (prefix, operator),
    )


def remove(db: Database, prefix: str) -> bool:
    """Take a prefix out of the table; False if it was not there."""
    return touched(db, "DELETE FROM prefix WHERE prefix = ?", (prefix,))


# One after the other, as far as it takes: a list of them would be a table, made for a moment.
_OPERATOR_OF = "SELECT coalesce({})".format(
    ", ".join(
        f"(SELECT operator FROM prefix WHERE prefix = substr(?1, 1, {length}))"
        for length in range(2 + LONGEST, 1, -1)
    )
)


def operator_of(db: Database, destination: str) -> str | None:
    """The operator of a destination: the longest prefix wins."""
    found = scalar(db, _OPERATOR_OF, (destination,))
    return None if found is None else str(found)


def ship(db: Database) -> None:
    """Fill an empty table with the shipped rows; an edited table stays as it is."""
    if scalar(db, "SELECT 1 FROM prefix LIMIT 1") is not None:
        return
    for operator, prefixes in SHIPPED.items():
        for prefix in prefixes:
            put(db, "62" + prefix[1:], operator)
