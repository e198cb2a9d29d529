"""`pulsarack tail`: what is chosen in the daemon, how it looks, and a daemon that goes away."""

import asyncio
from pathlib import Path
from typing import Any

import click
import msgspec
import pytest

from pulsarack.daemon.cli import tail
from pulsarack.daemon.cli.session import Session
from pulsarack.daemon.client import CallFailed, NotReached, ProtocolTrouble
from pulsarack.daemon.control_events import MOST, EventsFollow
from pulsarack.daemon.event_filter import wanted_by
from pulsarack.daemon.events import BACKLOG, Events
from tests.daemon.scripted import Followed
from tests.daemon.test_orders_and_chips import in_world, until_idle
from tests.daemon.world import World

CHIP = "8962100000000000012"
ORDER = {
    "kind": "order", "id": 7, "state": "FAILED", "agent": "Kios1", "operator": "telkomsel",
    "chip": CHIP,
}  # fmt: skip
QUEUED = ORDER | {"state": "QUEUED", "chip": None}
DOING = {"kind": "chip", "iccid": CHIP, "operator": "telkomsel", "slot": "1-2", "doing": "idle"}
STOCK = {"kind": "stock", "iccid": CHIP, "operator": "telkomsel", "slot": "1-2", "stock": 5}
MODEM = {"kind": "modem", "slot": "1-2", "state": "ready", "iccid": None, "why": ""}
ALL = [ORDER, QUEUED, DOING, STOCK, MODEM]


@pytest.mark.parametrize(
    ("args", "passes"),
    [
        ({"agent": ["kios1"]}, [ORDER, QUEUED]),
        ({"agent": ["kios"]}, []),
        ({"agent": ["kios1", "x"], "state": ["QUEUED"]}, [QUEUED]),
        ({"chip": [CHIP]}, [ORDER, DOING, STOCK]),
        ({"chip": ["0012"]}, [ORDER, DOING, STOCK]),
        ({"chip": ["012"]}, []),
        ({"operator": ["Telkomsel"]}, [ORDER, QUEUED, DOING, STOCK]),
        ({"slot": ["1-2"]}, [DOING, STOCK, MODEM]),
        ({"state": ["ready", "queued"]}, [QUEUED, MODEM]),
        ({"outcome": ["FAILED"]}, [ORDER]),
        ({"outcome": ["FAILED"], "kind": ["modem"]}, []),
        ({"order": [7]}, [ORDER, QUEUED]),
        ({"order": [8]}, []),
        ({"kind": ["stock", "modem"]}, [STOCK, MODEM]),
        ({"kind": ["chip"], "slot": ["1-3"]}, []),
    ],
)
def test_what_is_wanted(args: dict[str, Any], passes: list[dict[str, Any]]) -> None:
    wanted = wanted_by(msgspec.convert(args, EventsFollow))
    assert wanted is not None
    assert [event for event in ALL if wanted(event)] == passes


def test_nothing_asked_is_everything() -> None:
    assert wanted_by(EventsFollow()) is None


