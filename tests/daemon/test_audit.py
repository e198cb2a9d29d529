"""The audit of a database that a daemon left behind, alone and against an operator's books."""

import json
import random
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path

import apsw
import pytest
from click.testing import CliRunner
from peewee import Database

from pulsarack.daemon import audit
from pulsarack.daemon.cli.root import root
from pulsarack.daemon.store_errors import DatabaseUnreadable, StoreError
from pulsarack.daemon.store_files import open_read_only
from pulsarack.daemon.truth import AttemptRow, ChipRow, OrderRow
from pulsarack.daemon.truth_books import TruthError
from pulsarack.ledger import accounts, journal, sql
from pulsarack.queue import (
    agents,
    attempts,
    chips,
    claim,
    intake,
    outcome,
    prefixes,
    products,
    recipe_versions,
    stock,
)
from pulsarack.queue.chips import Adoption
from pulsarack.queue.claim import IdleChip, Known
from pulsarack.queue.evidence import Evidence, EvidenceKind, Rule, VerdictKind
from pulsarack.queue.facts import Presence
from pulsarack.queue.intake import Accepted, Origin
from pulsarack.queue.outcome import Decision
from pulsarack.queue.products import Product
from pulsarack.queue.request import Request
from pulsarack.ussd.outcome import Reason
from tests.daemon.store_inline import InlineStore
from tests.queue.world import paid_in

CHIP = "8962100000000000010"
NOW = 1_795_000_000_000
DAY_ENDS = NOW + 3_600_000
TO = "6281200000012"
COST = 10_150


def set_up(db: Database) -> None:
    """One agent, one product, one chip whose stock was read."""
    shared = (accounts.SALES, accounts.AIRTIME, accounts.OPENING, accounts.DISCREPANCY, agents.CASH)
    for account in shared:
        journal.open_account(db, account, now_ms=NOW)
    prefixes.ship(db)
    agents.add(db, "kios1", "Kios 1", now_ms=NOW)
    paid_in(db, "kios1", 500_000, now_ms=NOW)
    products.put(db, Product("S10", "telkomsel", "S10", 10, 10_600, COST, None, 1))
    chips.seen(db, CHIP, "modem0", "350003000000018", now_ms=NOW)
    chips.adopt(db, CHIP, Adoption("telkomsel", "telkomsel-mkios"), now_ms=NOW)
    recipe_versions.note(db, "hash", "telkomsel-mkios", "source", now_ms=NOW)
    stock.compare(db, CHIP, 500_000, now_ms=NOW)


def send(db: Database, to: str, now_ms: int) -> int:
    """An order on its way, past the point of no return; the id of its attempt."""
    origin = Origin("kios1", "socket", f"S10.{to}", None, now_ms, "2026-11-22", 600)
    assert isinstance(intake.accept(db, Request("S10", to, 1), origin), Accepted)
    idle = {CHIP: IdleChip(Presence("modem0", "350003000000018"), "telkomsel", "hash", 0)}
    (claimed,) = claim.claim_ready(db, idle, Known(), now_ms=now_ms, day_started_at=NOW - 1)
    attempts.mark_committed(db, claimed.attempt_id, now_ms=now_ms)
    return claimed.attempt_id


def decide(db: Database, attempt_id: int, serial: str | None, figure: int, now_ms: int) -> None:
    """What the operator's reply says: done with that serial number, or not done."""
    done = serial is not None
    verdict = VerdictKind.DONE if done else VerdictKind.NOT_DONE
    decision = Decision(
        done=done,
        reason=None if done else Reason.WRONG_NUMBER,
        why="the reply says so",
        evidence=Evidence(EvidenceKind.REPLY, verdict, "a reply", Rule.REPLY_IN_DIALOGUE),
        serial_number=serial,
        stock_after=figure if done else None,
        answered=True,
    )
    outcome.decide(db, attempt_id, decision, now_ms=now_ms, day_ends_at=DAY_ENDS)
    if done:
        stock.after_sale(db, CHIP, figure, now_ms=now_ms)


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """Three orders: one succeeded, one failed, one on its way."""
    path = tmp_path / "pulsarack.db"
    store = InlineStore.open(path, now_ms=NOW, synchronous="OFF")
    store.run_inline(set_up)
    for step, (number, serial) in enumerate(((TO, "a"), ("6281200000013", None)), start=1):
        at = NOW + step * 1000
        attempt_id = store.run_inline(partial(send, to=number, now_ms=at))
        figure = 500_000 - COST
        store.run_inline(
            partial(decide, attempt_id=attempt_id, serial=serial, figure=figure, now_ms=at + 900)
        )
    store.run_inline(lambda db: send(db, "6281200000014", NOW + 3000))
    store.close()
    return path


