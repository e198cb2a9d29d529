"""The tree of agents, their levels and mark-ups, and what a product costs each of them."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from peewee import IntegrityError

from pulsarack.queue import agents
from pulsarack.queue.agents import Agent
from pulsarack.queue.network import levels, markups, tree
from pulsarack.queue.network.pricing import Share
from pulsarack.queue.validation import Refusal, RefusalCode
from tests.queue.tree_world import MIDDLE, SHOP, TOP, earned, grow, mark_up, offer, price, the
from tests.queue.world import PRICES, World


@pytest.fixture
def network(world: World) -> World:
    grow(world)
    return world


def codes(found: list[Agent]) -> list[str]:
    return [one.code for one in found]


def refused(answer: object) -> RefusalCode:
    assert isinstance(answer, Refusal), answer
    assert answer.message and answer.remedy
    return answer.code


# --- the tree ---------------------------------------------------------------------------------


def test_the_tree_is_walked_both_ways(network: World) -> None:
    def above(code: str) -> list[str]:
        return codes(network.run(lambda db: tree.uplines(db, code)))

    assert above(SHOP) == [MIDDLE, TOP]
    assert above(TOP) == []
    assert codes(network.run(lambda db: tree.downlines(db, TOP))) == [MIDDLE]
    assert network.run(lambda db: tree.is_below(db, SHOP, TOP))
    assert not network.run(lambda db: tree.is_below(db, TOP, SHOP))
    assert not network.run(lambda db: tree.is_below(db, SHOP, SHOP))
    network.clean()


@pytest.mark.parametrize("upline", [TOP, MIDDLE, SHOP])
def test_a_circle_is_refused_by_the_code_and_by_the_database(network: World, upline: str) -> None:
    before = network.contents()
    assert (
        refused(network.run(lambda db: tree.move(db, TOP, upline, now_ms=1))) is RefusalCode.CYCLE
    )
    with pytest.raises(IntegrityError):
        network.sql("UPDATE agent SET upline = ? WHERE code = ?", upline, TOP)
    assert network.contents() == before


def test_nobody_is_moved_below_nobody_or_from_nowhere(network: World) -> None:
    for code, upline in ((SHOP, "GONE"), ("GONE", TOP), ("GONE", None)):
        answer = network.run(
            lambda db, code=code, upline=upline: tree.move(db, code, upline, now_ms=1)
        )
        assert refused(answer) is RefusalCode.UNKNOWN_AGENT
    with pytest.raises(IntegrityError):
        network.sql("UPDATE agent SET upline = 'GONE' WHERE code = ?", SHOP)


def test_who_moves_takes_all_below_along_and_leaves_its_own_markup(network: World) -> None:
    mark_up(network, TOP, 777, downline=MIDDLE)
    assert offer(network, SHOP).price == 10_500 + 777 + 30
    network.run(lambda db: tree.move(db, MIDDLE, None, now_ms=1))
    assert offer(network, SHOP).shares == (Share(MIDDLE, 30),)
    network.run(lambda db: tree.move(db, MIDDLE, TOP, now_ms=1))
    assert offer(network, SHOP).shares == (Share(MIDDLE, 30), Share(TOP, 100))
    same = network.contents()
    network.run(lambda db: tree.move(db, MIDDLE, TOP, now_ms=1))
    assert network.contents() == same


def test_a_circle_in_a_file_is_found_by_the_audit(network: World) -> None:
    network.sql("DROP TRIGGER agent_is_not_above_itself")
    network.sql("UPDATE agent SET upline = ? WHERE code = ?", SHOP, TOP)
    found = [detail for rule, detail in network.findings() if "above itself" in detail]
    assert {one.split(":")[0] for one in found} == {f"agent {code}" for code in (MIDDLE, SHOP, TOP)}


# --- registering, and turning off -------------------------------------------------------------


def register(world: World, upline: str = MIDDLE, **more: object) -> Agent | Refusal:
    said = {"name": "Kios Ani", "town": "Tegal", "number": "081200000098", "markup": None, **more}
    who = the(world, upline)
    return world.run(lambda db: tree.register(db, who, now_ms=world.now, **said))  # type: ignore[arg-type]


def test_a_downline_is_registered_under_the_next_free_code(network: World) -> None:
    network.run(lambda db: levels.assign(db, MIDDLE, "gold"))
    network.run(lambda db: agents.put_language(db, MIDDLE, "en"))
    first = register(network, markup=250)
    assert isinstance(first, Agent)
    assert (first.code, first.upline, first.name, first.town) == (
        "AG0001",
        MIDDLE,
        "Kios Ani",
        "Tegal",
    )
    assert (first.level, first.language, first.number) == ("gold", "en", "6281200000098")
    assert offer(network, "AG0001").shares == (Share(MIDDLE, 250), Share(TOP, 100))
    assert network.deposit("AG0001").available == 0
    network.agent("AG0041")
    network.agent("AG9x")
    for prefix, code in (("AG", "AG0042"), ("K-", "K-0001")):
        second = register(network, prefix=prefix)
        assert isinstance(second, Agent) and second.code == code
    network.clean()


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({"name": "  "}, RefusalCode.BAD_NAME),
        ({"name": "x" * 101}, RefusalCode.BAD_NAME),
        ({"name": "a\nb"}, RefusalCode.BAD_NAME),
        ({"town": "\x1b[31m"}, RefusalCode.BAD_NAME),
        ({"number": "12"}, RefusalCode.BAD_NUMBER),
        ({"markup": -1}, RefusalCode.BAD_AMOUNT),
        ({"markup": 10**9 + 1}, RefusalCode.BAD_AMOUNT),
    ],
)
def test_what_cannot_be_registered_leaves_nothing(
    network: World, said: dict[str, object], code: RefusalCode
) -> None:
    before = network.contents()
    assert refused(register(network, **said)) is code
    assert network.contents() == before


def test_an_upline_turns_off_and_on_whoever_is_below_it(network: World) -> None:
    def say(upline: str, code: str, active: bool) -> Agent | Refusal:
        who = the(network, upline)
        return network.run(lambda db: tree.set_active(db, who, code, active))

    assert isinstance(say(TOP, SHOP, False), Agent)
    assert (the(network, SHOP).active, the(network, SHOP).stopped_by) == (0, TOP)
    assert refused(say(MIDDLE, SHOP, True)) is RefusalCode.STOPPED
    assert isinstance(say(TOP, SHOP, True), Agent)
    assert isinstance(say(MIDDLE, SHOP, False), Agent)
    assert isinstance(say(TOP, SHOP, True), Agent)
    network.run(lambda db: agents.put_active(db, SHOP, False))
    for upline in (MIDDLE, TOP):
        assert refused(say(upline, SHOP, True)) is RefusalCode.STOPPED
    for upline, code in ((SHOP, TOP), (SHOP, SHOP), (SHOP, "GONE")):
        assert refused(say(upline, code, False)) is RefusalCode.NOT_A_DOWNLINE


def test_who_is_turned_off_from_above_too_is_not_turned_on_from_below(network: World) -> None:
    def say(upline: str, active: bool) -> Agent | Refusal:
        who = the(network, upline)
        return network.run(lambda db: tree.set_active(db, who, SHOP, active))

    for upline in (MIDDLE, TOP, MIDDLE):
        assert isinstance(say(upline, False), Agent)
    assert the(network, SHOP).stopped_by == TOP
    assert refused(say(MIDDLE, True)) is RefusalCode.STOPPED
    network.run(lambda db: agents.put_active(db, SHOP, False))
    assert isinstance(say(TOP, False), Agent)
    assert the(network, SHOP).stopped_by == ""


# --- prices -----------------------------------------------------------------------------------


def test_the_most_specific_rule_counts(network: World) -> None:
    assert offer(network, SHOP).price == 10_630
    for rule, amount in (
        ({"downline": SHOP}, 40),
        ({"product": "S10"}, 50),
        ({"downline": SHOP, "product": "S10"}, 0),
    ):
        mark_up(network, MIDDLE, amount, **rule)
        assert offer(network, SHOP).price == 10_600 + amount
    assert offer(network, SHOP).shares == (Share(TOP, 100),)
    assert offer(network, SHOP, "S5").price == 5_500 + 40 + 100
    rules = network.run(lambda db: markups.of(db, MIDDLE))
    assert [(one.downline, one.product, one.amount) for one in rules] == [
        (None, None, 30),
        (None, "S10", 50),
        (SHOP, None, 40),
        (SHOP, "S10", 0),
    ]
    assert network.run(lambda db: markups.remove(db, MIDDLE, downline=SHOP, product="S10"))
    assert not network.run(lambda db: markups.remove(db, MIDDLE, downline=SHOP, product="S10"))
    assert offer(network, SHOP).price == 10_600 + 50


def test_the_level_of_the_agent_itself_is_the_base(network: World) -> None:
    price(network, "gold", "S10", 10_300)
    network.run(lambda db: levels.assign(db, TOP, "gold"))
    assert (offer(network, TOP).price, offer(network, SHOP).price) == (10_300, 10_630)
    network.run(lambda db: levels.assign(db, SHOP, "gold"))
    assert offer(network, SHOP).price == 10_430
    assert offer(network, SHOP, "S5").price == 5_630  # it has no price of its own there
    assert network.run(lambda db: levels.is_known(db, "gold"))
    assert network.run(lambda db: levels.remove(db, "gold", "S10"))
    assert not network.run(lambda db: levels.remove(db, "gold", "S10"))
    assert offer(network, SHOP).price == 10_630


@pytest.mark.parametrize(
    ("product", "amount", "code"),
    [
        ("NONE", 10_300, RefusalCode.UNKNOWN_PRODUCT),
        ("S10", 0, RefusalCode.BAD_AMOUNT),
        ("S10", 10_149, RefusalCode.BELOW_COST),
    ],
)
def test_a_price_that_cannot_be(world: World, product: str, amount: int, code: RefusalCode) -> None:
    answer = world.run(lambda db: levels.put(db, "gold", product, amount))
    assert refused(answer) is code
    assert world.run(lambda db: levels.of(db, "gold")) == []


@pytest.mark.parametrize(
    ("rule", "amount", "code"),
    [
        ({}, -1, RefusalCode.BAD_AMOUNT),
        ({}, 10**9 + 1, RefusalCode.BAD_AMOUNT),
        ({"downline": SHOP}, 1, RefusalCode.NOT_A_DOWNLINE),  # it is not right below
        ({"downline": TOP}, 1, RefusalCode.NOT_A_DOWNLINE),
        ({"downline": "GONE"}, 1, RefusalCode.NOT_A_DOWNLINE),
        ({"product": "NONE"}, 1, RefusalCode.UNKNOWN_PRODUCT),
    ],
)
def test_a_markup_that_cannot_be(
    network: World, rule: dict[str, str], amount: int, code: RefusalCode
) -> None:
    top, before = the(network, TOP), network.contents()
    answer = network.run(lambda db: markups.put(db, top, amount, **rule))  # type: ignore[arg-type]
    assert refused(answer) is code
    assert network.contents() == before


def test_a_markup_by_the_price_that_shall_be_paid(network: World) -> None:
    middle = the(network, MIDDLE)

    def reach(amount: int, downline: str | None = SHOP, product: str = "S10") -> int | Refusal:
        return network.run(
            lambda db: markups.to_reach(db, middle, amount, product, downline=downline)
        )

    assert reach(10_800) == 200 == reach(10_800, None)
    mark_up(network, MIDDLE, 200, SHOP, "S10")
    assert offer(network, SHOP).price == 10_800
    assert reach(10_600) == 0
    assert refused(reach(10_599)) is RefusalCode.BAD_AMOUNT
    assert refused(reach(10_800, TOP)) is RefusalCode.NOT_A_DOWNLINE
    assert refused(reach(10_800, SHOP, "NONE")) is RefusalCode.UNKNOWN_PRODUCT


# --- against a model --------------------------------------------------------------------------


@dataclass
class Model:
    """The same in dicts: parents, levels, prices, rules."""

    upline: dict[str, str | None] = field(default_factory=dict)
    level: dict[str, str] = field(default_factory=dict)
    prices: dict[tuple[str, str], int] = field(default_factory=dict)
    rules: dict[tuple[str, str | None, str | None], int] = field(default_factory=dict)

    def path(self, code: str) -> list[str]:
        found = [code]
        while (upline := self.upline[found[-1]]) is not None:
            found.append(upline)
        return found

    def shares(self, code: str, product: str) -> list[Share]:
        path, found = self.path(code), []
        for downline, upline in itertools.pairwise(path):
            for key in ((downline, product), (None, product), (downline, None), (None, None)):
                if (amount := self.rules.get((upline, *key))) is not None:
                    found += [Share(upline, amount)] if amount else []
                    break
        return found

    def base(self, code: str, product: str) -> int:
        denomination = int(product[1:])
        return self.prices.get((self.level[code], product), PRICES[denomination][0])


NAMES = st.sampled_from([f"N{number}" for number in range(6)])
PRODUCTS = st.sampled_from(["S5", "S10", "S100"])
LEVELS = st.sampled_from(["", "gold", "silver"])
AMOUNTS = st.integers(0, 500)
STEPS = st.one_of(
    st.tuples(st.just("move"), NAMES, st.none() | NAMES),
    st.tuples(st.just("level"), NAMES, LEVELS),
    st.tuples(st.just("price"), LEVELS, PRODUCTS, AMOUNTS),
    st.tuples(st.just("rule"), NAMES, st.none() | NAMES, st.none() | PRODUCTS, AMOUNTS),
    st.tuples(st.just("forget"), NAMES, st.none() | NAMES, st.none() | PRODUCTS),
)


def step(world: World, model: Model, kind: str, *said: object) -> None:
    """One change in both, refused by both or by none."""
    if kind == "move":
        code, upline = str(said[0]), said[1] and str(said[1])
        answer = world.run(lambda db: tree.move(db, code, upline, now_ms=1))
        assert isinstance(answer, Refusal) == (upline is not None and code in model.path(upline))
        if isinstance(answer, Agent) and upline != model.upline[code]:
            old, model.upline[code] = model.upline[code], upline
            model.rules = {k: v for k, v in model.rules.items() if k[:2] != (old, code)}
    elif kind == "level":
        model.level[str(said[0])] = str(said[1])
        world.run(lambda db: levels.assign(db, str(said[0]), str(said[1])))
    elif kind == "price" and said[0]:
        level, product = str(said[0]), str(said[1])
        amount = PRICES[int(product[1:])][1] + int(str(said[2]))
        price(world, level, product, amount)
        model.prices[level, product] = amount
    elif kind == "rule":
        key = (str(said[0]), said[1] and str(said[1]), said[2] and str(said[2]))
        who = the(world, key[0])
        put = world.run(
            lambda db: markups.put(db, who, int(str(said[3])), downline=key[1], product=key[2])
        )
        fits = key[1] is None or model.upline[key[1]] == key[0]
        assert isinstance(put, Refusal) != fits
        if fits:
            model.rules[key] = int(str(said[3]))
    elif kind == "forget":
        key = (str(said[0]), said[1] and str(said[1]), said[2] and str(said[2]))
        gone = world.run(lambda db: markups.remove(db, key[0], downline=key[1], product=key[2]))
        assert gone == (model.rules.pop(key, None) is not None)


@settings(max_examples=40)
@given(st.lists(STEPS, max_size=25))
def test_prices_are_those_of_a_naive_model(
    new_world: Callable[[], World], steps: list[tuple[object, ...]]
) -> None:
    world, model = new_world(), Model()
    try:
        for number in range(6):
            code = world.agent(f"N{number}", 0)
            model.upline[code], model.level[code] = None, ""
        for kind, *said in steps:
            step(world, model, str(kind), *said)
        for code in model.upline:
            assert (
                codes(world.run(lambda db, code=code: tree.uplines(db, code)))
                == (model.path(code)[1:])
            )
            for product in ("S5", "S10"):
                found = offer(world, code, product)
                shares = model.shares(code, product)
                assert list(found.shares) == shares
                assert found.price == model.base(code, product) + sum(s.amount for s in shares)
        world.clean()
    finally:
        world.close()


def test_a_tree_of_any_depth_is_priced(world: World) -> None:
    upline = None
    for number in range(120):
        code = f"D{number:03}"
        world.run(
            lambda db, code=code, upline=upline: agents.add(
                db, code, "x", now_ms=world.now, upline=upline
            )
        )
        mark_up(world, code, 1)
        upline = code
    assert offer(world, "D119").price == 10_500 + 119
    assert earned(world, "D000", "D119") == [0, 0]
