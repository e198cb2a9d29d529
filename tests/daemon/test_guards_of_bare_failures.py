"""A failure by text that names no number: whose is it, if a query is still unanswered?"""

from collections.abc import Callable
from pathlib import Path

import pytest

from pulsarack.modems.simulator.dealer import Dealer
from pulsarack.modems.simulator.operators.answer import Answer
from tests.daemon.scripted import SILENCE, Scripted, sms
from tests.daemon.test_orders_and_chips import chip, in_world, until_idle
from tests.daemon.world import World

XL = ("wavecom", "xl")
BUSY = "27May 1135: Sorry, the system is busy. Please try again later. Ref:071056787998"
LATE_SECONDS = 1000.0  # the recipe's reply_seconds and late_reply_seconds, and some


def answered_by(
    world: World, patch: pytest.MonkeyPatch, start: str, say: Callable[[Dealer, str], Answer]
) -> None:
    """The next text of a chip that starts so is answered so."""
    operator = world.simulation.operators["xl"]
    true, waiting = operator.texted, [say]

    def texted(dealer: Dealer, to: str, text: str) -> Answer:
        if waiting and text.startswith(start):
            return waiting.pop()(dealer, text)
        return true(dealer, to, text)

    patch.setattr(operator, "texted", texted)


async def delivered_and_busy(world: World, patch: pytest.MonkeyPatch) -> str:
    """An order is delivered; its report is lost, and a "busy" comes. What that was taken for."""
    operator, script = world.simulation.operators["xl"], Scripted(world, patch, "xl")
    true = operator.texted

    def busy(dealer: Dealer, text: str) -> Answer:
        true(dealer, "168", text)
        script.text(BUSY, "168")
        return SILENCE

    answered_by(world, patch, "BAGI", busy)
    await world.order("X10.081700000012")
    await world.settle()
    return str(next(one["meaning"] for one in sms(world) if one["text"] == BUSY))


async def ask_for_stock(world: World) -> None:
    """The chip's stock is read, now."""
    await world.call("chip.enable", iccid=(await chip(world))["iccid"])
    await world.clock.sleep(1)


def test_an_unanswered_stock_query_may_be_what_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def order(world: World) -> None:
        await until_idle(world)
        await world.clock.sleep(LATE_SECONDS)
        answered_by(world, monkeypatch, "SALDO", lambda dealer, text: SILENCE)
        await ask_for_stock(world)
        await until_idle(world)
        assert await delivered_and_busy(world, monkeypatch) == "AMBIGUOUS"
        assert list((await world.states()).values()) == ["SUCCEEDED"]
        assert len(world.delivered()) == 1

    in_world(tmp_path, order, XL)


def test_what_an_earlier_daemon_asked_may_be_what_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def order(world: World) -> None:
        await until_idle(world)
        await world.clock.sleep(LATE_SECONDS)
        answered_by(world, monkeypatch, "SALDO", lambda dealer, text: SILENCE)
        await ask_for_stock(world)
        await world.crash()
        await world.start()
        await until_idle(world)
        assert await delivered_and_busy(world, monkeypatch) == "AMBIGUOUS"
        assert list((await world.states()).values()) == ["SUCCEEDED"]

    in_world(tmp_path, order, XL)


def test_a_failure_is_believed_when_nothing_else_is_owed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise every refusal by text would hold its order for minutes."""

    async def order(world: World) -> None:
        await until_idle(world)
        await world.clock.sleep(LATE_SECONDS)
        script = Scripted(world, monkeypatch, "xl")

        def busy(dealer: Dealer, text: str) -> Answer:
            script.text(BUSY, "168")
            return SILENCE

        answered_by(world, monkeypatch, "BAGI", busy)
        order_id = await world.order("X10.081700000012")
        await world.settle()
        assert [one["outcome"] for one in (await world.show(order_id))["attempts"]] == [
            "NOT_DONE",
            "DONE",
        ]
        assert sms(world)[-2]["meaning"] == "PROOF"

    in_world(tmp_path, order, XL)
