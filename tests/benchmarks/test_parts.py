"""The parts of the benches that decide what is counted, on made-up bytes, rows and times."""

import asyncio
import json
import os
import shutil
import threading
import tty
from functools import partial
from pathlib import Path

import pytest

from benchmarks import (
    bytes_loop,
    dialogue,
    dispatch,
    http_orders,
    http_raw,
    profile,
    rack,
    replay,
    settings,
)
from benchmarks.bytes_loop import BareLine
from benchmarks.machine import database
from benchmarks.profiled import Watch, function_name
from benchmarks.rack_file import TELKOMSEL, TRI, destinations, rack_text, with_check_digit
from benchmarks.replay import Written
from benchmarks.settings import Profile
from benchmarks.site import Booking, Books
from benchmarks.steps import PLACE, Recorded, Step
from benchmarks.tap import Heard, Tap
from pulsarack.daemon.channels.http import signing
from pulsarack.daemon.secrets import Secret
from pulsarack.daemon.store import Store
from pulsarack.ledger import accounts, journal
from pulsarack.ledger.journal import Transfer
from pulsarack.modems.simulator.rack import load_rack
from pulsarack.queue.validation import normalise_destination

# --- the rack -----------------------------------------------------------------------------


def test_the_largest_rack_is_one_the_simulator_takes(tmp_path: Path) -> None:
    path = tmp_path / "rack.toml"
    path.write_text(rack_text([TELKOMSEL] * 512 + [TRI] * 8, 0.2), encoding="utf-8")
    found = load_rack(path)
    assert len(found.modems) == 520
    assert found.latencies.ussd == (0.2, 0.2)
    assert not found.faults.mix
    assert [modem.chip.operator for modem in found.modems[-9:]] == ["telkomsel"] + ["tri"] * 8


def test_the_check_digit() -> None:
    assert with_check_digit("7992739871") == "79927398713"


def test_numbers_are_valid_and_never_the_chips() -> None:
    for line in (TELKOMSEL, TRI):
        numbers = destinations(line, 7)
        first, second = next(numbers), next(numbers)
        assert first != second
        found = normalise_destination(first)
        assert isinstance(found, str)
        assert not found.startswith(line.msisdn_prefix)


# --- what is counted ----------------------------------------------------------------------


def test_a_line_that_never_rests_is_full() -> None:
    booked = [1000.0 * each for each in range(20)]
    assert rack.occupancy(booked, 1000.0, 2000.0, 10_000.0) == 1.0


def test_dialogues_count_by_their_part_in_the_round() -> None:
    # Booked at 1000 and lasting from 500 to 1500: half of it, and two whole ones.
    assert rack.occupancy([1000.0, 3000.0, 5000.0], 1000.0, 1000.0, 6000.0) == 2.5 / 5.0
    assert rack.occupancy([], 1000.0, 0.0, 1000.0) == 0.0
    assert rack.occupancy([5.0], 1000.0, 9000.0, 10_000.0) == 0.0


def test_what_lies_between_two_dialogues() -> None:
    booked = [0.0, 1010.0, 2040.0, 9000.0]
    assert rack.gaps(booked, 1000.0, 0.0, 5000.0) == [10.0, 30.0]
    assert rack.gaps(booked, 1000.0, 2000.0, 5000.0) == []


def test_a_round_takes_what_was_booked_in_it() -> None:
    bookings = [Booking("a", at, True) for at in (0, 10, 20)] + [Booking("b", 15, False)]
    assert [one.at for one in rack.within(bookings, 10, 20)] == [10, 15]
    assert rack.times_by_chip(bookings) == {"a": [0, 10, 20], "b": [15]}


def test_what_a_modem_more_takes() -> None:
    assert rack.slope({8: 50.0, 64: 100.0, 512: 554.0}) == 1.0
    figures = rack.memory({1: [1_000_000.0, 1_100_000.0], 11: [2_000_000.0, 2_600_000.0]})
    assert [figure.rounds for figure in figures] == [(100.0, 150.0)]
    assert rack.memory({8: [1.0]}) == []


