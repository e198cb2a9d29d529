"""The network of agents over the socket and on the command line."""

from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from pulsarack.daemon import config
from pulsarack.daemon.config_errors import ConfigErrors
from pulsarack.daemon.service_settings import service_settings
from tests.daemon.test_cli import run  # noqa: F401 - a fixture
from tests.daemon.virtual_loop import run as run_loop
from tests.daemon.world import World, rack_plan

WORD = {"because": "seen", "who": "boss"}
Told = Callable[[World], Coroutine[Any, Any, None]]


def in_world(directory: Path, tell: Told) -> None:
    """A daemon with A1 at the top of a tree: A2 below it, A3 below that."""

    async def life() -> None:
        world = World(directory, rack_plan(("wavecom", "telkomsel")))
        await world.set_up()
        await world.call("agent.new", code="A2", name="Dua", upline="A1")
        await world.call("agent.new", code="A3", name="Tiga", upline="A2", language="en")
        await world.pay_in("A3", 100_000)
        await tell(world)
        assert world.findings() == []
        await world.stop()

    run_loop(life())


def test_an_order_of_the_lowest_pays_all_above_it(tmp_path: Path) -> None:
    async def tell(world: World) -> None:
        await world.call("price.set", level="gold", product="s10", price=10_300)
        await world.call("agent.level", code="A3", level="gold")
        await world.call("markup.set", upline="A1", amount=100)
        await world.call("markup.set", upline="A2", amount=30, downline="A3", product="s10")
        explained = await world.call("price.explain", agent="A3", product="s10")
        assert explained == {
            "agent": "A3",
            "product": "S10",
            "price": 10_430,
            "remains": 10_300,
            "cost": 10_150,
            "sold": True,
            "shares": [{"agent": "A2", "amount": 30}, {"agent": "A1", "amount": 100}],
        }
        sold = await world.call("order.new", agent="A3", text="S10.081200000012")
        assert sold["price"] == 10_430
        await world.settle()
        earned = await world.call("commission.list")
        assert earned["commissions"] == [
            {"agent": "A1", "balance": 100},
            {"agent": "A2", "balance": 30},
        ]
        done = await world.call("commission.exchange", agent="A1", id="k")
        assert (done["amount"], done["left"], done["repeated"]) == (100, 0, False)
        assert (await world.call("commission.exchange", agent="A1", id="k"))["repeated"]
        await world.call("order.reverse", id=sold["id"], **WORD)
        tree = (await world.call("agent.tree"))["agents"]
        assert [(one["depth"], one["code"], one["commission"]) for one in tree] == [
            (0, "A1", -100),
            (1, "A2", 0),
            (2, "A3", 0),
        ]
        assert tree[2]["available"] == 100_000

    in_world(tmp_path, tell)


def test_the_tree_is_drawn_with_children_behind_their_parents(tmp_path: Path) -> None:
    async def tell(world: World) -> None:
        for code, upline in (("B9", None), ("A9", "A1"), ("A21", "A2"), ("B1", "B9")):
            await world.call("agent.new", code=code, name="x", upline=upline)

        async def drawn(code: str | None = None) -> list[tuple[int, str]]:
            rows = (await world.call("agent.tree", code=code))["agents"]
            return [(row["depth"], row["code"]) for row in rows]

        assert await drawn() == [
            (0, "A1"), (1, "A2"), (2, "A21"), (2, "A3"), (1, "A9"), (0, "B9"), (1, "B1"),
        ]  # fmt: skip
        await world.call("agent.move", code="A2", upline="B9")
        assert await drawn("B9") == [(0, "B9"), (1, "A2"), (2, "A21"), (2, "A3"), (1, "B1")]
        await world.call("agent.active", code="A2", active=False)
        off = [row for row in (await world.call("agent.list"))["agents"] if not row["active"]]
        assert [(row["code"], row["upline"], row["language"]) for row in off] == [
            ("A2", "B9", "id")
        ]
        refusal = await world.refusal("order.new", agent="A2", text="S10.081200000012")
        assert refusal.code == "UNKNOWN_AGENT"
        await world.call("agent.active", code="A2", active=True)
        await world.call("agent.language", code="A2", language="en")

    in_world(tmp_path, tell)


REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("agent.new", {"code": "A4", "name": "x", "upline": "GONE"}, "NOT_FOUND"),
    ("agent.new", {"code": "A4", "name": "x", "level": "gold"}, "UNKNOWN_LEVEL"),
    ("agent.move", {"code": "A1", "upline": "A3"}, "CYCLE"),
    ("agent.move", {"code": "A1", "upline": "A1"}, "CYCLE"),
    ("agent.move", {"code": "GONE", "upline": "A1"}, "UNKNOWN_AGENT"),
    ("agent.level", {"code": "A1", "level": "gold"}, "UNKNOWN_LEVEL"),
    ("agent.level", {"code": "GONE", "level": ""}, "NOT_FOUND"),
    ("agent.language", {"code": "GONE", "language": "id"}, "NOT_FOUND"),
    ("agent.active", {"code": "GONE", "active": True}, "NOT_FOUND"),
    ("agent.tree", {"code": "GONE"}, "NOT_FOUND"),
    ("price.set", {"level": "", "product": "S10", "price": 10_300}, "BAD_LEVEL"),
    ("price.set", {"level": "gold", "product": "NO", "price": 10_300}, "UNKNOWN_PRODUCT"),
    ("price.set", {"level": "gold", "product": "S10", "price": 10_149}, "BELOW_COST"),
    ("price.remove", {"level": "gold", "product": "S10"}, "NOT_FOUND"),
    ("price.explain", {"agent": "A1", "product": "NO"}, "NOT_FOUND"),
    ("product.below_cost", {"code": "NO", "allowed": True}, "NOT_FOUND"),
    ("markup.set", {"upline": "A1", "amount": 5, "downline": "A3"}, "NOT_A_DOWNLINE"),
    ("markup.set", {"upline": "GONE", "amount": 5}, "NOT_FOUND"),
    ("markup.list", {"upline": "GONE"}, "NOT_FOUND"),
    ("markup.remove", {"upline": "A1"}, "NOT_FOUND"),
    ("commission.exchange", {"agent": "A1"}, "INSUFFICIENT_COMMISSION"),
    ("commission.exchange", {"agent": "GONE"}, "NOT_FOUND"),
]


def test_what_cannot_be_is_refused_by_name_and_changes_nothing(tmp_path: Path) -> None:
    async def tell(world: World) -> None:
        for name, arguments, code in REFUSED:
            refusal = await world.refusal(name, **arguments)
            assert refusal.code == code, (name, arguments, refusal)
            assert refusal.remedy
        assert len((await world.call("agent.tree"))["agents"]) == 3

    in_world(tmp_path, tell)


CHEAP = {"code": "S10", "operator": "telkomsel", "denomination": 10, "price": 10, "cost": 10_150}


def test_below_cost_only_by_an_admins_word(tmp_path: Path) -> None:
    async def tell(world: World) -> None:
        refusal = await world.refusal("product.import", rows=[CHEAP])
        assert refusal.code == "BAD_PRODUCTS" and "below-cost" in refusal.remedy
        await world.call("product.import", rows=[{**CHEAP, "below_cost": 1}])
        await world.call("product.import", rows=[{**CHEAP, "price": 9}])  # it stays allowed
        assert (await world.call("order.new", agent="A1", text="S10.081200000012"))["price"] == 9
        await world.call("product.below_cost", code="s10", allowed=False)
        refusal = await world.refusal("order.new", agent="A1", text="S10.081200000013")
        assert refusal.code == "BELOW_COST"
        assert not (await world.call("price.explain", agent="A1", product="S10"))["sold"]
        await world.settle()

    in_world(tmp_path, tell)


