"""Every command against a real control server with canned answers."""

import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from click.testing import CliRunner, Result

from pulsarack.daemon.cli.root import COMMANDS, root
from pulsarack.daemon.client import Client
from pulsarack.daemon.control_protocol import CallError

AT = 1_795_366_799_000  # 2026-11-22 23:59:59 in Jakarta
ICCID = "8962100000000000012"


@pytest.fixture
def run(fake_daemon: Any, tmp_path: Path) -> Any:
    config = tmp_path / "pulsarack.toml"
    config.write_text('[daemon]\nsocket = "control.sock"\ntimezone = "Asia/Jakarta"\n')

    def run(*args: str, stdin: str | None = None) -> Result:
        given = ["--config", str(config), *args]
        result = CliRunner().invoke(root, given, input=stdin, prog_name="pulsarack")
        assert result.exception is None or isinstance(result.exception, SystemExit), (
            result.exception
        )
        return result

    return run


ORDER = {
    "id": 1234,
    "state": "SUCCEEDED",
    "agent": "kios1",
    "product": "S10",
    "destination": "6281200000012",
    "price": 10500,
    "cost": 10150,
    "repeat_index": 1,
    "client_reference": "a-1",
    "channel": "local",
    "reason": None,
    "serial_number": "51012345678901",
    "chip": ICCID,
    "received_at": AT,
    "finished_at": AT + 4000,
    "text": "S10.081200000012",
}
CHIP = {
    "iccid": ICCID,
    "name": "tsel [bold]1",
    "operator": "telkomsel",
    "recipe": "telkomsel-mkios",
    "state": "READY",
    "why": None,
    "slot": "1-2",
    "modem": "866000000000001",
    "doing": "order 5",
    "stock_posted": 490000,
    "stock_held": 10150,
    "stock_available": 479850,
    "stock_read": 490000,
    "reserve": 0,
    "sold_today": 3,
    "sold_hour": 1,
    "per_day": None,
    "per_hour": 60,
    "undecided": 0,
}

DISCREPANCY = {
    "id": 4, "chip": ICCID, "name": "one", "at": AT, "difference": -10150, "rest": -10150,
    "stock": 489850, "ledger": 500000, "since": AT - 60000, "transfer_id": "stock:9:1",
    "orders": 2, "first_order": 17, "last_order": 21, "cleared": [],
}  # fmt: skip
SPAN = {"id": 17, "state": "FAILED", "destination": "081200000012", "cost": 10150,
        "committed_at": AT - 5000, "outcome": "NOT_DONE", "said_done": True}  # fmt: skip
CLEARING = {"at": AT, "amount": -10150, "kind": "delivery", "account": "expense:airtime",
            "transfer_id": "discrepancy:4:clear", "why": "order 17", "who": "admin1"}  # fmt: skip
CLEARED = DISCREPANCY | {
    "rest": 0, "cleared": ["delivery"], "clearings": [CLEARING], "span": [SPAN], "repeated": True,
}  # fmt: skip
FINDING = {
    "at": AT, "kind": "late_sms", "verdict": "DONE", "rule": "text_names_order",
    "detail": "DONE: berhasil", "by": "", "matched": ["destination", "amount"], "query": None,
    "answer": None, "stock": None,
    "text": {"id": 1, "sender": "777", "text": "berhasil", "received_at": AT, "meaning": "PROOF"},
}  # fmt: skip