def books(tmp_path: Path, *delivered: tuple[int, str, str], stock_left: int) -> Path:
    """An operator's books with these deliveries (milliseconds after NOW, number, serial)."""
    header = {"iccid": CHIP, "operator": "telkomsel", "msisdn": "x", "stock": 500_000}
    lines: list[dict[str, object]] = [{"kind": "rack", "at": NOW, "seed": 1, "chips": [header]}]
    for at, to, serial in delivered:
        fields = {"operator": "telkomsel", "chip": CHIP, "destination": to, "denomination": 10}
        fields |= {"cost": COST, "serial_number": serial, "delivered": True}
        lines.append({"kind": "top_up", "at": NOW + at, "reason": None, "fault": None} | fields)
    lines.append({"kind": "stock", "at": NOW + 9000, "chip": CHIP, "stock": stock_left})
    path = tmp_path / "truth.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return path


def test_a_sound_database_has_no_findings(database: Path) -> None:
    assert audit.main(database) == []


def test_the_rows_are_what_the_comparison_takes(database: Path) -> None:
    with open_read_only(database) as db:
        rows = audit.read_rows(db)
    assert rows.orders == [
        OrderRow(1, "SUCCEEDED", "telkomsel", TO, 10, "a"),
        OrderRow(2, "FAILED", "telkomsel", "6281200000013", 10, None),
        OrderRow(3, "SENDING", "telkomsel", "6281200000014", 10, None),
    ]
    assert rows.attempts == [
        AttemptRow(1, 1, CHIP, NOW + 1000, "DONE", NOW + 1900),
        AttemptRow(2, 2, CHIP, NOW + 2000, "NOT_DONE", NOW + 2900),
        AttemptRow(3, 3, CHIP, NOW + 3000, None),
    ]
    assert rows.chips == [ChipRow(CHIP, True, 500_000 - COST, (NOW, NOW + 1900))]


def test_stock_ins_and_discrepancies_are_read_from_the_ledger(tmp_path: Path) -> None:
    path = tmp_path / "pulsarack.db"
    store = InlineStore.open(path, now_ms=NOW, synchronous="OFF")

    def job(db: Database) -> None:
        set_up(db)
        for number, amount in enumerate((700, 300), start=1):
            stock.book_stock_in(db, CHIP, "telkomsel", amount, number, now_ms=NOW)
        stock.book_discrepancy(db, CHIP, 500_900, now_ms=NOW + 5)
        stock.book_discrepancy(db, CHIP, 501_150, now_ms=NOW + 6)

    store.run_inline(job)
    store.close()
    with open_read_only(path) as db:
        (chip,) = audit.read_rows(db).chips
    assert chip == ChipRow(CHIP, True, 501_150, (NOW, NOW + 6), (700, 300), 150)


@pytest.mark.parametrize(
    ("delivered", "stock_left", "rules"),
    [
        ([(1500, TO, "a")], 500_000 - COST, []),
        ([(1500, TO, "a"), (3500, "6281200000014", "b")], 500_000 - 2 * COST, []),
        ([(1500, TO, "z")], 500_000 - COST, ["P4"]),
        ([], 500_000 - COST, ["P4", "P4"]),
        ([(1500, TO, "a"), (2500, "6281200000013", "b")], 500_000 - COST, ["P2", "P4"]),
        ([(1500, TO, "a"), (1600, TO, "b")], 500_000 - COST, ["P2", "P2"]),
        ([(1500, TO, "a")], 500_000, ["P5"]),
    ],
)
def test_against_the_operators_books(
    database: Path,
    tmp_path: Path,
    delivered: list[tuple[int, str, str]],
    stock_left: int,
    rules: list[str],
) -> None:
    truth = books(tmp_path, *delivered, stock_left=stock_left)
    assert [one.rule for one in audit.main(database, truth)] == rules