TOKEN = {"code": "PLN20", "operator": "pln", "denomination": 20, "price": 20_500, "cost": 20_100}


def test_a_product_for_meters(tmp_path: Path) -> None:
    async def tell(world: World) -> None:
        await world.call("product.import", rows=[{**TOKEN, "kind": "meter"}])
        await world.call("product.import", rows=[{**TOKEN, "price": 20_600}])  # of that kind still
        refusal = await world.refusal("product.import", rows=[{**TOKEN, "kind": "airtime"}])
        assert refusal.code == "BAD_PRODUCTS" and "of kind meter" in refusal.message
        order = await world.call("order.new", agent="A1", text="PLN20.14012345678")
        assert (order["destination"], order["price"]) == ("14012345678", 20_600)
        explained = await world.call("route.explain", product="PLN20", destination="14012345678")
        assert (explained["operator"], explained["winner"]) == ("pln", None)
        await world.call("order.cancel", id=order["id"])

    in_world(tmp_path, tell)


def test_a_meter_on_a_recipe_for_telephones_fails_the_order_and_hurts_no_chip(
    tmp_path: Path,
) -> None:
    async def tell(world: World) -> None:
        rows = [{**TOKEN, "operator": "telkomsel", "kind": "meter"}]
        await world.call("product.import", rows=rows)
        order = await world.call("order.new", agent="A1", text="PLN20.14012345678")
        await world.settle()
        story = await world.show(order["id"])
        assert (story["order"]["state"], story["order"]["reason"]) == ("FAILED", "WRONG_NUMBER")
        assert "the recipe sells to telephones" in story["attempts"][0]["why"]
        assert world.delivered() == []
        sold = await world.call("order.new", agent="A1", text="S10.081200000012")
        await world.settle()
        assert (await world.show(sold["id"]))["order"]["state"] == "SUCCEEDED"

    in_world(tmp_path, tell)


def test_the_codes_of_new_downlines_are_configured() -> None:
    def parsed(prefix: object) -> config.Config:
        return config.parse({"agents": {"code_prefix": prefix}}, Path("x.toml"))

    assert service_settings(parsed("K-")).code_prefix == "K-"
    for wrong in ("", "1A", "A" * 9, "A:", "A\n", 7):
        with pytest.raises(ConfigErrors):
            parsed(wrong)


# --- the command line -------------------------------------------------------------------------