# The command, the call behind it, the canned result, words that must be on the screen.
LISTINGS: list[tuple[list[str], str, dict[str, Any], list[str]]] = [
    (["order", "list"], "order.list", {"orders": [ORDER]},
     ["\n1234 ", "10.500", "081200000012", "2026-11-22 23:59:59"]),
    (["chip", "list"], "chip.list", {"chips": [CHIP]}, ["490.000", "479.850", "tsel [bold]1"]),
    (["order", "refuted"], "order.refuted", {"orders": [ORDER | {"evidence": [FINDING]}]},
     ["order 1234\n  2026-11-22 23:59:59  late_sms: DONE: berhasil [text_names_order]"]),
    (["discrepancies"], "discrepancies.list", {"discrepancies": [DISCREPANCY]},
     ["-10.150", "489.850", "500.000", " 17 ", " 21 ", "2026-11-22 23:59:59", "one"]),
    (["discrepancies", "show", "4"], "discrepancies.show", CLEARED,
     ["difference     -10.150", "cleared as     delivery", "\norders that it can lie in\n",
      "FAILED", "yes", "expense:airtime", "order 17"]),
    (["modem", "list"], "modem.list",
     {"modems": [{"slot": "1-2", "port": "/dev/x", "state": "READY", "signal": 21}]},
     ["/dev/x", "21"]),
    (["agent", "list"], "agent.list",
     {"agents": [{"code": "kios1", "name": "Kios\x1b[31m", "active": True, "balance": 1500000,
                  "held": 0, "available": 1500000}]},
     ["1.500.000", "Kios\ufffd[31m", "yes"]),
    (["product", "list"], "product.list",
     {"products": [{"code": "S10", "operator": "telkomsel", "denomination": 10000,
                    "price": 10500, "cost": 10150}]},
     ["10.000", "S10"]),
    (["prefix", "list"], "prefix.list",
     {"prefixes": [{"prefix": "62812", "operator": "telkomsel"}]}, ["0812", "telkomsel"]),
    (["ledger", "accounts"], "ledger.accounts",
     {"accounts": [{"code": "income:sales", "asset": "IDR", "type": "income", "posted": -5000,
                    "held": 0, "available": -5000}]},
     ["income:sales", "-5.000"]),
    (["ledger", "statement", "income:sales"], "ledger.statement",
     {"lines": [{"at": AT, "id": "t1", "phase": "posted", "memo": "order 5", "debit": None,
                 "credit": 10500, "other": "liability:agent:kios1", "balance": 10500}]},
     ["10.500", "order 5", "2026-11-22 23:59:59"]),
    (["ledger", "trial-balance"], "ledger.trial_balance",
     {"assets": [{"asset": "IDR", "debits": 7000000, "credits": 7000000, "difference": 0,
                  "accounts": []}]},
     ["7.000.000"]),
    (["route", "explain", "S10", "081200000012"], "route.explain",
     {"operator": "telkomsel", "winner": ICCID,
      "chips": [{"iccid": ICCID, "name": "one", "verdict": "WINS", "reasons": ["least load", "x"],
                 "load": 2}]},
     ["operator: telkomsel", "least load, x", "WINS"]),
    (["unparsed"], "unparsed.list",
     {"replies": [{"id": 1, "at": AT, "chip": ICCID, "channel": "ussd", "sender": None,
                   "text": "baris\nbaru\x07", "attempt": 9}]},
     ["baris / baru\ufffd"]),
]  # fmt: skip


@pytest.mark.parametrize(("args", "call", "result", "words"), LISTINGS)
def test_listings_are_tables_or_json(
    run: Any, fake_daemon: Any, args: list[str], call: str, result: Any, words: list[str]
) -> None:
    fake_daemon.answers[call] = result
    table = run(*args)
    assert table.exit_code == 0, table.output
    for word in words:
        assert word in table.stdout
    assert "\x1b" not in table.stdout
    assert json.loads(run(*args, "--json").stdout) == result


def test_an_empty_listing_says_so(run: Any, fake_daemon: Any) -> None:
    fake_daemon.answers["order.list"] = {"orders": []}
    assert run("order", "list").stdout == "no orders\n"


def test_a_row_is_one_line_and_numbers_are_right_aligned(run: Any, fake_daemon: Any) -> None:
    small = ORDER | {"id": 1, "price": 5}
    fake_daemon.answers["order.list"] = {"orders": [ORDER, small, ORDER | {"reason": "x" * 500}]}
    lines = [line for line in run("order", "list").stdout.splitlines() if "kios1" in line]
    assert len(lines) == 3
    assert lines[0].index("10.500") + 5 == lines[1].index(" 5 ") + 1


