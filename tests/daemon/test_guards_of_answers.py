"""Answers that come twice, and texts that stay on the SIM: neither counts a second time."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from pulsarack.modems.simulator import modem as simulated
from pulsarack.modems.simulator.dealer import Dealer
from pulsarack.modems.simulator.line import Command
from pulsarack.modems.simulator.operators.answer import Answer, tell
from pulsarack.modems.simulator.result import Result, ServiceError
from pulsarack.ussd.shelf import PACKAGED, Shelf, load_shelf
from tests.daemon import world as world_module
from tests.daemon.scripted import HISTORY, SILENCE, TOP_UP, Followed, Say, Scripted, silence, sms
from tests.daemon.test_orders_and_chips import chip, in_world, until_idle
from tests.daemon.world import World

NUMBER = "081200000012"
FIRST, SECOND = f"S10.{NUMBER}", f"S10.2.{NUMBER}"
UNNUMBERED = f"Isi ulang 10 ke {NUMBER} berhasil. Sisa stok Rp 989.850"
REFUSED = f"Maaf, nomor {NUMBER} tidak terdaftar."
CMS_FAILURE = 500  # 27.005 3.2.5: unknown error


# --- a second copy --------------------------------------------------------------------------


def and_tells(script: Scripted, words: str, *, done: bool) -> Say:
    """The operator does it, or not, and says these words."""

    def say(dealer: Dealer, code: str) -> Answer:
        if done:
            script.true(dealer, code)
        return tell(words)

    return say


def and_is_drowned(script: Scripted, copy: str, *, done: bool) -> Say:
    """The operator does it, or not; what comes is a copy of what it said before."""

    def say(dealer: Dealer, code: str) -> Answer:
        if done:
            script.true(dealer, code)
        script.show(copy)
        return SILENCE

    return say


async def both_orders(world: World) -> tuple[int, int]:
    """Two equal orders; the first is decided, the second's dialogue is over."""
    first, second = await world.order(FIRST), await world.order(SECOND)
    while not (await world.show(second))["attempts"]:
        await world.clock.sleep(0.1)
    while (await world.states())[second] == "SENDING":
        await world.clock.sleep(0.1)
    return first, second


def test_a_copy_of_an_unnumbered_success_does_not_settle_the_next_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The operator has lost the second order; the words it is shown are the first one's."""

    async def order(world: World) -> None:
        await until_idle(world)
        script = Scripted(world, monkeypatch)
        script.next(
            TOP_UP,
            and_tells(script, UNNUMBERED, done=True),
            and_is_drowned(script, UNNUMBERED, done=False),
        )
        first, second = await both_orders(world)
        states = await world.states()
        assert (states[first], states[second]) == ("SUCCEEDED", "UNKNOWN")
        assert (await world.show(second))["attempts"][0]["reason"] == "FOREIGN_REPLY"
        await world.settle()
        succeeded = [one for one in (await world.states()).values() if one == "SUCCEEDED"]
        assert len(succeeded) == len(world.delivered())

    in_world(tmp_path, order)


def test_a_copy_of_a_refusal_does_not_refund_the_next_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second order was delivered; the words it is shown are the first one's."""

    async def order(world: World) -> None:
        await until_idle(world)
        script = Scripted(world, monkeypatch)
        script.next(
            TOP_UP,
            and_tells(script, REFUSED, done=False),
            and_is_drowned(script, REFUSED, done=True),
        )
        first, second = await both_orders(world)
        states = await world.states()
        assert (states[first], states[second]) == ("FAILED", "UNKNOWN")
        await world.settle()
        assert (await world.states())[second] == "SUCCEEDED"
        assert len(world.delivered()) == 1

    in_world(tmp_path, order)


