"""The bench of other programs without any of them: what they are told, and the counting."""

import asyncio
import json
import os
import queue  # noqa: TID251 - a list between two threads
import sqlite3
import sys
import threading
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner

from benchmarks import __main__ as bench
from benchmarks import (
    peers,
    peers_figures,
    peers_gammu,
    peers_gsmmodem_program,
    peers_kannel,
    peers_smstools,
)
from benchmarks.figures import Figure
from benchmarks.peers_feeder import PeerFeeder, place_of
from benchmarks.peers_figures import Rounds
from benchmarks.peers_gammu import GammuFiles, GammuSql
from benchmarks.peers_gsmmodem import GsmModem
from benchmarks.peers_kind import Kept, Message, Peer, absent
from benchmarks.peers_rack import PeersRack
from benchmarks.peers_smstools import Smstools
from benchmarks.rack_file import XL, rack_text
from benchmarks.sessions import Command, Sessions, cpu_between, session_of
from benchmarks.settings import Profile, narrowed
from benchmarks.site import Books
from pulsarack.modems.simulator.rack import load_rack

PORTS = [Path("/dev/modem0"), Path("/dev/modem1")]
MESSAGES = [Message(0, "BAGI 081700000000 5 1234"), Message(1, "BAGI 081700000001 5 1234")]


# --- what each is told --------------------------------------------------------------------


def test_gammu_has_a_spool_for_each_modem(tmp_path: Path) -> None:
    peer = GammuFiles(tmp_path, PORTS)
    commands = peer.prepare()
    assert [command.arguments[0] for command in commands] == ["gammu-smsd"] * 2
    text = (tmp_path / "gammu1.conf").read_text()
    assert "device = /dev/modem1\n" in text
    assert f"outboxpath = {tmp_path}/spool1/outbox/\n" in text
    peer.queue(MESSAGES)
    (name,) = (tmp_path / "spool1" / "outbox").iterdir()
    # OUT, date, time, serial number, number, anything (gammu-smsd-files(7)).
    assert name.name == "OUT20260101_000000_000000001_168_bench.txt"
    assert name.read_text() == MESSAGES[1].text


def test_gammu_shares_one_outbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    schema = tmp_path / "sqlite.sql"
    schema.write_text(
        "CREATE TABLE outbox (DestinationNumber, TextDecoded, CreatorID, RelativeValidity)"
    )
    monkeypatch.setattr(peers_gammu, "_SCHEMAS", [tmp_path / "none.sql", schema])
    peer = GammuSql(tmp_path, PORTS)
    assert len(peer.prepare()) == 2
    peer.queue(MESSAGES)
    peer.close()
    text = (tmp_path / "gammu0.conf").read_text()
    assert f"driver = sqlite3\ndbdir = {tmp_path}/\ndatabase = smsd.db\n" in text
    with sqlite3.connect(tmp_path / "smsd.db") as connection:
        rows = connection.execute("SELECT DestinationNumber, TextDecoded FROM outbox").fetchall()
    connection.close()
    assert rows == [("168", message.text) for message in MESSAGES]


def test_smstools_has_a_section_for_each_modem(tmp_path: Path) -> None:
    peer = Smstools(tmp_path, PORTS)
    peer.prepare()
    text = (tmp_path / "smsd.conf").read_text()
    assert "devices = M0,M1\n" in text
    assert "[M1]\ndevice = /dev/modem1\n" in text
    assert peers_smstools.config(tmp_path, PORTS) == text
    peer.queue(MESSAGES)
    names = sorted((tmp_path / "outgoing").iterdir())
    assert [name.read_text().splitlines()[0] for name in names] == ["To: s168"] * 2


def test_kannel_has_an_smsc_for_each_modem(tmp_path: Path) -> None:
    text = peers_kannel.config(tmp_path, PORTS, 1, 2, 3)
    groups = [part.splitlines() for part in text.strip().split("\n\n")]
    kinds = [lines[0] for lines in groups]
    assert kinds.count("group = smsc") == 2
    assert {"group = core", "group = modems", "group = smsbox", "group = sendsms-user"} < {*kinds}
    assert "smsbox-port = 2\n" in text
    assert 'device = "/dev/modem1"\n' in text
    assert len(set(peers_kannel.free_ports(3))) == 3