CALLS: list[tuple[list[str], str, dict[str, Any]]] = [
    (["order", "list", "--state", "unknown", "--agent", "kios1", "--limit", "5"], "order.list",
     {"state": "UNKNOWN", "agent": "kios1", "limit": 5}),
    (["order", "cancel", "7"], "order.cancel", {"id": 7}),
    (["order", "resolve", "7", "--not-delivered", "--because", "stock", "--who", "admin1"],
     "order.resolve", {"id": 7, "delivered": False, "because": "stock", "who": "admin1"}),
    (["chip", "adopt", ICCID, "--operator", "tri", "--recipe", "tri-dealer", "--reserve", "50.000",
      "--per-hour", "60"], "chip.adopt",
     {"iccid": ICCID, "operator": "tri", "recipe": "tri-dealer", "reserve": 50000, "per_hour": 60}),
    (["chip", "rest", ICCID, "--because", "loose"], "chip.rest",
     {"iccid": ICCID, "because": "loose"}),
    (["chip", "enable", ICCID], "chip.enable", {"iccid": ICCID}),
    (["chip", "try-pin", ICCID], "chip.try_pin", {"card": ICCID}),
    (["chip", "channel", ICCID, "--receives", "on", "--answers", "default"], "chip.channel",
     {"iccid": ICCID, "receives": "on", "answers": "default"}),
    (["order", "reverse", "7", "--because", "x", "--who", "boss", "--stock-returned"],
     "order.reverse", {"id": 7, "because": "x", "who": "boss", "stock_returned": True}),
    (["order", "acknowledge", "7", "--because", "x", "--who", "boss"],
     "order.acknowledge", {"id": 7, "because": "x", "who": "boss"}),
    (["discrepancies"], "discrepancies.list", {"cleared": False}),
    (["discrepancies", "--all", "--chip", ICCID, "--limit", "5"], "discrepancies.list",
     {"cleared": True, "chip": ICCID, "limit": 5}),
    (["discrepancies", "clear", "4", "--because", "x", "--who", "boss"], "discrepancies.clear",
     {"id": 4, "because": "x", "who": "boss"}),
    (["discrepancies", "clear", "4", "--as", "stock-in", "--because", "x", "--who", "boss"],
     "discrepancies.clear", {"id": 4, "because": "x", "who": "boss", "kind": "stock-in"}),
    (["agent", "new", "kios1", "Kios 1"], "agent.new", {"code": "kios1", "name": "Kios 1"}),
    (["agent", "credit", "kios1", "1.500.000", "--because", "cash", "--who", "boss", "--id", "d1"],
     "agent.credit",
     {"code": "kios1", "amount": 1500000, "because": "cash", "who": "boss", "id": "d1"}),
    (["prefix", "set", "0812", "telkomsel"], "prefix.set",
     {"prefix": "0812", "operator": "telkomsel"}),
    (["prefix", "remove", "0812"], "prefix.remove", {"prefix": "0812"}),
    (["unparsed", "--limit", "3"], "unparsed.list", {"limit": 3}),
    (["order", "list", "--archived", "--agent", "kios1"], "order.list",
     {"agent": "kios1", "archived": True}),
    (["order", "list", "--month", "2026-08"], "order.list",
     {"archived": True, "month": "2026-08"}),
    (["archive", "list"], "archive.list", {}),
    (["archive", "now"], "archive.now", {}),
]  # fmt: skip


CREDIT = {"id": 4, "state": "OPEN", "agent": "kios1", "amount": 1500000}


@pytest.mark.parametrize(("args", "call", "given"), CALLS)
def test_options_become_arguments(
    run: Any, fake_daemon: Any, args: list[str], call: str, given: dict[str, Any]
) -> None:
    for name in ("cancel", "resolve", "reverse", "acknowledge"):
        fake_daemon.answers[f"order.{name}"] = ORDER
    fake_daemon.answers["chip.channel"] = {"receives": True, "answers": False}
    fake_daemon.answers["discrepancies.list"] = {"discrepancies": []}
    fake_daemon.answers["discrepancies.clear"] = CLEARED
    fake_daemon.answers["order.list"] = {"orders": []}
    fake_daemon.answers["unparsed.list"] = {"replies": []}
    fake_daemon.answers["archive.list"] = {"archives": []}
    fake_daemon.answers["agent.credit"] = CREDIT
    fake_daemon.answers["archive.now"] = {"moved": 0, "failed": [], "more": False}
    result = run(*args)
    assert result.exit_code == 0, result.output
    assert fake_daemon.args_of(call) == given


