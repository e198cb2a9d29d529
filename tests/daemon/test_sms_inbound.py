"""What agents write to the chips: kept once, whatever fails between the SIM and the database."""

import asyncio
import random
from pathlib import Path
from typing import Any, cast

import pytest

from pulsarack.daemon import log as logging
from pulsarack.daemon.channels.sms.letters import Letters
from pulsarack.daemon.channels.sms.reception import OF_A_CHIP, Reception
from pulsarack.daemon.inbox import Inbox
from pulsarack.daemon.store_errors import StoreError
from pulsarack.modems.errors import ModemSilent
from pulsarack.modems.modem import Modem
from pulsarack.modems.results import IncomingSms
from pulsarack.modems.simulator.operators.exchange import local_time
from pulsarack.queue.post.inbound import Letter
from tests.daemon.sms_world import AGENT, ON, SmsWorld, nothing
from tests.daemon.test_guards_of_the_inbox import Slot
from tests.daemon.test_orders_and_chips import until_idle
from tests.daemon.virtual_loop import LoopClock, run
from tests.daemon.world import SHELF, rack_plan
from tests.modems import pdu_writer
from tests.modems.pdu_writer import Body

TELKOMSEL, XL = ("huawei-e173", "telkomsel"), ("huawei-e173", "xl")
LONG = "S10.081200000012.1234 tolong segera diisi ya kak, terima kasih banyak sebelumnya. " * 4
WIDE = "S10.081200000012.1234 \N{WHITE HEAVY CHECK MARK} cepat ya"


def in_sms_world(
    directory: Path, test: Any, *chips: tuple[str, str], settings: str = ON, **options: Any
) -> None:
    async def work() -> None:
        world = SmsWorld(directory, rack_plan(*(chips or (TELKOMSEL,)), **options), settings)
        await world.set_up()
        await until_idle(world)
        await test(world)
        assert world.findings() == []
        await world.stop()

    run(work())


def iccid(world: SmsWorld, number: int = 0) -> str:
    return world.plan.modems[number].chip.iccid


def write(world: SmsWorld, text: str, number: int = 0, sender: str = AGENT) -> None:
    world.telephones.send(sender, iccid(world, number), text)


async def unparsed(world: SmsWorld) -> list[str]:
    return [one["text"] for one in (await world.call("unparsed.list"))["replies"]]


@pytest.mark.parametrize("text", ["S10.081200000012.1234", LONG.strip(), WIDE])
@pytest.mark.parametrize("weather", ["", "[sms_mix]\nshuffled = 1.0\npart_doubled = 1.0\n"])
def test_a_text_is_kept_once_and_answered_from_where_it_came(
    tmp_path: Path, text: str, weather: str
) -> None:
    async def order(world: SmsWorld) -> None:
        write(world, text, 1)
        await world.until(world.heard)
        await world.clock.sleep(120)
        (letter,) = world.letters()
        assert (letter.sender, letter.receiver, letter.text) == (AGENT, iccid(world, 1), text)
        assert letter.sent_at is not None and 0 <= letter.received_at - letter.sent_at < 60_000
        (answer,) = world.sent()
        assert (answer.state, answer.address) == ("SENT", AGENT)
        (part,) = world.parts()
        assert answer.provider_id == part["provider_id"] and part["chip"] == letter.receiver
        wrote, heard = world.telephone_books
        assert (wrote["kind"], wrote["text"]) == ("wrote", text)
        assert (heard["kind"], heard["number"]) == ("heard", AGENT)
        assert heard["text"] == f"read: {text[:100]}" and heard["chip"] == letter.receiver
        assert world.on_cards() == 0 and await unparsed(world) == []

    in_sms_world(tmp_path, order, TELKOMSEL, XL, faults=weather)


def test_a_copy_of_the_network_is_the_same_text(tmp_path: Path) -> None:
    """With the same stamp it is the same message; with a later one nobody can know."""

    async def order(world: SmsWorld) -> None:
        for number in range(6):
            write(world, f"S10.08120000001{number}")
        await world.clock.sleep(900)
        kept = [line["stamp_kept"] for line in world.truth if line.get("fault") == "sms_doubled"]
        assert True in kept and len(kept) == 6
        assert len(world.letters()) == 6 + kept.count(False)
        assert world.on_cards() == 0

    in_sms_world(tmp_path, order, faults="[sms_mix]\ndoubled = 1.0\n")


