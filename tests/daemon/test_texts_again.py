"""A text that its channel brings once more is the same text, whatever the clock says by then.

The key of an order by text holds the day, and a day comes again when the machine's clock is set
back over midnight. So the text itself is known again: by its stamp, or by its channel's id.
"""

from pathlib import Path
from typing import Any

import pytest

from pulsarack.daemon.channels.incoming import Incoming
from pulsarack.daemon.channels.marks import Marks
from pulsarack.daemon.channels.whatsapp import payload
from pulsarack.daemon.demo.graph_stand_in import NUMBER_ID, GraphApi, body, value
from pulsarack.modems import sms
from pulsarack.modems.simulator.operators.exchange import local_time
from pulsarack.queue.order_text.masking import HIDDEN
from pulsarack.queue.post.inbound import Letter
from pulsarack.queue.rows import execute, tuples
from tests.daemon.channels.desk_world import AGENT, NUMBER, PIN, DeskWorld
from tests.daemon.identity_world import KEY, OTHER_KEY, credentials
from tests.daemon.test_orders_and_chips import until_idle
from tests.daemon.test_xmpp_reading import letter as read_stanza
from tests.daemon.test_xmpp_reading import stanza
from tests.daemon.virtual_loop import run
from tests.daemon.world import World, rack_plan
from tests.modems import pdu_writer
from tests.modems.pdu_writer import Body

DAY = 24 * 3600.0
ORDER = "S10.081200000012"
SETTINGS = "[sms]\nreceives = true\nanswers = true\n[agents]\nask_pin = []\n"
ONE_CENTRE, OTHER_CENTRE = "+6281100000", "+6281100009"


class Network:
    """Brings what agent A1 wrote, as a PDU that says which centre hands it over."""

    def __init__(self, world: World) -> None:
        self.world = world

    def hand_over(self, stamped_ms: int, centre: str = ONE_CENTRE, text: str = ORDER) -> None:
        """A text that was taken then."""
        assert self.world.simulation.modems[0].message_arrived(pdu_of(stamped_ms, centre, text))

    async def brings(self, stamped_ms: int, centre: str = ONE_CENTRE, text: str = ORDER) -> None:
        """The same, and it is read, and what it asks is done."""
        self.hand_over(stamped_ms, centre, text)
        await self.is_read()

    async def is_read(self) -> None:
        """All that came."""
        await self.world.clock.sleep(60)
        assert not self.world.simulation.modems[0].card.messages
        await self.world.settle()

    def outcomes(self) -> list[str]:
        """What became of the texts, oldest first."""
        rows = self.world.daemon.store.read_inline(
            lambda db: tuples(db, "SELECT outcome FROM inbound ORDER BY id")
        )
        return [row[0] for row in rows]


def pdu_of(stamped_ms: int, centre: str, text: str, part: bytes = b"") -> str:
    """`part`: reference, total and number of a part of a long text."""
    when = f"{local_time(stamped_ms / 1000):%y%m%d%H%M%S}"
    sender, stamp = pdu_writer.address(f"+{NUMBER}"), pdu_writer.stamp(when, 28)
    body = Body(text.encode(), True, ((0, part),) if part else ())
    return pdu_writer.deliver(sender, 0, stamp, body, centre=centre)


def with_a_network(directory: Path, test: Any) -> None:
    async def work() -> None:
        world = World(directory, rack_plan(("huawei-e173", "telkomsel")), settings=SETTINGS)
        await world.set_up()
        await world.call("sender.add", agent="A1", channel="sms", address=NUMBER, who="test")
        await until_idle(world)
        await test(world, Network(world))
        assert world.findings() == []
        await world.stop()

    run(work())


@pytest.mark.parametrize("again", [ONE_CENTRE, OTHER_CENTRE])
def test_a_text_comes_again_after_its_day_came_again(tmp_path: Path, again: str) -> None:
    """Another service centre hands it over: its PDU differs; sender, stamp and words do not."""

    async def live(world: World, network: Network) -> None:
        stamped = world.clock.now_ms()
        await network.brings(stamped)
        world.clock.step(-DAY)
        await world.clock.sleep(300)
        await network.brings(stamped, again)
        assert network.outcomes() == ["order_accepted"]
        assert world.delivered() == [("6281200000012", 10)]

    with_a_network(tmp_path, live)


def test_a_text_that_is_stamped_anew_after_its_day_came_again_is_the_same_order(
    tmp_path: Path,
) -> None:
    """Nobody can know that text again; that its order was ordered a short time ago, we can."""

    async def live(world: World, network: Network) -> None:
        stamped = world.clock.now_ms()
        await network.brings(stamped)
        world.clock.step(-DAY)
        await world.clock.sleep(300)
        await network.brings(stamped + 60_000)
        assert network.outcomes() == ["order_accepted", "order_repeated"]
        assert world.delivered() == [("6281200000012", 10)]

    with_a_network(tmp_path, live)


def test_two_copies_that_lie_there_together_are_one_text(tmp_path: Path) -> None:
    async def live(world: World, network: Network) -> None:
        stamped = world.clock.now_ms()
        for centre in (ONE_CENTRE, OTHER_CENTRE, ONE_CENTRE):
            network.hand_over(stamped, centre)
        await network.is_read()
        assert network.outcomes() == ["order_accepted"]

    with_a_network(tmp_path, live)