WRONG: list[tuple[list[str], int, str]] = [
    (["order", "lisst"], 2, "pulsarack: No such command 'lisst'"),
    (["order", "show", "x"], 2, "see: pulsarack order show --help"),
    (["order", "resolve", "7", "--because", "x"], 2, "say --delivered or --not-delivered"),
    (["agent", "credit", "kios1", "1.50", "--because", "x"], 2, "write 500000 or 500.000"),
    (["order", "reverse", "7"], 2, "--because"),
    (["discrepancies", "clear", "4"], 2, "--because"),
    (["discrepancies", "clear", "4", "--as", "order", "--because", "x"], 2, "'order' is not one"),
    (["agent", "credit", "kios1", "--because", "x", "--", "-5"], 2, "is not an amount"),
    (["order", "list", "--limit", "0"], 2, "--limit"),
    (["chip", "channel", "1", "--receives", "yes"], 2, "'yes' is not one of 'on', 'off'"),
    (["order", "show", "9" * 20], 1, "argument id: expected int <= 9223372036854775807"),
    (["order", "cancel", "0"], 1, "argument id: expected int >= 1; order.cancel takes id"),
    (["agent", "new", "a\x1bb", "x"], 1, "argument code: expected str without control charac"),
    (["order", "show", "7"], 1, "pulsarack: there is no order 7; look it up: pulsarack order list"),
]


@pytest.mark.parametrize(("args", "status", "words"), WRONG)
def test_errors_are_one_line_and_a_status(
    run: Any, fake_daemon: Any, args: list[str], status: int, words: str
) -> None:
    fake_daemon.answers["order.show"] = CallError(
        "UNKNOWN_ORDER", "there is no order 7", "look it up: pulsarack order list"
    )
    result = run(*args)
    assert result.exit_code == status
    assert words in result.stderr
    assert result.stderr.count("\n") == 1
    assert result.stderr.startswith("pulsarack: ")
    assert result.stdout == ""


def test_without_a_daemon_the_socket_and_the_remedy_are_named(tmp_path: Path) -> None:
    socket = tmp_path / "none.sock"
    result = CliRunner().invoke(root, ["--socket", str(socket), "order", "list"])
    assert result.exit_code == 1
    assert result.stderr.startswith(f"pulsarack: no daemon answers at {socket}; start it: ")


def test_a_new_order_is_shown(run: Any, fake_daemon: Any) -> None:
    fake_daemon.answers["order.new"] = ORDER | {"repeated": True}
    result = run("order", "new", "kios1", "S10.081200000012", "--reference", "a-1")
    assert fake_daemon.args_of("order.new") == {
        "agent": "kios1", "text": "S10.081200000012", "client_reference": "a-1",
    }  # fmt: skip
    assert "51012345678901" in result.stdout
    assert "known already" in result.stderr


@pytest.mark.parametrize(("end", "status"), [("SUCCEEDED", 0), ("FAILED", 1), ("CANCELLED", 1)])
def test_waiting_for_the_result(run: Any, fake_daemon: Any, end: str, status: int) -> None:
    states = iter(["SENDING", "UNKNOWN", end])
    fake_daemon.answers["order.new"] = ORDER | {"state": "QUEUED", "repeated": False}
    fake_daemon.answers["order.show"] = lambda _: {"order": ORDER | {"state": next(states)}}
    event = {"kind": "order", "id": 1234}
    fake_daemon.answers["events.follow"] = [
        {"kind": "chip", "iccid": ICCID}, {"kind": "order", "id": 5}, event,
        {"kind": "lost", "count": 3}, event, event,
    ]  # fmt: skip
    result = run("order", "new", "kios1", "S10.081200000012", "--wait", "--json")
    assert result.exit_code == status
    assert json.loads(result.stdout)["state"] == end
    assert [name for name, _ in fake_daemon.asked] == [
        "events.follow", "order.new", "order.show", "order.show", "order.show",
    ]  # fmt: skip


