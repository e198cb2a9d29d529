"""The postman under virtual time: every text is tried until it is there, and no channel waits for
another. The carriers here are small ones that keep a script of what becomes of each try."""

import asyncio
import io
import itertools
import tomllib
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from peewee import Database

from pulsarack.daemon import config
from pulsarack.daemon import log as logging
from pulsarack.daemon.channels.carrier import (
    BeginNext,
    ChannelState,
    Parcel,
    Sent,
    SentKind,
    Standing,
)
from pulsarack.daemon.channels.postman import Postman
from pulsarack.daemon.context import Context
from pulsarack.daemon.context import Standing as Told
from pulsarack.daemon.events import Events
from pulsarack.daemon.secrets import Secrets
from pulsarack.queue import agents
from pulsarack.queue.identity import senders
from pulsarack.queue.orders import NOT_TRIED, Order
from pulsarack.queue.post import outgoing
from pulsarack.queue.post.outgoing import Kind, Outgoing, State, Text
from pulsarack.ussd.shelf import load_shelf
from tests.daemon.store_inline import InlineStore
from tests.daemon.virtual_loop import LoopClock, run

START_MS = 1_795_331_100_000
SHELF = load_shelf()
DELIVERED = Sent(SentKind.DELIVERED)
LATER = Sent(SentKind.LATER, why="busy")
MAYBE = Sent(SentKind.MAYBE, why="the line was cut")


def failed(channel: str) -> Order:
    """An order that came over that channel."""
    return Order(
        *(1, "FAILED", "A1", "S10", "telkomsel", "6281200000012", 10, 10_500, 10_150, 1),
        *("2026-11-22", None, channel, "S10", "EXPIRED", None, START_MS, START_MS, START_MS),
        finished_at=START_MS,
    )


class Scripted:
    """A carrier: each address has its own list of what becomes of the next tries."""

    def __init__(self, channel: str, at_once: int = 2, takes_seconds: float = 1.0) -> None:
        self.channel = channel
        self.at_once = at_once
        self.standing = Standing.UP
        self.script: dict[str, list[Sent | Exception]] = {}
        self.tried: list[tuple[float, Parcel]] = []
        self.under_way = 0
        self.most_under_way = 0
        self.runs = 0
        self._takes = takes_seconds

    def state(self) -> ChannelState:
        return ChannelState(self.standing, "as the test says")

    async def run(self) -> None:
        self.runs += 1
        await asyncio.Event().wait()

    async def send(self, parcel: Parcel) -> Sent:
        self.tried.append((asyncio.get_running_loop().time(), parcel))
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            await asyncio.sleep(self._takes)
        finally:
            self.under_way -= 1
        answers = self.script.get(parcel.address, [])
        answer = answers.pop(0) if answers else DELIVERED
        if isinstance(answer, Exception):
            raise answer
        return answer

    def addresses(self) -> list[str]:
        return [parcel.address for _, parcel in self.tried]


class GoingOn(Scripted):
    """One that writes down itself that a text is there, and begins the next with it."""

    office: "Office"
    writes_seconds = 0.0

    def go_on(self, begin_next: BeginNext) -> None:
        self.begin_next = begin_next

    async def send(self, parcel: Parcel) -> Sent:
        sent = await super().send(parcel)
        if sent.kind is not SentKind.DELIVERED:
            return sent
        begin, now_ms = self.begin_next(parcel.id, "here"), self.office.clock.now_ms()
        await asyncio.sleep(self.writes_seconds)

        def end(db: Database) -> Parcel | None:
            outgoing.arrived(db, parcel.id, State.DELIVERED, None, now_ms=now_ms)
            return None if begin is None else begin(db)

        begun = await self.office.store.write(end)
        return Sent(SentKind.DELIVERED, written=True, begun=begun)


