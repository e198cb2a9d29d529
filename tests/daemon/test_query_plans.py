"""No statement of the running daemon reads what is over: a file of years is as quick as a new one.

A small world lives through what a rack meets, every call of the control socket is made, a month
passes and what is old is archived, and the doctor looks. Of each statement that was run SQLite is
asked how it would answer, what it asks by itself for triggers and rows that go included. What
reads all of a table that grows, or all rows of one chip, must stand in ALLOWED with its reason.
"""

import asyncio
import contextlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from peewee import Database

from pulsarack.daemon import audit, config
from pulsarack.daemon.admins.rights import RULES
from pulsarack.daemon.control_protocol import CallError, Peer
from pulsarack.daemon.doctor import Subject
from pulsarack.daemon.doctor_store import database as check_database
from pulsarack.daemon.side_reader import SideReader, T
from pulsarack.queue import agents, clock_steps, orders, products
from pulsarack.queue.identity import accounts, senders
from pulsarack.queue.network import markups, tree
from pulsarack.queue.order_text.commands import HiddenPin
from pulsarack.queue.post import outgoing, sent_sms
from pulsarack.queue.reports.gauges import gauges
from pulsarack.queue.state import OrderState
from pulsarack.queue.texts import ReadText, TextKind
from pulsarack.ussd.outcome import Reason
from tests.daemon import money_life
from tests.daemon.machine_tree import NOWHERE
from tests.daemon.post_life import carry_post
from tests.daemon.statements import Planner, planner, traced, untraced
from tests.daemon.test_orders_and_chips import until_idle
from tests.daemon.virtual_loop import run
from tests.daemon.world import PEER, World, rack_plan
from tests.queue.service_world import CONVERSATION, Talk
from tests.queue.test_decisions import acknowledge, refuted
from tests.queue.test_discrepancies import doubted, held_for_not_done, proved_late, say_done
from tests.queue.test_texts import CARD, contradicted, ready
from tests.queue.world import World as Shop
from tests.queue.world import failure, stock_in, success

FOLDERS = [Path(__file__).parents[2] / folder / "migrations" for folder in ("queue", "ledger")]
EXPLAINS_ALL = "0005_indexes.sql"
SETTINGS = "[chips]\nstock_check_seconds = 120\n[retention]\ndays = 30\n"
ARCHIVED = 7
WORD = {"because": "seen", "who": "admin1"}
# Nothing was restored there: it changes nothing, which leaves no record.
CHANGES_NOTHING = {"backup.reopen"}
# Calls that are refused in that life, which was not started from files.
NOT_DONE = {
    "chip.try_pin",
    "config.reload",
    "order.acknowledge",
    "order.resolve",
}
FAULTS = """
[[fault]]
at_order = 2
kind = "done_no_reply"
report = false
[[fault]]
at_order = 3
kind = "not_done_no_reply"
[[fault]]
at_order = 4
kind = "late_sms"
seconds = 20
"""