STORY = {
    "order": ORDER,
    "history": [
        {"at": AT, "state": "QUEUED", "why": "received"},
        {"at": AT + 1000, "state": "SENDING", "why": None},
    ],
    "attempts": [
        {
            "id": 1,
            "number": 1,
            "chip": ICCID,
            "slot": "1-2",
            "modem": "866000000000001",
            "recipe": "telkomsel-mkios",
            "claimed_at": AT + 1000,
            "committed_at": AT + 1500,
            "closed_at": AT + 4000,
            "outcome": "DONE",
            "reason": None,
            "stock_before": 500000,
            "stock_after": 489850,
            "routing": [{"iccid": ICCID, "name": "one", "verdict": "WINS", "reasons": ["idle"]}],
            "exchanges": [
                {"at": AT + 1500, "direction": "out", "kind": "ussd", "text": "*777*..*****#"},
                {"at": AT + 3900, "direction": "in", "kind": "ussd", "text": "done", "status": 2},
            ],
            "evidence": [
                {"at": AT + 4000, "kind": "REPLY", "verdict": "DONE", "detail": "SN", "by": None}
            ],
            "readings": [{"at": AT + 4000, "stock": 489850, "ledger": 489850, "source": "reply"}],
        }
    ],
    "transfers": [
        {"id": "x", "phase": "posted", "debit": "liability:agent:kios1", "credit": "income:sales",
         "amount": 10500, "asset": "IDR", "at": AT + 4000, "memo": "order 1234"}
    ],
    "messages": [
        {"id": 3, "at": AT + 4000, "text": "S10 berhasil", "delivered_at": AT + 5000, "tries": 1}
    ],
}  # fmt: skip


def test_the_story_of_an_order_is_told_in_order(run: Any, fake_daemon: Any) -> None:
    fake_daemon.answers["order.show"] = STORY
    shown = run("order", "show", "1234").stdout
    told = [
        "SUCCEEDED", "QUEUED", "attempt 1", "routing: one WINS: idle", "00:00:00  claimed",
        "committed", "-> ussd: *777*..*****#", "<- ussd: done  [2]", "00:00:03  closed",
        "evidence REPLY: DONE: SN", "read 489.850, booked 489.850",
        "500.000 before, 489.850 after", "10.500 IDR",
        "debit liability:agent:kios1", "S10 berhasil", "delivered 2026-11-23 00:00:04, 1 tries",
    ]  # fmt: skip
    places = [shown.index(words) for words in told]
    assert places == sorted(places), shown
    assert json.loads(run("order", "show", "1234", "--json").stdout) == STORY


STOCK_FINDING = {
    "at": AT + 2000, "kind": "stock", "verdict": "NOT_DONE", "rule": "stock_unchanged_twice",
    "detail": "it stayed", "by": "", "matched": [], "text": None, "query": "stock",
    "answer": "Sisa stok\x07 Rp 500.000",
    "stock": {"before": 500000, "expected": 500000, "readings": [
        {"at": AT, "stock": 500000, "ledger": 500000},
        {"at": AT + 1000, "stock": 500000, "ledger": 500000},
    ]},
}  # fmt: skip


def test_evidence_tells_what_its_rule_was_applied_to(run: Any, fake_daemon: Any) -> None:
    readings = [{"at": AT, "stock": 500000, "ledger": 500000, "source": "query"}]
    attempt = {"number": 1, "evidence": [FINDING, STOCK_FINDING], "readings": readings}
    fake_daemon.answers["order.show"] = {
        "order": {"id": 5, "state": "SENDING"},
        "attempts": [attempt],
    }
    lines = run("order", "show", "5").stdout.splitlines()
    assert [line.strip() for line in lines[4:]] == [
        "23:59:59  evidence late_sms: DONE: DONE: berhasil",
        "23:59:59    rule: text_names_order (destination, amount)",
        "23:59:59    text of 777, 2026-11-22 23:59:59: berhasil",
        "00:00:01  evidence stock: NOT_DONE: it stayed",
        "00:00:01    rule: stock_unchanged_twice",
        "00:00:01    asked for stock: Sisa stok\ufffd Rp 500.000",
        "00:00:01    stock before 500.000, expected 500.000",
        "00:00:01    2026-11-22 23:59:59  read 500.000, booked 500.000",
        "00:00:01    2026-11-23 00:00:00  read 500.000, booked 500.000",
    ]


def test_a_discrepancy_without_orders_says_that_none_explains_it(
    run: Any, fake_daemon: Any
) -> None:
    alone = DISCREPANCY | {"orders": 0, "span": [], "clearings": []}
    fake_daemon.answers["discrepancies.show"] = alone
    assert run("discrepancies", "show", "4").stdout.endswith("no order explains it\n")
    fake_daemon.answers["discrepancies.clear"] = CLEARED
    again = run("discrepancies", "clear", "4", "--because", "x")
    assert again.stderr == "this was decided already; nothing was booked again\n"