def test_all_three_audits_speak(database: Path, tmp_path: Path) -> None:
    """One amount changed behind the ledger's back is seen by each of them."""
    store = InlineStore.open(database, now_ms=NOW, synchronous="OFF")
    code = accounts.chip(CHIP)
    store.run_inline(
        lambda db: sql.changed(
            db, "UPDATE account SET debits_posted = debits_posted + 1 WHERE code = ?", code
        )
    )
    store.run_inline(
        lambda db: sql.changed(db, "UPDATE orders SET serial_number = 'y' WHERE id = 1")
    )
    store.close()
    truth = books(tmp_path, (1500, TO, "a"), stock_left=500_000 - COST)
    found = audit.main(database, truth)
    assert [(one.rule, one.subject) for one in found] == [
        ("P3", code),
        ("P3", "IDR"),
        ("P4", "order 1"),
        ("P5", f"chip {CHIP}"),
    ]
    assert found[0].detail.startswith("balances follow from the journal: ")


def test_the_audit_writes_nothing(database: Path) -> None:
    before = database.read_bytes()
    audit.main(database)
    assert database.read_bytes() == before


def test_the_audit_leaves_the_log_of_a_daemon_that_was_killed(database: Path) -> None:
    """What it left behind is looked at, and neither copied into the file nor thrown away."""
    log = database.with_name(database.name + "-wal")
    with unguarded(database) as connection:
        connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
        connection.execute("UPDATE orders SET price = price + 1 WHERE id = 1")
    before = database.read_bytes(), log.read_bytes()
    assert before[1]
    assert [(one.rule, one.subject) for one in audit.main(database)] == [("P3", "order 1")]
    assert (database.read_bytes(), log.read_bytes()) == before


def test_files_that_are_not_there(database: Path, tmp_path: Path) -> None:
    with pytest.raises(StoreError):
        audit.main(tmp_path / "none.db")
    with pytest.raises(TruthError):
        audit.main(database, tmp_path / "none.jsonl")


# --- a damaged file -----------------------------------------------------------------------


@contextmanager
def unguarded(path: Path) -> Iterator[apsw.Connection]:
    """The file as somebody else's tool opens it: no foreign keys, no checks."""
    with closing(apsw.Connection(str(path))) as connection:
        connection.execute("PRAGMA foreign_keys = OFF")
        connection.execute("PRAGMA ignore_check_constraints = ON")
        yield connection


def damage(path: Path, statements: str) -> list[tuple[str, str]]:
    """What the audit finds after these statements: rules and subjects."""
    with unguarded(path) as connection:
        connection.execute(statements)
    return [(one.rule, one.subject) for one in audit.main(path)]


def page_size(path: Path) -> int:
    return int.from_bytes(path.read_bytes()[16:18], "big")


def spoil(path: Path, page: int, content: bytes) -> None:
    """Overwrite a page of the file, the first being 1."""
    with path.open("r+b") as file:
        file.seek((page - 1) * page_size(path))
        file.write(content)


def root_page(path: Path, name: str) -> int:
    with unguarded(path) as connection:
        query = "SELECT rootpage FROM sqlite_schema WHERE name = ?"
        (found,) = connection.execute(query, (name,)).fetchall()
    return int(found[0])


def test_a_damaged_page_is_told_beside_what_can_be_read(database: Path) -> None:
    damage(
        database,
        "UPDATE account SET debits_posted = debits_posted + 1 WHERE code = 'asset:bank:cash'",
    )
    spoil(database, root_page(database, "transition"), b"\xff" * 8)
    found = audit.main(database)
    assert (found[0].rule, found[0].subject) == ("P1", "database")
    assert found[0].detail.startswith("the file cannot be read: ")
    assert "P3 asset:bank:cash" in [f"{one.rule} {one.subject}" for one in found]
    unread = found[-1]
    assert (unread.rule, unread.subject) == ("P1", "database")
    assert unread.detail.startswith("the queue cannot be read: ")
    assert unread.detail.endswith("malformed; check the disk, or restore a backup")
    assert "\n" not in unread.detail


def test_a_spoiled_schema_is_one_clear_line(database: Path) -> None:
    spoil(database, 1, database.read_bytes()[:100] + b"\xff" * 400)
    with pytest.raises(DatabaseUnreadable, match="restore a backup") as caught:
        audit.main(database)
    (line,) = caught.value.lines()
    assert str(database) in line and "\n" not in line


def test_an_error_inside_the_block_is_one_too(database: Path) -> None:
    with pytest.raises(DatabaseUnreadable), open_read_only(database) as db:
        sql.run(db, "SELECT * FROM nowhere")
    with pytest.raises(ZeroDivisionError), open_read_only(database):
        _ = 1 // 0