def test_a_success_with_another_orders_serial_number_does_not_settle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def order(world: World) -> None:
        await until_idle(world)
        script = Scripted(world, monkeypatch)
        numbered = "Isi ulang 10 ke {} berhasil. SN: 51012399999999. Sisa stok Rp 989.850"
        script.next(
            TOP_UP,
            and_tells(script, numbered.format("081200000013"), done=True),
            and_tells(script, numbered.format(NUMBER), done=False),
        )
        first, second = await world.order("S10.081200000013"), await world.order(FIRST)
        while not (await world.show(second))["attempts"]:
            await world.clock.sleep(0.1)
        while (await world.states())[second] == "SENDING":
            await world.clock.sleep(0.1)
        states = await world.states()
        assert (states[first], states[second]) == ("SUCCEEDED", "UNKNOWN")
        await world.settle()
        assert len(world.delivered()) == len(await world.states())

    in_world(tmp_path, order)


NUMBERED_REFUSAL = """
[[pattern]]
name = "numbered_refusal"
kind = "failure"
reason = "WRONG_NUMBER"
match = 'Gagal ke {destination}\\. SN: {serial_number}'
[[pattern.samples]]
text = "Gagal ke 081200000012. SN: 5101"
destination = "081200000012"
serial_number = "5101"
"""


def shelf_with(folder: Path, pattern: str, recipe: str = "telkomsel-mkios.toml") -> Shelf:
    """A packaged recipe, and one more pattern."""
    folder.mkdir()
    (folder / recipe).write_text((PACKAGED / recipe).read_text() + pattern)
    return load_shelf([folder])


