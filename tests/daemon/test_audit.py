"""The audit of a database that a daemon left behind, alone and against an operator's books."""

import json
from functools import partial
from pathlib import Path

import pytest
from peewee import Database

from pulsarack.daemon import audit
from pulsarack.daemon.store_errors import StoreError
from pulsarack.daemon.store_files import open_read_only
from pulsarack.daemon.store_inline import InlineStore
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
from pulsarack.queue.claim import IdleChip
from pulsarack.queue.evidence import Evidence, EvidenceKind, VerdictKind
from pulsarack.queue.facts import Presence
from pulsarack.queue.intake import Accepted, Origin
from pulsarack.queue.outcome import Decision
from pulsarack.queue.products import Product
from pulsarack.queue.request import Request
from pulsarack.ussd.outcome import Reason

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
    agents.add(db, "budi", "Budi Cell", now_ms=NOW)
    agents.credit(
        db, "budi", 500_000, transfer_id="credit:1", because="cash", who="test", now_ms=NOW
    )
    products.put(db, Product("S10", "telkomsel", "S10", 10, 10_600, COST, None, 1))
    chips.seen(db, CHIP, "modem0", "350003000000018", now_ms=NOW)
    chips.adopt(db, CHIP, Adoption("telkomsel", "telkomsel-mkios"), now_ms=NOW)
    recipe_versions.note(db, "hash", "telkomsel-mkios", "source", now_ms=NOW)
    stock.compare(db, CHIP, 500_000, now_ms=NOW)


def send(db: Database, to: str, now_ms: int) -> int:
    """An order on its way, past the point of no return; the id of its attempt."""
    origin = Origin("budi", "socket", f"S10.{to}", None, now_ms, "2026-11-22", 600)
    assert isinstance(intake.accept(db, Request("S10", to, 1), origin), Accepted)
    idle = {CHIP: IdleChip(Presence("modem0", "350003000000018"), "telkomsel", "hash")}
    (claimed,) = claim.claim_ready(db, idle, now_ms=now_ms, day_started_at=NOW - 1)
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
        evidence=Evidence(EvidenceKind.REPLY, verdict, "a reply"),
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
        AttemptRow(1, 1, CHIP, NOW + 1000, "DONE"),
        AttemptRow(2, 2, CHIP, NOW + 2000, "NOT_DONE"),
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


def test_files_that_are_not_there(database: Path, tmp_path: Path) -> None:
    with pytest.raises(StoreError):
        audit.main(tmp_path / "none.db")
    with pytest.raises(TruthError):
        audit.main(database, tmp_path / "none.jsonl")
