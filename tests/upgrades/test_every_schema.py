"""From every schema that there ever was, with what it could hold, to this one.

One server has orders in every state, and a row of everything that the tables of its version can
hold. It is made as old as each version in turn, as its scripts made the tables then; brought up
to date, it has lost no row, its queue and its undecided orders stand as they stood, and the
audit finds nothing. What is killed in between is in tests/queue/test_upgrade.py.
"""

from pathlib import Path
from typing import Any

import pytest

from pulsarack.daemon import audit
from pulsarack.daemon.migrations import load_scripts
from pulsarack.queue import clock_steps, outcome
from pulsarack.ussd.outcome import Reason
from tests.daemon.store_inline import InlineStore
from tests.queue.test_upgrade import as_it_stands, as_version, columns_of
from tests.queue.world import START, World, iccid, success

CARD = iccid(1)
NEWEST = max(one.number for one in load_scripts() if one.folder == "queue")
STATES = {"QUEUED", "SENDING", "UNKNOWN", "SUCCEEDED", "FAILED", "CANCELLED", "REVERSED"}
# A row of each table that the orders of a small shop do not fill; by the script that made it.
ROWS: dict[int, tuple[str, ...]] = {
    8: (
        f"INSERT INTO sim_pin_try VALUES ('{CARD}', 1, 1, 5)",
        "INSERT INTO learned_encoding VALUES ('E173 11.1', 'plain', 5)",
    ),
    9: (
        "INSERT INTO slot_name VALUES ('1-1', 'A1')",
        "INSERT INTO technician_act VALUES (1, 5, '1-1', NULL, 'AT', 'tech', 'looked')",
    ),
    10: (
        "INSERT INTO inbound VALUES (1, 'xmpp', 'm1', 'a@b', 'c@d', 'A1', 'S10', 5, NULL, 'x')",
        "INSERT INTO outgoing (id, channel, address, sender, agent, kind, text, inbound_id,"
        " created_at, not_before, state) VALUES (1, 'xmpp', 'a@b', '', 'A1', 'answer', 'x', 1, 5,"
        " 5, 'WAITING')",
        "INSERT INTO order_origin (order_id, address, receiver) VALUES (1, 'a@b', 'c@d')",
    ),
    11: (
        "INSERT INTO agent (code, name, created_at, upline) VALUES ('A2', 'Dua', 5, 'A1')",
        "INSERT INTO level_price VALUES ('gold', 'S10', 10400)",
        "INSERT INTO markup VALUES (1, 'A1', 'A2', NULL, 100)",
    ),
    12: (
        "INSERT INTO ticket VALUES (1, 'A1', '', 50000, 50123, 'OPEN', 5, 6, '2026-01-15',"
        " '2026-01-16', NULL, '')",
        "INSERT INTO credit_request (id, agent, amount, key, because, who, uid, asked_at, state)"
        " VALUES (1, 'A1', 500, 'k', 'cash', 'me', 1, 5, 'OPEN')",
        "INSERT INTO complaint (id, order_id, agent, words, channel, opened_at, state)"
        " VALUES (1, 1, 'A1', 'not there', 'sms', 5, 'OPEN')",
    ),
    13: (
        f"INSERT INTO agent_pin VALUES ('A1', '{'h' * 60}', 1, 5)",
        "INSERT INTO sender VALUES ('sms', '6281200000099', 'A1', 5, 'me')",
        "INSERT INTO api_account (member, agent, kind, key, created_at) VALUES"
        " ('ID1', 'A1', 'native', 'sealed', 5)",
        "INSERT INTO api_nonce VALUES (1, 'ID1', 'n', 5)",
        "INSERT INTO identity_event VALUES (1, 5, 'A1', 'PIN_SET', '', 'me')",
    ),
    14: ("INSERT INTO wording VALUES ('order_failed', 'id', 'GAGAL [trxid]', 1, 5, 'me')",),
    15: (
        "INSERT INTO sent_sms (id, chip, outgoing_id, address, at)"
        f" VALUES (1, '{CARD}', 1, 'x', 5)",
    ),
    16: ("INSERT INTO admin VALUES (1000, 'siti', 'cashier', 5, 'root')",),
    17: (
        "INSERT INTO job_standing VALUES ('audit', 5, 6, 'ok', 'said', 5, 0)",
        f"INSERT INTO chip_expiry VALUES ('{CARD}', '2027-06-30', 5, 'me')",
    ),
}
# Of no version's own: kept by triggers, or of archives, which have tests of their own.
NOT_FILLED = {
    "past_order", "past_sms", "archive", "unparsed", "exchange", "discrepancy_clearing",
    "balance_transfer", "order_commission", "brought_forward", "closed_rows", "never",
    "transfer_copy",
}  # fmt: skip


@pytest.fixture(scope="module")
def servers(new_world: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    """A database of each schema: number to file."""
    shop = new_world()
    shop.agent()
    shop.chip()
    folder = tmp_path_factory.mktemp("schemas")
    source = Path(shop.store._db.database)
    made = {}
    trade(shop)
    shop.run(lambda db: clock_steps.follow(db, 3_600_000, now_ms=shop.now))
    for number in range(1, NEWEST + 1):
        if number == 2:  # before, nothing was ever taken back
            shop.reverse(2)
        for statement in ROWS.get(number, ()):
            shop.sql(statement)
        made[number] = folder / f"{number}.db"
        as_version(source, made[number], number)
    assert set(shop.findings()) == set()
    shop.close()
    return made


def trade(shop: World) -> None:
    """Orders of every state, on chips that can hold one each, and what else comes with them."""
    for number in (2, 3):
        shop.chip(number)
    for number in range(2):
        done = shop.sent(CARD, f"S10.08120000003{number}")
        left = None if number else shop.stock(CARD).posted - done.order.cost
        shop.decide(done.attempt_id, done=True, figure=left, number=f"SN{number}")
        shop.wait(60)
    shop.differ(CARD, shop.stock(CARD).posted - 500)
    shop.text(CARD, success("SN9", to="6281200000099"))
    failed = shop.sent(CARD, "S10.081200000032", reference="r1")
    shop.decide(failed.attempt_id, done=False, reason=Reason.WRONG_NUMBER)
    cancelled = shop.order("S5.081200000036")
    shop.run(lambda db: outcome.cancel(db, cancelled.id, now_ms=shop.now))
    shop.suspend(shop.sent(CARD, "S10.081200000033").attempt_id)
    shop.sent(iccid(2), "S10.081200000034")
    shop.order("S10.081200000035", reference="r2")
    shop.claim(iccid(3))
    shop.order("S10.081200000037")


@pytest.mark.parametrize("number", range(1, NEWEST + 1))
def test_a_server_of_this_schema_comes_up_with_all_that_it_had(
    servers: dict[int, Path], number: int
) -> None:
    path = servers[number]
    names = columns_of(path)
    before = as_it_stands(path, names)
    states = {row[1] for row in before["orders"]}
    assert states == STATES - ({"REVERSED"} if number == 1 else set())
    assert set(names) - set(before) <= NOT_FILLED
    opened: list[int] = []
    store = InlineStore.open(
        path, now_ms=START, synchronous="OFF", before_upgrade=lambda: opened.append(1)
    )
    store.close()
    assert opened == ([1] if number < NEWEST else [])
    assert as_it_stands(path, names) == before
    assert audit.main(path) == []