# How a statement begins (spaces count once) that may read more than what is under way; and why.
_ORDER = "SELECT id, state, agent, product, operator, destination, denomination, price, cost,"
_ORDER += " repeat_index, local_day, client_reference, channel, text, reason, serial_number,"
_ORDER += " received_at, expires_at, not_before, finished_at FROM orders "
_OUTGOING = "SELECT id, channel, address, sender, agent, kind, text, inbound_id, order_id,"
_OUTGOING += " message_id, created_at, not_before, tries, state, provider_id, why, finished_at"
_WAITING = "what waits to be sent, by an index of those alone"
_NEWEST = "from the newest until LIMIT, no row is left out"
_GREATEST = "the greatest key is one look"
_FEW = "one row a difference that was found: people look at each of them"
_OLDEST = "from the oldest, over those that leave in the same run"
_LEAVING = (
    "of each that leaves the newest transition and its chip's first, last, last exact reading"
)
_DIFFERENCE = "SELECT id, chip, at, difference, stock, ledger, since, transfer_id, rest, orders,"
ALLOWED: dict[str, str] = {
    "UPDATE outgoing SET created_at = created_at + ?": "its index has only what waits",
    f"{_ORDER}ORDER BY id DESC LIMIT": _NEWEST,
    f"{_ORDER}WHERE agent = ? ORDER BY id DESC LIMIT": _NEWEST,
    f"{_ORDER}WHERE state = 'SUCCEEDED'": "from the newest until LIMIT, most orders are successes",
    f"{_ORDER}WHERE (state = 'FAILED' OR state = 'CANCELLED' OR state = 'REVERSED')"
    " AND state =": _NEWEST,
    "SELECT id, at, chip, channel, sender, text, attempt_id FROM unparsed ORDER BY id": _NEWEST,
    "SELECT id, order_id, number, chip, slot, modem, recipe, claimed_at, committed_at, closed_at,"
    " outcome, reason, why, stock_before, stock_after, answered, routing FROM attempt"
    " WHERE chip = ? ORDER BY claimed_at DESC, id DESC LIMIT": _NEWEST,
    "SELECT id, chip, at, stock, ledger, source FROM stock_reading"
    " WHERE chip = ? ORDER BY id DESC LIMIT": _NEWEST,
    "SELECT 1 FROM stock_reading WHERE chip = ? LIMIT 1": _NEWEST,
    "SELECT at FROM clock_step ORDER BY id DESC LIMIT 1": _NEWEST,
    f"{_ORDER}INDEXED BY orders_rare_of_agent WHERE": _NEWEST,
    "SELECT sequence, id, phase, hold_id, reverses, debit, credit, asset, amount, reference,"
    " memo, at FROM ( SELECT * FROM": _NEWEST,
    "SELECT id, channel, message_id, sender, receiver, agent, text, received_at, sent_at, outcome"
    " FROM inbound ORDER BY id DESC LIMIT": _NEWEST,
    f"{_OUTGOING} FROM outgoing ORDER BY id DESC LIMIT": _NEWEST,
    f"{_OUTGOING} FROM outgoing WHERE state = 'WAITING' ORDER BY channel": _WAITING,
    "SELECT channel, count(*) AS number FROM outgoing WHERE state = 'WAITING'": _WAITING,
    "SELECT channel, count(*), min(created_at) FROM outgoing WHERE state = 'WAITING'": _WAITING,
    "SELECT max(claimed_at) FROM attempt WHERE chip = ?": _GREATEST,
    "INSERT INTO stock_reading": _GREATEST,
    "SELECT coalesce(max(sequence), 0) + 1 FROM transfer": _GREATEST,
    "SELECT at FROM transition WHERE id > (SELECT coalesce(max(last_transition), 0)": _GREATEST,
    "INSERT INTO clock_step": _GREATEST,
    "SELECT abs(took) FROM (SELECT chip, received_at - sent_at AS took FROM sms": _NEWEST,
    "SELECT back.sequence, o.cost, max(EXISTS (SELECT 1 FROM transfer": "prices given back: few",
    "WITH began AS (SELECT t.id, t.order_id, t.at,": _NEWEST,
    "SELECT at, exact_after FROM stock_reading WHERE chip = ? AND exact_after IS NOT NULL"
    " ORDER BY id DESC LIMIT 1": "back to the last time that a chip could sell",
    "SELECT coalesce(max(id), 0) FROM orders": _GREATEST,
    "SELECT id FROM orders WHERE received_at >= ? AND received_at <= ?"
    " ORDER BY id LIMIT 1": _OLDEST,
    "SELECT o.id, o.finished_at FROM orders AS o WHERE o.id > ?3 AND o.id <= ?4 AND"
    " o.finished_at < ?2 AND o.state IN": _LEAVING,
    "SELECT o.id FROM orders AS o WHERE o.id IN (SELECT value FROM json_each(?1)) AND"
    " o.finished_at < ?2 AND o.state IN": _LEAVING,
    "SELECT r.id FROM stock_reading AS r WHERE r.id IN (SELECT r.id FROM attempt": _LEAVING,
    **{
        f"SELECT coalesce(max(id), 0) FROM {name}": _GREATEST
        for name in ("stock_reading", "sms", "unparsed")
    },
    **{
        f"SELECT id FROM {name} WHERE {at} >= ? AND {at} <= ? ORDER BY id LIMIT 1": _OLDEST
        for name, at in (("stock_reading", "at"), ("sms", "received_at"), ("unparsed", "at"))
    },
    "SELECT r.id, r.at FROM stock_reading AS r WHERE r.id > ?2 AND r.id <= ?3": _LEAVING,
    "SELECT r.id FROM stock_reading AS r WHERE r.id IN (SELECT value FROM json_each(?1)) AND"
    " r.at < ?2": _LEAVING,
    "DELETE FROM api_nonce WHERE id IN (SELECT id": "from the oldest until LIMIT",
    "SELECT (SELECT max(id) FROM api_nonce)": _GREATEST,
    "SELECT id, at, agent, what, about, by FROM identity_event": _NEWEST,
    "SELECT seal FROM admin_act ORDER BY id DESC LIMIT 1": _NEWEST,
    "SELECT id, agent, bank, asked, amount, state, created_at, expires_at, first_day, last_day,"
    " finished_at, why FROM ticket ORDER BY id DESC LIMIT": _NEWEST,
    "SELECT id, agent, bank, asked, amount, state, created_at, expires_at, first_day, last_day,"
    " finished_at, why FROM ticket WHERE agent = ? ORDER BY id DESC LIMIT": _NEWEST,
    "SELECT id, bank, day, amount, description, balance, occurrence, source, imported_at, state,"
    " note, ticket_id, agent, who, uid, settled_at FROM bank_row ORDER BY id DESC LIMIT": _NEWEST,
    "SELECT id, agent, amount, key, because, who, uid, asked_at, state, decided_who, decided_uid,"
    " decided_because, decided_at FROM credit_request ORDER BY id DESC LIMIT": _NEWEST,
    "SELECT id, order_id, agent, words, channel, opened_at, state, answer, answered_by,"
    " answered_at, closed_at FROM complaint ORDER BY id DESC LIMIT": _NEWEST,
    _DIFFERENCE: _FEW,
    f"SELECT count(*) FROM ( {_DIFFERENCE}": _FEW,
    "SELECT t.sequence, d.difference FROM discrepancy AS d": _FEW,
}

