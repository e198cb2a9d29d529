"""Whose words count, and when they were sent."""

from collections.abc import Sequence
from pathlib import Path
from typing import cast

import pytest

from pulsarack.daemon.errors import CardExchanged
from pulsarack.daemon.inbox import Inbox
from pulsarack.modems.errors import ModemError, ModemSilent
from pulsarack.modems.modem import Modem
from pulsarack.modems.results import IncomingSms
from pulsarack.modems.simulator.operators.exchange import local_time
from pulsarack.modems.simulator.pdu import deliver_pdus
from tests.daemon.scripted import TOP_UP, Scripted, silence, sms
from tests.daemon.test_orders_and_chips import in_world, until_idle
from tests.daemon.world import RECIPES, SHELF, World

DONE = "Isi ulang 10 ke 081200000012 berhasil. SN: 51012399999999. Sisa stok Rp 989.850"
HOUR_SECONDS = 3600.0
EXCHANGED = CardExchanged("8962100000000000010", "8962100000000000028")


async def undecided(world: World, script: Scripted) -> int:
    """An order that the operator has lost without a word."""
    script.next(TOP_UP, silence)
    order_id = await world.order("S10.081200000012")
    while (await world.states())[order_id] != "UNKNOWN":
        await world.clock.sleep(0.1)
    return order_id


def test_what_somebody_else_says_proves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Anybody may write to a chip's number in the operator's words."""

    async def order(world: World) -> None:
        await until_idle(world)
        script = Scripted(world, monkeypatch)
        order_id = await undecided(world, script)
        script.text(DONE, "6281200009999")
        await world.clock.sleep(20)
        assert (await world.states())[order_id] == "UNKNOWN"
        assert [one["meaning"] for one in sms(world)] == ["UNPARSED"]
        await world.settle()
        assert (await world.show(order_id))["attempts"][0]["outcome"] == "NOT_DONE"

    in_world(tmp_path, order)


def test_what_was_sent_before_the_order_is_not_about_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The card's owner topped the same number up by telephone before he brought the card."""

    async def order(world: World) -> None:
        await until_idle(world)
        script = Scripted(world, monkeypatch)
        script.text("Promo: cek *363#")  # our clock is the service centre's
        order_id = await undecided(world, script)
        script.text(DONE, took_seconds=HOUR_SECONDS)
        await world.clock.sleep(20)
        assert (await world.states())[order_id] == "UNKNOWN"
        assert sms(world)[-1]["meaning"] == "FOREIGN"
        await world.settle()

    in_world(tmp_path, order)


class Slot:
    """A modem whose card was exchanged: what it hands out once, and what is deleted."""

    def __init__(self, messages: list[IncomingSms], unreadable: bool = False) -> None:
        self.messages = messages
        self.unreadable = unreadable
        self.deleted: list[int] = []
        self.inbox: Inbox | None = None

    async def read_sms(self) -> list[IncomingSms]:
        if self.unreadable and self.inbox is not None:
            self.inbox.unreadable(3, "garbled")
        found, self.messages = self.messages, []
        return found

    async def delete_sms(self, indices: list[int], direct: Sequence[str] = ()) -> None:
        self.deleted += indices


async def read_once(world: World, slot: Slot, error: ModemError = EXCHANGED) -> list[str]:
    """Read the inbox when the question for the card fails; what is kept of it."""

    async def check() -> None:
        raise error

    (modem,) = world.plan.modems
    recipe = SHELF.get(RECIPES[modem.chip.operator])
    context = world.daemon.context
    slot.inbox = Inbox(context, cast(Modem, slot), modem.chip.iccid, recipe, check)
    with pytest.raises(type(error)):
        await slot.inbox.read()
    return [one["text"] for one in (await world.call("unparsed.list"))["replies"]]


def test_what_lies_on_another_card_is_left_there(tmp_path: Path) -> None:
    async def exchange(world: World) -> None:
        await until_idle(world)
        stored = Slot([IncomingSms((1,), "6281", "hello", "", True, "1" * 64)])
        assert await read_once(world, stored) == []
        garbled = Slot([], unreadable=True)
        assert await read_once(world, garbled) == []
        assert stored.deleted == garbled.deleted == []

    in_world(tmp_path, exchange)


@pytest.mark.parametrize(
    ("error", "meaning"), [(EXCHANGED, []), (ModemSilent("AT+CCID", 5.0), ["STOCK_IN"])]
)
def test_what_came_directly_is_not_lost_with_the_modem(
    tmp_path: Path, error: ModemError, meaning: list[str]
) -> None:
    """No card holds it: what is not acted on or kept now is gone; another card's proves nothing."""
    words = "Stok Anda bertambah Rp.12.000 dari 0812000000. Sisa stok Rp1.012.000. Ref 12345"

    async def fail(world: World) -> None:
        await until_idle(world)
        direct = IncomingSms((), "M-KIOS", words, "", True, "2" * 64, ("00",))
        stored = IncomingSms((1,), "6281", "again", "", True, "3" * 64)
        kept = await read_once(world, Slot([stored, direct]), error)
        assert kept == ([] if meaning else [words])
        assert [one["meaning"] for one in sms(world)] == meaning

    in_world(tmp_path, fail)


def test_a_long_text_may_come_directly_in_parts(tmp_path: Path) -> None:
    """Each reading hands out what is there; the first part waits for the second."""

    async def send(world: World) -> None:
        await until_idle(world)
        modem = world.simulation.modems[0]
        text = "Promo panjang sekali " * 12
        stamp = local_time(world.clock.now_ms() / 1000)
        for pdu in deliver_pdus("62812000000", text, stamp, 7):
            modem.unsolicited(f"+CMT: ,30\r\n{pdu}")
            await world.clock.sleep(10)
        await world.clock.sleep(300)
        listed = (await world.call("unparsed.list"))["replies"]
        assert [one["text"].strip() for one in listed] == [text.strip()]

    in_world(tmp_path, send)


def test_what_cannot_be_read_does_not_fill_the_card(tmp_path: Path) -> None:
    """Anybody may send what no decoder understands; a full card takes no operator's text."""

    async def fill(world: World) -> None:
        await until_idle(world)
        modem = world.simulation.modems[0]
        for number in range(3):
            modem.card.store(f"0791589200000{number}")
        await world.clock.sleep(120)
        assert modem.card.messages == {}
        listed = await world.call("unparsed.list")
        assert len(listed["replies"]) == 3
        assert all("cannot be read" in one["text"] for one in listed["replies"])

    in_world(tmp_path, fill)