def test_books_are_read_as_they_grow(tmp_path: Path) -> None:
    path = tmp_path / "truth.jsonl"
    line = '{"kind": "top_up", "at": 5, "operator": "tri", "chip": "c", "delivered": true}\n'
    path.write_text('{"kind": "stock", "at": 1}\n' + line + line[:20])
    books = Books(path)
    assert books.look() == 1
    with path.open("a") as file:
        file.write(line[20:])
    assert books.look() == 2
    assert books.bookings == [Booking("c", 5, True)] * 2
    assert books.by_operator["tri"] == 2


def test_a_profile_is_narrowed() -> None:
    quick = Profile(Path("x"))
    narrowed = settings.narrowed(quick, rounds=1, modems=(8,))
    assert narrowed.rounds == 1
    assert narrowed.racks == ((8, 2.0), (8, 0.2))
    assert narrowed.busy == narrowed.idle == (8,)
    assert settings.narrowed(quick, rounds=None, modems=()) == quick


# --- the line -----------------------------------------------------------------------------


def heard(*lines: tuple[float, bool, bytes]) -> list[Heard]:
    return [Heard(*line) for line in lines]


def test_a_cycle_is_cut_between_two_codes() -> None:
    tape = heard(
        (0.0, True, b"ATZ\r"),
        (0.1, False, b"OK\r\n"),
        (1.0, True, b'AT+CUSD=1,"*777*0812*5#",15\r'),
        (2.0, False, b"OK\r\n"),
        (2.1, False, b"+CUSD: 2\r\n"),
        (3.0, True, b"AT+CCID\r"),
        (3.1, False, b"8962\r\nOK\r\n"),
        (4.0, True, b"AT+CUSD"),
        (4.1, True, b'=1,"*777*0813*5#",15\r'),
        (4.2, False, b"OK\r\n"),
    )
    code = b'AT+CUSD=1,"*777*' + PLACE + b'*5#",15\r'
    assert dialogue.cut(tape, [b"0812", b"0813"]) == Recorded(
        (Step(b"AT+CCID\r", b"OK\r"), Step(code, b"+CUSD:")), octets_out=36, octets_in=24
    )
    with pytest.raises(ValueError, match="a cycle needs two"):
        dialogue.cut(tape, [b"0812"])


def test_the_first_byte_is_that_of_the_sale_and_of_no_other() -> None:
    other = heard((1.0, True, b"AT+CCID\r"), (1.2, True, b'AT+CUSD=1,"*111*0895001*5#"\r'))
    ours = heard(
        (0.5, True, b"AT+CMGL=4\r"),
        (0.6, False, b"AT+CCID"),
        (2.0, True, b"AT+CCID\r"),
        (2.1, False, b"OK\r\n"),
        (2.2, True, b"AT+CIMI\r"),
        (2.4, True, b'AT+CUSD=1,"*111*0895002*5#"\r'),
    )
    assert dispatch.first_byte([other, ours], "0895002") == 2.0
    assert dispatch.first_byte([other, ours[:5]], "0895002") is None
    goes_on = [
        *other,
        *heard((1.9, False, b"+CUSD: 0"), (2.0, True, b'AT+CUSD=1,"*111*0895002*5#"')),
    ]
    assert dispatch.first_byte([goes_on], "0895002") == 2.0


async def test_a_tap_passes_on_and_notes(tmp_path: Path) -> None:
    modem, device = os.openpty()
    tty.setraw(device)
    tap = Tap(Path(os.ttyname(device)), tmp_path / "modem0")
    tap.open()
    ours = os.open(tmp_path / "modem0", os.O_RDWR | os.O_NOCTTY)
    try:
        os.write(ours, b"AT\r")
        assert await asyncio.to_thread(os.read, modem, 10) == b"AT\r"
        os.write(modem, b"OK\r\n")
        assert await asyncio.to_thread(os.read, ours, 10) == b"OK\r\n"
    finally:
        tap.close()
        tap.close()
        for file in (modem, device, ours):
            os.close(file)
    assert [(one.to_modem, one.data) for one in tap.heard] == [(True, b"AT\r"), (False, b"OK\r\n")]