# Indexes that no statement is answered from: they refuse what must not be.
PROMISES = {"discrepancy_decided_once", "bank_row_once"}


class Aside(SideReader):
    """Reads whole days and audits everything; no sale waits for it."""

    async def run(self, job: Callable[[Database], T]) -> T:
        with untraced():
            return await super().run(job)


class Noted(World):
    """A world that remembers which calls were made."""

    reads_aside = Aside
    made: set[str]

    async def call_as(self, peer: Peer, name: str, /, **arguments: Any) -> Any:
        self.made.add(name)
        return await super().call_as(peer, name, **arguments)


async def trade(world: World) -> None:
    """Sales that end in every way, what people do about them, a crash and a clock that is set."""
    for number in range(6):
        await world.order(f"S10.08120000001{number}", f"r{number}")
        await world.order(f"X10.08170000001{number}")
    await world.settle()
    await until_idle(world)
    await world.call("order.reverse", id=1, stock_returned=True, **WORD)
    await world.call("order.reverse", id=2, **WORD)
    card = world.plan.modems[0].chip.iccid
    for text in ("Isi stok Rp500.000 berhasil.", "nobody knows this text"):
        world.simulation.network.send_text(card, "M-KIOS", text)
    world.simulation.network.dealers[card].stock -= 777
    await world.order("S5.081200000019")
    await world.clock.sleep(2.0)
    await world.crash()
    await world.clock.sleep(3600.0)
    await world.start()
    await world.settle()
    back = world.clock.now_ms() - 5000
    world.daemon.store.run_inline(lambda db: clock_steps.follow(db, -5000, now_ms=back))
    await world.clock.sleep(600.0)


async def call(world: World, name: str, /, **arguments: Any) -> None:
    """A call that may be refused: what it is about has been looked up then."""
    with contextlib.suppress(CallError):
        await world.call(name, **arguments)


async def first_of(world: Noted, name: str, **arguments: Any) -> None:
    """The first event of a stream, if there is one soon."""
    found = world.daemon.calls.find(name)
    assert found.stream is not None
    world.made.add(name)
    events = aiter(found.stream(found.arguments(**arguments), PEER))
    waiting = asyncio.ensure_future(anext(events))
    await world.clock.sleep(1.0)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)


