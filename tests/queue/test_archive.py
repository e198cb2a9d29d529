"""What leaves the database for an archive, when, and what it leaves behind."""

import pytest
from peewee import IntegrityError

from pulsarack.daemon.config import LEAST_RETENTION_DAYS
from pulsarack.queue import archive, attempts, discrepancies
from tests.queue.world import World

DAY = 86_400_000


def test_nothing_that_may_be_asked_for_is_ever_archived() -> None:
    least = LEAST_RETENTION_DAYS * DAY
    assert least > 2 * max(attempts.UNNAMED_MS, discrepancies.BOOKED_LATE_MS)


def test_the_archive_has_the_columns_of_the_database(world: World) -> None:
    for table in archive.TABLES:
        here = [row[1] for row in world.sql(f"PRAGMA table_info({table.name})")]
        assert table.columns.split(", ") == here, table.name


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM orders",
        "DELETE FROM transition",
        "DELETE FROM attempt",
        "DELETE FROM evidence",
        "DELETE FROM past_order",
        "UPDATE past_order SET agent = 'x'",
    ],
)
def test_a_stray_statement_is_refused(shop: World, statement: str) -> None:
    sale = shop.sent("8962100000000000001")
    shop.decide(sale.attempt_id, done=True, number="SN1", figure=489_850)
    shop.sql(
        "INSERT INTO past_order VALUES (99, '2026-08', 'A1', NULL, 'S10', '62', 1,"
        " '2026-08-01', 'x', 10, 'FAILED', NULL, 0, 9)"
    )
    with pytest.raises(IntegrityError, match=r"append-only|never deleted"):
        shop.sql(statement)
