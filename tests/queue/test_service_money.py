"""Whatever agents ask for, nobody's money moves but by his own word or his upline's, and the
books add up after every command."""

from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st

from pulsarack.ledger import books
from pulsarack.queue.network import tree
from pulsarack.queue.order_text import commands as said
from pulsarack.queue.order_text.commands import Command, HiddenPin, PullBalance, TransferBalance
from pulsarack.queue.wordings import parts
from tests.queue.service_world import DEPOSITS, Said, Talk
from tests.queue.world import World, iccid

AGENTS = sorted(DEPOSITS)
CODES = st.sampled_from([*AGENTS, "b1", "nobody", "AG0001", "", "'; --", "x" * 300])
AMOUNTS = st.one_of(
    st.sampled_from([0, -1, 1, 300, 5_000, 50_000, 10**6, 10**12, 10**30]), st.integers(1, 60_000)
)
COUNTERS = st.integers(1, 3)
PRODUCTS = st.sampled_from(["S5", "S10", "s100", "X10", "SP10", "Q", ""])
NUMBERS = st.sampled_from(
    ["081200000012", "6281200000013", "081700000011", "0850", "12", "", "99999999999999999999"]
)
WORDS = st.text(max_size=80)
DAYS = st.one_of(st.none(), st.integers(-1, 400))
CHANNELS = st.sampled_from(["sms", "whatsapp", "xmpp", "fax"])

COMMANDS: st.SearchStrategy[Command] = st.one_of(
    st.builds(said.PlaceOrder, PRODUCTS, st.none(), NUMBERS, COUNTERS),
    st.builds(said.PlaceOrder, st.none(), st.sampled_from([5, 10, 25]), NUMBERS, COUNTERS),
    st.builds(said.CancelOrder, NUMBERS),
    st.builds(said.ShowOrder, NUMBERS, DAYS),
    st.builds(said.LastOrders, DAYS),
    st.builds(said.Complain, st.one_of(NUMBERS, WORDS), WORDS),
    st.builds(said.ShowBalance, st.one_of(st.none(), CODES)),
    st.builds(said.ShowPrices, st.one_of(st.none(), PRODUCTS)),
    st.just(said.ShowOutOfStock()),
    st.builds(said.AskTicket, AMOUNTS, st.sampled_from([None, "BCA", "bri", "mandiri"])),
    st.builds(said.TransferBalance, CODES, AMOUNTS, COUNTERS),
    st.builds(said.PullBalance, CODES, AMOUNTS, COUNTERS),
    st.builds(said.ExchangeCommission, st.one_of(st.none(), AMOUNTS)),
    st.builds(said.ShowStatement, DAYS, DAYS),
    st.builds(said.ShowRecap, DAYS),
    st.builds(said.RegisterDownline, WORDS, WORDS, NUMBERS, st.one_of(st.none(), AMOUNTS)),
    st.builds(said.ListDownlines, st.one_of(st.none(), CODES)),
    st.builds(said.SetActive, CODES, st.booleans()),
    st.builds(said.SetMarkup, AMOUNTS, st.one_of(st.none(), CODES), st.one_of(st.none(), PRODUCTS)),
    st.builds(said.SetMarkup, st.none(), st.one_of(st.none(), CODES), PRODUCTS, AMOUNTS),
    st.just(said.ShowMarkups()),
    st.just(said.ChangePin(HiddenPin("2580"))),
    st.builds(said.ResetPin, CODES, st.just(HiddenPin("2580"))),
    st.just(said.ChangeNetworkPassword(HiddenPin("old1"), HiddenPin("new1"))),
    st.builds(said.ChangeName, WORDS),
    st.builds(said.AddSender, CHANNELS, st.one_of(NUMBERS, WORDS)),
    st.builds(said.RemoveSender, CHANNELS, st.one_of(NUMBERS, WORDS)),
    st.just(said.ListSenders()),
    st.builds(said.SetReportUrl, WORDS),
    st.builds(said.SetNetworkAddress, WORDS),
    st.just(said.Help()),
)
STEPS = st.lists(st.tuples(st.sampled_from(AGENTS), st.lists(COMMANDS, min_size=1, max_size=2)),
                 min_size=1, max_size=10)  # fmt: skip


def earnings(talk: Talk) -> dict[str, int]:
    """What each account of commission has."""
    accounts = talk.world.run(books.accounts)
    return {one.code: one.posted for one in accounts if one.code.startswith("liability:commission")}


def moved_by_right(talk: Talk, by: str, commands: list[Command]) -> set[str]:
    """Whose money these commands may move: the agent's own, and that of downlines they name."""
    named = {
        code
        for one in commands
        if isinstance(one, TransferBalance | PullBalance)
        for code in ([one.to] if isinstance(one, TransferBalance) else [one.downline])
    }
    below = {
        code
        for code in AGENTS
        if talk.world.run(lambda db, c=code: tree.is_below(db, c, by))  # type: ignore[misc]
    }
    return {by} | (below & {code.upper() for code in named})


def check(
    talk: Talk, by: str, commands: list[Command], before: dict[str, int], found: Said
) -> None:
    after = talk.money()
    changed = {code for code in AGENTS if after[code] != before[code]}
    assert changed <= moved_by_right(talk, by, commands), (by, commands)
    assert all(balance >= 0 for balance in after.values())
    if any(isinstance(one, TransferBalance | PullBalance) for one in commands) and not any(
        answer.orders or answer.cancelled for answer in found.answers
    ):
        exchanged = any(isinstance(one, said.ExchangeCommission) for one in commands)
        assert exchanged or sum(after.values()) == sum(before.values())
    trials = talk.world.run(books.trial_balance)
    assert [trial.difference for trial in trials] == [0] * len(trials)
    assert found.text and parts.septets(found.text) is not None
    assert parts.needed(found.text) <= 3


@settings(max_examples=20, deadline=None)
@given(steps=STEPS)
def test_money_moves_by_right_only(
    new_world: Callable[[], World], steps: list[tuple[str, list[Command]]]
) -> None:
    world = new_world()
    world.chip()
    talk = Talk(world)
    for by, commands in steps:
        before, earned = talk.money(), earnings(talk)
        found = talk.say(*commands, agent=by)
        check(talk, by, commands, before, found)
        if not any(isinstance(one, said.ExchangeCommission) for one in commands):
            now = earnings(talk)
            assert {code: now[code] for code in earned} == earned
        for claimed in world.claim(iccid(1)):
            world.commit(claimed.attempt_id)
            world.decide(claimed.attempt_id, done=True, number=f"SN{claimed.order.id}")
    world.clean()
    world.close()