def test_the_library_is_fed_by_a_file(tmp_path: Path) -> None:
    peer = GsmModem(tmp_path, PORTS)
    (command,) = peer.prepare()
    assert command.arguments[3:] == [str(tmp_path / "queue"), "/dev/modem0", "/dev/modem1"]
    peer.queue(MESSAGES[:1])
    peer.queue(MESSAGES[1:])
    lines = (tmp_path / "queue").read_text().splitlines()
    assert lines == [message.text for message in MESSAGES]
    assert Path(str(command.arguments[2])).name == "peers_gsmmodem_program.py"


def test_what_is_not_installed_is_told() -> None:
    assert absent([sys.executable, "no-such-program"]) == ["no-such-program"]


def test_a_rack_of_modems_that_sell_by_sms(tmp_path: Path) -> None:
    path = tmp_path / "rack.toml"
    path.write_text(rack_text([XL] * 2, 0.2, 0.1))
    rack = load_rack(path)
    assert (rack.latencies.ussd, rack.latencies.sms) == ((0.2, 0.2), (0.1, 0.1))
    assert [place_of(modem.chip.iccid) for modem in rack.modems] == [0, 1]


# --- feeding and counting -----------------------------------------------------------------


class Spool(Peer):
    name = "a list"
    kept = Kept.IN_MEMORY
    packages = "none"

    def __init__(self, private: bool) -> None:
        super().__init__(Path(), PORTS)
        self.given: list[Message] = []
        self.private = private

    @classmethod
    def missing(cls) -> list[str]:
        return []

    def prepare(self) -> list[Command]:
        return []

    def queue(self, messages: Sequence[Message]) -> None:
        self.given += messages


def books(tmp_path: Path, rows: Sequence[tuple[str, int, bool]]) -> Books:
    path = tmp_path / "truth.jsonl"
    entries = [
        {"kind": "top_up", "at": at, "operator": "xl", "chip": chip, "delivered": delivered}
        for chip, at, delivered in rows
    ]
    path.write_text("".join(f"{json.dumps(entry)}\n" for entry in entries))
    found = Books(path)
    found.look()
    return found


CHIPS = [f"896211{place:012d}0" for place in (1, 2)]


@pytest.mark.parametrize(("private", "places"), [(True, [0, 0, 1, 1]), (False, [0, 0, 0, 0])])
def test_a_queue_of_all_and_queues_of_each(
    tmp_path: Path, private: bool, places: list[int]
) -> None:
    feeder = PeerFeeder(Spool(private), books(tmp_path, []), 2)
    lacking = feeder.lacking()
    assert [message.place for message in lacking] == places
    assert len({message.text for message in lacking}) == 4


async def test_what_was_sent_is_given_again(tmp_path: Path) -> None:
    spool, found = Spool(private=True), books(tmp_path, [])
    feeding = asyncio.create_task(PeerFeeder(spool, found, 2).run())
    while len(spool.given) < 4:
        await asyncio.sleep(0)
    books(tmp_path, [(CHIPS[1], 100, True)])
    while len(spool.given) < 5:
        await asyncio.sleep(0.01)
    feeding.cancel()
    await asyncio.gather(feeding, return_exceptions=True)
    assert [message.place for message in spool.given] == [0, 0, 1, 1, 1]


async def test_a_peer_is_not_left_while_a_thread_hands_it_something(tmp_path: Path) -> None:
    begun, goes_on, ended = threading.Event(), threading.Event(), threading.Event()

    class Slow(Spool):
        def queue(self, messages: Sequence[Message]) -> None:
            begun.set()
            goes_on.wait(30)
            ended.set()

    feeding = asyncio.create_task(PeerFeeder(Slow(private=False), books(tmp_path, []), 2).run())
    await asyncio.to_thread(begun.wait, 30)
    feeding.cancel()
    for _ in range(10):
        await asyncio.sleep(0)
    assert not feeding.done()
    goes_on.set()
    await asyncio.gather(feeding, return_exceptions=True)
    assert feeding.cancelled()
    assert ended.is_set()


def test_a_message_counts_once_and_in_its_round(tmp_path: Path) -> None:
    rows = [(CHIPS[0], 99, True), (CHIPS[0], 100, True), (CHIPS[0], 150, False)]
    found = books(tmp_path, [*rows, (CHIPS[1], 199, True), (CHIPS[1], 200, True)])
    assert peers.sent(found, 100, 200) == 2
    assert peers.at_work(found) == 2


