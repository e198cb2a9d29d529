"""The record of admins' acts: rows that are only added, and a chain that shows what was touched."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from peewee import IntegrityError

from pulsarack.queue import admin_acts, admins
from pulsarack.queue.admin_acts import FIRST_SEAL, Act, ActOutcome, Noted, seal_of
from pulsarack.queue.admins import Role
from pulsarack.queue.rows import execute, tuples
from tests.daemon.store_inline import InlineStore
from tests.daemon.world import migrated_file
from tests.queue.world import act

NOW = 1_795_000_000_000


@pytest.fixture
def store(tmp_path: Path) -> Iterator[InlineStore]:
    """An empty database."""
    path = tmp_path / "pulsarack.db"
    path.write_bytes(migrated_file())
    opened = InlineStore.open(path, now_ms=NOW, synchronous="OFF")
    yield opened
    opened.close()


def note(store: InlineStore, one: Act) -> Noted:
    """Write an act down."""
    return store.run_inline(lambda db: admin_acts.note(db, one))


def five(store: InlineStore) -> None:
    """Five acts."""
    for number in range(5):
        note(store, act("agent.new", number, NOW + number))


def problems(store: InlineStore) -> list[tuple[str, str]]:
    """What the audit finds of the rows."""
    return store.read_inline(lambda db: list(admin_acts.problems(db)))


def by_hand(store: InlineStore, *statements: str) -> None:
    """What somebody does who has taken the triggers away."""
    gone = [f"DROP TRIGGER admin_act_no_{what}" for what in ("update", "delete")]
    for sql in (*gone, *statements):
        store.run_inline(lambda db, sql=sql: execute(db, sql))  # type: ignore[misc]


def test_each_row_is_sealed_with_the_one_before(store: InlineStore) -> None:
    first, second = note(store, act("a", 1, NOW)), note(store, act("b", 2, NOW))
    assert first.seal == seal_of(FIRST_SEAL, act("a", 1, NOW))
    assert second.seal == seal_of(first.seal, act("b", 2, NOW))
    assert (first.id, second.id) == (1, 2) and problems(store) == []


@pytest.mark.parametrize("sql", ["UPDATE admin_act SET uid = 7", "DELETE FROM admin_act"])
def test_rows_are_only_added(store: InlineStore, sql: str) -> None:
    five(store)
    with pytest.raises(IntegrityError, match="append-only"):
        store.run_inline(lambda db: execute(db, sql))


def test_what_is_undone_leaves_no_gap(store: InlineStore) -> None:
    def job(_: object) -> None:
        raise LookupError

    five(store)
    with pytest.raises(LookupError):
        store.run_inline(lambda db: (admin_acts.note(db, act("x", 1, NOW)), job(db)))
    assert note(store, act("x", 1, NOW)).id == 6 and problems(store) == []


COPY = (
    "INSERT INTO admin_act (id, at, uid, login, role, call, subject, arguments, outcome, code,"
    " reason, seal) SELECT {}, at, uid, login, role, call, subject, arguments, outcome, code,"
    " reason, seal FROM admin_act WHERE id = 3"
)


@pytest.mark.parametrize(
    ("statements", "found"),
    [
        (["UPDATE admin_act SET uid = 7 WHERE id = 3"], ["admin act 3: its seal"]),
        (["UPDATE admin_act SET arguments = '{}', subject = 'A9' WHERE id = 5"], ["admin act 5"]),
        (["DELETE FROM admin_act WHERE id = 1"], ["admin act 2: before it row 1 is missing"]),
        (["DELETE FROM admin_act WHERE id IN (2, 3)"], ["admin act 4: before it row 2 to 3 is"]),
        (["DELETE FROM admin_act WHERE id > 3"], ["admin act 5: it is missing, the last"]),
        (["DELETE FROM admin_act"], ["admin act 5: it is missing, the last that is there is 0"]),
        ([COPY.format(6)], ["admin act 6: its seal"]),
        # Two rows that have changed their places.
        (
            ["UPDATE admin_act SET id = id + 10 WHERE id IN (2, 3)",
             "UPDATE admin_act SET id = 5 - (id - 10) WHERE id > 10"],
            ["admin act 2: its seal", "admin act 3: its seal", "admin act 4: its seal"],
        ),
    ],
)  # fmt: skip
def test_what_is_done_by_hand_is_found(
    store: InlineStore, statements: list[str], found: list[str]
) -> None:
    five(store)
    by_hand(store, *statements)
    told = [f"{subject}: {detail}" for subject, detail in problems(store)]
    assert len(told) == len(found)
    assert all(one.startswith(start) for one, start in zip(told, found, strict=True)), told


def test_an_act_has_one_end_of_its_own(store: InlineStore) -> None:
    begun = note(store, replace(act("modem.at", 1, NOW), outcome=ActOutcome.BEGUN))
    shown = {"login": None, "call": None, "since": 0, "limit": 9}
    (listed,) = store.read_inline(lambda db: admin_acts.listed(db, **shown))  # type: ignore[arg-type]
    assert listed.outcome == "BEGUN"
    ended = note(store, replace(act("modem.at", 1, NOW), begun=begun.id))
    (listed,) = store.read_inline(lambda db: admin_acts.listed(db, **shown))  # type: ignore[arg-type]
    assert listed.id == ended.id and problems(store) == []
    with pytest.raises(IntegrityError):
        note(store, replace(act("modem.at", 1, NOW), begun=begun.id))
    # An end that is another's.
    other = note(store, replace(act("modem.at", 1, NOW), outcome=ActOutcome.BEGUN))
    wrong = note(store, replace(act("modem.reset", 1, NOW), begun=other.id))
    assert [subject for subject, _ in problems(store)] == [f"admin act {wrong.id}"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"role": "boss"},
        {"outcome": "REFUSED"},
        {"code": "NO"},
        {"arguments": "no json"},
        {"arguments": '"' + "x" * 4000 + '"'},
        {"login": ""},
        {"uid": -1},
    ],
)
def test_the_database_refuses_what_cannot_be(store: InlineStore, wrong: dict[str, object]) -> None:
    with pytest.raises(IntegrityError):
        note(store, replace(act("a", 1, NOW), **wrong))  # type: ignore[arg-type]


def test_a_role_is_of_a_uid_and_its_login(store: InlineStore) -> None:
    def put(uid: int, login: str, role: Role = Role.CASHIER) -> None:
        store.run_inline(lambda db: admins.put(db, uid, login, role, set_by="root", now_ms=NOW))

    put(1001, "siti")
    put(1001, "siti", Role.TECHNICIAN)
    put(1002, "budi")
    put(1003, "budi")  # he has another uid now
    rows = store.read_inline(admins.every)
    assert [(one.uid, one.login, one.role) for one in rows] == [
        (1003, "budi", "cashier"),
        (1001, "siti", "technician"),
    ]
    assert store.run_inline(lambda db: admins.remove(db, "siti"))
    assert not store.run_inline(lambda db: admins.remove(db, "siti"))
    with pytest.raises(IntegrityError):
        put(0, "root")
    assert store.read_inline(lambda db: tuples(db, "SELECT count(*) FROM admin")) == [(1,)]