def test_a_long_text_comes_again_part_by_part(tmp_path: Path) -> None:
    """Each part has a stamp of its own; the text is known by that of its first."""

    async def live(world: World, network: Network) -> None:
        stamped = world.clock.now_ms()
        parts = [(stamped, "S10.0812000", bytes((7, 2, 1))), (stamped + 2000, "00012", b"\7\2\2")]
        for centre, order in ((ONE_CENTRE, 1), (OTHER_CENTRE, -1)):
            for at, words, part in parts[::order]:
                pdu = pdu_of(at, centre, words, part)
                assert world.simulation.modems[0].message_arrived(pdu)
            await network.is_read()
            world.clock.step(-DAY)
        assert network.outcomes() == ["order_accepted"]
        assert world.delivered() == [("6281200000012", 10)]

    with_a_network(tmp_path, live)


def test_a_text_that_the_version_before_took_and_left_on_the_sim(tmp_path: Path) -> None:
    """It knew a text by its whole PDU, and was ended before it could take this one off."""

    async def live(world: World, network: Network) -> None:
        stamped = world.clock.now_ms()
        await network.brings(stamped)
        former = sms.fingerprint([pdu_of(stamped, ONE_CENTRE, ORDER)])
        world.daemon.store.run_inline(
            lambda db: execute(
                db, "UPDATE inbound SET message_id = receiver || ':' || ?", (former,)
            )
        )
        await world.stop()
        world.clock.step(-DAY)
        await world.start()
        await network.brings(stamped)
        assert network.outcomes() == ["order_accepted"]
        assert world.delivered() == [("6281200000012", 10)]

    with_a_network(tmp_path, live)


def test_a_text_that_was_taken_before_there_was_a_newer_key(tmp_path: Path) -> None:
    async def live(world: World, network: Network) -> None:
        stamped = world.clock.now_ms()
        await network.brings(stamped)
        await world.stop()
        (tmp_path / "credentials" / "pepper").unlink()
        credentials(tmp_path, OTHER_KEY, KEY)
        world.clock.step(-DAY)
        await world.start()
        await network.brings(stamped)
        assert network.outcomes() == ["order_accepted"]
        await network.brings(stamped + 1000, text=ORDER.replace("S10", "S5"))
        await network.brings(stamped + 1000, OTHER_CENTRE, text=ORDER.replace("S10", "S5"))
        assert network.outcomes() == ["order_accepted"] * 2

    with_a_network(tmp_path, live)


def test_no_pin_can_be_tried_on_what_is_kept_of_a_text(tmp_path: Path) -> None:
    """A row of what came in holds all of the text but the PIN, and its mark."""

    async def live(world: World, network: Network) -> None:
        stamped = world.clock.now_ms()
        await network.brings(stamped, text=f"{ORDER}.{PIN}")
        kept = "SELECT message_id, sender, text FROM inbound"
        ((mark, sender, text),) = world.daemon.store.read_inline(lambda db: tuples(db, kept))
        assert PIN not in text
        when = f"{local_time(stamped // 1000):%Y-%m-%dT%H:%M:%S}+07:00"
        told = (sender, when, text.replace(HIDDEN, PIN))
        chip = world.plan.modems[0].chip.iccid
        masters = world.identity.masters.derive("marks of messages")
        assert mark == f"{chip}:{Marks(masters).of(*told)}"
        assert mark != f"{chip}:{Marks().of(*told)}"

    with_a_network(tmp_path, live)


def test_who_writes_the_same_again_is_heard(tmp_path: Path) -> None:
    """His telephone's second text has a stamp of its own, be it only a second later."""

    async def live(world: World, network: Network) -> None:
        stamped = world.clock.now_ms()
        for later in (0, 1000):
            await network.brings(stamped + later)
        await network.brings(stamped + 1000, text=ORDER.replace("S10", "S5"))
        await network.brings(stamped + 2000, text=ORDER.replace("S10", "S10.2"))
        await world.clock.sleep(DAY)
        await network.brings(world.clock.now_ms())
        accepted = ["order_accepted"] * 3
        assert network.outcomes() == ["order_accepted", "order_repeated", *accepted]
        assert len(world.delivered()) == 4

    with_a_network(tmp_path, live)


def over_whatsapp(world: DeskWorld) -> tuple[Letter, Letter]:
    """A message, and the same as Meta delivers it again since nobody answered."""
    api = GraphApi(lambda: world.clock.now_ms() / 1000)
    raw = body(value(messages=[api.message(NUMBER, f"S10.081200000012.{PIN}")]))
    first, again = (one for _ in range(2) for one in payload.read(raw, NUMBER_ID))
    assert isinstance(first, Incoming) and isinstance(again, Incoming)
    return first.letter, again.letter


def over_xmpp(world: DeskWorld) -> tuple[Letter, Letter]:
    """A stanza, and the same as its server sends it again: with a stamp, or without."""
    now_ms = world.clock.now_ms()
    words = f"<body>S10.081200000012.{PIN}</body>"
    delayed = f"<delay xmlns='urn:xmpp:delay' stamp='{local_time(now_ms / 1000).isoformat()}'/>"
    sender = "kios1@example.org/toko"
    first = read_stanza(stanza(words, sender=sender), now_ms)
    again = read_stanza(stanza(words + delayed, sender=sender), now_ms - round(DAY * 1000))
    return first.letter, again.letter


@pytest.mark.parametrize("brought", [over_whatsapp, over_xmpp])
async def test_a_chat_message_comes_again_after_its_day_came_again(
    tmp_path: Path, brought: Any
) -> None:
    """Its id is its own for ever."""
    world = await DeskWorld.open(tmp_path)
    first, again = brought(world)
    assert not (await world.desk.receive(first)).repeated
    world.clock.passed -= DAY
    assert (await world.desk.receive(again)).repeated
    assert world.sql("SELECT agent FROM orders") == [(AGENT,)]
    world.close()