@pytest.mark.parametrize("seed", range(2))
def test_no_page_that_is_lost_stays_unseen(database: Path, seed: int) -> None:
    """Whatever is written over whichever page, the audit says so and never breaks."""
    rng = random.Random(seed)
    whole = database.read_bytes()
    size = page_size(database)
    for page in range(1, len(whole) // size + 1, 1 + 2 * seed):  # the dear kind: each third page
        content = bytes(size) if seed == 0 else rng.randbytes(size)
        spoil(database, page, content)
        try:
            assert audit.main(database), page
        except StoreError as error:
            assert len(error.lines()) == 1
        spoil(database, page, whole[(page - 1) * size : page * size])
    assert audit.main(database) == []


def test_bytes_that_are_no_text_are_found(database: Path) -> None:
    found = damage(
        database,
        "DROP TRIGGER transition_no_update;"
        " UPDATE transition SET state = CAST(X'ff' AS TEXT) WHERE id = 2",
    )
    assert found == [("P1", "trigger transition_no_update"), ("P1", "database")]


def test_a_row_that_names_nobody_is_found(database: Path) -> None:
    damage(
        database,
        "INSERT INTO unparsed (at, chip, channel, sender, text)"
        " VALUES (1, '1', 'sms', 's', 't'), (2, '2', 'sms', 's', 't')",
    )
    (found,) = audit.main(database)
    assert (found.rule, found.subject) == ("P1", "database")
    assert found.detail == "foreign key check: unparsed row 1 (and 1 more) names no chip"


def test_a_value_that_breaks_a_check_is_found(database: Path) -> None:
    damage(database, "UPDATE product SET price = -1")
    (found,) = audit.main(database)
    assert (found.rule, found.subject) == ("P1", "database")
    assert found.detail == "integrity check: CHECK constraint failed in product"


SCHEMA = {
    "a trigger less": ("DROP TRIGGER orders_no_delete", "trigger orders_no_delete", "missing"),
    "an index less": ("DROP INDEX orders_natural_key", "index orders_natural_key", "missing"),
    "a trigger that does nothing": (
        "DROP TRIGGER transfer_is_deleted_only_when_copied;"
        " CREATE TRIGGER transfer_is_deleted_only_when_copied BEFORE DELETE ON transfer"
        " BEGIN SELECT 1; END",
        "trigger transfer_is_deleted_only_when_copied",
        "changed",
    ),
    "an index that is not unique": (
        "DROP INDEX attempt_one_open_a_chip;"
        " CREATE INDEX attempt_one_open_a_chip ON attempt (chip) WHERE closed_at IS NULL",
        "index attempt_one_open_a_chip",
        "changed",
    ),
    "a column more": ("ALTER TABLE agent ADD COLUMN note TEXT", "table agent", "changed"),
    "a table more": ("CREATE TABLE notes (text)", "table notes", "not one of pulsarack"),
    "a trigger more": (
        "CREATE TRIGGER more AFTER INSERT ON orders BEGIN DELETE FROM message; END",
        "trigger more",
        "not one of pulsarack",
    ),
}


@pytest.mark.parametrize(("statements", "subject", "what"), SCHEMA.values(), ids=SCHEMA)
def test_a_schema_of_somebody_else_is_found(
    database: Path, statements: str, subject: str, what: str
) -> None:
    damage(database, statements)
    (found,) = audit.main(database)
    assert (found.rule, found.subject) == ("P1", subject)
    assert found.detail.startswith("the schema is not as the migrations make it: ")
    assert what in found.detail


def test_a_table_less_does_not_hide_the_rest(database: Path) -> None:
    found = damage(
        database,
        "DROP TABLE message; DROP TRIGGER account_keeps_its_name;"
        " UPDATE orders SET price = price + 1 WHERE id = 1",
    )
    assert ("P3", "order 1") in found
    assert ("P1", "table message") in found
    assert ("P1", "index message_waiting") in found
    assert ("P1", "database") in found


def test_statistics_are_not_a_change(database: Path) -> None:
    assert damage(database, "ANALYZE") == []


def test_the_command_fails_without_a_traceback(database: Path) -> None:
    spoil(database, root_page(database, "orders"), b"\xff" * 512)
    result = CliRunner().invoke(root, ["audit", "--database", str(database)])
    assert result.exit_code == 1
    assert isinstance(result.exception, SystemExit)
    assert "P1  database  the file cannot be read: " in result.stdout
    database.write_bytes(b"no database" * 100)
    result = CliRunner().invoke(root, ["audit", "--database", str(database)])
    assert result.exit_code == 1
    assert result.stderr.startswith("pulsarack: cannot read the database")
    assert result.stderr.count("\n") == 1
