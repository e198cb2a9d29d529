"""What decided is shown, what is off the books is explained, and a success can be taken back."""

import json
from pathlib import Path
from typing import Any

import pytest

from pulsarack.daemon import audit
from pulsarack.daemon.cli.discrepancies import KINDS
from pulsarack.daemon.follow_up import FollowUp
from pulsarack.queue import attempts
from pulsarack.queue.discrepancies import DECISIONS
from pulsarack.queue.resolution import HistoryLine
from tests.daemon.test_orders_and_chips import chip, in_world, until_idle
from tests.daemon.virtual_loop import run
from tests.daemon.world import World, rack_plan

DONE_SILENTLY = '\n[[fault]]\nat_order = 1\nkind = "done_no_reply"\nreport = false\n'
SILENT = '\n[[fault]]\nat_order = 1\nkind = "not_done_no_reply"\n'
TO = "081200000012"


async def story(world: World, order_id: int) -> dict[str, Any]:
    """The order's only attempt, when the order is final."""
    await world.settle()
    attempt: dict[str, Any] = (await world.show(order_id))["attempts"][0]
    return attempt


# --- evidence -----------------------------------------------------------------------------


def test_a_reply_tells_its_text_and_what_agreed(tmp_path: Path) -> None:
    async def order(world: World) -> None:
        (found,) = (await story(world, await world.order(f"S10.{TO}")))["evidence"]
        assert (found["kind"], found["rule"]) == ("reply", "reply_in_dialogue")
        assert "serial_number" in found["matched"] and "destination" in found["matched"]
        assert TO in found["detail"]

    in_world(tmp_path, order)


def test_a_late_text_is_shown_whole(tmp_path: Path) -> None:
    faults = '\n[[fault]]\nat_order = 1\nkind = "late_sms"\nseconds = 20\n'

    async def order(world: World) -> None:
        order_id = await world.order(f"S10.{TO}")
        (found,) = (await story(world, order_id))["evidence"]
        assert (found["kind"], found["verdict"]) == ("late_sms", "DONE")
        assert found["rule"] == "text_names_order"
        assert found["text"]["text"] == found["detail"] and TO in found["detail"]
        assert found["text"]["sender"] and found["text"]["meaning"] == "PROOF"

    in_world(tmp_path, order, faults=faults)


def test_a_fall_of_the_stock_is_shown_with_its_figures(tmp_path: Path) -> None:
    async def order(world: World) -> None:
        attempt = await story(world, await world.order(f"S10.{TO}"))
        found = attempt["evidence"][-1]
        assert (found["rule"], found["query"]) == ("stock_fell_by_cost", "stock")
        assert "989.850" in found["answer"] or "989850" in found["answer"]
        figures = found["stock"]
        assert (figures["before"], figures["expected"]) == (1_000_000, 989_850)
        (read,) = figures["readings"]
        assert (read["stock"], read["ledger"]) == (989_850, 1_000_000)
        assert attempt["claimed_at"] < read["at"] <= attempt["closed_at"]
        assert read["stock"] in [one["stock"] for one in attempt["readings"]]

    in_world(tmp_path, order, faults=DONE_SILENTLY)


def test_an_unchanged_stock_shows_what_was_looked_at_before(tmp_path: Path) -> None:
    """The first look proves nothing, and is there to be seen."""

    async def order(world: World) -> None:
        found = (await story(world, await world.order(f"S10.{TO}")))["evidence"]
        assert [one["verdict"] for one in found][-1] == "NOT_DONE"
        assert {one["verdict"] for one in found[:-1]} == {"NONE"}
        assert {one["rule"] for one in found[:-1]} == {"stock_unchanged_so_far"}
        assert found[-1]["rule"] == "stock_unchanged_twice"
        first, last = found[-1]["stock"]["readings"]
        assert first["at"] < last["at"]
        assert found[-1]["stock"]["expected"] == last["stock"] == first["stock"] == 1_000_000
        shown = (await world.show(1))["attempts"]
        assert len(shown) == 2, "not done, so it went again"

    in_world(tmp_path, order, faults=SILENT)