def test_a_crash_between_the_commit_and_the_sim_makes_no_second_order(tmp_path: Path) -> None:
    async def crash(world: SmsWorld) -> None:
        stuck = asyncio.Event()

        async def never(_letter: Letter) -> None:
            await stuck.wait()

        world.after = never  # kept, but the chip never learns of it
        write(world, "S10.081200000012.1234")
        await world.until(world.letters)
        assert world.on_cards() == 1
        await world.crash()
        stuck.set()
        await world.start()
        await world.until(lambda: not world.on_cards())
        await world.until(world.heard)
        await world.clock.sleep(60)
        (letter,) = world.letters()
        assert world.handed[letter.message_id] == 2
        # Its answer was on its way; nobody knew whether it had left, so it went once more.
        assert len(world.sent()) == 1 and len(set(world.heard())) == 1

    in_sms_world(tmp_path, crash)


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_crash_at_any_moment_loses_nothing_and_doubles_nothing(tmp_path: Path, when: str) -> None:
    async def crash(world: SmsWorld) -> None:
        crashes = 0

        async def stop(_letter: Letter) -> None:
            nonlocal crashes
            crashes += 1
            await asyncio.Event().wait()

        for number in range(4):
            setattr(world, when, stop)
            write(world, f"S10.08120000001{number}")
            await world.until(lambda n=number: crashes > n)  # type: ignore[misc]
            await world.crash()
            setattr(world, when, nothing)
            await world.start()
        await world.until(lambda: len(world.letters()) == 4)
        await world.until(lambda: not world.on_cards())
        texts = [one.text for one in world.letters()]
        assert sorted(texts) == [f"S10.08120000001{number}" for number in range(4)]

    in_sms_world(tmp_path, crash)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_whatever_happens_each_text_is_kept_once(tmp_path: Path, seed: int) -> None:
    """Texts, orders, crashes, power cuts and exchanged cards, in any order."""
    rng = random.Random(seed)

    async def live(world: SmsWorld) -> None:
        written: set[str] = set()
        one, other = world.simulation.modems
        for number in range(24):
            text = f"S5.0812000000{number:02}" + " dan seterusnya" * rng.choice((0, 0, 12))
            write(world, text, rng.randrange(2))
            written.add(text)
            await world.clock.sleep(rng.uniform(0.0, 9.0))
            match rng.randrange(6):
                case 0:
                    await world.crash()
                    await world.clock.sleep(rng.uniform(0.0, 5.0))
                    await world.start()
                case 1:
                    rng.choice((one, other)).power_cut(rng.uniform(1.0, 20.0))
                case 2 if number % 8 == 7:
                    world.simulation.swap_cards(one, other, 5.0, leave_bus=True)
                case 3:
                    await world.order(f"S10.0812000001{number:02}")
        await world.until(lambda: {one.text for one in world.letters()} == written, 3600)
        await world.until(lambda: not world.on_cards(), 3600)
        assert len(world.letters()) == len(written)
        await world.settle()
        answers = {f"read: {text[:100]}" for text in written}
        await world.until(lambda: set(world.heard()) == answers, 3600)

    in_sms_world(tmp_path, live, TELKOMSEL, TELKOMSEL)


def test_a_front_desk_that_is_busy_leaves_the_text_there_and_the_chip_sells(tmp_path: Path) -> None:
    async def order(world: SmsWorld) -> None:
        busy = True

        async def refuse(_letter: Letter) -> None:
            if busy:
                raise StoreError("the database waits for its disk")

        world.before = refuse
        for number in range(3):
            write(world, f"S5.08120000002{number}")
        await world.clock.sleep(30)
        for number in range(3):
            await world.order(f"S10.08120000001{number}")
        await world.settle(120)
        assert set((await world.states()).values()) == {"SUCCEEDED"}
        assert world.letters() == [] and world.on_cards() == 3
        assert world.pressure is not None
        assert world.pressure.figures()["refused"]["sms.not_received"] >= 3
        busy = False
        await world.until(lambda: not world.on_cards())
        assert len(world.letters()) == 3

    in_sms_world(tmp_path, order)


def test_a_front_desk_that_never_answers_holds_up_no_sale(tmp_path: Path) -> None:
    async def order(world: SmsWorld) -> None:
        async def never(_letter: Letter) -> None:
            await asyncio.Event().wait()

        world.before = never
        for number in range(OF_A_CHIP + 2):
            write(world, f"S5.0812000000{number:02}")
        await world.clock.sleep(60)
        assert len(world.handed) == OF_A_CHIP  # the others wait on the SIM
        for number in range(3):
            await world.order(f"S10.08120000001{number}")
        await world.settle(120)
        world.before = nothing
        await world.until(lambda: not world.on_cards(), 1200)
        assert len(world.letters()) == OF_A_CHIP + 2

    in_sms_world(tmp_path, order)