class Office:
    """A store and a postman over it, which can die and come back."""

    def __init__(self, directory: Path, *carriers: Scripted, settings: str = "") -> None:
        logging.configure("error", "json", io.StringIO())
        self.clock = LoopClock(START_MS)
        self.carriers = carriers
        self._path = directory / "pulsarack.db"
        self._config = config.parse(tomllib.loads(settings), directory / "pulsarack.toml")
        self.open()

    def open(self) -> None:
        self.store = InlineStore.open(self._path, now_ms=self.clock.now_ms(), synchronous="OFF")
        self.context = Context(
            self._config, self.clock, self.store, SHELF, Secrets(), Events(), logging.get(), str
        )
        for carrier in self.carriers:
            if isinstance(carrier, GoingOn):
                carrier.office = self
        self.postman = Postman(self.context, self.carriers)
        self.task = asyncio.create_task(self.postman.run())

    async def die(self) -> None:
        self.store.close()
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)

    async def put(self, channel: str, address: str, kind: Kind = Kind.ANSWER) -> int:
        text = Text(channel=channel, address=address, kind=kind, text="halo", agent=None)
        now_ms = self.clock.now_ms()
        made = await self.store.write(lambda db: outgoing.put(db, text, now_ms=now_ms))
        assert made is not None
        self.postman.ring(channel)
        return made

    def row(self, outgoing_id: int) -> Outgoing:
        found = self.store.read_inline(lambda db: outgoing.find(db, outgoing_id))
        assert found is not None
        return found


def live(
    directory: Path,
    story: Callable[[Office], Awaitable[Any]],
    *carriers: Scripted,
    settings: str = "",
) -> None:
    async def lived() -> None:
        office = Office(directory, *carriers, settings=settings)
        await story(office)
        await office.die()

    run(lived())


def test_a_text_behind_many_that_are_too_old_is_carried_at_once(tmp_path: Path) -> None:
    """More of them than a round gives up, and than it looks at for what is due."""
    xmpp = Scripted("xmpp")

    async def story(office: Office) -> None:
        xmpp.standing = Standing.DOWN
        for number in range(250):
            await office.put("xmpp", f"old{number}")
        await office.die()
        await asyncio.sleep(91.0)
        office.open()
        fresh = await office.put("xmpp", "fresh")
        xmpp.standing = Standing.UP
        await asyncio.sleep(8.0)
        assert [parcel.address for _, parcel in xmpp.tried] == ["fresh"]
        assert office.row(fresh).state == State.DELIVERED

    live(tmp_path, story, xmpp, settings="[channels]\nanswer_seconds = 90\n")


def test_a_text_is_carried_as_soon_as_it_is_written(tmp_path: Path) -> None:
    xmpp = Scripted("xmpp")

    async def story(office: Office) -> None:
        await asyncio.sleep(3.0)
        made = await office.put("xmpp", "a@example.org")
        await asyncio.sleep(1.5)
        row = office.row(made)
        assert (row.state, row.tries) == ("DELIVERED", 1)
        assert [at for at, _ in xmpp.tried] == [pytest.approx(3.0, abs=0.1)]

    live(tmp_path, story, xmpp)


def test_a_notice_on_whatever_channel_is_carried_as_soon_as_it_is_told_of(tmp_path: Path) -> None:
    sms, xmpp = Scripted("sms"), Scripted("xmpp")

    async def story(office: Office) -> None:
        await asyncio.sleep(1.0)
        text = Text(channel="xmpp", address="a", kind=Kind.ANSWER, text="masuk", agent=None)
        now_ms = office.clock.now_ms()
        await office.store.write(lambda db: outgoing.put(db, text, now_ms=now_ms))
        await asyncio.sleep(1.0)
        assert xmpp.tried == []
        office.context.events.noticed()
        await asyncio.sleep(0.1)
        assert xmpp.addresses() == ["a"] and sms.tried == []

    live(tmp_path, story, sms, xmpp)


def test_a_text_alone_is_looked_for_before_it_and_behind_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = []

    async def story(office: Office) -> None:
        read, write = office.store.read_inline, office.store.run_inline
        monkeypatch.setattr(
            office.store, "read_inline", lambda job: (jobs.append("r"), read(job))[1]
        )
        monkeypatch.setattr(
            office.store, "run_inline", lambda job: (jobs.append("w"), write(job))[1]
        )
        await asyncio.sleep(3.0)
        jobs.clear()
        await office.put("xmpp", "a@example.org")
        await asyncio.sleep(2.0)
        # It is put there; found, begun, written down; and nothing else is found.
        assert jobs == ["w", "r", "w", "w", "r"]

    live(tmp_path, story, Scripted("xmpp"))