def test_a_reading_that_fits_neither_is_shown_while_it_is_undecided(tmp_path: Path) -> None:
    async def order(world: World) -> None:
        await until_idle(world)
        order_id = await world.order(f"S10.{TO}")
        while (await world.states())[order_id] != "UNKNOWN":
            await world.clock.sleep(0.5)
        (dealer,) = world.simulation.network.dealers.values()
        dealer.stock -= 777
        await world.clock.sleep(120)
        (shown,) = (await world.call("order.undecided"))["orders"]
        found = [one for one in shown["evidence"] if one["kind"] == "stock"][-1]
        assert (found["rule"], found["verdict"]) == ("stock_fits_neither", "NONE")
        assert found["stock"]["readings"][-1]["stock"] == 1_000_000 - 10_150 - 777
        await world.call("order.resolve", id=order_id, delivered=True, because="seen", who="admin1")
        last = (await world.show(order_id))["attempts"][0]["evidence"][-1]
        assert (last["rule"], last["by"], last["detail"]) == ("admin", "admin1", "seen")

    in_world(tmp_path, order, faults=DONE_SILENTLY)


@pytest.mark.parametrize(
    ("faults", "state", "rule", "verdict"),
    [
        (DONE_SILENTLY, "SUCCEEDED", "newest_history_line", "DONE"),
        (SILENT, "UNKNOWN", "history_says_nothing", "NONE"),
    ],
)
def test_the_operators_list_is_shown_as_it_was_read(
    tmp_path: Path, faults: str, state: str, rule: str, verdict: str
) -> None:
    """Something else moved the stock, so only the list can tell."""

    async def order(world: World) -> None:
        await until_idle(world)
        order_id = await world.order(f"S10.{TO}")
        while (await world.states())[order_id] != "UNKNOWN":
            await world.clock.sleep(0.5)
        (dealer,) = world.simulation.network.dealers.values()
        dealer.stock -= 777
        await world.clock.sleep(900)
        assert (await world.states())[order_id] == state
        found = (await world.show(order_id))["attempts"][0]["evidence"]
        (last, *_) = [one for one in reversed(found) if one["kind"] == "history"]
        assert (last["rule"], last["verdict"], last["query"]) == (rule, verdict, "history")
        assert last["answer"]

    in_world(tmp_path, order, faults=faults)


def test_a_list_that_contradicts_the_stock_is_left_to_a_person_and_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def listed(self: Any, order: Any) -> HistoryLine:
        return HistoryLine(order.destination, 10_000, True, "SN9")

    monkeypatch.setattr(FollowUp, "_listed", listed)

    async def order(world: World) -> None:
        order_id = await world.order(f"S10.{TO}")
        await world.clock.sleep(1800)
        assert (await world.states())[order_id] == "UNKNOWN"
        (shown,) = (await world.call("order.undecided"))["orders"]
        last = [one for one in shown["evidence"] if one["kind"] == "history"][-1]
        assert (last["rule"], last["verdict"]) == ("history_against_stock", "NONE")
        assert "SN9" in last["detail"]

    in_world(tmp_path, order, faults=SILENT)


@pytest.mark.parametrize("faults", ["", DONE_SILENTLY, SILENT])
def test_no_decision_is_without_its_rule(tmp_path: Path, faults: str) -> None:
    async def order(world: World) -> None:
        for number in range(6):
            await world.order(f"S10.0812000000{number + 12}")
        await world.settle()
        for order_id in await world.states():
            for attempt in (await world.show(order_id))["attempts"]:
                assert attempt["evidence"]
                assert all(one["rule"] != "unrecorded" for one in attempt["evidence"])

    in_world(tmp_path, order, ("wavecom", "telkomsel"), ("simcom-sim800", "telkomsel"),
             faults=faults)  # fmt: skip


def test_how_orders_were_decided_is_told(tmp_path: Path) -> None:
    async def order(world: World) -> None:
        await story(world, await world.order(f"S10.{TO}"))
        told = await world.call("status")
        assert set(told["needs_you"].values()) == {0}
        figures = told["resolution"]
        assert (figures["orders"], figures["open"], figures["by"]) == (1, 0, {"stock": 1})
        assert 0 < figures["median_seconds"] == figures["p95_seconds"]

    in_world(tmp_path, order, faults=DONE_SILENTLY)


# --- discrepancies ------------------------------------------------------------------------


async def lose(world: World, amount: int) -> dict[str, Any]:
    """Take stock from the chip behind our back; the discrepancy that is found."""
    (dealer,) = world.simulation.network.dealers.values()
    dealer.stock -= amount
    await world.call("chip.enable", iccid=dealer.iccid)
    before = len((await world.call("discrepancies.list", cleared=True))["discrepancies"])
    while True:
        rows = (await world.call("discrepancies.list", cleared=True))["discrepancies"]
        if len(rows) > before:
            return dict(rows[0])
        await world.clock.sleep(5.0)


