"""What waits too long, and what cannot be sold: the doctor names it, with the command to look."""

from pathlib import Path

import pytest

from pulsarack.daemon import config, doctor_trade
from pulsarack.daemon.doctor import Finding, Level, Subject
from pulsarack.queue import chips, texts
from pulsarack.queue.post import outgoing
from pulsarack.queue.post.outgoing import Kind, Text
from tests.daemon.machine_tree import NOWHERE
from tests.queue.world import HOUR, LIMIT_SECONDS, World, iccid

RECIPE = "telkomsel-mkios"


class Server:
    """A small server's database, and what the doctor says of it."""

    def __init__(self, place: Path, template: Path) -> None:
        self.place = place
        self.world = World(place / "pulsarack.db", template)

    def subject(self, **daemon: str) -> Subject:
        raw = {"daemon": {"state_dir": str(self.place), **daemon}}
        settings = config.parse(raw, self.place / "x.toml")
        return Subject(settings, self.place / "s", {}, self.world.now, True, NOWHERE)

    def waiting(self) -> list[str]:
        return shown(self.world.run(lambda db: list(doctor_trade.waiting(db, self.subject()))))

    def selling(self, **daemon: str) -> list[str]:
        subject = self.subject(**daemon)
        return shown(self.world.run(lambda db: list(doctor_trade.selling(db, subject))))


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("template") / "pulsarack.db"
    world = World(place)
    world.agent()
    world.close()
    return place


@pytest.fixture
def server(tmp_path: Path, template: Path) -> Server:
    return Server(tmp_path, template)


def shown(found: list[Finding]) -> list[str]:
    return [f"{one.level} {one.what} $ {one.command}" for one in found if one.level != Level.OK]


def test_an_undecided_order_and_an_old_one(server: Server) -> None:
    world = server.world
    order = world.suspend(world.sent(world.chip()).attempt_id)
    fresh = "warn 1 orders are undecided; their money is held $ pulsarack order undecided"
    assert server.waiting() == [fresh]
    world.wait(86_401)
    assert server.waiting() == [
        fresh,
        "bad 1 of them are older than 24 hours: only a person can decide them"
        f" $ pulsarack order show {order.id}",
    ]


def test_orders_that_a_running_daemon_forgot(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = server.world
    sending = world.sent(world.chip()).order
    queued = world.order("S5.081200000031")
    world.wait(LIMIT_SECONDS + 3601)
    monkeypatch.setattr(Subject, "running", None)
    assert server.waiting() == []  # the daemon is down: the next start sees to it
    monkeypatch.setattr(Subject, "running", 1)
    assert server.waiting() == [
        f"bad 1 orders wait an hour longer than they may, first order {queued.id}"
        f" $ pulsarack order show {queued.id}",
        f"bad order {sending.id} is still being sent after an hour, on chip {iccid(1)}"
        f" $ pulsarack order show {sending.id}",
    ]


def test_unparsed_replies_that_pile_up(server: Server) -> None:
    world = server.world
    card = world.chip()

    def reply(number: int) -> None:
        world.run(
            lambda db: texts.keep_unparsed(
                db, card, "sms", "888", f"promo {number}", now_ms=world.now
            )
        )

    for number in range(doctor_trade.UNPARSED_MANY - 1):
        reply(number)
    assert server.waiting() == []
    reply(99)
    (line,) = server.waiting()
    assert line == (
        "warn 20 replies of operators since yesterday fit no pattern $ pulsarack unparsed"
    )
    world.wait(86_401)
    assert server.waiting() == []


def test_an_outbox_that_is_stuck(server: Server) -> None:
    world = server.world

    def write() -> int:
        text = Text("xmpp", "a@b.example", Kind.ANSWER, "x", None)
        made = world.run(lambda db: outgoing.put(db, text, now_ms=world.now))
        assert made is not None
        return made

    first = write()
    write()
    later = {"pause_ms": HOUR, "now_ms": world.now}
    world.run(lambda db: outgoing.try_again(db, first, "no connection", **later))
    world.wait(3601)
    assert server.waiting() == [
        "warn 2 messages have waited for xmpp for over an hour: no connection $ pulsarack outbox"
    ]


def test_chips_that_do_not_sell(server: Server) -> None:
    world = server.world
    cards = [world.chip(number, recipe=RECIPE) for number in (1, 2, 3)]
    day = world.now + 24 * HOUR
    world.run(lambda db: chips.take_out(db, cards[0], why="wrong PIN"))
    world.run(lambda db: chips.rest(db, cards[1], until_ms=None, why=""))
    world.run(lambda db: chips.rest(db, cards[2], until_ms=day, why="three failures"))
    world.run(lambda db: chips.seen(db, iccid(4), "a", "35", now_ms=world.now))
    lines = [line for line in server.selling() if not line.startswith("skip")]
    assert lines == [
        f"warn chip chip1 ({cards[0]}) was taken out of service: wrong PIN"
        f" $ pulsarack chip show {cards[0]}",
        f"warn chip chip2 ({cards[1]}) rests until somebody says otherwise: no reason given"
        f" $ pulsarack chip enable {cards[1]}",
        f"warn chip chip3 ({cards[2]}) rests for more than six hours: three failures"
        f" $ pulsarack chip enable {cards[2]}",
        f"warn 1 chips were seen that nobody has adopted, the first is {iccid(4)}"
        f" $ pulsarack chip adopt {iccid(4)} --operator NAME --recipe NAME",
    ]


def test_a_product_without_a_chip(server: Server) -> None:
    world = server.world
    card = world.chip(recipe=RECIPE)
    assert [line for line in server.selling() if "product" in line] == []
    world.run(lambda db: chips.take_out(db, card, why="barred"))
    assert server.selling()[-1] == (
        "warn no chip sells telkomsel: orders for S5, S10, S100 wait in vain $ pulsarack chip list"
    )


def test_chips_without_recipe_or_pin(server: Server) -> None:
    world = server.world
    with_pin, without = world.chip(1, recipe=RECIPE), world.chip(2, recipe=RECIPE)
    lost = world.chip(3, recipe="mine")
    assert server.selling() == [
        f"bad chip chip3 ({lost}) has the recipe mine, which is not here"
        f" $ pulsarack chip adopt {lost} --operator telkomsel --recipe NAME",
        "skip whether each has its PIN only root can see: sudo pulsarack doctor $ ",
    ]
    pins = server.place / "secrets.toml"
    pins.touch(0o600)
    pins.write_text(f'["{with_pin}"]\nchip_pin = "123456"\n')
    assert server.selling(secrets_file=str(pins))[0] == (
        f"bad chip chip2 ({without}) has no chip_pin, which its recipe needs $ sudoedit {pins}"
    )