ANSWERS: list[tuple[list[str], str, Any]] = [
    *((args, call, result) for args, call, result, _ in LISTINGS),
    (["order", "show", "1234"], "order.show", STORY),
    (["order", "show", "5"], "order.show",
     {"order": ORDER, "attempts": [{"number": 1, "evidence": [FINDING, STOCK_FINDING]}]}),
    (["order", "cancel", "7"], "order.cancel", ORDER),
    (["order", "new", "kios1", "S10.081200000012"], "order.new", ORDER),
    (["chip", "show", ICCID], "chip.show",
     CHIP | {"readings": [{"at": AT, "stock": 490000, "kind": "reply"}], "attempts": []}),
    (["discrepancies", "clear", "4", "--because", "x"], "discrepancies.clear", CLEARED),
    (["status"], "status", {"ready": 2, "orders": {"QUEUED": 1200}}),
]  # fmt: skip
ODD = (None, True, 5, -(10**30), 1.5, "x", "\x1b\ud800", [], [5], [[]], {}, [{}], {"id": "x"})


def spoilt(answer: Any) -> Iterator[tuple[Any, Any]]:
    """Every place of an answer, and a function of the odd value that shall stand there."""
    yield answer, lambda odd: odd
    if isinstance(answer, dict):
        for key, value in answer.items():
            yield value, lambda _, key=key: {k: v for k, v in answer.items() if k != key}
            for inner, put in spoilt(value):
                yield inner, lambda odd, key=key, put=put: {**answer, key: put(odd)}
    elif isinstance(answer, list) and answer:
        for inner, put in spoilt(answer[0]):
            yield inner, lambda odd, put=put: [put(odd), *answer[1:]]