# --- processes ----------------------------------------------------------------------------


def test_the_session_of_a_process() -> None:
    assert session_of("7 (a b) c) S 1 7 42 0 -1 0") == 42
    assert session_of("7 (gone) Z 1 7 42 0 -1 0") is None
    assert session_of(Path("/proc/self/stat").read_text()) == os.getsid(0)


def test_cpu_of_those_that_stay_and_those_that_came() -> None:
    assert cpu_between({1: 2.0, 2: 5.0}, {1: 3.0, 3: 0.5}) == 1.5


async def test_a_program_and_what_it_starts_are_ended(tmp_path: Path) -> None:
    async with Sessions(tmp_path) as sessions:
        await sessions.start(Command(["sh", "-c", "sleep 600 & echo $MARK; wait"], {"MARK": "hi"}))
        while len(sessions.members()) < 2:
            await asyncio.sleep(0.01)
        assert sessions.pss() > 0
        assert set(sessions.cpu()) == set(sessions.members())
        assert not sessions.ended
    assert not sessions.members()
    assert sessions.ended
    assert (tmp_path / "output.log").read_text() == "hi\n"


# --- whole --------------------------------------------------------------------------------


def test_where_each_has_its_queue() -> None:
    assert {kind.__name__: kind.kept for kind in peers.KINDS} == {
        "GammuSql": Kept.SYNCED,
        "GammuFiles": Kept.IN_FILES,
        "Smstools": Kept.IN_FILES,
        "Kannel": Kept.IN_FILES,
        "GsmModem": Kept.IN_MEMORY,
    }


def test_figures_stand_beside_pulsarack() -> None:
    found = {
        "pulsarack": Rounds([314.0], [2.0], [5.0], [1.0], 64),
        "pulsarack, orders": Rounds([300.0], [3.0], [5.0], [1.0], 64),
        "kept": Rounds([100.0], [4.0], [3.0], [1.0], 64),
        "in files": Rounds([90.0], [1.5], [3.0], [1.0], 64, kept=Kept.IN_FILES),
        "forgotten": Rounds([315.0], [1.0], [4.0], [1.0], 63, kept=Kept.IN_MEMORY),
    }
    figures = {one.name: one for one in peers_figures.report(64, found)}
    ours = figures["SMS sent, 64 modems, pulsarack"]
    assert ours.goal is not None
    assert ours.goal.limit == 315.0
    assert ours.reference is not None
    assert ours.reference.rounds == (320.0,)
    cpu = figures["CPU, 64 modems, pulsarack"]
    assert (cpu.met(), cpu.reference) == (True, None)
    assert figures["CPU, 64 modems, kept"].times_reference() == 2.0
    assert figures["modems that sent, 64 modems, forgotten"].rounds == (63.0,)
    assert "modems that sent, 64 modems, kept" not in figures
    goals = {one.name: one.met() for one in figures.values() if one.goal}
    assert goals == {
        "SMS sent, 64 modems, pulsarack": False,
        "CPU, 64 modems, pulsarack": True,
        "PSS a modem, 64 modems, pulsarack": False,
    }


def test_cpu_is_held_against_queues_that_are_synced() -> None:
    found = {
        "pulsarack": Rounds([314.0], [2.0], [5.0], [1.0], 64),
        "quick": Rounds([90.0], [1.5], [3.0], [1.0], 64, kept=Kept.IN_FILES),
        "slow": Rounds([100.0], [4.0], [3.0], [1.0], 64),
        "slower": Rounds([100.0], [6.0], [3.0], [1.0], 64),
    }
    figures = {one.name: one for one in peers_figures.report(64, found)}
    goal = figures["CPU, 64 modems, pulsarack"].goal
    assert goal is not None
    assert goal.limit == 4.0
    quick = figures["CPU, 64 modems, quick"]
    assert (quick.times_reference(), quick.goal) == (0.75, None)
    assert "in files that are never synced" in quick.note
    del found["slow"], found["slower"]
    figures = {one.name: one for one in peers_figures.report(64, found)}
    assert figures["CPU, 64 modems, pulsarack"].goal is None


def test_pulsarack_stands_alone_if_there_is_nobody() -> None:
    ours = {"pulsarack": Rounds([300.0], [2.0], [5.0], [1.0], 64)}
    assert [one.goal.limit for one in peers_figures.report(64, ours) if one.goal] == [310.0]
    assert not [one.goal for one in peers_figures.report(1, ours) if one.goal]


