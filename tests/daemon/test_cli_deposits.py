"""The commands about money that comes in, against a server with canned answers."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from pulsarack.daemon.cli.root import root
from pulsarack.daemon.config_deposits import BankSection
from pulsarack.daemon.control_protocol import LINE_LIMIT, CallError

AT = 1_795_366_799_000  # 2026-11-22 23:59:59 in Jakarta
ACCOUNT = {"bank": "bca", "account": "0001", "holder": "PT X"}
TICKET = {"id": 7, "state": "OPEN", "agent": "A1", "amount": 500_925, "asked": 500_000,
          "expires_at": AT, "accounts": [ACCOUNT]}  # fmt: skip
ROW = {"id": 4, "bank": "bca", "day": "2026-11-22", "amount": 50_000, "description": "x\x1b[31m",
       "state": "UNMATCHED", "note": "no ticket"}  # fmt: skip
CREDIT = {"id": 5, "state": "OPEN", "agent": "A1", "amount": 50_000, "who": "boss", "uid": 1000}
COMPLAINT = {"id": 3, "state": "OPEN", "agent": "A1", "order_id": 17, "words": "belum masuk"}
LINE = {"at": AT, "kind": "order", "amount": -10_500, "balance": 989_500, "order_id": 17,
        "product": "S10", "destination": "6281200000012", "memo": "price"}  # fmt: skip
PAID = {"row": 3, "day": "2026-11-22", "amount": 500_925, "agent": "A1", "ticket": 7}
TAKEN = {"added": 2, "known": 1, "debits": 1, "unmatched": [ROW], "paid": [PAID]}
SOLD = {"product": "S10", "state": "SUCCEEDED", "count": 3, "amount": 31_500}
RECAP = {"day": "2026-11-22", "orders": 3, "spent": 31_500, "held": 0, "earned": 75,
         "lines": [SOLD]}  # fmt: skip


def banks(**section: Any) -> dict[str, Any]:
    """What the daemon says of its banks."""
    form = json.loads(json.dumps(asdict(BankSection(name="bca", **section).form)))
    return {"banks": [{"name": "bca", "form": form}], "latest_day": "2026-11-25"}


@pytest.fixture
def run(fake_daemon: Any, tmp_path: Path) -> Any:
    """A command line against the canned daemon, with times of Jakarta."""
    path = tmp_path / "pulsarack.toml"
    path.write_text('[daemon]\ntimezone = "Asia/Jakarta"\n')

    def run_(*args: str) -> Any:
        line = ["--config", str(path), "--socket", str(fake_daemon.path), *args]
        return CliRunner().invoke(root, line)

    return run_


SAID = ["--because", "seen", "--who", "boss"]
WORD = {"because": "seen", "who": "boss"}
COMMANDS: list[tuple[list[str], str, dict[str, Any], Any, list[str]]] = [
    (["ticket", "new", "A1", "500.000", "--bank", "bca"], "ticket.new",
     {"agent": "A1", "amount": 500_000, "bank": "bca"}, TICKET | {"repeated": False},
     ["ticket 7: A1 pays 500.925 until 2026-11-22 23:59:59", "bca 0001 PT X"]),
    (["ticket", "list", "--agent", "A1", "--open", "--limit", "3"], "ticket.list",
     {"agent": "A1", "open": True, "limit": 3}, {"tickets": [TICKET]}, ["500.925", "OPEN"]),
    (["ticket", "show", "7"], "ticket.show", {"id": 7}, TICKET | {"row": ROW},
     ["amount   500.925", "row 4 of bca, 2026-11-22: x\ufffd[31m"]),
    (["ticket", "cancel", "7", *SAID], "ticket.cancel", {"id": 7, **WORD}, TICKET, ["OPEN"]),
    (["bank", "list"], "bank.list", {}, banks(), ["bca"]),
    (["bank", "rows", "--unmatched"], "bank.rows", {"unmatched": True}, {"rows": [ROW]},
     ["50.000", "no ticket"]),
    (["bank", "assign", "4", "A1", *SAID], "bank.assign", {"id": 4, "agent": "A1", **WORD},
     ROW | {"agent": "A1"}, ["agent A1: 50.000 credited"]),
    (["agent", "credit", "A1", "50.000", *SAID, "--id", "k"], "agent.credit",
     {"code": "A1", "amount": 50_000, "id": "k", **WORD}, CREDIT,
     ["credit 50.000: proposal 5 is OPEN", "pulsarack credit confirm 5"]),
    (["agent", "credit", "A1", "5", *SAID, "--take-back"], "agent.credit",
     {"code": "A1", "amount": 5, "take_back": True, **WORD}, CREDIT | {"amount": -5},
     ["take 5 back: proposal 5"]),
    (["credit", "list"], "credit.list", {"all": False}, {"requests": [CREDIT]}, ["1000", "boss"]),
    (["credit", "confirm", "5", "--who", "x"], "credit.confirm", {"id": 5, "who": "x"},
     CREDIT | {"state": "CONFIRMED"}, ["agent A1: 50.000 credited"]),
    (["credit", "refuse", "5", *SAID], "credit.refuse", {"id": 5, **WORD}, CREDIT,
     ["proposal 5 is refused"]),
    (["complaint", "list", "--all"], "complaint.list", {"all": True},
     {"complaints": [COMPLAINT]}, ["belum masuk"]),
    (["complaint", "answer", "3", "sold", "--who", "x", "--close"], "complaint.answer",
     {"id": 3, "answer": "sold", "who": "x", "close": True}, COMPLAINT | {"state": "CLOSED"},
     ["complaint 3, order 17 of A1: CLOSED"]),
    (["agent", "statement", "A1", "--day", "2026-11-22"], "agent.statement",
     {"agent": "A1", "day": "2026-11-22"},
     {"lines": [LINE], "unreadable": ["2026-08 is gone"], "cut": True},
     ["-10.500", "081200000012", "older lines are missing: 2026-08 is gone", "more lines"]),
    (["agent", "recap", "A1"], "agent.recap", {"agent": "A1"}, RECAP,
     ["spent   31.500", "earned  75", "SUCCEEDED"]),
]  # fmt: skip


@pytest.mark.parametrize(("args", "call", "given", "answer", "words"), COMMANDS)
def test_a_command_asks_and_shows(
    run: Any, fake_daemon: Any, args: list[str], call: str, given: Any, answer: Any, words: Any
) -> None:
    fake_daemon.answers[call] = answer
    result = run(*args)
    assert result.exit_code == 0, result.output
    assert fake_daemon.args_of(call) == given
    for word in words:
        assert word in result.output
    assert "\x1b" not in result.output
    assert json.loads(run(*args, "--json").stdout) == answer


# --- statements ---------------------------------------------------------------------------


def test_a_statement_is_sent_as_rows(run: Any, fake_daemon: Any, tmp_path: Path) -> None:
    file = tmp_path / "mutasi.csv"
    file.write_text("Tgl;Ket;Jumlah\n22/11/2026;x;500.925,00\n22/11/2026;x;500.925,00\n")
    fake_daemon.answers["bank.list"] = banks(
        date_column="Tgl", description_column="Ket", amount_column="Jumlah", delimiter=";"
    )
    fake_daemon.answers["bank.import"] = TAKEN
    result = run("bank", "import", str(file), "--bank", "bca")
    assert result.exit_code == 0, result.output
    for word in ("2 new, 1 known, 1 that left", "tickets that are paid", "pulsarack bank assign"):
        assert word in result.output
    looked, done = [args for name, args in fake_daemon.asked if name == "bank.import"]
    assert (looked.pop("check"), done.pop("check")) == (True, False)
    assert looked == done and (done["bank"], done["source"]) == ("bca", "mutasi.csv")
    assert [(row.amount, row.occurrence) for row in done["rows"]] == [(500_925, 1), (500_925, 2)]
    checked = run("bank", "import", str(file), "--bank", "bca", "--check")
    assert "2 rows can be imported" in checked.output
    assert len([name for name, _ in fake_daemon.asked if name == "bank.import"]) == 3


def test_a_long_statement_is_sent_in_parts(run: Any, fake_daemon: Any, tmp_path: Path) -> None:
    file = tmp_path / "s.csv"
    lines = [f"2026-11-22,{'x' * 290} {n},{n + 1}\n" for n in range(700)]
    file.write_text("date,description,amount\n" + "".join(lines))
    fake_daemon.answers["bank.list"] = banks()
    fake_daemon.answers["bank.import"] = TAKEN | {"paid": [], "unmatched": []}
    result = run("bank", "import", str(file), "--bank", "bca", "--json")
    assert result.exit_code == 0, result.output
    sent = [args for name, args in fake_daemon.asked if name == "bank.import"]
    parts = len(sent) // 2
    assert parts > 1 and json.loads(result.stdout)["added"] == 2 * parts
    assert [args["check"] for args in sent] == [True] * parts + [False] * parts
    amounts = [row.amount for args in sent[parts:] for row in args["rows"]]
    assert amounts == list(range(1, 701)) and len(lines) * 310 > LINE_LIMIT


@pytest.mark.parametrize(
    ("text", "bank", "problem"),
    [
        ("date,description,amount\n2026-11-22,x,5x\n", "bca", "s.csv:2: amount '5x' is not"),
        ("date,description,amount\n", "bca", "s.csv: it holds no rows"),
        ("date,description,amount\n2026-11-22,x,5\n", "bri", "bri is no bank of ours; one of bca"),
        (None, "bca", "name a file you may read"),
    ],
)
def test_a_bad_statement_is_not_sent(
    run: Any, fake_daemon: Any, tmp_path: Path, text: str | None, bank: str, problem: str
) -> None:
    file = tmp_path / "s.csv"
    if text is not None:
        file.write_text(text)
    fake_daemon.answers["bank.list"] = banks()
    result = run("bank", "import", str(file), "--bank", bank)
    assert result.exit_code == 1 and problem in result.output
    assert all(name != "bank.import" for name, _ in fake_daemon.asked)


def test_what_the_daemon_refuses_is_not_stored(run: Any, fake_daemon: Any, tmp_path: Path) -> None:
    file = tmp_path / "s.csv"
    file.write_text("date,description,amount\n2026-11-22,x,5\n")
    fake_daemon.answers["bank.list"] = banks()
    fake_daemon.answers["bank.import"] = CallError("BAD_ROWS", "row 1: no", "nothing")
    result = run("bank", "import", str(file), "--bank", "bca")
    assert result.exit_code == 1 and "row 1: no" in result.output
    (only,) = [args for name, args in fake_daemon.asked if name == "bank.import"]
    assert only["check"]
