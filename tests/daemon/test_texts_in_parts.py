"""Texts as cheap modems and networks bring them: in parts, damaged, unannounced, from a full card.

What counts is that half a text decides nothing, that a whole one is read whatever the modem does,
and that nothing is deleted before it is written down.
"""

from pathlib import Path
from typing import Any

import pytest

from pulsarack.modems.simulator.modem import Modem
from pulsarack.modems.simulator.operators.exchange import local_time
from pulsarack.modems.simulator.quirks import FLAWLESS
from pulsarack.ussd.shelf import PACKAGED, load_shelf
from tests.daemon import world as worlds
from tests.daemon.scripted import SENDER, Scripted, sms
from tests.daemon.test_guards_of_the_inbox import DONE, undecided
from tests.daemon.test_orders_and_chips import chip, in_world, until_idle
from tests.daemon.world import World
from tests.modems import pdu_writer
from tests.modems.pdu_writer import Body

XL = ("huawei-e173", "xl")
TELKOMSEL = ("huawei-e173", "telkomsel")
LONG = "Promo panjang sekali dari operator Anda, jangan lewatkan. " * 4


def parts(
    world: World, pieces: list[str], total: int | None = None, seconds: float = 0.0
) -> list[str]:
    """DELIVERs of one long text of the operator, as the service centre parts it, so much later."""
    when = local_time(world.clock.now_ms() / 1000 + seconds)
    stamp = pdu_writer.stamp(f"{when:%y%m%d%H%M%S}", 28)
    sender = pdu_writer.name(SENDER.encode())
    return [
        pdu_writer.deliver(
            sender,
            0,
            stamp,
            Body(piece.encode(), True, ((0x00, bytes([77, total or len(pieces), number])),)),
        )
        for number, piece in enumerate(pieces, 1)
    ]


def modem_of(world: World) -> Modem:
    return world.simulation.modems[0]


async def unparsed(world: World) -> list[str]:
    return [one["text"] for one in (await world.call("unparsed.list"))["replies"]]


# --- half a text --------------------------------------------------------------------------


@pytest.mark.parametrize("order", [(0, 1), (1, 0), (1, 1, 0, 0)])
def test_parts_in_any_order_are_one_proof(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, order: tuple[int, ...]
) -> None:
    async def sell(world: World) -> None:
        await until_idle(world)
        order_id = await undecided(world, Scripted(world, monkeypatch))
        both = parts(world, [DONE[:30], DONE[30:]])
        for number in order:
            assert (await world.states())[order_id] == "UNKNOWN"
            assert modem_of(world).message_arrived(both[number])
            await world.clock.sleep(1)
        await world.clock.sleep(20)
        assert (await world.states())[order_id] == "SUCCEEDED"
        await world.clock.sleep(120)
        assert modem_of(world).card.messages == {}

    in_world(tmp_path, sell)