async def every_call(world: Noted) -> None:
    """Each call of the socket once at least."""
    card = world.plan.modems[0].chip.iccid
    for state in OrderState:
        await call(world, "order.list", state=state.value)
        await call(world, "order.list", state=state.value, agent="A1")
    for name in SIMPLE:
        await call(world, name)
    await call(world, "order.list", agent="A1")
    await call(world, "order.show", id=1)
    await call(world, "order.cancel", id=1)
    await call(world, "order.resolve", id=1, delivered=True, **WORD)
    await call(world, "order.acknowledge", id=1, **WORD)
    await call(world, "discrepancies.list", chip=card, cleared=True)
    await call(world, "discrepancies.show", id=1)
    await call(world, "discrepancies.clear", id=1, **WORD)
    await call(world, "chip.show", iccid=card)
    await call(world, "chip.rest", iccid=card, because="seen")
    await call(world, "chip.try_pin", card=card)
    await call(world, "backup.reopen")
    await call(world, "config.reload")
    await call(world, "chip.enable", iccid=card)
    await call(world, "chip.expiry", iccid=card, expires_on="2026-12-31", who="me")
    await call(world, "chip.expiry", iccid=card, expires_on=None, who="me")
    for name in ("expiry", "nothing"):
        await call(world, "schedule.run", name=name)
    await call(world, "chip.channel", iccid=card, receives="on", answers="default")
    await call(world, "order.cancel", id=await world.order("S5.081200000099"))
    await call(world, "route.explain", product="S10", destination="081200000012")
    said = {"key": "no_orders", "language": "id"}
    await call(world, "wording.list")
    await call(world, "wording.show", key="no_orders")
    await call(world, "wording.set", template="Kosong", who="admin1", **said)
    await call(world, "wording.try", **said)
    await call(world, "wording.reset", who="admin1", **said)
    await network(world)
    await call(world, "prefix.set", prefix="0812", operator="telkomsel")
    await call(world, "prefix.remove", prefix="0899")
    await call(world, "ledger.statement", account="liability:agent:A1")
    await call(world, "messages.ack", id=1)
    await money_life.pay(world)
    await money_life.ask(world)
    world.daemon.store.read_inline(gauges)
    slot = {"slot": "modem0"}
    await call(world, "modem.at", command="AT+CSQ?", force=True, who="me", because="x", **slot)
    await call(world, "modem.find", **slot)
    await call(world, "modem.reset", **slot)
    await call(world, "slot.name", name="left-1", **slot)
    await first_of(world, "modem.trace", slot="left-1")
    await identify(world)
    for role in ("cashier", "none"):
        await world.call("admin.role", login="siti", role=role)
    for asked in ({}, {"login": "root"}, {"call": "order.reverse"}):
        await world.call("admin.log", **asked)
    await world.call("admin.log", login="root", call="order.reverse", since="2026-11-22")
    await world.call_as(Peer(3, 2000, 2000), "admin.whoami")
    await first_of(world, "messages.follow", agent="A1")
    await first_of(world, "events.follow")


async def identify(world: Noted) -> None:
    """Who agents are, asked and changed in every way."""
    agent, who = {"agent": "A1"}, {"who": "me"}
    for name in ("sender.list", "account.list"):
        await call(world, name)
        await call(world, name, **agent)
    await call(world, "pin.set", pin="2580", **agent, **who)
    await call(world, "pin.reset", **agent, **who)
    identity = world.identity
    for pin in ("0001", "0002", "0003", "0004"):
        await identity.pins.verify("A1", HiddenPin(pin), pin)
    await call(world, "pin.unlock", **agent, **who)
    await identity.pins.put_new("A1", HiddenPin("7351"), by="me")
    assert await identity.pins.verify("A1", HiddenPin("7351"), "x") == "RIGHT"
    address = {"channel": "sms", "address": "081200000012"}
    await call(world, "sender.add", **address, **agent, **who)
    await call(world, "sender.add", **address, **agent, **who)
    store = world.daemon.store
    assert store.read_inline(lambda db: senders.find(db, **address)) is not None
    await call(world, "sender.remove", **address, **who)
    member = {"member": "M1"}
    await call(world, "account.new", kind="native", **member, **agent, **who)
    await call(world, "account.show", **member)
    await call(world, "account.active", active=True, **member, **who)
    await call(world, "account.secret", which="key", **member, **who)
    await call(world, "account.networks", networks=["192.0.2.7"], **member, **who)
    await call(world, "account.report", url="https://example.com/r", **member, **who)
    assert await identity.doorkeeper.account("m1") is not None
    assert store.run_inline(lambda db: accounts.use_nonce(db, "m1", "n", 1, 1000))
    (account,) = store.read_inline(accounts.every)
    store.run_inline(lambda db: accounts.reseal(db, account, account))
    await call(world, "agent.access", **agent)