def test_a_refusal_with_another_orders_serial_number_does_not_refund(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second was delivered; what it is shown names the first, which went somewhere else."""
    monkeypatch.setattr(world_module, "SHELF", shelf_with(tmp_path / "recipes", NUMBERED_REFUSAL))

    async def order(world: World) -> None:
        await until_idle(world)
        script = Scripted(world, monkeypatch)
        sold = "Isi ulang 10 ke 081200000013 berhasil. SN: 5101. Sisa stok Rp 989.850"
        script.next(
            TOP_UP,
            and_tells(script, sold, done=True),
            and_tells(script, f"Gagal ke {NUMBER}. SN: 5101", done=True),
            and_tells(script, f"Gagal ke {NUMBER}. SN: 5102", done=False),
        )
        first, second = await world.order("S10.081200000013"), await world.order(FIRST)
        while not (await world.show(second))["attempts"]:
            await world.clock.sleep(0.1)
        while (await world.states())[second] == "SENDING":
            await world.clock.sleep(0.1)
        states = await world.states()
        assert (states[first], states[second]) == ("SUCCEEDED", "UNKNOWN")
        await world.settle()
        assert (await world.states())[second] == "SUCCEEDED"
        third = await world.order(SECOND)
        await world.settle()
        assert (await world.states())[third] == "FAILED"
        assert len(world.delivered()) == 2

    in_world(tmp_path, order)


def test_a_refusal_in_the_menu_is_one_whatever_number_it_bears(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was not sent is not done, and cannot be left undecided."""
    shelf = shelf_with(tmp_path / "recipes", NUMBERED_REFUSAL, "indosat-dealer.toml")
    monkeypatch.setattr(world_module, "SHELF", shelf)

    async def order(world: World) -> None:
        await until_idle(world)
        first = await world.order("I10.085600000013")
        await world.settle()
        script = Scripted(world, monkeypatch, "indosat")
        number = (await world.show(first))["order"]["serial_number"]
        script.next("*", and_tells(script, f"Gagal ke 085600000012. SN: {number}", done=False))
        second = await world.order("I10.085600000012")
        await world.settle()
        states = await world.states()
        assert (states[first], states[second]) == ("SUCCEEDED", "FAILED")
        (attempt,) = (await world.show(second))["attempts"]
        assert (attempt["committed_at"], attempt["reason"]) == (None, "WRONG_NUMBER")

    in_world(tmp_path, order, ("wavecom", "indosat"))


def test_the_late_answer_of_an_order_proved_by_stock_does_not_settle_an_equal_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody else's answer came first; its own comes when the equal order has been sent."""

    async def order(world: World) -> None:
        await until_idle(world)
        script = Scripted(world, monkeypatch)
        words = "Isi ulang 10 ke {} berhasil. SN: {}. Sisa stok Rp 989.850"
        script.always(HISTORY, silence)  # it would tell the first one's number
        script.next(
            TOP_UP,
            and_tells(script, words.format("081200000099", "51012311111111"), done=True),
            and_tells(script, words.format(NUMBER, "51012322222222"), done=False),
        )
        first, second = await both_orders(world)
        states = await world.states()
        assert (states[first], states[second]) == ("SUCCEEDED", "UNKNOWN")
        assert (await world.show(second))["attempts"][0]["reason"] == "FOREIGN_REPLY"
        await world.settle()
        succeeded = [one for one in (await world.states()).values() if one == "SUCCEEDED"]
        assert len(succeeded) == len(world.delivered())

    in_world(tmp_path, order)


def test_the_answer_that_a_technician_s_request_is_owed_sells_no_order_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """He forced a request by SMS; its refusal, which names no number, comes when an order has
    been sent and is being done."""

    async def order(world: World) -> None:
        await until_idle(world)
        script = Scripted(world, monkeypatch)
        later: list[asyncio.Task[None]] = []

        async def refuse() -> None:
            await world.clock.sleep(6.0)
            script.text("Maaf, stok Anda tidak mencukupi untuk transaksi ini.")

        def take(dealer: Dealer, code: str) -> Answer:
            script.true(dealer, code)
            later.append(asyncio.ensure_future(refuse()))
            return tell("Permintaan isi ulang Anda sedang diproses")

        await world.clock.sleep(900.0)  # what an earlier daemon asked is not owed any more
        why = {"force": True, "who": "ani", "because": "a test"}
        await world.call("modem.at", slot="modem0", command="AT+CMSS=1", **why)
        await world.clock.sleep(60.0)
        script.next(TOP_UP, take)
        order_id = await world.order(FIRST)
        await world.settle()
        assert len(world.delivered()) == 1
        assert (await world.states())[order_id] == "SUCCEEDED"
        assert len((await world.show(order_id))["attempts"]) == 1

    in_world(tmp_path, order)


# --- a text that the SIM will not delete ----------------------------------------------------


def keep_everything(patch: pytest.MonkeyPatch) -> None:
    """Every SIM refuses AT+CMGD."""
    true_find = simulated.find_handler

    def find(modem: simulated.Modem, command: Command) -> Any:
        def refuse(modem: simulated.Modem, command: Command) -> Result:
            return ServiceError(CMS_FAILURE)

        return refuse if command.name == "+CMGD" else true_find(modem, command)

    patch.setattr(simulated, "find_handler", find)


def test_a_text_that_cannot_be_deleted_is_told_at_once_and_counts_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It decides an order that is undecided: nobody else would tell of it."""

    async def order(world: World) -> None:
        await until_idle(world)
        keep_everything(monkeypatch)
        script = Scripted(world, monkeypatch)

        def lost(dealer: Dealer, code: str) -> Answer:
            script.true(dealer, code)
            return SILENCE

        script.next(TOP_UP, lost)
        order_id = await world.order(FIRST)
        while (await world.states())[order_id] != "UNKNOWN":
            await world.clock.sleep(0.1)
        followed = Followed(world, monkeypatch)
        script.text(f"Isi ulang 10 ke {NUMBER} berhasil. SN: 51012399999999. Sisa stok Rp 989.850")
        while (await world.states())[order_id] != "SUCCEEDED":
            await world.clock.sleep(0.1)
        assert followed.states_of(order_id) == ["SUCCEEDED"]
        before = await world.show(order_id)
        await world.clock.sleep(3600)  # the inbox is read again and again
        assert followed.modem_states() == [], "the modem is not to blame"
        assert [one["meaning"] for one in sms(world)] == ["PROOF"]
        assert await world.show(order_id) == before
        assert (await chip(world))["doing"] == "idle"
        another = await world.order("S10.081200000013")
        await world.settle()
        assert (await world.states())[another] == "SUCCEEDED"

    in_world(tmp_path, order)