def test_a_part_that_never_comes_makes_no_success(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every word of a success is there; what the other part says nobody knows."""

    async def sell(world: World) -> None:
        await until_idle(world)
        order_id = await undecided(world, Scripted(world, monkeypatch))
        first, _ = parts(world, [DONE, " (dibatalkan)"])
        assert modem_of(world).message_arrived(first)
        await world.clock.sleep(30)
        assert len(modem_of(world).card.messages) == 1 and await unparsed(world) == []
        while modem_of(world).card.messages:
            assert (await world.states())[order_id] == "UNKNOWN"
            await world.clock.sleep(1)
        assert await unparsed(world) == [f"(incomplete: part 2 of 2 did not come) {DONE}"]
        assert [one["meaning"] for one in sms(world)] == ["UNPARSED"]
        await world.settle()
        assert (await world.show(order_id))["attempts"][0]["outcome"] == "NOT_DONE"

    in_world(tmp_path, sell)


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
@pytest.mark.parametrize("later", [-30.0, 12.0, 30.0, 120.0])
def test_halves_of_two_reports_are_no_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, later: float, order: tuple[int, int]
) -> None:
    """Some centres give all their texts one reference: this one's second half is not here yet,
    the other's first half was overtaken, and what lies there reads like a success."""

    async def sell(world: World) -> None:
        await until_idle(world)
        order_id = await undecided(world, Scripted(world, monkeypatch))
        mine = parts(world, [DONE[:30], "gagal, nomor salah"])
        others = parts(world, ["Isi ulang 10 ke 081200000099 b", DONE[30:]], seconds=later)
        for pdu in [(mine[0], others[1])[number] for number in order]:
            assert modem_of(world).message_arrived(pdu)
        await world.clock.sleep(30)
        assert (await world.states())[order_id] == "UNKNOWN"
        await world.settle()
        assert (await world.show(order_id))["attempts"][0]["outcome"] == "NOT_DONE"

    in_world(tmp_path, sell)


def test_a_damaged_text_makes_no_success(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The modem lost the end of the line; the words before it are a success."""

    async def sell(world: World) -> None:
        await until_idle(world)
        order_id = await undecided(world, Scripted(world, monkeypatch))
        when = local_time(world.clock.now_ms() / 1000)
        stamp = pdu_writer.stamp(f"{when:%y%m%d%H%M%S}", 28)
        sender = pdu_writer.name(SENDER.encode())
        pdu = pdu_writer.deliver(sender, 0, stamp, Body(f"{DONE}.....".encode(), True))
        modem_of(world).card.store(pdu[:-6])
        await world.clock.sleep(200)
        assert (await world.states())[order_id] == "UNKNOWN"
        [text] = await unparsed(world)
        assert text.startswith(f"(incomplete: the text is cut short) {DONE[:60]}")
        assert modem_of(world).card.messages == {}
        await world.settle()

    in_world(tmp_path, sell)


def test_half_an_answer_to_a_query_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stock that is cut short would be another stock."""

    async def ask(world: World) -> None:
        await until_idle(world)
        dealer = world.simulation.network.dealers[modem_of(world).iccid]
        when = local_time(world.clock.now_ms() / 1000)
        stamp = pdu_writer.stamp(f"{when:%y%m%d%H%M%S}", 28)
        words = "22Nov 14:05: 081700000001 Load Wallet Balance: P9.00. Ref:123456789012"
        body = Body(words.encode(), True, ((0x00, b"\x07\x02\x01"),))
        modem_of(world).card.store(pdu_writer.deliver(pdu_writer.address("168"), 0, stamp, body))
        await world.clock.sleep(7200)
        shown = await chip(world)
        assert str(dealer.stock) in repr(shown), shown
        assert any("incomplete" in text for text in await unparsed(world))

    in_world(tmp_path, ask, XL)


MIXES = (
    "[sms_mix]\nshuffled = 1.0\n",
    "[sms_mix]\npart_doubled = 1.0\n",
    "[sms_mix]\nshuffled = 0.5\npart_doubled = 0.5\n",
)


@pytest.mark.parametrize("mix", MIXES)
def test_a_long_text_is_read_however_its_parts_come(tmp_path: Path, mix: str) -> None:
    async def send(world: World) -> None:
        await until_idle(world)
        send = world.simulation.network.send_text
        for number in range(3):
            send(modem_of(world).iccid, "M-KIOS", f"{number} {LONG}", number * 120)
        await world.clock.sleep(600)
        whole = [text.strip() for text in await unparsed(world) if "incomplete" not in text]
        assert sorted(whole) == [f"{number} {LONG}".strip() for number in range(3)]
        assert modem_of(world).card.messages == {}

    in_world(tmp_path, send, faults=mix)


def test_a_lost_part_is_said_to_be_lost(tmp_path: Path) -> None:
    async def send(world: World) -> None:
        await until_idle(world)
        world.simulation.network.send_text(modem_of(world).iccid, "M-KIOS", LONG)
        await world.clock.sleep(300)
        [text] = await unparsed(world)
        assert "did not come) " in text and text.startswith("(incomplete: part ")
        assert modem_of(world).card.messages == {}

    in_world(tmp_path, send, faults="[sms_mix]\npart_lost = 1.0\n")


# --- modems that misbehave ----------------------------------------------------------------


def log_of(capsys: pytest.CaptureFixture[str]) -> str:
    return capsys.readouterr().out


@pytest.mark.parametrize(
    "quirks",
    ["listings = 3", "no_indications = true", "index_unknown = true", "places = 1"],
)
def test_an_order_by_sms_on_a_modem_that_misbehaves(tmp_path: Path, quirks: str) -> None:
    async def sell(world: World) -> None:
        await until_idle(world)
        for number in range(3):
            await world.order(f"X10.08170000001{number}")
        await world.settle()
        assert set((await world.states()).values()) == {"SUCCEEDED"}
        assert len(world.delivered()) == 3
        await world.clock.sleep(120)
        assert modem_of(world).card.messages == {}

    in_world(tmp_path, sell, XL, faults=f"[modem.quirks]\n{quirks}\n")


def test_a_store_that_hangs_is_named_and_mended_by_a_restart(tmp_path: Path) -> None:
    async def hang(world: World) -> None:
        await until_idle(world)
        world.simulation.network.send_text(modem_of(world).iccid, "168", "hello")
        seen: set[str] = set()
        began = world.clock.monotonic()
        for _ in range(300):
            row = (await world.call("modem.list"))["modems"][0]
            seen.add(str(row))
            await world.clock.sleep(1)
        assert any("its message store hangs" in row and "reset the modem" in row for row in seen)
        modem_of(world).quirks = FLAWLESS
        modem_of(world).power_cut(5)
        while modem_of(world).card.messages or (await chip(world))["doing"] != "idle":
            assert world.clock.monotonic() < began + 7200  # it may rest
            await world.clock.sleep(1)

    faults = "[modem.quirks]\nlistings = 1\nreading_hangs = true\n"
    in_world(tmp_path, hang, TELKOMSEL, faults=faults)


def test_a_card_with_room_for_one_takes_a_text_in_two_parts(tmp_path: Path) -> None:
    """The second part comes only when the first is off the card, so both are kept as they are."""

    async def send(world: World) -> None:
        await until_idle(world)
        world.simulation.network.send_text(modem_of(world).iccid, "168", LONG)
        await world.clock.sleep(600)
        texts = await unparsed(world)
        assert [text[:27] for text in sorted(texts)] == [
            "(incomplete: part 1 of 2 did",
            "(incomplete: part 2 of 2 did",
        ] or sorted(text[13:24] for text in texts) == ["part 1 of 2", "part 2 of 2"]
        assert modem_of(world).card.messages == {}

    in_world(tmp_path, send, XL, faults="[modem.quirks]\nplaces = 1\n")


# --- delivery reports ---------------------------------------------------------------------


@pytest.fixture
def reporting_recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """XL's recipe, with a delivery report of each order asked for."""
    folder = tmp_path / "recipes"
    folder.mkdir()
    text = (PACKAGED / "xl-sms.toml").read_text("utf-8")
    (folder / "xl-sms.toml").write_text(
        text.replace("commits = true", "commits = true\ndelivery_report = true"), "utf-8"
    )
    monkeypatch.setattr(worlds, "SHELF", load_shelf([folder]))


@pytest.mark.usefixtures("reporting_recipe")
def test_a_delivery_report_is_written_down_where_the_recipe_asks(tmp_path: Path) -> None:
    async def sell(world: World) -> None:
        await until_idle(world)
        order_id = await world.order("X10.081700000012")
        await world.settle()
        await world.clock.sleep(120)
        story: dict[str, Any] = await world.show(order_id)
        lines = [(one["kind"], one["text"]) for one in story["attempts"][0]["exchanges"]]
        assert ("sent", "taken by the network, reference 2") in lines, lines
        [delivery] = [text for kind, text in lines if kind == "delivery"]
        assert delivery.startswith("delivered at 2026-11-22T")
        assert delivery.endswith("(status 0), reference 2")
        assert modem_of(world).card.messages == {}

    in_world(tmp_path, sell, XL)


@pytest.mark.usefixtures("reporting_recipe")
def test_a_delivery_report_decides_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says that the operator has the order, and not that the operator carried it out."""
    silent = '\n[[fault]]\nat_order = 1\nkind = "not_done_no_reply"\n'

    async def sell(world: World) -> None:
        await until_idle(world)
        order_id = await world.order("X10.081700000012")
        await world.clock.sleep(60)
        assert (await world.states())[order_id] in ("SENDING", "UNKNOWN")
        await world.settle()
        assert (await world.states())[order_id] == "SUCCEEDED"
        attempts = (await world.show(order_id))["attempts"]
        assert [one["outcome"] for one in attempts] == ["NOT_DONE", "DONE"]
        assert len(world.delivered()) == 1

    in_world(tmp_path, sell, XL, faults=silent)