def test_a_text_that_breaks_the_front_desk_does_not_fill_the_card(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async def order(world: SmsWorld) -> None:
        async def fail(letter: Letter) -> None:
            if "poison" in letter.text:
                raise ValueError(letter.text)

        world.before = fail
        write(world, "poison 4711")
        write(world, "S10.081200000012")
        await world.until(lambda: world.handed and not world.on_cards(), 3600)
        assert [one.text for one in world.letters()] == ["S10.081200000012"]
        (said,) = await unparsed(world)
        assert "fault of the daemon" in said and "4711" not in said
        assert world.pressure is not None
        assert world.pressure.figures()["refused"]["sms.given_up"] == 1

    in_sms_world(tmp_path, order)
    assert "4711" not in capsys.readouterr().out


def test_half_a_text_is_no_order_and_its_pin_is_not_kept(tmp_path: Path) -> None:
    async def order(world: SmsWorld) -> None:
        write(world, LONG)
        await world.clock.sleep(300)
        assert world.letters() == [] and not world.handed
        (said,) = await unparsed(world)
        assert said.startswith("(incomplete: part ") and "1234" not in said
        assert world.on_cards() == 0 and world.pressure is not None
        assert world.pressure.figures()["refused"]["sms.incomplete"] == 1

    in_sms_world(tmp_path, order, faults="[sms_mix]\npart_lost = 1.0\n")


def test_who_is_no_person_and_a_chip_that_takes_no_orders(tmp_path: Path) -> None:
    async def write_in(world: SmsWorld) -> None:
        await world.call("chip.channel", iccid=iccid(world, 1), receives="off")
        await until_idle(world)
        send = world.simulation.network.send_text
        send(iccid(world), "PROMO", "menang Rp 50000 hubungi 1234")
        send(iccid(world), "123", "cek kuota")
        write(world, "S10.081200000012.1234", 1)
        await world.clock.sleep(120)
        assert world.letters() == [] and world.on_cards() == 0
        assert sorted(await unparsed(world)) == [
            "S10.081200000012.****",  # it may be a PIN
            "cek kuota",
            "menang Rp 50000 hubungi 1234",
        ]

    in_sms_world(tmp_path, write_in, TELKOMSEL, TELKOMSEL)


def test_a_name_of_digits_is_no_number(tmp_path: Path) -> None:
    """Who buys texts in bulk may give any name to their sender."""

    async def write_in(world: SmsWorld) -> None:
        when = local_time(world.clock.now_ms() / 1000)
        stamp = pdu_writer.stamp(f"{when:%y%m%d%H%M%S}", 28)
        for sender in (pdu_writer.name(b"62812000071"), pdu_writer.address(AGENT)):
            body = Body(b"S10.081200000012.1234", True)
            pdu = pdu_writer.deliver(sender, 0, stamp, body)
            assert world.simulation.modems[0].message_arrived(pdu)
        await world.until(lambda: not world.on_cards())
        assert [one.sender for one in world.letters()] == [AGENT]
        assert len(await unparsed(world)) == 1

    in_sms_world(tmp_path, write_in)


def test_a_flood_holds_up_no_sale(tmp_path: Path) -> None:
    """Sixty texts at once on a card that holds fewer, while twelve orders wait."""

    async def flood(world: SmsWorld, texts: int) -> float:
        for number in range(texts):
            write(world, f"S5.0812000001{number:02}")
        await world.clock.sleep(5)
        began = world.clock.monotonic()
        for number in range(12):
            await world.order(f"S10.0812000000{number + 10}")
        await world.settle(600)
        took = world.clock.monotonic() - began
        await world.until(lambda: len(world.letters()) >= texts, 1200)
        await world.until(lambda: not world.on_cards())
        assert len({one.message_id for one in world.letters()}) == texts
        return took

    took: list[float] = []

    async def measure(world: SmsWorld) -> None:
        took.append(await flood(world, 60 if took else 0))

    settings = "[sms]\nreceives = true\n"
    for name in ("calm", "storm"):
        (tmp_path / name).mkdir()
        in_sms_world(tmp_path / name, measure, settings=settings)
    calm, storm = took
    assert storm < 1.5 * calm, took


def test_reports_of_orders_come_first_on_a_chip_that_sells_by_sms(tmp_path: Path) -> None:
    async def flood(world: SmsWorld) -> None:
        for number in range(5):
            await world.order(f"X10.08170000001{number}")
            for text in range(6):
                write(world, f"S5.08120000{number}{text:02}")
        await world.settle(600)
        assert set((await world.states()).values()) == {"SUCCEEDED"}
        assert len(world.delivered()) == 5
        await world.until(lambda: len(world.letters()) == 30, 1200)
        await world.until(lambda: not world.on_cards())

    in_sms_world(tmp_path, flood, XL, settings="[sms]\nreceives = true\n")


def test_a_text_goes_with_its_card_and_not_with_the_modem(tmp_path: Path) -> None:
    async def swap(world: SmsWorld) -> None:
        busy = True

        async def refuse(_letter: Letter) -> None:
            if busy:
                raise StoreError("the database waits for its disk")

        world.before = refuse
        write(world, "to the first", 0)
        write(world, "to the second", 1)
        await world.until(lambda: world.on_cards() == 2)
        one, other = world.simulation.modems
        world.simulation.swap_cards(one, other, 5.0, leave_bus=True)
        await world.clock.sleep(60)
        busy = False
        await world.until(lambda: not world.on_cards(), 3600)
        kept = {one.text: one.receiver for one in world.letters()}
        assert kept == {"to the first": iccid(world, 0), "to the second": iccid(world, 1)}
        assert len(world.letters()) == 2

    in_sms_world(tmp_path, swap, TELKOMSEL, TELKOMSEL)


def test_texts_that_the_modem_hands_over_directly_survive_a_front_desk_that_is_busy(
    tmp_path: Path,
) -> None:
    async def order(world: SmsWorld) -> None:
        busy = True

        async def refuse(_letter: Letter) -> None:
            if busy:
                raise StoreError("the database waits for its disk")

        world.before = refuse
        modem = world.simulation.modems[0]
        mode, _, reports = modem.settings.indication
        modem.settings.indication = (mode, 2, reports)
        for number in range(OF_A_CHIP + 2):
            write(world, f"S5.0812000000{number:02}")
        await world.clock.sleep(60)
        assert world.on_cards() == 0 and world.letters() == []
        assert len(world.handed) == OF_A_CHIP + 2  # no SIM holds them: none waits there
        modem.power_cut(20)
        busy = False
        await world.until(lambda: len(world.letters()) == OF_A_CHIP + 2)

    in_sms_world(tmp_path, order)


def test_what_came_directly_is_handed_in_when_the_modem_fails(tmp_path: Path) -> None:
    """The question for the card was not answered, and no card holds the text."""

    async def fail(world: SmsWorld) -> None:
        direct = IncomingSms((), AGENT, "S10.081200000012.1234", "", True, "2" * 64, ("00",))
        stored = IncomingSms((1,), AGENT, "stays there", "", True, "3" * 64)
        silent = ModemSilent("AT+CCID", 5.0)

        async def check() -> None:
            raise silent

        recipe = SHELF.get("telkomsel-mkios")
        modem = cast(Modem, Slot([stored, direct]))
        context = world.daemon.context
        inbox = Inbox(context, modem, iccid(world), recipe, check, receives=True)
        with pytest.raises(ModemSilent):
            await inbox.read()
        await world.until(world.letters)
        assert [one.text for one in world.letters()] == ["S10.081200000012.1234"]

    in_sms_world(tmp_path, fail)


def test_a_look_takes_off_only_a_few() -> None:
    async def look() -> None:
        reception = Reception(LoopClock(0), logging.get())
        lying = [
            IncomingSms((number,), AGENT, "S5", "", True, f"{number:064}") for number in range(20)
        ]

        async def receive(_letter: Letter) -> None:
            return

        async def delete(message: IncomingSms) -> bool:
            lying.remove(message)
            return True

        async def give_up(_message: IncomingSms) -> None:
            raise AssertionError

        again: list[int] = []
        letters = Letters(
            reception,
            "8962100000000000010",
            SHELF.get("telkomsel-mkios"),
            receives=True,
            delete=delete,
            give_up=give_up,
            come_back=lambda: again.append(len(lying)),
        )
        assert letters.are_among(lying) == []  # nobody is there to hand them to
        reception.open(receive)
        left = []
        for in_a_sale in (False, True, True, False, False, False):
            await letters.look(letters.are_among(list(lying)), in_a_sale=in_a_sale)
            left.append(len(lying))
            await asyncio.sleep(1)
        assert left == [20, 18, 16, 8, 0, 0] and again

    run(look())


def test_an_undecided_order_does_not_stop_the_post(tmp_path: Path) -> None:
    async def order(world: SmsWorld) -> None:
        order_id = await world.order("S10.081200000012")
        await world.until(lambda: world.daemon.rack.desks()[0].no_parcels)
        for number in range(3):
            write(world, f"S5.08120000002{number}")
        await world.until(lambda: len(world.letters()) == 3, 60)
        await world.until(lambda: not world.on_cards(), 60)
        assert (await world.states())[order_id] == "UNKNOWN"
        assert world.heard() == []  # nothing leaves a chip whose stock is watched
        await world.settle()
        await world.until(lambda: len(world.heard()) == 3)

    silent = '\n[[fault]]\nat_order = 1\nkind = "not_done_no_reply"\n'
    in_sms_world(tmp_path, order, faults=silent)