def test_each_try_is_later_and_an_answer_ends_with_its_time(tmp_path: Path) -> None:
    xmpp = Scripted("xmpp")
    xmpp.script["a"] = [LATER] * 50

    async def story(office: Office) -> None:
        made = await office.put("xmpp", "a")
        await asyncio.sleep(2000.0)
        row = office.row(made)
        assert row.state == "EXPIRED"
        times = [at for at, _ in xmpp.tried]
        gaps = [after - before for before, after in itertools.pairwise(times)]
        assert gaps[0] < 8.0
        assert gaps == sorted(gaps)
        assert len(times) < 15
        assert times[-1] < 900.0

    live(tmp_path, story, xmpp)


def test_a_channel_that_says_when_is_asked_then(tmp_path: Path) -> None:
    xmpp = Scripted("xmpp")
    xmpp.script["a"] = [Sent(SentKind.LATER, why="slowly", again_seconds=60.0)]

    async def story(office: Office) -> None:
        await office.put("xmpp", "a")
        await asyncio.sleep(90.0)
        first, second = (at for at, _ in xmpp.tried)
        assert second - first == pytest.approx(61.0, abs=1.0)

    live(tmp_path, story, xmpp)


def test_what_may_have_left_is_sent_again_under_the_same_id(tmp_path: Path) -> None:
    xmpp = Scripted("xmpp")
    xmpp.script["a"] = [MAYBE, RuntimeError("a fault of the channel")]

    async def story(office: Office) -> None:
        made = await office.put("xmpp", "a")
        await asyncio.sleep(60.0)
        assert [parcel.id for _, parcel in xmpp.tried] == [made] * 3
        assert [parcel.tries for _, parcel in xmpp.tried] == [1, 2, 3]
        assert office.row(made).state == "DELIVERED"

    live(tmp_path, story, xmpp)


def test_what_can_never_arrive_is_not_tried_again(tmp_path: Path) -> None:
    xmpp = Scripted("xmpp")
    xmpp.script["a"] = [Sent(SentKind.NEVER, why="there is no such account")]

    async def story(office: Office) -> None:
        made = await office.put("xmpp", "a")
        await asyncio.sleep(4000.0)
        row = office.row(made)
        assert (row.state, row.why, row.tries) == ("REFUSED", "there is no such account", 1)

    live(tmp_path, story, xmpp)


def test_no_channel_waits_for_another(tmp_path: Path) -> None:
    dead, sound = Scripted("xmpp"), Scripted("whatsapp")
    dead.standing = Standing.DOWN

    async def story(office: Office) -> None:
        for number in range(50):
            await office.put("xmpp", f"a{number}")
        made = await office.put("whatsapp", "b")
        await asyncio.sleep(2.0)
        assert office.row(made).state == "DELIVERED"
        assert dead.tried == []
        dead.standing = Standing.UP
        await asyncio.sleep(40.0)
        assert sorted(dead.addresses()) == sorted(f"a{number}" for number in range(50))

    live(tmp_path, story, dead, sound)


def test_no_more_at_once_than_a_channel_carries_and_one_dead_address_holds_up_nobody(
    tmp_path: Path,
) -> None:
    xmpp = Scripted("xmpp", at_once=3)
    xmpp.script["dead"] = [LATER] * 20

    async def story(office: Office) -> None:
        await office.put("xmpp", "dead")
        for number in range(30):
            await office.put("xmpp", f"a{number}")
        await asyncio.sleep(14.0)
        assert xmpp.most_under_way == 3
        assert {f"a{number}" for number in range(30)} <= set(xmpp.addresses())

    live(tmp_path, story, xmpp)


def test_what_is_next_in_turn_is_still_dropped_when_its_time_is_over(tmp_path: Path) -> None:
    xmpp = Scripted("xmpp", at_once=1, takes_seconds=60.0)

    async def story(office: Office) -> None:
        made = [await office.put("xmpp", f"a{number}") for number in range(3)]
        await asyncio.sleep(600.0)
        assert [office.row(one).state for one in made] == ["DELIVERED", "DELIVERED", "EXPIRED"]
        assert xmpp.addresses() == ["a0", "a1"]

    live(tmp_path, story, xmpp, settings="[channels]\nanswer_seconds = 90\n")


