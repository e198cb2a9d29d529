"""What the post of the channels asks of the database, each once: for the plans of its queries."""

from peewee import Database

from pulsarack.queue import intake, messages, orders, outcome
from pulsarack.queue.identity import senders
from pulsarack.queue.intake import Accepted, Origin
from pulsarack.queue.post import inbound, outgoing, retention
from pulsarack.queue.post.inbound import Letter
from pulsarack.queue.request import Request
from tests.queue.world import LIMIT_SECONDS, World


def carry_post(shop: World) -> None:
    """Orders of a channel, what is sent about them, and what becomes of each try."""

    def job(db: Database) -> None:
        now = shop.now
        senders.bind(db, "sms", "081200000099", "A1", by="me", now_ms=now)
        letter = Letter("xmpp", "m1", "kios@example.org", "us@example.org", "x")
        for _ in range(2):
            inbound.add(db, letter, agent="A1", masked="x", outcome="", now_ms=now)
        assert inbound.outcome_of(db, "xmpp", "m1") is not None
        inbound.conclude(db, 1, "accepted")
        inbound.newest_from(db, "xmpp", "kios@example.org")
        for limit in (None, "xmpp"):
            inbound.listed(db, channel=limit)
        for number in range(3):
            origin = Origin(
                "A1", "xmpp", "x", None, now, shop.day, LIMIT_SECONDS, "kios@example.org/x", "us",
                "6281200000055",
            )  # fmt: skip
            wanted = Request("S5", f"08120000006{number}", 1)
            assert isinstance(intake.accept(db, wanted, origin), Accepted)

    shop.run(job)
    for order_id in (1, 2, 3):
        shop.run(lambda db, one=order_id: outcome.cancel(db, one, now_ms=shop.now))
    shop.run(lambda db: send_post(db, shop.now))
    shop.run(lambda db: retention.forget(db, cut=shop.now + 1, limit=10))


def send_post(db: Database, now: int) -> None:
    """Each thing that can become of a text."""
    order = orders.get(db, 1)
    messages.name_serial_number(db, order._replace(state="SUCCEEDED"))
    first, second, third = (one for one, _ in outgoing.waiting(db, "xmpp", limit=10))
    outgoing.overdue(db, "xmpp", answers_before=now, results_before=now, limit=10)
    for one in (first, second, third):
        assert outgoing.begin(db, one, now_ms=now) is not None
    outgoing.arrived(db, first, outgoing.State.SENT, "p1", now_ms=now)
    for delivered in (False, True):
        outgoing.reported(db, "xmpp", "p1", delivered=delivered, why="", now_ms=now)
    outgoing.try_again(db, second, "busy", pause_ms=1, now_ms=now)
    assert outgoing.give_up(db, third, outgoing.State.EXPIRED, "old", now_ms=now)
    for waiting in (True, False):
        outgoing.listed(db, waiting=waiting)