@pytest.mark.parametrize(("args", "call", "answer"), ANSWERS)
def test_an_answer_of_another_shape_is_an_error_or_shown_as_it_is(
    args: list[str], call: str, answer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each place of each answer once with something else in it, never a trace."""
    said: list[Any] = []
    line = lambda *_: json.dumps({"id": 1, "result": said[-1]}).encode()  # noqa: E731
    monkeypatch.setattr(Client, "_connected", lambda _: mock.Mock())
    monkeypatch.setattr(Client, "_line", line)
    odd = itertools.cycle(ODD)
    for _, put in spoilt(answer):
        said.append(put(next(odd)))
        result = CliRunner().invoke(root, ["--socket", "/none", *args])
        assert isinstance(result.exception, SystemExit | None), (said[-1], result.exception)
        if result.exit_code and not result.stdout:
            assert result.stderr.count("\n") == 1, said[-1]
            assert "is not understood" in result.stderr


@pytest.mark.parametrize("result", [None, 5, [], "x", {"orders": 5}, {"orders": [{"id": 1}]}])
def test_an_answer_of_another_shape_names_call_and_remedy(
    run: Any, fake_daemon: Any, result: Any
) -> None:
    fake_daemon.answers["order.list"] = result
    shown = run("order", "list")
    assert (shown.exit_code, shown.stdout) == (1, "")
    assert "answers to order.list is not understood" in shown.stderr
    assert "of one version" in shown.stderr
    assert shown.stderr.count("\n") == 1


def test_an_answer_without_an_end_of_brackets(run: Any, fake_daemon: Any) -> None:
    deep: Any = {}
    for _ in range(300):
        deep = {"x": [deep]}
    fake_daemon.answers["status"] = deep
    assert "brackets in brackets" in run("status").stderr


def test_a_story_that_has_hardly_begun(run: Any, fake_daemon: Any) -> None:
    fake_daemon.answers["order.show"] = {"order": {"id": 5, "state": "QUEUED"}}
    assert "QUEUED" in run("order", "show", "5").stdout


def test_a_chip_is_shown_with_its_readings(run: Any, fake_daemon: Any) -> None:
    readings = [{"at": AT, "stock": 490000, "kind": "reply"}]
    fake_daemon.answers["chip.show"] = CHIP | {"readings": readings, "attempts": []}
    shown = run("chip", "show", ICCID).stdout
    assert "2026-11-22 23:59:59" in shown
    assert "490.000" in shown
    assert "attempts\n  none" in shown


def test_status_and_tail(run: Any, fake_daemon: Any) -> None:
    fake_daemon.answers["status"] = {"ready": True, "orders": {"QUEUED": 1200}}
    assert run("status").stdout == "ready   yes\norders  QUEUED 1.200\n"
    events = [
        {"kind": "order", "id": 5, "state": "SENDING", "reason": None},
        {"kind": "x", "at": AT},
    ]

    def follow(arguments: Any) -> Any:
        yield from events
        raise CallError("STOPPING", "the daemon is stopping", "try again")

    fake_daemon.answers["events.follow"] = follow
    result = run("tail", "--once")
    assert result.stdout == "order id=5 state=SENDING\n23:59:59  x    \n"
    assert result.stderr == "pulsarack: the daemon is stopping; try again\n"
    shown = run("tail", "--json", "--once").stdout
    assert [json.loads(line) for line in shown.splitlines()] == events


def test_books_out_of_balance_are_a_status(run: Any, fake_daemon: Any) -> None:
    asset = {"asset": "IDR", "debits": 2, "credits": 1, "difference": 1, "accounts": []}
    fake_daemon.answers["ledger.trial_balance"] = {"assets": [asset]}
    assert run("ledger", "trial-balance").exit_code == 1


def test_help_knows_every_command_and_every_command_has_help(run: Any) -> None:
    shown = run("--help").stdout
    for name, lazy in COMMANDS.items():
        assert name in shown
        assert lazy.help in " ".join(shown.split())
        inner = run(name, "--help")
        assert inner.exit_code == 0
        assert inner.stdout.startswith("Usage: pulsarack")
    for group in (
        "order",
        "chip",
        "modem",
        "agent",
        "product",
        "prefix",
        "ledger",
        "route",
        "discrepancies",
        "sender",
        "account",
        "secret",
    ):
        listing = run(group, "--help").stdout.partition("Commands:")[2]
        for line in listing.splitlines():
            if line.startswith("  ") and line[2] != " ":
                assert run(group, line.split()[0], "--help").exit_code == 0, line


def test_a_bad_configuration_is_told_line_by_line(tmp_path: Path) -> None:
    config = tmp_path / "p.toml"
    config.write_text("[daemon]\nlog_level = 'x'\nfoo = 1\n")
    result = CliRunner().invoke(root, ["--config", str(config), "audit"])
    assert result.exit_code == 1
    assert result.stderr.count("\n") == 2
    assert f"pulsarack: {config}:2: daemon.log_level: 'x' was given" in result.stderr


RECIPES = Path(__file__).parents[2] / "ussd" / "recipes"


def test_recipes_are_checked_without_a_daemon(tmp_path: Path) -> None:
    (tmp_path / "bad.toml").write_text("nonsense = 1\n")
    result = CliRunner().invoke(root, ["recipe", "check", str(tmp_path / "bad.toml")])
    assert result.exit_code == 1
    assert "may not be used" in result.stdout
    assert "bad.toml" in result.stderr
    shown = CliRunner().invoke(root, ["recipe", "check", "--json", str(tmp_path / "none.toml")])
    assert shown.exit_code == 1
    assert json.loads(shown.stdout)["files"][0]["ok"] is False


def test_a_text_is_tried_on_a_recipe(tmp_path: Path) -> None:
    recipe = str(RECIPES / "telkomsel-mkios.toml")
    text = "Isi ulang simPATI 10 ke 081200000012 berhasil. SN: 51012345678901. Sisa stok Rp 490.000"
    shown = CliRunner().invoke(root, ["recipe", "try", recipe, text, "--channel", "ussd"])
    assert shown.exit_code == 0, shown.output
    for words in ("success", "6281200000012", "51012345678901", "490.000"):
        assert words in shown.stdout
    nothing = CliRunner().invoke(root, ["recipe", "try", recipe, "Selamat pagi", "--json"])
    assert nothing.exit_code == 1
    assert [one["reply"] for one in json.loads(nothing.stdout)["readings"]] == [None, None]
    missing = CliRunner().invoke(root, ["recipe", "try", str(tmp_path / "none"), "x"])
    assert missing.exit_code == 1
    assert missing.stderr.startswith("pulsarack: ")