def test_a_carrier_that_goes_on_needs_no_round_for_each_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sms, looks, waiting = GoingOn("sms", at_once=4), [], outgoing.waiting

    def counted(db: Database, channel: str, **rest: Any) -> Any:
        looks.append(channel)
        return waiting(db, channel, **rest)

    monkeypatch.setattr(outgoing, "waiting", counted)

    async def story(office: Office) -> None:
        made = [await office.put("sms", f"a{number}") for number in range(40)]
        await asyncio.sleep(10.5)  # ten times four at once
        assert {office.row(one).state for one in made} == {"DELIVERED"}
        assert {office.row(one).tries for one in made} == {1}
        assert sms.addresses() == [f"a{number}" for number in range(40)]
        assert sms.most_under_way == 4
        assert {parcel.free for _, parcel in sms.tried} == {"", "here"}
        assert len(looks) <= 13

    live(tmp_path, story, sms)


def test_what_goes_on_gives_way_when_less_can_be_carried_at_once(tmp_path: Path) -> None:
    sms = GoingOn("sms", at_once=40, takes_seconds=10.0)

    async def story(office: Office) -> None:
        made = []
        for number in range(300):
            made.append(await office.put("sms", f"a{number}"))
            await asyncio.sleep(0.25 if number < 40 else 0.0)  # they never end together
        await asyncio.sleep(3.0)
        assert sms.under_way == 40
        sms.at_once = 30
        await asyncio.sleep(15.0)
        assert sms.under_way == 30
        sms.at_once = 50
        await asyncio.sleep(100.0)
        assert sms.most_under_way == 50
        assert {office.row(one).state for one in made} == {"DELIVERED"}

    live(tmp_path, story, sms)


def test_what_did_not_get_through_ends_the_going_on_and_nothing_else(tmp_path: Path) -> None:
    sms = GoingOn("sms", at_once=2)
    for number in range(0, 20, 3):
        sms.script[f"a{number}"] = [LATER, RuntimeError("a fault of the channel"), MAYBE]

    async def story(office: Office) -> None:
        made = [await office.put("sms", f"a{number}") for number in range(20)]
        await asyncio.sleep(120.0)
        assert {office.row(one).state for one in made} == {"DELIVERED"}
        assert [office.row(one).tries for one in made[:4]] == [4, 1, 1, 4]
        assert sms.most_under_way == 2

    live(tmp_path, story, sms)


def test_what_is_begun_with_the_end_of_another_is_not_begun_by_a_round_as_well(
    tmp_path: Path,
) -> None:
    """However long the disk takes for that, and whatever else becomes free meanwhile."""
    sms = GoingOn("sms", at_once=3)
    sms.writes_seconds = 7.0
    for number in range(0, 30, 4):
        sms.script[f"a{number}"] = [LATER]

    async def story(office: Office) -> None:
        made = []
        for number in range(30):
            made.append(await office.put("sms", f"a{number}"))
            await asyncio.sleep(1.0)
        await asyncio.sleep(200.0)
        assert {office.row(one).state for one in made} == {"DELIVERED"}
        assert [office.row(one).tries for one in made] == [1 + (n % 4 == 0) for n in range(30)]

    live(tmp_path, story, sms)


@pytest.mark.parametrize("kind", [Scripted, GoingOn])
def test_nothing_that_waits_is_lost_when_the_daemon_dies(
    tmp_path: Path, kind: type[Scripted]
) -> None:
    xmpp = kind("xmpp", at_once=2)

    async def story(office: Office) -> None:
        made = [await office.put("xmpp", f"a{number}") for number in range(10)]
        for _ in range(6):
            await asyncio.sleep(0.8)  # in the middle of a try, now and then
            await office.die()
            office.open()
        await asyncio.sleep(30.0)
        assert {office.row(one).state for one in made} == {"DELIVERED"}
        # Twice only what was under way at a death.
        assert len(xmpp.tried) <= 10 + 6 * 2

    live(tmp_path, story, xmpp)


