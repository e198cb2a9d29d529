"""A job that claims, run again because what it did was undone: it claims as it did at first.

The store of these tests runs the first job of a kind twice (tests/daemon/store_inline.py).
"""

from pathlib import Path

import pytest
from peewee import Database

from pulsarack.queue import claim
from pulsarack.queue.claim import Claim, IdleChip, Known
from pulsarack.queue.facts import Limits, Presence
from tests.daemon.store_inline import InlineStore
from tests.queue.world import LATE_MS, World, iccid

OPERATOR = "telkomsel"


def idle(*numbers: int) -> dict[str, IdleChip]:
    return {
        iccid(number): IdleChip(
            Presence(f"1-{number}", "imei", limits=Limits()), OPERATOR, "hash", LATE_MS
        )
        for number in numbers
    }


def claimed(shop: World, known: Known, chips: dict[str, IdleChip]) -> list[Claim]:
    begin = known.rewound([OPERATOR], chips)

    def job(db: Database) -> list[Claim]:
        begin()
        return claim.claim_ready(db, chips, known, now_ms=shop.now, day_started_at=shop.day_starts)

    return shop.run(job)


@pytest.fixture
def shop(tmp_path: Path) -> World:
    assert InlineStore.rehearses
    made = World(tmp_path / "pulsarack.db")
    for number in (1, 2):
        made.chip(number)
    return made


def test_the_agent_whose_turn_it_is_has_it(shop: World) -> None:
    for number, code in enumerate(("A1", "B1", "C1")):
        shop.agent(code)
        shop.order(f"S10.08120000001{number}", agent=code)
    known = Known(turns={OPERATOR: "A1"})
    assert [one.order.agent for one in claimed(shop, known, idle(1))] == ["B1"]
    assert known.turns == {OPERATOR: "B1"}
    assert [one.order.agent for one in claimed(shop, known, idle(2))] == ["C1"]


def test_a_rest_that_ended_has_ended_for_a_chip_without_an_order_too(shop: World) -> None:
    shop.agent()
    shop.order()
    shop.sql("UPDATE chip SET state = 'RESTING', why = 'x', rest_until = ?", shop.now)
    shop.now += 1
    assert len(claimed(shop, Known(), idle(1, 2))) == 1
    assert shop.sql("SELECT state FROM chip") == [("ACTIVE",)] * 2