async def test_the_bare_loop_says_the_steps_round_and_round(tmp_path: Path) -> None:
    spec_path = tmp_path / "spec.json"
    steps = (Step(b"AT+CCID\r", b"OK\r"), Step(b"*777*" + PLACE + b"#\r", b"+CUSD:"))
    bytes_loop.write_spec(spec_path, [Path("/dev/x")], Recorded(steps, 1, 1), 3)
    spec = bytes_loop.read_spec(spec_path)
    assert spec == bytes_loop.Spec(["/dev/x"], list(steps), 3)
    modem, device = os.openpty()
    tty.setraw(device)
    line = BareLine(os.ttyname(device), spec.steps, destinations(TELKOMSEL, spec.first))
    said = []
    for answer in (b"8962\r\nOK\r\n", b"OK\r\n+CUSD: 2", b"\r\n", b"OK\r\n"):
        if answer != b"\r\n":
            said.append(await asyncio.to_thread(os.read, modem, 100))
        os.write(modem, answer)
    said.append(await asyncio.to_thread(os.read, modem, 100))
    line.close()
    os.close(modem)
    os.close(device)
    first, second = (f"*777*08120000000{number}#\r".encode() for number in (3, 4))
    assert said == [b"AT+CCID\r", first, b"AT+CCID\r", second]


# --- the rows -----------------------------------------------------------------------------


async def test_the_same_rows_once_more(tmp_path: Path) -> None:
    bank, agent = accounts.bank("cash"), accounts.agent("kios1")
    path = tmp_path / "one" / "pulsarack.db"
    path.parent.mkdir()
    store = Store.open(path, now_ms=1)
    try:
        await store.write(partial(journal.open_account, code=bank, now_ms=1))
        await store.write(partial(journal.open_account, code=agent, now_ms=1))
        deposit = Transfer("deposit", bank, agent, 100)
        await store.write(partial(journal.transfer, wanted=deposit, now_ms=1))
        begun = replay.commits(path)
        for number in range(3):
            hold = Transfer(f"hold{number}", agent, bank, 7)
            await store.write(partial(journal.hold, wanted=hold, now_ms=2))
        await store.write(partial(journal.post, hold_id="hold1", now_ms=3))
        assert replay.commits(path) - begun == 4
    finally:
        store.close()
    with database(path) as connection:
        first = replay.rows(connection, "transfer")
        balances = connection.execute("SELECT * FROM account ORDER BY code").fetchall()
        before = replay.accounts(connection)
        posted = replay.rows(connection, "transfer", "phase = 'posted'")
        units = [[row] for row in replay.rows(connection, "transfer", "phase <> 'posted'")]
    assert len(units) == 4
    copy = tmp_path / "two" / "pulsarack.db"
    copy.parent.mkdir()
    assert replay.seconds(copy, Written([*before, *posted], units), group=3) > 0
    with database(copy) as connection:
        assert replay.rows(connection, "transfer") == first
        found = connection.execute("SELECT * FROM account ORDER BY code").fetchall()
        assert found == balances


def test_groups_of_one_size() -> None:
    units: list[list[replay.Row]] = [[(str(number), ())] for number in range(5)]
    assert [len(group) for group in replay.batches(units, 2)] == [2, 2, 1]


# --- the profile --------------------------------------------------------------------------