async def network(world: Noted) -> None:
    """A tree of agents, what each pays and earns, an order of the lowest and its end."""
    await world.call("agent.new", code="A2", name="Dua", upline="A1", language="en")
    await world.call("agent.move", code="A2", upline=None)
    await world.call("agent.move", code="A2", upline="A1")
    await world.pay_in("A2", 100_000)
    await world.call("price.set", level="gold", product="S5", price=5_300)
    await world.call("agent.level", code="A2", level="gold")
    await world.call("agent.language", code="A2", language="id")
    await world.call("markup.set", upline="A1", amount=40)
    await world.call("markup.set", upline="A1", amount=50, downline="A2", product="S5")
    order = {"agent": "A2", "text": "S5.081200000061"}
    sold = await world.call("order.new", **order)
    more = [order, {"agent": "A2", "text": "S5.081200000062"}]
    await world.call("order.new_many", orders=more)
    await world.call("agent.active", code="A2", active=False)
    await world.settle()
    await until_idle(world)
    await call(world, "commission.exchange", agent="A1", amount=10, id="x1")
    await call(world, "commission.exchange", agent="A1", id="x1")
    await call(world, "order.reverse", id=sold["id"], **WORD)
    await world.call("agent.tree")
    await world.call("agent.tree", code="A1")
    await world.call("price.list", level="gold")
    await world.call("price.explain", agent="A2", product="S5")
    await world.call("price.remove", level="gold", product="S5")
    await world.call("product.below_cost", code="S5", allowed=False)
    await world.call("markup.list", upline="A1")
    await world.call("markup.remove", upline="A1")
    await world.call("commission.list")
    uplines(world)


def uplines(world: Noted) -> None:
    """What agents ask of the network in texts."""

    def job(db: Database) -> None:
        upline, product = agents.find(db, "A1"), products.find(db, "S5")
        assert upline is not None and product is not None
        tree.register(db, upline, name="Tiga", town="", number="", markup=5, now_ms=1)
        tree.uplines(db, "A2")
        tree.downlines(db, "A1")
        tree.set_active(db, upline, "A2", True)
        markups.to_reach(db, upline, 6_000, "S5", downline="A2")
        agents.rename(db, "A2", "Dua Dua")

    world.daemon.store.run_inline(job)


async def grow_old(world: Noted) -> None:
    """All is told, a month passes, what is finished is archived, and then asked for."""
    for order_id in await world.states():
        for message in (await world.show(order_id))["messages"]:
            await world.call("messages.ack", id=message["id"])
    await world.stop()
    await world.clock.sleep(31 * 86_400.0)
    await world.start()
    await world.order("S10.081200000051")
    await world.settle()
    await until_idle(world)
    assert (await world.call("archive.now"))["moved"] > 5
    assert (await world.archivist.now()).rest > 5
    (told,) = (await world.show(ARCHIVED))["messages"]
    await world.call("backup.now")
    await world.call("backup.reopen")
    await world.call("archive.list")
    await world.call("order.list", archived=True)
    assert (await world.order("S10.081200000013", "r3")) == ARCHIVED
    await world.call("messages.ack", id=told["id"])
    await call(world, "order.reverse", id=ARCHIVED, stock_returned=True, **WORD)
    await world.call("ledger.statement", account="liability:agent:A1", limit=1000)
    await money_life.ask(world)


async def live(directory: Path) -> set[str]:
    """A daemon's life; the calls that it knows and nobody made."""
    plan = rack_plan(("wavecom", "telkomsel"), ("wavecom", "xl"), faults=FAULTS)
    world = Noted(directory, plan, 1, SETTINGS)
    world.made = set()
    await world.set_up()
    await trade(world)
    await every_call(world)
    await grow_old(world)
    known = set(world.daemon.calls.names())
    # Whatever changed something in this life left a record of it, and what was refused as well.
    found = {(one.call, one.outcome) for one in await world.acts()}
    acts = {name for name in known if RULES[name].acts}
    assert {name for name in acts if (name, "DONE") not in found} == NOT_DONE | CHANGES_NOTHING
    assert {name for name in NOT_DONE if (name, "REFUSED") not in found} == set()
    await world.stop()
    return known - world.made