@pytest.mark.parametrize(
    "args",
    [
        {"agents": ["a"]},
        {"agent": "a"},
        {"kind": ["orders"]},
        {"outcome": ["QUEUED"]},
        {"order": [0]},
        {"slot": ["a\n"]},
        {"agent": ["a"] * (MOST + 1)},
    ],
)
def test_bad_criteria_are_refused(args: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(args, EventsFollow)


async def test_a_follower_of_little_loses_nothing_to_the_others() -> None:
    events = Events(lambda: 5)
    few, all_ = events.follow(lambda event: event["id"] == 3), events.follow()
    waiting = [anext(few), anext(all_)]
    tasks = [asyncio.ensure_future(one) for one in waiting]
    await asyncio.sleep(0)
    for number in range(BACKLOG + 10):
        events.publish("order", id=number)
    first = [await task for task in tasks]
    assert first == [{"kind": "order", "id": 3, "at": 5}, {"kind": "lost", "count": 10}]
    await few.aclose()
    await all_.aclose()


def test_no_colours_but_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = tail.line_of(ORDER | {"at": 0}, "Asia/Jakarta", colours=False)
    assert plain == (
        f"07:00:00  order id=7 state=FAILED agent=Kios1 operator=telkomsel chip={CHIP}"
    )
    coloured = tail.line_of(ORDER | {"at": 0}, "Asia/Jakarta", colours=True)
    assert click.unstyle(coloured) == plain
    assert click.style("FAILED", fg="red", bold=True) in coloured
    lost = tail.line_of({"kind": "lost", "count": 1200}, None, colours=False)
    assert lost == "-- 1.200 events are lost: they came faster than they were shown --"
    hostile = tail.line_of({"kind": "order", "why": "\x1b[31m\n"}, None, colours=False)
    assert hostile == "order why=\ufffd[31m / "


class Connections:
    """A session whose connections end as they are told to."""

    timezone = "Asia/Jakarta"

    def __init__(self, *ends: list[Any]) -> None:
        self._ends = iter(ends)
        self.asked: list[dict[str, Any]] = []

    def client(self) -> "Connections":
        self._now = next(self._ends)
        return self

    def __enter__(self) -> "Connections":
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is open."""

    def call(self, name: str) -> None:
        assert name == "status"
        if self._now and isinstance(self._now[0], NotReached):
            raise self._now[0]

    def stream(self, name: str, **args: Any) -> Any:
        assert name == "events.follow"
        self.asked.append(args)
        return self._events(self._now)

    def _events(self, given: list[Any]) -> Any:
        for one in given:
            if isinstance(one, Exception):
                raise one
            yield one


def test_a_daemon_that_restarts_is_followed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tail, "RETRY_SECONDS", 0.0)
    session = Connections(
        [ORDER, CallFailed("STOPPING", "the daemon is stopping", "")],
        [NotReached("no daemon answers")],
        [NotReached("no daemon answers")],
        [DOING],
        [STOCK, ProtocolTrouble("it broke off")],
        [CallFailed("NOT_ALLOWED", "you may not", "ask")],
    )
    followed = tail.events(session, {"agent": ["kios1"]})  # type: ignore[arg-type]
    seen: list[dict[str, Any]] = []
    with pytest.raises(CallFailed, match="you may not"):
        for one in followed:
            seen.append(one)
    assert seen == [
        ORDER,
        {"kind": "away", "why": "the daemon is stopping"},
        {"kind": "back"},
        DOING,
        {"kind": "away", "why": "the daemon ended the stream"},
        {"kind": "back"},
        STOCK,
        {"kind": "away", "why": "it broke off"},
        {"kind": "back"},
    ]
    assert session.asked[0] == {"agent": ["kios1"]}
    assert len(session.asked) == 6


def test_a_daemon_that_never_was_there_is_an_error() -> None:
    session = Connections([NotReached("no daemon answers")])
    with pytest.raises(NotReached):
        list(tail.events(session, {}))  # type: ignore[arg-type]


def test_once_ends_with_the_daemon() -> None:
    assert list(tail.events(Connections([ORDER]), {}, once=True)) == [ORDER]  # type: ignore[arg-type]


def test_the_session_is_of_the_command() -> None:
    assert {option.name for option in tail.tail.params} >= set(EventsFollow.__struct_fields__)
    assert Session(Path("x"), Path("y")).socket == Path("y")


def test_what_chips_do_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the card that comes to the modem that goes, each with what a filter needs."""

    async def story(world: World) -> None:
        told = Followed(world, monkeypatch).seen
        await until_idle(world)
        order = await world.order("S10.081200000012")
        await world.settle()
        chip = next(iter(world.daemon.rack.slots.values())).chip
        assert chip is not None
        await world.call("chip.rest", iccid=chip.iccid, because="x")
        await world.clock.sleep(1.0)
        world.ports.unplug("/rack/modem0")
        await world.clock.sleep(5.0)
        doing = [one["doing"] for one in told if one["kind"] == "chip"]
        assert [doing[0], f"selling order {order}" in doing, doing[-2:]] == [
            "starting",
            True,
            ["resting", "gone"],
        ]
        modem = [one["state"] for one in told if one["kind"] == "modem"]
        assert modem[-1] == "gone"
        stock = [one for one in told if one["kind"] == "stock"]
        assert stock[0]["compared"] == "opened"
        for one in told:
            if one["kind"] in ("chip", "stock"):
                assert (one["iccid"], one["operator"]) == (chip.iccid, "telkomsel")
                assert one["slot"] == "modem0"

    in_world(tmp_path, story, ("wavecom", "telkomsel"))
