"""The audit's rules about money that came in: each finds the fault that is planted for it."""

import re
from collections.abc import Callable

import pytest

from pulsarack.ledger import accounts, journal
from pulsarack.ledger.journal import Transfer
from pulsarack.queue import agents, audit
from pulsarack.queue.deposits import audit_rules, transfers
from tests.queue.test_credits import confirm, proposed
from tests.queue.test_recovery_and_audit import unlock
from tests.queue.test_tickets import given_to, pay
from tests.queue.test_transfers import is_below
from tests.queue.world import World, paid_in

FOREIGN = (
    "INSERT INTO transfer (id, phase, debit, credit, asset, amount, reference, memo, at)"
    " VALUES ('x', 'posted', '{debit}', '{credit}', 'IDR', 5, '', '', 1)"
)


def busy(world: World) -> None:
    """Row 1 assigned, row 2 paid ticket 1, two proposals, and balance that moved."""
    world.agent("A1", deposit=100_000)
    world.agent("A2", deposit=0)
    pay(world, given_to(world, 20_000).amount)
    confirm(world, proposed(world, 5_000).id, 1001)
    confirm(world, proposed(world, -1_000).id, 1001)
    proposed(world, 7_000)
    pay(world, -300)
    world.run(
        lambda db: transfers.send(
            db, "A1", "A2", 2_000, repeat_index=1, local_day=world.day, across=False,
            is_below=is_below, now_ms=world.now,
        )
    )  # fmt: skip
    given_to(world, 30_000)
    world.clean()


RAISED = "a deposit was raised and nothing says why"
LOWERED = "a deposit was lowered and nothing says why"
ROW = "a row of a statement is not credited as it says"
TICKET = "a ticket is paid and no row of its amount and days says so"
PROPOSAL = "a proposal is not booked as it was decided"
MOVED = "balance that moved between agents is not booked as it was asked"
PLANTED: list[tuple[str, str]] = [
    (FOREIGN.format(debit="asset:bank:cash", credit="liability:agent:A1"), RAISED),
    (FOREIGN.format(debit="liability:agent:A1", credit="asset:bank:cash"), LOWERED),
    ("DELETE FROM bank_row WHERE id = 1", RAISED),
    ("UPDATE bank_row SET agent = 'A2' WHERE id = 1", RAISED),
    ("UPDATE transfer SET debit = 'asset:bank:cash' WHERE id = 'bank_row:1'", RAISED),
    ("UPDATE transfer SET id = 'bank_row:1x' WHERE id = 'bank_row:1'", RAISED),
    ("UPDATE credit_request SET state = 'REFUSED' WHERE id = 1", RAISED),
    ("UPDATE credit_request SET amount = 4999 WHERE id = 1", RAISED),
    ("UPDATE credit_request SET amount = -999 WHERE id = 2", LOWERED),
    ("DELETE FROM balance_transfer", RAISED),
    ("DELETE FROM balance_transfer", LOWERED),
    ("DELETE FROM transfer WHERE id = 'bank_row:2'", ROW),
    ("UPDATE bank_row SET state = 'UNMATCHED', agent = NULL WHERE id = 1", ROW),
    ("UPDATE bank_row SET amount = 1 WHERE id = 1", ROW),
    ("UPDATE ticket SET state = 'EXPIRED' WHERE id = 1", TICKET),
    ("UPDATE ticket SET state = 'PAID' WHERE id = 2", TICKET),
    ("UPDATE ticket SET last_day = '2027-01-14', first_day = '2027-01-14' WHERE id = 1", TICKET),
    ("UPDATE ticket SET agent = 'A2' WHERE id = 1", TICKET),
    ("UPDATE bank_row SET ticket_id = 1", "a ticket was paid by more than one row"),
    ("UPDATE credit_request SET state = 'CONFIRMED' WHERE id = 3", PROPOSAL),
    ("UPDATE credit_request SET amount = 9 WHERE id = 1", PROPOSAL),
    ("UPDATE credit_request SET decided_uid = uid WHERE id = 1", "one admin alone decided"),
    ("UPDATE balance_transfer SET amount = 1", MOVED),
    ("DELETE FROM transfer WHERE id = 'balance_transfer:1'", MOVED),
]


@pytest.mark.parametrize(("statement", "what"), PLANTED)
def test_a_planted_fault_is_found(world: World, statement: str, what: str) -> None:
    busy(world)
    unlock(world)
    world.sql(statement)
    found = [one.detail for one in world.run(audit.audit) if one.rule == "P3"]
    assert any(detail.startswith(what) for detail in found), found


@pytest.mark.parametrize("transfer_id", ["bank_row:1", "credit_request:1", "balance_transfer:1"])
def test_money_that_came_is_not_taken_back_by_the_ledger_alone(
    world: World, transfer_id: str
) -> None:
    """Two admins take it back, or an upline pulls it; a reversal of its transfer is nobody's."""
    busy(world)
    world.agent("A3", deposit=0)
    result = world.run(
        lambda db: journal.reverse(db, transfer_id, id="x", memo="", now_ms=world.now)
    )
    assert result is journal.Result.OK
    found = [one.detail for one in world.run(audit.audit) if one.rule == "P3"]
    assert any(detail.startswith(LOWERED) for detail in found), found


def test_every_rule_is_proved() -> None:
    proved = {what for _, what in PLANTED}
    for _, what, _ in audit_rules.QUERIES:
        assert any(what.startswith(one) for one in proved), what


def test_what_one_admin_credited_before_there_were_two_is_let_be(
    new_world: Callable[[], World],
) -> None:
    """Those that the migration found, and no later one."""
    world = new_world()
    world.agent(deposit=0)
    early = Transfer("credit:A1:k", agents.CASH, accounts.agent("A1"), 5)
    world.run(lambda db: journal.transfer(db, early, now_ms=world.now))
    (finding,) = world.findings()
    assert RAISED in finding[1]
    world.sql("UPDATE early_credit SET last_sequence = (SELECT max(sequence) FROM transfer)")
    world.clean()
    late = Transfer("credit:A1:l", agents.CASH, accounts.agent("A1"), 5)
    world.run(lambda db: journal.transfer(db, late, now_ms=world.now))
    assert re.search("transfer credit:A1:l", world.findings()[0][1])
    world.close()


def test_the_rules_look_nothing_up_by_a_scan_of_all(world: World) -> None:
    """Each transfer's cause is found by its key: the audit of a large database must end."""
    for number in range(3):
        world.agent(f"B{number}", deposit=0)
        world.run(lambda db, n=number: paid_in(db, f"B{n}", 5, now_ms=world.now))
    for _, what, sql in audit_rules.QUERIES:
        plan = [str(row[3]) for row in world.sql(f"EXPLAIN QUERY PLAN {sql}")]
        assert sum(line.startswith("SCAN") for line in plan) <= 2, (what, plan)
        assert not any(re.match("SCAN (r|c|b|t) LEFT", line) for line in plan), (what, plan)
