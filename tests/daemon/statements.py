"""Every statement that a connection runs, and what SQLite would read to answer it.

Plans are asked of an empty database of this version, whose planner knows nothing of how many
rows there are; as in the product, which never runs ANALYZE.
"""

import re
from collections.abc import Iterator, Set
from contextlib import closing, contextmanager
from pathlib import Path

import apsw

from pulsarack.daemon.archive_file import FOLDER
from pulsarack.daemon.store import prepare
from pulsarack.daemon.store_files import database

GROWING = frozenset(
    [
        "orders",
        "attempt",
        "exchange",
        "transition",
        "evidence",
        "message",
        "sms",
        "stock_reading",
        "unparsed",
        "transfer",
        "clock_step",
        "discrepancy",
        "discrepancy_order",
        "discrepancy_clearing",
        "past_order",
        "past_sms",
        "brought_forward",
        "api_nonce",
        "identity_event",
        "admin_act",
        "ticket",
        "bank_row",
        "credit_request",
        "balance_transfer",
        "complaint",
        "inbound",
        "outgoing",
        "order_origin",
        "sent_sms",
    ]
)
"""The tables that have more rows every day."""

BOUNDED = frozenset(
    [
        "orders_queued_by_agent",
        "orders_expiry",
        "orders_under_way",
        "attempt_one_open_a_chip",
        "attempt_one_open_an_order",
        "message_waiting",
        "sms_contradiction",
        "brought_forward_held",
        "ticket_open_of_agent",
        "ticket_expiry",
        "bank_row_unmatched",
        "credit_request_open",
        "complaint_open",
    ]
)
"""Partial indexes that hold what is under way, or waits for somebody; never what is over."""

WIDE = frozenset(
    ["chip", "operator", "agent", "debit", "credit", "sender", "state", "phase", "rule"]
)
"""Columns in which very many rows can be equal."""

_STATEMENT = re.compile(r"\s*(?:SELECT|INSERT|UPDATE|DELETE|WITH)\b")
_INSERT = re.compile(r"\s*INSERT\b")
_ALIAS = re.compile(r"\b(?:FROM|JOIN|,|UPDATE|INTO)\s+\"?(\w+)\"?(?:\s+(?:AS\s+)?\"?(\w+)\"?)?")
_READ = re.compile(
    r"(SCAN|SEARCH) (\S+)(?: EXISTS)?(?: USING (?:COVERING )?INDEX (\w+))?(?:.*\((.*)\))?"
)
# A range of these is a length of time, or what was written since.
_RANGE = re.compile(r"(?:\w*_at|at|id|rowid|sequence|last_\w+)[<>]\?")


_ASIDE: list[None] = []


@contextmanager
def untraced() -> Iterator[None]:
    """For what reads beside the daemon, on a connection and in time of its own."""
    _ASIDE.append(None)
    try:
        yield
    finally:
        _ASIDE.pop()


@contextmanager
def traced() -> Iterator[set[str]]:
    """Collects what every connection opened in the block runs, as long as the block lasts.

    Not what is asked of archives: a file of one month has only so many rows, and no index.
    """
    seen: set[str] = set()
    open_now = [True]

    def note(_cursor: object, sql: str, _bindings: object) -> bool:
        if open_now and not _ASIDE and _STATEMENT.match(sql):
            seen.add(sql)
        return True

    def watch(connection: apsw.Connection) -> None:
        if Path(connection.filename).parent.name != FOLDER:
            connection.exec_trace = note

    apsw.connection_hooks.append(watch)
    try:
        yield seen
    finally:
        open_now.clear()
        apsw.connection_hooks.remove(watch)


class Planner:
    """Says how SQLite would answer."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection

    def plan(self, sql: str) -> list[str]:
        """The lines of EXPLAIN QUERY PLAN."""
        nothing = _nothing(sql)
        # A row that goes is looked for in what may refer to it. Of a row that comes the plan would
        # show the same, as if a parent were deleted, which nothing does.
        references = "OFF" if _INSERT.match(sql) else "ON"
        self._connection.execute(f"PRAGMA foreign_keys = {references}")
        rows = self._connection.execute(f"EXPLAIN QUERY PLAN {sql}", nothing)
        return [str(row[3]) for row in rows]

    def momentary_tables(self, sql: str) -> int:
        """How many tables SQLite makes for one execution, of a list of values or a result.

        Those of triggers are among them. Each takes as long as a small INSERT.
        """
        rows = self._connection.execute(f"EXPLAIN {sql}", _nothing(sql))
        return sum(row[1] in ("OpenEphemeral", "OpenAutoindex", "SorterOpen") for row in rows)

    def reads_much(self, sql: str) -> list[str]:
        """The lines that read a growing table without a bound."""
        names = _names(sql)
        return [line for line in self.plan(sql) if _unbounded(line, names)]

    def indexes(self, sql: str) -> Set[str]:
        """The indexes that a statement is answered from."""
        return {name for line in self.plan(sql) for name in re.findall(r"INDEX (\w+)", line)}

    def all_indexes(self) -> Set[str]:
        """The indexes that there are, SQLite's own left out."""
        rows = self._connection.execute(
            "SELECT name FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL"
        )
        return {str(name) for (name,) in rows}


@contextmanager
def planner(directory: Path) -> Iterator[Planner]:
    """On an empty database of this version."""
    path = directory / "plans.db"
    prepare(database(path), path, 0, ()).close()
    with closing(apsw.Connection(str(path))) as connection:
        # What triggers read is read by the statement that fires them.
        connection.config(apsw.SQLITE_DBCONFIG_TRIGGER_EQP, 1)
        yield Planner(connection)


def _nothing(sql: str) -> tuple[None, ...]:
    """NULL for each value: they decide on no plan of ours."""
    count = 0
    for number in re.findall(r"\?(\d*)", sql):
        count = max(count, int(number)) if number else count + 1
    return (None,) * count


def _names(sql: str) -> dict[str, str]:
    """The growing tables by the names that a statement gives them."""
    names = {table: table for table in GROWING}
    for table, alias in _ALIAS.findall(sql):
        if table in GROWING and alias:
            names[alias] = table
    return names


def _unbounded(line: str, names: dict[str, str]) -> bool:
    match = _READ.match(line)
    if match is None or match[2] not in names or match[3] in BOUNDED:
        return False
    if match[1] == "SCAN":
        return True
    # A search for a value that half of the rows may have is hardly better.
    bounds = (match[4] or "").split(" AND ")
    return all(bound.removesuffix("=?") in WIDE or _says_nothing(bound) for bound in bounds)


def _says_nothing(bound: str) -> bool:
    return not bound.endswith("=?") and _RANGE.fullmatch(bound) is None