def test_a_watched_thread_and_what_was_counted_between_the_signals() -> None:
    def busy() -> int:
        return sum(number for number in range(100))

    watch = Watch()
    unwatched = threading.Thread.run
    try:
        watch.threads()
        watch.toggle()
        thread = threading.Thread(target=busy, name="counter")
        thread.start()
        thread.join()
        watch.toggle()
    finally:
        threading.Thread.run = unwatched  # type: ignore[method-assign]
    rows = [row for row in watch.as_json() if row["function"].endswith("<locals>.busy")]
    assert [(row["thread"], row["calls"]) for row in rows] == [("counter", 1)]
    assert rows[0]["function"].startswith("tests/benchmarks/test_parts.py:")
    assert rows[0]["inclusive"] >= rows[0]["own"] >= 0


def test_names_of_functions() -> None:
    assert function_name(Books.look.__code__) == "benchmarks/site.py:Books.look"
    assert function_name("<built-in method posix.write>") == "<built-in method posix.write>"
    assert function_name(shutil.copy2.__code__).endswith("shutil.py:copy2>")


def test_the_profile_in_shares() -> None:
    def row(thread: str, function: str, calls: int, own: float, inclusive: float) -> profile.Row:
        return {
            "thread": thread,
            "function": function,
            "calls": calls,
            "own": own,
            "inclusive": inclusive,
        }

    execute = "<method 'execute' of 'apsw.Connection' objects>"
    rows = [
        row("MainThread", "queue/rows.py:tuples", 4, 1.0, 1.5),
        row("store-writer", "queue/rows.py:tuples", 4, 1.0, 2.0),
        row("store-writer", execute, 30, 2.0, 2.0),
    ]
    shown = {one.name: one.rounds[0] for one in profile.report("daemon", rows)}
    assert shown == {
        "daemon thread: store-writer": 75.0,
        "daemon thread: MainThread": 25.0,
        "daemon own: queue/rows.py:tuples": 50.0,
        f"daemon own: {execute}": 50.0,
        "daemon with callees: queue/rows.py:tuples": 87.5,
    }
    counted = {one.name: one.rounds[0] for one in profile.counts(rows, 10)}
    assert counted["SQL statements"] == 3.0
    assert counted["writes to a modem"] == 0.0


# --- orders over HTTP ---------------------------------------------------------------------


def test_signed_orders_are_as_the_daemon_wants_them() -> None:
    made = http_orders.requests(destinations(TELKOMSEL), lambda: 1_795_331_100)
    first, second = next(made), next(made)
    head, _, body = first.partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines[1:])
    assert lines[0] == "POST /v1/orders HTTP/1.1" and int(headers["Content-Length"]) == len(body)
    signed = signing.read(headers)
    text = signing.text_to_sign("POST", "/v1/orders", body, signed.timestamp, signed.nonce)
    assert signing.is_right(signed, Secret(http_raw.KEY), text)
    assert signed.nonce.encode() not in second


def test_orders_over_http_go_many_in_a_request() -> None:
    made = http_orders.requests(destinations(TELKOMSEL), lambda: 1_795_331_100, 3)
    seen = []
    for octets in (next(made), next(made)):
        head, _, body = octets.partition(b"\r\n\r\n")
        assert head.startswith(b"POST /v1/order-batches HTTP/1.1\r\n")
        seen += [one["client_reference"] for one in json.loads(body)["orders"]]
    assert len(set(seen)) == 6


def test_an_order_over_http_is_held_against_bare_aiohttp() -> None:
    rounds = http_orders.Rounds([100.0], [1.0], [1.0], [1000.0], [0.1], [400.0])
    figures = {one.name: one for one in http_orders.report(32, rounds)}
    assert figures["orders made durable, 32 callers"].times_reference() == 0.25
    assert "daemon CPU, 1 caller, 64 a request" in {
        one.name for one in http_orders.report(1, rounds, 64)
    }
    assert figures["daemon CPU, 32 callers"].times_reference() == 10.0
    assert figures["orders accepted, 32 callers"].times_reference() == 0.1
