"""What is kept of chips that stand idle decides which is tried, and nothing else."""

from collections.abc import Callable

from pulsarack.queue import chips, evidence
from pulsarack.queue.claim import Known
from pulsarack.queue.facts import Limits
from tests.queue.world import World, iccid


def test_what_is_known_of_idle_chips_is_not_asked_again(shop: World) -> None:
    second, known = shop.chip(2), Known()
    shop.order()
    (first,) = shop.claim(iccid(1), second, known=known)
    assert set(known.chips) == {second}  # the other one is at work
    shop.order("S10.081200000013")
    (other,) = shop.claim(second, known=known)
    assert (first.chip, other.chip) == (iccid(1), second)
    assert known.chips == {}
    shop.clean()


def test_nothing_is_asked_while_nothing_waits(shop: World) -> None:
    known = Known()
    assert shop.claim(iccid(1), known=known) == []
    assert (known.chips, known.unable) == ({}, set())


def test_a_chip_that_changed_unseen_is_looked_at_before_it_is_claimed(shop: World) -> None:
    second, known = shop.chip(2), Known()
    shop.sent(iccid(1))
    shop.order("S10.2.081200000012")  # equal to the one under way: nobody may take it
    assert shop.claim(second, known=known) == []
    assert set(known.chips) == {second}
    shop.run(lambda db: chips.doubt_stock(db, second))
    shop.order("S10.081200000013")
    assert shop.claim(second, known=known) == []
    assert known.unable == {second}
    shop.run(lambda db: chips.trust_stock(db, second))
    known.forget(second)
    (claimed,) = shop.claim(second, known=known)
    assert shop.attempt(claimed.attempt_id).stock_before == 500_000
    shop.clean()


def test_the_next_best_chip_takes_what_a_changed_one_cannot(shop: World) -> None:
    second, known = shop.chip(2), Known()
    shop.sent(shop.chip(3))
    shop.order("S10.2.081200000012")
    assert shop.claim(iccid(1), second, known=known) == []
    shop.run(lambda db: chips.take_out(db, iccid(1), why="barred"))
    shop.order("S10.081200000013")
    (claimed,) = shop.claim(iccid(1), second, known=known)
    assert claimed.chip == second
    assert known.unable == {iccid(1)}


def test_a_rest_that_is_over_is_noticed_when_time_is_looked_at(shop: World) -> None:
    known = Known()
    until = shop.now + 60_000
    shop.run(lambda db: chips.rest(db, iccid(1), until_ms=until, why="NO_REPLY"))
    shop.order()
    assert shop.claim(iccid(1), known=known) == []
    shop.wait(61)
    assert shop.claim(iccid(1), known=known) == []
    known.time_passed()
    (claimed,) = shop.claim(iccid(1), known=known)
    assert claimed.chip == iccid(1)


def test_a_limit_that_is_over_is_noticed_when_time_is_looked_at(shop: World) -> None:
    known, limits = Known(), Limits(per_hour=1)
    done = shop.sent(iccid(1))
    shop.decide(done.attempt_id, done=True, number="SN1", figure=489_850)
    shop.order("S10.081200000013", limit_seconds=7200)
    assert shop.claim(iccid(1), known=known, limits=limits) == []
    shop.wait(3601)
    assert shop.claim(iccid(1), known=known, limits=limits) == []
    known.time_passed()
    assert len(shop.claim(iccid(1), known=known, limits=limits)) == 1


def test_the_end_of_the_next_pause_is_known(shop: World) -> None:
    known, limits = Known(), Limits(pause_seconds=10)
    done = shop.sent(iccid(1))
    sent_at = shop.now
    shop.decide(done.attempt_id, done=True, number="SN1", figure=489_850)
    shop.order("S10.081200000013")
    assert shop.claim(iccid(1), known=known, limits=limits) == []
    assert known.next_pause_ends([iccid(1)], shop.now) == sent_at + 10_000
    shop.wait(10)
    assert known.next_pause_ends([iccid(1)], shop.now) is None
    assert len(shop.claim(iccid(1), known=known, limits=limits)) == 1


def test_a_new_day_forgets_what_was_counted(shop: World) -> None:
    known = Known()
    shop.sent(iccid(1))
    second = shop.chip(2)
    shop.order("S10.2.081200000012")
    assert shop.claim(second, known=known) == []
    assert set(known.chips) == {second}
    known.begin_day(shop.day_starts)
    assert set(known.chips) == {second}
    known.begin_day(shop.day_ends)
    assert known.chips == {}


def test_a_claim_says_what_proves_nothing_new(new_world: Callable[[], World]) -> None:
    world = new_world()
    world.agent()
    card = world.chip(1)
    sold = world.sent(card)
    world.decide(sold.attempt_id, done=True, number="SN7", figure=489_850)
    second = world.sent(card, "S10.2.081200000012")
    assert (second.spent_serial_numbers, second.reply_owed) == ({"SN7"}, False)
    world.suspend(second.attempt_id)
    world.decide(second.attempt_id, done=True, figure=479_700, answered=False)
    third = world.sent(card, "S10.081200000099")
    assert (third.spent_serial_numbers, third.reply_owed) == (frozenset(), True)
    world.close()


def test_a_claim_reads_the_orders_of_the_last_days_only(shop: World) -> None:
    """A customer of years has hundreds of orders; what is older is found out by its number."""
    card = shop.chip(1)
    for number, day in enumerate(("2027-01-07", "2027-01-08", "2027-01-14")):
        shop.day = day
        sold = shop.sent(card)
        shop.decide(
            sold.attempt_id, done=True, number=f"SN{number}", figure=489_850 - number * 10_150
        )
    shop.day = "2027-01-15"
    last = shop.sent(card)
    assert last.spent_serial_numbers == {"SN1", "SN2"}
    every = shop.run(lambda db: evidence.serial_numbers(db, "telkomsel", last.order.destination))
    assert every == {"SN0", "SN1", "SN2"}