def test_a_discrepancy_is_found_listed_and_cleared_once(tmp_path: Path) -> None:
    async def look(world: World) -> None:
        order_id = await world.order(f"S10.{TO}")
        await world.settle()
        await until_idle(world)
        found = await lose(world, 777)
        assert (found["difference"], found["rest"], found["orders"]) == (-777, -777, 0)
        assert (found["stock"], found["ledger"]) == (989_073, 989_850)
        assert found["since"] is not None and found["cleared"] == []
        status = await world.call("status")
        assert status["needs_you"]["discrepancies"] == status["since_start"]["discrepancies"] == 1
        args = {"id": found["id"], "because": "the menu shows a fee", "who": "admin1"}
        made = await world.call("discrepancies.clear", **args)
        assert (made["rest"], made["cleared"], made["repeated"]) == (0, ["loss"], False)
        again = await world.call("discrepancies.clear", **args | {"kind": "opening"})
        assert (again["cleared"], again["repeated"]) == (["loss"], True)
        (kept,) = again["clearings"]
        assert (kept["who"], kept["why"]) == ("admin1", "the menu shows a fee")
        assert (await world.call("discrepancies.list"))["discrepancies"] == []
        assert (await chip(world))["stock_posted"] == 989_073
        assert order_id == 1

    in_world(tmp_path, look)


def test_the_command_line_offers_every_decision() -> None:
    assert set(KINDS) == {kind.value for kind in DECISIONS}


def test_what_is_wrong_with_a_decision_is_said(tmp_path: Path) -> None:
    async def look(world: World) -> None:
        await until_idle(world)
        found = await lose(world, 5)
        args = {"id": found["id"], "because": "x", "who": "admin1"}
        error = await world.refusal("discrepancies.clear", **args | {"kind": "order"})
        assert (error.code, "stock-in" in error.remedy) == ("BAD_KIND", True)
        error = await world.refusal("discrepancies.clear", **args | {"kind": "gain"})
        assert (error.code, error.message) == ("BAD_KIND", "5 of stock is missing: that is no gain")
        error = await world.refusal("discrepancies.clear", **args | {"because": " "})
        assert error.code == "NO_REASON"
        for call, more in (("discrepancies.show", {}), ("discrepancies.clear", args)):
            error = await world.refusal(call, **{**more, "id": 99})
            assert error.code == "NOT_FOUND"
        assert (await world.call("discrepancies.show", id=found["id"]))["span"] == []

    in_world(tmp_path, look)


# --- reversal and late proofs -------------------------------------------------------------


@pytest.mark.parametrize("returned", [False, True])
def test_a_success_is_taken_back_once(tmp_path: Path, returned: bool) -> None:
    async def order(world: World) -> None:
        order_id = await world.order(f"S10.{TO}")
        args = {"id": order_id, "because": "wrong number", "who": "admin1"}
        assert (await world.refusal("order.reverse", **args)).code == "NOT_SUCCEEDED"
        await world.settle()
        assert (await world.refusal("order.reverse", **args | {"because": ""})).code == "NO_REASON"
        if returned:
            (dealer,) = world.simulation.network.dealers.values()
            dealer.stock += 10_150
        answer = await world.call("order.reverse", stock_returned=returned, **args)
        assert answer["state"] == "REVERSED"
        (agent,) = (await world.call("agent.list"))["agents"]
        assert (agent["balance"], agent["held"]) == (10_000_000, 0)
        error = await world.refusal("order.reverse", **args)
        assert (error.code, "is REVERSED" in error.message) == ("NOT_SUCCEEDED", True)
        told = (await world.show(order_id))["messages"]
        assert [one["state"] for one in told] == ["SUCCEEDED", "REVERSED"]
        await world.clock.sleep(600)
        await until_idle(world)
        assert (await chip(world))["stock_exact"]
        assert (await chip(world))["stock_posted"] == (1_000_000 if returned else 989_850)
        assert (await world.call("discrepancies.list"))["discrepancies"] == []
        assert (await world.refusal("order.reverse", **args | {"id": 99})).code == "NOT_FOUND"

    in_world(tmp_path, order)


