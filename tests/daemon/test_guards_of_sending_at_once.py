"""An order whose claim is its point of no return: what may go wrong until its first byte."""

import asyncio
import dataclasses
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from peewee import Database

from pulsarack.daemon.errors import CardExchanged
from pulsarack.daemon.going_on import Ended
from pulsarack.daemon.sale import Sale
from pulsarack.modems.errors import ModemSilent
from pulsarack.modems.simulator.rack import Latencies
from pulsarack.modems.simulator.rack import Rack as RackPlan
from pulsarack.queue import attempts, claim
from pulsarack.queue.chips import Chip
from pulsarack.queue.claim import Claim, IdleChip
from pulsarack.ussd.errors import DestinationUnfit, ValuesUnfit
from tests.daemon.scripted import Scripted, said
from tests.daemon.test_guards_of_going_on import attempts_of, open_shop, two_orders
from tests.daemon.test_hard_cases_at_the_card import in_plan, with_pins
from tests.daemon.virtual_loop import run
from tests.daemon.world import MemoryPort, World, rack_plan

TELKOMSEL = ("wavecom", "telkomsel")
TOP_UP = b'AT+CUSD=1,"*777*'


def quick(*chips: tuple[str, str], ussd_seconds: float = 0.1) -> RackPlan:
    """A rack whose operators answer before a card is looked at again."""
    latencies = Latencies(ussd=(ussd_seconds, ussd_seconds))
    return dataclasses.replace(rack_plan(*(chips or (TELKOMSEL,))), latencies=latencies)


async def opened(world: World) -> None:
    await world.set_up()
    await open_shop(world)


def without_polls(directory: Path, plan: RackPlan, test: Any) -> None:
    """Else the card is looked at with its inbox as well."""

    async def life() -> None:
        world = World(directory, plan, settings="[chips]\npoll_sms_seconds = 600\n")
        await test(world)
        assert world.findings() == []
        await world.stop()

    run(life())


def with_the_second(
    patch: pytest.MonkeyPatch, method: str, do: Callable[[Sale], Any]
) -> list[Claim]:
    """Something happens once, when the sale of an order claimed at once comes to this method."""
    true_method = getattr(Sale, method)
    met: list[Claim] = []

    async def instead(sale: Sale) -> Any:
        if sale._claim.committed and not met:
            met.append(sale._claim)
            if (waits := do(sale)) is not None:
                await waits
        return await true_method(sale)

    patch.setattr(Sale, method, instead)
    return met


# --- when it is, and when not ---------------------------------------------------------------


@pytest.mark.usefixtures("each_job_runs_once")
@pytest.mark.parametrize(
    ("operator", "ussd_seconds", "marked"),
    [
        ("telkomsel", 0.1, 1),
        ("telkomsel", 2.0, 1),  # the network's answer shows the card as well
        ("indosat", 0.1, 2),  # a menu comes first
        ("xl", 0.1, 2),  # an SMS has a head before its body
    ],
)
def test_the_claim_is_the_point_of_no_return_if_nothing_lies_between(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    operator: str,
    ussd_seconds: float,
    marked: int,
) -> None:
    true_mark = attempts.mark_committed
    told: list[int] = []

    def mark(db: Database, attempt_id: int, *, now_ms: int) -> None:
        told.append(attempt_id)
        true_mark(db, attempt_id, now_ms=now_ms)

    async def sell(world: World) -> None:
        await opened(world)
        monkeypatch.setattr(attempts, "mark_committed", mark)
        number = {"telkomsel": "S10.0812000000", "indosat": "I10.0856000000"}
        text = number.get(operator, "X10.0817000000")
        first, second = [await world.order(f"{text}{end}") for end in (12, 13)]
        await world.settle()
        assert len(world.delivered()) == 2
        assert len(told) == marked
        (ended,), (begun,) = await attempts_of(world, first), await attempts_of(world, second)
        assert begun["claimed_at"] == ended["closed_at"]
        if marked == 1:
            assert begun["committed_at"] == begun["claimed_at"]

    in_plan(tmp_path, quick(("wavecom", operator), ussd_seconds=ussd_seconds), sell)