COMMANDS: list[tuple[list[str], str, dict[str, Any], dict[str, Any], str]] = [
    (["agent", "new", "k2", "Kios", "--upline", "k1", "--level", "gold", "--language", "en"],
     "agent.new", {}, {"code": "k2", "name": "Kios", "upline": "k1", "level": "gold",
                       "language": "en"}, "agent k2 is there"),
    (["agent", "move", "k2", "--upline", "k1"], "agent.move", {},
     {"code": "k2", "upline": "k1"}, "agent k2 is below k1"),
    (["agent", "move", "k2", "--nobody"], "agent.move", {}, {"code": "k2"}, "below nobody"),
    (["agent", "level", "k2", "gold"], "agent.level", {}, {"code": "k2", "level": "gold"},
     "agent k2: level gold"),
    (["agent", "level", "k2"], "agent.level", {}, {"code": "k2", "level": ""}, "level -"),
    (["agent", "language", "k2", "en"], "agent.language", {}, {"code": "k2", "language": "en"},
     "language en"),
    (["agent", "on", "k2"], "agent.active", {}, {"code": "k2", "active": True}, "k2 is on"),
    (["agent", "off", "k2"], "agent.active", {}, {"code": "k2", "active": False}, "k2 is off"),
    (["agent", "tree", "k1"], "agent.tree",
     {"agents": [{"depth": 0, "code": "k1"},
                 {"depth": 1, "code": "k2", "name": "Kios", "commission": -1500}]},
     {"code": "k1"}, "  k2 "),
    (["price", "set", "gold", "S10", "10.300"], "price.set", {},
     {"level": "gold", "product": "S10", "price": 10300}, "level gold: S10 costs 10.300"),
    (["price", "list", "gold"], "price.list",
     {"prices": [{"level": "gold", "product": "S10", "price": 10300}]}, {"level": "gold"},
     "10.300"),
    (["price", "remove", "gold", "S10"], "price.remove", {},
     {"level": "gold", "product": "S10"}, "S10 has no price of its own"),
    (["price", "explain", "k2", "S10"], "price.explain",
     {"sold": False, "price": 10430, "remains": 10300, "cost": 10400,
      "shares": [{"agent": "k1", "amount": 130}]},
     {"agent": "k2", "product": "S10"}, "it is not sold: S10 is below its cost"),
    (["product", "below-cost", "S10", "--allow"], "product.below_cost", {},
     {"code": "S10", "allowed": True}, "S10 may be sold below its cost"),
    (["product", "below-cost", "S10", "--forbid"], "product.below_cost", {},
     {"code": "S10", "allowed": False}, "S10 may not"),
    (["markup", "set", "k1", "1.000", "--downline", "k2", "--product", "S10"], "markup.set", {},
     {"upline": "k1", "amount": 1000, "downline": "k2", "product": "S10"},
     "k1 adds 1.000 for k2 on S10"),
    (["markup", "set", "k1", "50"], "markup.set", {}, {"upline": "k1", "amount": 50},
     "k1 adds 50\n"),
    (["markup", "list", "k1"], "markup.list",
     {"markups": [{"upline": "k1", "downline": None, "product": None, "amount": 50}]},
     {"upline": "k1"}, "50"),
    (["markup", "remove", "k1", "--product", "S10"], "markup.remove", {},
     {"upline": "k1", "product": "S10"}, "the mark-up of k1 on S10 is forgotten"),
    (["commission", "list"], "commission.list",
     {"commissions": [{"agent": "k1", "balance": -1500}]}, {}, "-1.500"),
    (["commission", "exchange", "k1"], "commission.exchange",
     {"amount": 1300, "left": 0, "repeated": False}, {"agent": "k1"}, "1.300 is deposit now, 0 is"),
    (["commission", "exchange", "k1", "1.300", "--id", "a"], "commission.exchange",
     {"amount": 1300, "left": 0, "repeated": True}, {"agent": "k1", "amount": 1300, "id": "a"},
     "it was before"),
]  # fmt: skip


@pytest.mark.parametrize(("args", "call", "answer", "given", "shown"), COMMANDS)
def test_commands(
    run: Any,  # noqa: F811 - the fixture
    fake_daemon: Any,
    args: list[str],
    call: str,
    answer: dict[str, Any],
    given: dict[str, Any],
    shown: str,
) -> None:
    fake_daemon.answers[call] = answer
    result = run(*args)
    assert result.exit_code == 0, result.output
    assert fake_daemon.args_of(call) == given
    assert shown in result.stdout


@pytest.mark.parametrize("args", [(), ("--upline", "k1", "--nobody")])
def test_where_to_must_be_said(run: Any, args: tuple[str, ...]) -> None:  # noqa: F811
    result = run("agent", "move", "k2", *args)
    assert result.exit_code == 2
    assert "give either --upline CODE or --nobody" in result.stderr


def test_who_reverses_is_told_whose_commission_was_drawn_already(tmp_path: Path) -> None:
    """What is spent by then is owed, and an admin should know before it is spent again."""

    async def tell(world: World) -> None:
        await world.call("markup.set", upline="A1", amount=100)
        await world.call("markup.set", upline="A2", amount=30)
        sold = await world.call("order.new", agent="A3", text="S10.081200000012")
        await world.settle()
        await world.call("commission.exchange", agent="A1", amount=70, id="k")
        back = await world.call("order.reverse", id=sold["id"], **WORD)
        assert back["owing"] == [{"agent": "A1", "amount": 70}]

    in_world(tmp_path, tell)