def test_stock_that_comes_back_untold_does_not_make_a_delivery_look_not_done(
    tmp_path: Path,
) -> None:
    """Sold for as much as came back, the stock looks untouched: sent again, it is paid twice."""

    async def order(world: World) -> None:
        first = await world.order(f"S10.{TO}")
        await world.settle()
        await world.call("order.reverse", id=first, because="wrong number", who="admin1")
        await until_idle(world)
        second = await world.order("S10.081200000013")
        while (await world.states())[second] != "SENDING":
            await world.clock.sleep(0.1)
        (dealer,) = world.simulation.network.dealers.values()
        dealer.stock += 10_150
        await world.clock.sleep(1800)
        (attempt,) = (await world.show(second))["attempts"]
        last = [one for one in attempt["evidence"] if one["kind"] == "stock"][-1]
        assert (last["rule"], last["verdict"]) == ("stock_fits_neither", "NONE")
        assert last["stock"]["readings"][-1]["stock"] == 989_850

    in_world(tmp_path, order, faults=DONE_SILENTLY.replace("at_order = 1", "at_order = 2"))


def test_the_operators_books_agree_with_reversals_and_clearings(tmp_path: Path) -> None:
    """Stock that was given back and what was cleared stay explained."""

    async def order(world: World) -> None:
        for number in range(3):
            await world.order(f"S10.0812000000{number + 12}")
        await world.settle()
        (dealer,) = world.simulation.network.dealers.values()
        operator = world.simulation.network.operator_of(dealer.iccid)
        args = {"because": "gave it back", "who": "admin1"}
        operator.exchange.give_stock(dealer, 10_150, "boss")
        operator.exchange.give_stock(dealer, 50_000, "boss")  # and no text says so
        await world.call("order.reverse", id=1, stock_returned=True, **args)
        await world.call("order.reverse", id=2, **args)
        await world.clock.sleep(900)
        await until_idle(world)
        (one,) = (await world.call("discrepancies.list"))["discrepancies"]
        assert one["difference"] == 50_000
        books = tmp_path / "truth.jsonl"
        books.write_text("".join(json.dumps(line) + "\n" for line in world.truth))
        assert audit.main(tmp_path / "pulsarack.db", books) == []
        await world.call("discrepancies.clear", id=one["id"], kind="stock-in", **args)
        assert audit.main(tmp_path / "pulsarack.db", books) == []

    in_world(tmp_path, order)


def test_a_late_proof_against_a_refund_is_listed_until_a_person_has_seen_it(
    tmp_path: Path,
) -> None:
    async def look() -> None:
        settings = "[orders]\ntime_limit_seconds = 10\n"
        world = World(tmp_path, rack_plan(("wavecom", "telkomsel"), faults=SILENT), 1, settings)
        await world.set_up()
        await until_idle(world)
        order_id = await world.order(f"S10.{TO}")
        await world.settle()
        assert (await world.states())[order_id] == "FAILED"
        args = {"id": order_id, "because": "the agent paid again", "who": "admin1"}
        assert (await world.refusal("order.acknowledge", **args)).code == "NOT_REFUTED"
        assert (await world.call("order.refuted"))["orders"] == []
        await until_idle(world)
        words = f"Isi ulang 10 ke {TO} berhasil. SN: 51012300119999. Sisa stok Rp1000000"
        iccid = (await chip(world))["iccid"]
        world.simulation.network.send_text(iccid, "M-KIOS", words)
        await world.clock.sleep(60)
        (shown,) = (await world.call("order.refuted"))["orders"]
        assert (shown["id"], shown["state"]) == (order_id, "FAILED")
        assert shown["evidence"][-1]["text"]["text"] == words
        assert (await world.call("status"))["needs_you"]["refuted"] == 1
        assert [one.rule for one in world.findings()] == ["P4"]
        await world.call("order.acknowledge", **args)
        assert (await world.call("order.refuted"))["orders"] == []
        assert (await world.call("agent.list"))["agents"][0]["balance"] == 10_000_000
        assert world.findings() == []
        await world.stop()

    run(look())


def test_a_stock_that_is_doubted_since_it_was_read_decides_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reversal, say, is recorded between the reading and the decision."""

    async def doubted(self: Any, order: Any) -> None:
        iccid = self._desk.iccid
        await self._context.store.write(lambda db: attempts.forget_stock_before(db, iccid))

    monkeypatch.setattr(FollowUp, "_listed", doubted)

    async def order(world: World) -> None:
        order_id = await world.order(f"S10.{TO}")
        await world.clock.sleep(1200)
        assert (await world.states())[order_id] == "UNKNOWN"
        found = (await world.show(order_id))["attempts"][0]["evidence"]
        assert found and {one["verdict"] for one in found} == {"NONE"}
        assert found[-1]["rule"] == "stock_not_known_before"

    in_world(tmp_path, order, faults=DONE_SILENTLY)