def test_the_card_itself_is_looked_at_now_and_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However long the row of orders: the network's answers do not replace it for ever."""
    write = MemoryPort.write
    looks: list[float] = []
    sent: list[tuple[float, float]] = []  # when, and the last look before it

    async def sell(world: World) -> None:
        def written(port: MemoryPort, data: bytes) -> None:
            now = world.clock.monotonic()
            if b"+CCID" in data:
                looks.append(now)
            if TOP_UP in data:
                sent.append((now, looks[-1]))
            write(port, data)

        await opened(world)
        monkeypatch.setattr(MemoryPort, "write", written)
        orders = [await world.order(f"S10.0812000000{number}") for number in range(10, 70)]
        while len(sent) < len(orders):
            await world.clock.sleep(1.0)
        assert 20.0 < max(now - look for now, look in sent) < 34.0
        assert len({look for _, look in sent}) < len(sent) / 10
        await world.settle()
        assert len(world.delivered()) == len(orders)

    without_polls(tmp_path, quick(ussd_seconds=2.0), sell)


def test_an_answer_shows_the_card_as_of_when_it_came(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The OK of its command is lost, which is waited for: a modem that begins anew is as silent."""
    write, deliver = MemoryPort.write, MemoryPort.deliver
    written: list[str] = []
    awaited: list[bytes] = []  # the answer to this

    async def sell(world: World) -> None:
        def note(port: MemoryPort, data: bytes) -> None:
            for words, what in ((TOP_UP, "order"), (b"+CCID", "card")):
                written.extend([what] if words in data else [])
            awaited.extend([data] if TOP_UP in data else [])
            write(port, data)

        def lose(port: MemoryPort, data: bytes) -> None:
            if b"+CUSD" in data:
                awaited.clear()
            deliver(port, data.replace(b"\r\nOK\r\n", b"") if awaited else data)

        await opened(world)
        monkeypatch.setattr(MemoryPort, "write", note)
        monkeypatch.setattr(MemoryPort, "deliver", lose)
        await two_orders(world)
        await world.settle()
        assert written[:4] == ["card", "order", "card", "order"]
        assert set((await world.states()).values()) == {"SUCCEEDED"}

    in_plan(tmp_path, quick(ussd_seconds=2.0), sell)


def test_an_answer_that_lay_unread_shows_no_card(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The daemon stood still (SIGSTOP, a frozen machine): another card has logged on meanwhile."""
    write, deliver = MemoryPort.write, MemoryPort.deliver
    left: list[str] = []
    unread: list[tuple[MemoryPort, bytes]] = []

    async def sell(world: World) -> None:
        async def stand_still() -> None:
            await world.clock.sleep(3.0)  # the answer has come
            exchange_cards()
            await world.clock.sleep(11.0)
            monkeypatch.setattr(MemoryPort, "deliver", deliver)
            for port, data in unread:
                deliver(port, data)

        def exchange_cards() -> None:
            for modem in world.simulation.modems:
                modem.remove_card()
            one, other = world.simulation.modems
            cards = one.card, other.card
            for modem, card in ((one, cards[1]), (other, cards[0])):
                modem.change_card(card)
                modem.card_in = False
                modem.insert_card()

        def dial(port: MemoryPort, data: bytes) -> None:
            write(port, data)
            if TOP_UP in data:
                left.append(port._modem.iccid)
            if TOP_UP in data and len(left) == 1:
                monkeypatch.setattr(MemoryPort, "deliver", lambda *read: unread.append(read))
                standing.append(asyncio.ensure_future(stand_still()))

        standing: list[asyncio.Task[None]] = []
        await opened(world)
        first = world.simulation.modems[0].iccid
        monkeypatch.setattr(MemoryPort, "write", dial)
        await two_orders(world)
        await world.settle()
        assert left == [first, first]  # it waits until its card is found again

    chips = (TELKOMSEL, ("simcom-sim800", "telkomsel"))
    plan = with_pins(quick(*chips, ussd_seconds=2.0), "1201")
    without_polls(tmp_path, plan, sell)


def test_only_a_success_shows_the_card(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What refuses an order may name none, and be an answer to something else."""
    true_claim = claim.claim_for
    asked: list[bool] = []

    def claim_for(db: Database, chip: Chip, ready: IdleChip, *rest: Any, **at: Any) -> Claim | None:
        asked.append(ready.at_once)
        return true_claim(db, chip, ready, *rest, **at)

    async def sell(world: World) -> None:
        await opened(world)
        monkeypatch.setattr(claim, "claim_for", claim_for)
        script = Scripted(world, monkeypatch)
        script.next("*777*", said("Maaf, nomor 081200000012 tidak terdaftar."))
        first, second = await two_orders(world)
        await world.settle()
        states = await world.states()
        assert (states[first], states[second]) == ("FAILED", "SUCCEEDED")
        assert asked[0] is False

    in_plan(tmp_path, quick(ussd_seconds=2.0), sell)


def test_no_byte_that_moves_money_leaves_before_the_point_of_no_return_is_on_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As another connection sees the file."""
    write = MemoryPort.write
    stood: list[tuple[int, bool]] = []

    async def sell(world: World) -> None:
        def written(port: MemoryPort, data: bytes) -> None:
            if TOP_UP in data:
                with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as file:
                    stood.extend(
                        file.execute(
                            "SELECT order_id, committed_at IS NOT NULL FROM attempt"
                            " WHERE closed_at IS NULL"
                        )
                    )
            write(port, data)

        await opened(world)
        path = _file(world)
        monkeypatch.setattr(MemoryPort, "write", written)
        orders = await two_orders(world)
        await world.settle()
        assert stood == [(order_id, True) for order_id in orders]

    in_plan(tmp_path, quick(), sell)


def _file(world: World) -> str:
    return str(world.daemon.store.run_inline(lambda db: db.database))


@pytest.mark.usefixtures("each_job_runs_once")
def test_behind_a_text_the_next_order_is_committed_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The card was seen just now; but then the text is taken off it, which may take its time."""
    true_claim = claim.claim_for
    asked: list[bool] = []

    def claim_for(db: Database, chip: Chip, ready: IdleChip, *rest: Any, **at: Any) -> Claim | None:
        asked.append(ready.at_once)
        return true_claim(db, chip, ready, *rest, **at)

    async def sell(world: World) -> None:
        await opened(world)
        monkeypatch.setattr(claim, "claim_for", claim_for)
        orders = await two_orders(world)
        await world.settle()
        assert [(await attempts_of(world, one))[0]["outcome"] for one in orders] == ["DONE"] * 2
        assert asked == [False, False]

    plan = quick()
    operators = {
        name: dataclasses.replace(operator, process_share=1.0)
        for name, operator in plan.operators.items()
    }
    in_plan(tmp_path, dataclasses.replace(plan, operators=operators), sell)


# --- what must not be sent, and was not -------------------------------------------------------


def _the_daemon_ends(sale: Sale) -> None:
    sale._desk.ending = True
    asyncio.get_running_loop().call_later(0.01, setattr, sale._desk, "ending", False)


def _another_slot_shows_it(sale: Sale) -> None:
    sale._desk.held = "another shows the same"
    asyncio.get_running_loop().call_later(0.01, setattr, sale._desk, "held", "")


def _no_such_number(sale: Sale) -> None:
    raise DestinationUnfit("planted")


def _no_pin(sale: Sale) -> None:
    raise ValuesUnfit("planted")


def _late(sale: Sale) -> None:
    sale._desk._card_seen_at = float("-inf")


NOT_SENT: dict[str, tuple[str, Callable[[Sale], Any], str]] = {
    "the daemon ends": ("_commit", _the_daemon_ends, "QUEUED"),
    "another slot shows the card": ("_commit", _another_slot_shows_it, "QUEUED"),
    "the number is none": ("_talk", _no_such_number, "FAILED"),
    "the PIN is none": ("_talk", _no_pin, "QUEUED"),
}


@pytest.mark.parametrize("why", NOT_SENT)
def test_what_turns_out_not_to_be_sent_is_not_undecided(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, why: str
) -> None:
    method, happens, became = NOT_SENT[why]

    async def sell(world: World) -> None:
        await opened(world)
        met = with_the_second(monkeypatch, method, happens)
        _, second = await two_orders(world)
        while not met:
            await world.clock.sleep(0.001)
        await world.clock.sleep(0.001)
        assert (await world.states())[second] == became
        await _was_not_sent(world, second)
        assert len(world.delivered()) == 1
        if became == "QUEUED":
            await world.call("chip.enable", iccid=met[0].chip)
            await world.settle()
            assert set((await world.states()).values()) == {"SUCCEEDED"}
            assert len(world.delivered()) == 2

    in_plan(tmp_path, quick(), sell)


async def _was_not_sent(world: World, order_id: int) -> None:
    """Its attempt was claimed as committed, and closed with the proof that it did not leave."""
    attempt = (await attempts_of(world, order_id))[0]
    assert attempt["outcome"] == "NOT_DONE" and attempt["committed_at"] is not None
    assert [one["rule"] for one in attempt["evidence"]] == ["not_sent"]
    told = attempts.of_order
    (stored, *_) = world.daemon.store.run_inline(lambda db: told(db, order_id))
    assert stored.answered  # nothing is to come, so that it takes no later text for its own


@pytest.mark.parametrize("looks", ["exchanged", "silent", "there"])
def test_a_card_that_was_not_seen_just_now_is_looked_at_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, looks: str
) -> None:
    """The commit took so long."""
    fails = {
        "exchanged": lambda desk: CardExchanged(desk.iccid, "another"),
        "silent": lambda desk: ModemSilent("AT+CCID", 10.0),
    }

    async def sell(world: World) -> None:
        def late(sale: Sale) -> None:
            _late(sale)
            true_check, armed = sale._desk.check_card, [looks]

            async def check() -> None:
                asked.append(looks)
                if armed and looks in fails:
                    armed.clear()
                    raise fails[looks](sale._desk)
                await true_check()

            monkeypatch.setattr(sale._desk, "check_card", check)

        await opened(world)
        met = with_the_second(monkeypatch, "_check_card", late)
        _, second = await two_orders(world)
        while not met:
            await world.clock.sleep(0.001)
        await world.settle()
        assert asked
        assert set((await world.states()).values()) == {"SUCCEEDED"}
        assert len(world.delivered()) == 2
        outcomes = [one["outcome"] for one in await attempts_of(world, second)]
        if looks == "there":
            assert outcomes == ["DONE"]
        else:
            assert outcomes == ["NOT_DONE", "DONE"]
            await _was_not_sent(world, second)

    asked: list[str] = []
    in_plan(tmp_path, quick(), sell)


def test_while_the_card_is_looked_at_a_late_text_may_forbid_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    true_look = attempts.may_still_leave
    looked: list[int] = []

    def look(db: Database, attempt_id: int) -> bool:
        assert true_look(db, attempt_id)
        looked.append(attempt_id)
        return False

    async def sell(world: World) -> None:
        await opened(world)
        with_the_second(monkeypatch, "_check_card", _late)
        monkeypatch.setattr(attempts, "may_still_leave", look)
        _, second = await two_orders(world)
        await world.settle()
        assert len(looked) == 1
        assert [one["outcome"] for one in await attempts_of(world, second)] == ["NOT_DONE", "DONE"]
        await _was_not_sent(world, second)
        assert len(world.delivered()) == 2

    in_plan(tmp_path, quick(), sell)


def test_a_claim_that_nobody_begins_is_given_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The slot begins anew right behind the commit."""
    true_run = Sale.run
    given: list[Claim] = []

    async def sell(world: World) -> None:
        async def run(sale: Sale) -> Ended | None:
            ended = await true_run(sale)
            if ended is not None and ended.claim is not None and ended.claim.committed:
                given.append(ended.claim)
                slot.changed()
            return ended

        await opened(world)
        slot = next(iter(world.daemon.rack.slots.values()))
        monkeypatch.setattr(Sale, "run", run)
        _, second = await two_orders(world)
        await world.settle()
        assert [one.order.id for one in given] == [second]
        assert [one["outcome"] for one in await attempts_of(world, second)] == ["NOT_DONE", "DONE"]
        await _was_not_sent(world, second)
        assert len(world.delivered()) == 2

    in_plan(tmp_path, quick(), sell)


def test_a_modem_that_is_gone_before_it_was_written_to_sent_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def sell(world: World) -> None:
        def unplug(sale: Sale) -> None:
            world.ports._open["/rack/modem0"].hang_up()
            world.ports.unplug("/rack/modem0")

        await opened(world)
        met = with_the_second(monkeypatch, "_talk", unplug)
        _, second = await two_orders(world)
        while not met:
            await world.clock.sleep(0.001)
        await world.clock.sleep(5.0)
        assert (await world.states())[second] == "QUEUED"
        assert [one["outcome"] for one in await attempts_of(world, second)] == ["NOT_DONE"]
        assert len(world.delivered()) == 1

    in_plan(tmp_path, quick(), sell)


def test_once_a_byte_was_written_only_evidence_decides(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing but that byte reaches the modem; then it is gone."""
    write = MemoryPort.write
    asked: list[bytes] = []

    async def sell(world: World) -> None:
        def written(port: MemoryPort, data: bytes) -> None:
            asked.extend([data] if TOP_UP in data else [])
            if TOP_UP in data and len(asked) == 2:
                write(port, data[:1])
                asyncio.get_running_loop().call_soon(world.ports.unplug, "/rack/modem0")
            else:
                write(port, data)

        await opened(world)
        monkeypatch.setattr(MemoryPort, "write", written)
        _, second = await two_orders(world)
        while len(asked) < 2:
            await world.clock.sleep(0.01)
        await world.clock.sleep(5.0)
        assert (await world.states())[second] == "UNKNOWN"
        assert len(world.delivered()) == 1

    in_plan(tmp_path, quick(), sell)


@pytest.mark.parametrize("guard", ["ending", "held"])
def test_what_is_known_to_hold_it_back_is_no_claim_to_send_at_once(
    tmp_path: Path, guard: str
) -> None:
    async def look(world: World) -> None:
        await opened(world)
        worker: Any = next(iter(world.daemon.rack.slots.values()))._worker
        desk = worker._desk
        desk._card_seen_at = world.clock.monotonic()
        assert desk.sends_at_once()
        setattr(desk, guard, "planted")
        assert not desk.sends_at_once()
        setattr(desk, guard, "")

    in_plan(tmp_path, quick(), look)


@pytest.mark.usefixtures("each_job_runs_once")
def test_an_order_that_is_claimed_while_idle_is_committed_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its card has yet to be looked at."""
    true_claim = claim._claim
    claimed: list[Claim] = []

    def note(*args: Any, **named: Any) -> Claim:
        claimed.append(true_claim(*args, **named))
        return claimed[-1]

    async def sell(world: World) -> None:
        await opened(world)
        monkeypatch.setattr(claim, "_claim", note)
        await two_orders(world)
        await world.settle()
        assert [one.committed for one in claimed] == [False, True]

    in_plan(tmp_path, quick(), sell)