def rare(directory: Path) -> None:
    """What seldom happens to a rack: proofs against proofs, and differences of the stock."""
    for number, happen in enumerate(RARE):
        place = directory / str(number)
        place.mkdir()
        shop = Shop(place / "pulsarack.db")
        shop.agent()
        shop.chip()
        happen(shop)
        shop.recover()
        shop.run(partial(orders.overdue, before_ms=shop.now))  # the doctor, of a running daemon
        shop.close()


def converse(directory: Path) -> None:
    """Agents ask for everything that they can ask for."""
    place = directory / "talk"
    place.mkdir()
    shop = Shop(place / "pulsarack.db")
    shop.chip()
    talk = Talk(shop)
    for agent, command in CONVERSATION:
        talk.say(command, agent=agent)
    shop.close()


def contradict(shop: Shop) -> None:
    """A refund that a text contradicts, seen to by a person."""
    attempt_id = refuted(shop)
    acknowledge(shop, shop.attempt(attempt_id).order_id)
    shop.may_come_back(CARD, 10_150)


def refuse_repeat(shop: Shop) -> None:
    """The operator says of an order that was to go again that it was just done."""
    contradicted(shop)
    ready(shop)
    (again,) = shop.claim(CARD)
    shop.commit(again.attempt_id)
    shop.decide(again.attempt_id, done=False, reason=Reason.REPEATED_TOO_SOON)


def differ(shop: Shop) -> None:
    """A fall, an order proved late that takes it back, a person's word for another."""
    proved_late(shop, left=480_000)
    shop.differ(CARD, 400_000)
    shop.clear(2)
    shop.wait(60)
    claimed = shop.sent(CARD, "S5.081200000031")
    shop.decide(claimed.attempt_id, done=True, number="SN7")
    shop.reverse(claimed.order.id)
    shop.may_come_back(CARD, 5_125)


def hear(shop: Shop) -> None:
    """Texts of every kind, with and without an order that they can be about."""
    for read in (success("SN1"), failure(), stock_in(1000, 501_000), ReadText(TextKind.UNPARSED)):
        shop.text(CARD, read)
    ready(shop)
    claimed = shop.sent(CARD, "S10.081200000041")
    shop.text(CARD, failure(to="6281200000041"))
    shop.text(CARD, failure())
    assert shop.get(claimed.order).state != "SENDING"
    ready(shop)
    contradicted(shop)
    shop.text(CARD, success("SN2"))


def decide(shop: Shop) -> None:
    """A person says of an order that stands still that it was done."""
    say_done(shop, doubted(shop, held_for_not_done(shop)))


def text_people(shop: Shop) -> None:
    """Texts that leave chips for telephones, and the reports about them."""

    def job(db: Database) -> None:
        text = outgoing.Text("sms", "6281200000071", outgoing.Kind.ANSWER, "x", "A1")
        number = outgoing.put(db, text, now_ms=shop.now)
        assert number is not None
        for delivered in (False, True):
            rows = sent_sms.begin(
                db, CARD, number, text.address, 2, day_started_at=0, per_day=9, now_ms=shop.now
            )
            assert rows is not None
            sent_sms.left(db, rows, (1, 2), f"{CARD}:1,2:{rows[0]}")
            for part in (1, 2):
                sent_sms.report(
                    db, CARD, part, text.address, delivered=delivered, why="", now_ms=shop.now
                )
            sent_sms.stayed(db, rows)
        assert not sent_sms.any_before(db, 0)
        sent_sms.forget(db, 0, 1)

    shop.run(job)


RARE = (contradict, refuse_repeat, differ, hear, decide, text_people, carry_post)

SIMPLE = [
    "order.list",
    "order.undecided",
    "order.refuted",
    "discrepancies.list",
    "chip.list",
    "modem.list",
    "modem.acts",
    "rack.show",
    "unparsed.list",
    "status",
    "agent.list",
    "product.list",
    "prefix.list",
    "ledger.accounts",
    "ledger.trial_balance",
    "channel.list",
    "inbox.list",
    "outbox.list",
    "config.show",
    "schedule.list",
    "report.day",
    "admin.list",
    "admin.whoami",
]


@dataclass(frozen=True)
class Life:
    """What was run, by the daemon and by the audit, and the calls that were not made."""

    statements: frozenset[str]
    audited: frozenset[str]
    not_called: frozenset[str]