def test_a_report_that_it_did_not_arrive_brings_another_try(tmp_path: Path) -> None:
    sms = Scripted("sms")
    sms.script["0812"] = [Sent(SentKind.SENT, provider_id="chip:7")]

    async def story(office: Office) -> None:
        made = await office.put("sms", "0812")
        await asyncio.sleep(2.0)
        assert office.row(made).state == "SENT"
        now_ms = office.clock.now_ms()
        for _ in range(2):  # a report may come twice
            await office.store.write(
                lambda db: outgoing.reported(
                    db, "sms", "chip:7", delivered=False, why="switched off", now_ms=now_ms
                )
            )
        office.postman.ring("sms")
        await asyncio.sleep(30.0)
        row = office.row(made)
        assert (row.state, row.tries) == ("DELIVERED", 2)

    live(tmp_path, story, sms)


@pytest.mark.parametrize("while_it_runs", [False, True])
def test_a_result_of_a_channel_that_is_not_configured_any_more_goes_by_sms(
    tmp_path: Path, while_it_runs: bool
) -> None:
    """Else nobody would ever be told, and the outbox would keep it for ever."""
    sms = Scripted("sms")
    result = Text("xmpp", "a@example.org", Kind.RESULT, "done", "A1", order_id=1, message_id=1)

    async def story(office: Office) -> None:
        def furnish(db: Database) -> None:
            agents.add(db, "A1", "Kios", now_ms=1)
            senders.bind(db, "sms", "6281200000099", "A1", by="test", now_ms=1)

        def finish(db: Database) -> None:
            outgoing.put(db, result, now_ms=office.clock.now_ms())

        await office.store.write(furnish)
        if while_it_runs:
            await asyncio.sleep(10.0)
        await office.store.write(finish)
        if while_it_runs:
            office.context.events.finished(failed("xmpp"))
        else:
            await office.die()
            office.open()
        await asyncio.sleep(60.0)
        assert office.postman.states["xmpp"].standing is Standing.OFF
        await asyncio.sleep(3700.0)
        assert sms.addresses() == ["6281200000099"]
        assert office.row(1).state == "EXPIRED"

    live(tmp_path, story, sms)


def test_no_channel_is_made_up_for_orders_of_the_socket(tmp_path: Path) -> None:
    async def story(office: Office) -> None:
        await asyncio.sleep(1.0)
        office.context.events.finished(failed("socket"))
        await asyncio.sleep(60.0)
        assert list(office.postman.states) == ["sms"]

    live(tmp_path, story, Scripted("sms"))


def test_an_order_makes_its_channel_look_when_it_is_finished_and_not_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[object] = []

    async def story(office: Office) -> None:
        await asyncio.sleep(1.0)
        read = office.store.read

        async def counted(job: Callable[[Database], Any]) -> Any:
            looked.append(job)
            return await read(job)

        monkeypatch.setattr(office.store, "read", counted)
        order, tell = failed("xmpp"), office.context.tell
        for state in ("QUEUED", "SENDING"):
            tell(Told(order._replace(state=state, finished_at=None), NOT_TRIED))
        await asyncio.sleep(1.0)
        assert not looked
        tell(Told(order, NOT_TRIED))
        await asyncio.sleep(1.0)
        assert looked

    live(tmp_path, story, Scripted("xmpp"))


def test_what_became_of_an_order_is_told_in_its_order(tmp_path: Path) -> None:
    """Else a reversal is told, and then the success that it has taken back."""
    xmpp = Scripted("xmpp")
    xmpp.script["a"] = [LATER, MAYBE]

    async def story(office: Office) -> None:
        now_ms = office.clock.now_ms()
        for message_id, text in ((1, "BERHASIL"), (2, "DIREFUND")):
            told = Text("xmpp", "a", Kind.RESULT, text, None, order_id=7, message_id=message_id)
            await office.store.write(lambda db, one=told: outgoing.put(db, one, now_ms=now_ms))
        other = Text("xmpp", "b", Kind.RESULT, "GAGAL", None, order_id=8, message_id=3)
        await office.store.write(lambda db: outgoing.put(db, other, now_ms=now_ms))
        office.postman.ring("xmpp")
        await asyncio.sleep(120.0)
        texts = [parcel.text for _, parcel in xmpp.tried]
        assert texts[:2] == ["BERHASIL", "GAGAL"]  # nobody else's waits
        assert texts[2:] == ["BERHASIL", "BERHASIL", "DIREFUND"]

    live(tmp_path, story, xmpp)