def with_memory(*megabytes_a_modem: float) -> Rounds:
    return Rounds(pss=list(megabytes_a_modem))


def test_a_further_modem_and_what_a_program_takes_without_any() -> None:
    racks = {
        1: {"pulsarack": with_memory(39.0), "small": with_memory(9.0)},
        8: {"pulsarack": with_memory(5.0, 5.5), "small": with_memory(1.5), "gone": with_memory(1)},
        64: {"pulsarack": with_memory(0.8), "small": with_memory(0.75)},
    }
    figures = {one.name: one for one in peers_figures.memory(racks)}
    # 40 and 51.2 MB in all, 12 and 48: the larger program takes less for a modem.
    ours = figures["PSS of a further modem, 8 to 64 modems, pulsarack"]
    assert ours.rounds == pytest.approx([200.0])
    assert ours.goal is not None
    assert ours.goal.limit == pytest.approx(36_000 / 56)
    assert ours.met()
    beside = figures["PSS without modems, 8 to 64 modems, pulsarack"]
    assert beside.rounds == pytest.approx([38.4])
    assert beside.goal is None
    small = figures["PSS without modems, 8 to 64 modems, small"]
    assert small.rounds == pytest.approx([12 - 8 * 36 / 56])
    assert len(figures) == 4


def test_memory_of_a_further_modem_can_miss_its_goal_and_needs_two_racks() -> None:
    racks = {
        8: {"pulsarack": with_memory(5.0), "small": with_memory(0.5)},
        64: {"pulsarack": with_memory(5.0), "small": with_memory(0.5)},
    }
    figures = {one.name: one for one in peers_figures.memory(racks)}
    assert figures["PSS of a further modem, 8 to 64 modems, pulsarack"].met() is False
    assert not peers_figures.memory({64: racks[64]})
    small = dict.fromkeys((1, 8), racks[64])
    assert not [one.goal for one in peers_figures.memory(small) if one.goal]


async def test_a_rack_with_nothing_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for kind in peers.KINDS:
        monkeypatch.setattr(kind, "missing", classmethod(lambda _: ["it"]))
    profile = Profile(tmp_path, rounds=1, peers=(2,), peer_seconds=10.0, speed=20.0)
    figures = {one.name: one.rounds[0] async for some in peers.run(profile) for one in some}
    assert figures["SMS sent, 2 modems, pulsarack"] > 0
    assert figures["CPU, 2 modems, pulsarack"] > 0
    assert figures["PSS a modem, 2 modems, pulsarack"] > 1
    assert "modems that sent, 2 modems, pulsarack" not in figures
    assert capsys.readouterr().out.count("is left out: it not found") == len(peers.KINDS)


async def test_modems_that_stand_ready(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.peers_rack._BOOT_SECONDS", 0.1)
    async with PeersRack(tmp_path / "rack", 1, 0.2) as rack:
        assert rack.ports[0].exists()
        assert rack.books.look() == 0
        assert rack.pid > 1


def test_only_when_it_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def measured(name: str) -> bench.Bench:
        async def run(_: Profile) -> AsyncIterator[list[Figure]]:
            asked.append(name)
            yield [Figure(name, "nothing", "", (1.0,))]

        return run

    monkeypatch.setattr(bench, "BENCHES", {"start": measured("start")})
    monkeypatch.setattr(bench, "ASKED_FOR", {"peers": measured("peers")})
    given = ["--json", str(tmp_path / "one.json"), "--dir", str(tmp_path)]
    for names in ([], ["peers"]):
        result = CliRunner().invoke(bench.main, [*names, *given])
        assert result.exit_code == 0, result.output
    assert asked == ["start", "peers"]
    assert narrowed(Profile(tmp_path), rounds=None, modems=[8]).peers == (8,)


def test_the_program_follows_a_file(tmp_path: Path) -> None:
    path = tmp_path / "queue"
    path.write_text("one\ntw")
    messages: queue.Queue[str] = queue.Queue()
    following = (str(path), messages)
    threading.Thread(target=peers_gsmmodem_program.follow, args=following, daemon=True).start()
    assert messages.get(timeout=30) == "one"
    with path.open("a") as file:
        file.write("o\n")
    assert messages.get(timeout=30) == "two"