@pytest.fixture(scope="module")
def life(tmp_path_factory: pytest.TempPathFactory) -> Life:
    """One life for all tests."""
    place = tmp_path_factory.mktemp("life")
    daemon, shops = place / "daemon", place / "shops"
    daemon.mkdir()
    shops.mkdir()
    migrated = migration_statements(daemon)
    with traced() as seen:
        left = run(live(daemon), within_days=40)
        rare(shops)
        converse(shops)
        examine(daemon)
    with traced() as audited:
        assert audit.main(daemon / "pulsarack.db", None) is not None
    return Life(frozenset(seen - migrated), frozenset(audited - migrated), frozenset(left))


@pytest.fixture
def plans(tmp_path: Path) -> Iterator[Planner]:
    """What SQLite would do."""
    with planner(tmp_path) as made:
        yield made


def examine(directory: Path) -> None:
    """What the doctor asks of a database."""
    settings = config.parse({"daemon": {"state_dir": str(directory)}}, directory / "x.toml")
    subject = Subject(settings, directory / "socket", {}, 2**41, None, NOWHERE)
    assert list(check_database(subject))


def migration_statements(directory: Path) -> set[str]:
    """What only an empty or an older file is asked."""
    with traced() as seen, planner(directory):
        pass
    return seen


def reason(sql: str) -> str | None:
    """Why a statement may read much."""
    flat = " ".join(sql.split())
    return next((why for start, why in ALLOWED.items() if flat.startswith(start)), None)


def explained() -> set[str]:
    """The indexes of which a comment says what for: in the script that says it of all that were
    there, or right above the statement that makes one, or a group of them."""
    names: set[str] = set()
    for script in (path for folder in FOLDERS for path in folder.glob("*.sql")):
        text = script.read_text(encoding="utf-8")
        if script.name == EXPLAINS_ALL:
            names.update(re.findall(r"\w+", text))
        for group in re.findall(r"^--.*\n((?:CREATE (?:UNIQUE )?INDEX [^;]*;\n)+)", text, re.M):
            names.update(re.findall(r"INDEX (\w+)", group))
    return names


def test_every_call_was_made(life: Life) -> None:
    assert life.not_called == set()


def test_no_statement_of_the_daemon_reads_what_is_over(life: Life, plans: Planner) -> None:
    found = {sql: lines for sql in life.statements if (lines := plans.reads_much(sql))}
    bad = {sql: lines for sql, lines in found.items() if reason(sql) is None}
    assert not bad, "\n".join(f"{sql}\n    {lines}" for sql, lines in bad.items())


def test_every_exception_is_needed(life: Life, plans: Planner) -> None:
    found = {" ".join(sql.split()) for sql in life.statements if plans.reads_much(sql)}
    for start in ALLOWED:
        assert any(sql.startswith(start) for sql in found), start


def test_only_the_audit_reads_all(life: Life, plans: Planner) -> None:
    """It recomputes everything from the rows; that is what it is for, and it says so."""
    only_audit = life.audited - life.statements
    assert sum(bool(plans.reads_much(sql)) for sql in only_audit) > 20
    assert [sql for sql in life.audited & life.statements if plans.reads_much(sql)] == []


def test_every_index_answers_a_question_and_says_which(life: Life, plans: Planner) -> None:
    used = {name for sql in life.statements for name in plans.indexes(sql)}
    assert plans.all_indexes() - used == PROMISES
    assert plans.all_indexes() - explained() == set()


def test_a_scan_and_a_search_for_what_is_common_are_seen(plans: Planner) -> None:
    """The test itself, on what was once asked."""
    assert plans.reads_much("SELECT id FROM orders WHERE serial_number IS NULL")
    assert plans.reads_much("SELECT a.id FROM attempt AS a WHERE a.why = ?")
    assert plans.reads_much("SELECT text FROM sms WHERE chip = ? AND text = ?")
    assert plans.reads_much("SELECT state, count(*) FROM orders GROUP BY state")
    assert plans.reads_much("SELECT price FROM orders WHERE operator = ? AND serial_number > ''")
    assert not plans.reads_much("SELECT id FROM orders WHERE state = 'QUEUED'")
    assert not plans.reads_much("SELECT id FROM attempt WHERE chip = ? AND claimed_at > ?")
    # What SQLite asks by itself when rows go: who refers to them, and what triggers read.
    assert "sms_attempt" in plans.indexes("DELETE FROM attempt WHERE id = ?")
    assert "brought_forward_held" in plans.indexes("DELETE FROM transfer WHERE sequence = ?")
