"""`agent pin`, `agent access`, `sender`, `account`: what is asked, what is shown, what never is."""

import json
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from pulsarack.daemon.cli import asking
from pulsarack.daemon.cli.root import root
from pulsarack.daemon.control_identity import ARGUMENTS
from pulsarack.daemon.control_protocol import Call, CallError, check_arguments

AT = 1_795_366_799_000  # 2026-11-22 23:59:59 in Jakarta
SENDER = {
    "channel": "sms", "address": "6281200000012", "agent": "kios1", "bound_at": AT,
    "bound_by": "me",
}  # fmt: skip
ACCOUNT = {
    "member": "YUSUF", "agent": "kios1", "kind": "trade", "active": True,
    "secrets": ["pin", "password"], "may_be_unsigned": False, "networks": ["192.0.2.0/24"],
    "report_url": "https://example.com/\x1b[31m", "report_dialect": "otomax", "created_at": AT,
}  # fmt: skip
ACCESS = {
    "agent": "kios1", "pin": "set", "pin_set_at": AT, "wrong_tries": 3, "locked": True,
    "senders": [SENDER], "accounts": [ACCOUNT],
    "events": [{"at": AT, "what": "PIN_LOCKED", "about": "", "by": "kios1"}],
}  # fmt: skip


@pytest.fixture
def run(fake_daemon: Any, tmp_path: Path) -> Any:
    """A command line against the canned daemon."""
    file = tmp_path / "pulsarack.toml"
    file.write_text('[daemon]\nsocket = "control.sock"\n')

    def run(*args: str, stdin: str | None = None) -> Result:
        return CliRunner().invoke(root, ["--config", str(file), *args], input=stdin)

    return run


# The command, what stands on the standard input, the call, its arguments without `who`.
CALLS: list[tuple[list[str], str | None, str, dict[str, Any]]] = [
    (["agent", "pin", "set", "kios1"], "7351\n", "pin.set",
     {"agent": "kios1", "pin": "7351", "brought_along": False}),
    (["agent", "pin", "set", "kios1", "--brought-along"], " 1234 \n", "pin.set",
     {"agent": "kios1", "pin": "1234", "brought_along": True}),
    (["agent", "pin", "unlock", "kios1"], None, "pin.unlock", {"agent": "kios1"}),
    (["sender", "add", "kios1", "sms", "081200000012"], None, "sender.add",
     {"agent": "kios1", "channel": "sms", "address": "081200000012"}),
    (["sender", "remove", "xmpp", "kios@example.com"], None, "sender.remove",
     {"channel": "xmpp", "address": "kios@example.com"}),
    (["account", "new", "M1", "kios1", "--kind", "native"], None, "account.new",
     {"member": "M1", "agent": "kios1", "kind": "native", "may_be_unsigned": False,
      "networks": [], "report_url": "", "report_dialect": ""}),
    (["account", "new", "M1", "kios1", "--password", "--pin", "--unsigned", "--network", "::/0",
      "--report-url", "http://a.b/", "--dialect", "otomax"], "1144\nabcd\n", "account.new",
     {"member": "M1", "agent": "kios1", "kind": "trade", "pin": "1144", "password": "abcd",
      "may_be_unsigned": True, "networks": ["::/0"], "report_url": "http://a.b/",
      "report_dialect": "otomax"}),
    (["account", "off", "M1"], None, "account.active", {"member": "M1", "active": False}),
    (["account", "on", "M1"], None, "account.active", {"member": "M1", "active": True}),
    (["account", "secret", "M1", "report-secret"], "hush1\n", "account.secret",
     {"member": "M1", "which": "report_secret", "value": "hush1", "remove": False}),
    (["account", "secret", "M1", "key", "--draw"], None, "account.secret",
     {"member": "M1", "which": "key", "remove": False}),
    (["account", "secret", "M1", "pin", "--remove"], None, "account.secret",
     {"member": "M1", "which": "pin", "remove": True}),
    (["account", "networks", "M1", "192.0.2.7", "::/0"], None, "account.networks",
     {"member": "M1", "networks": ["192.0.2.7", "::/0"]}),
    (["account", "networks", "M1"], None, "account.networks", {"member": "M1", "networks": []}),
    (["account", "report", "M1", ""], None, "account.report", {"member": "M1", "url": ""}),
    (["account", "report", "M1", "http://a.b/", "--dialect", "x"], None, "account.report",
     {"member": "M1", "url": "http://a.b/", "dialect": "x"}),
]  # fmt: skip


@pytest.mark.parametrize(("args", "stdin", "call", "given"), CALLS)
def test_options_become_arguments(
    run: Any, fake_daemon: Any, args: list[str], stdin: str | None, call: str, given: dict[str, Any]
) -> None:
    fake_daemon.answers["sender.add"] = SENDER
    result = run(*args, "--who", "boss", stdin=stdin)
    assert result.exit_code == 0, result.output
    assert fake_daemon.args_of(call) == given | {"who": "boss"}
    for secret in ("7351", "1234", "1144", "abcd", "hush1"):
        assert secret not in result.output


@pytest.mark.parametrize(
    ("args", "call", "result", "words"),
    [
        (["sender", "list"], "sender.list", {"senders": [SENDER]}, ["6281200000012", "kios1"]),
        (["account", "list", "--agent", "kios1"], "account.list", {"accounts": [ACCOUNT]},
         ["YUSUF", "pin, password", "192.0.2.0/24", "\ufffd[31m"]),
        (["account", "show", "yusuf"], "account.show", ACCOUNT, ["2026-11-22 23:59:59", "otomax"]),
        (["agent", "access", "kios1"], "agent.access", ACCESS,
         ["wrong tries  3", "locked       yes", "6281200000012", "YUSUF", "PIN_LOCKED"]),
    ],
)  # fmt: skip
def test_listings(
    run: Any, fake_daemon: Any, args: list[str], call: str, result: Any, words: list[str]
) -> None:
    fake_daemon.answers[call] = result
    shown = run(*args)
    assert shown.exit_code == 0, shown.output
    for word in words:
        assert word in shown.stdout
    assert "\x1b" not in shown.stdout
    assert json.loads(run(*args, "--json").stdout) == result


def test_what_was_drawn_is_shown_once(run: Any, fake_daemon: Any) -> None:
    fake_daemon.answers["pin.reset"] = {"agent": "kios1", "pin": "739182"}
    fake_daemon.answers["account.new"] = ACCOUNT | {"made_key": "k" * 64}
    fake_daemon.answers["account.secret"] = ACCOUNT | {"made_secret": "s" * 64}
    assert "739182" in run("agent", "pin", "reset", "kios1").stdout
    assert json.loads(run("agent", "pin", "reset", "kios1", "--json").stdout)["pin"] == "739182"
    assert "k" * 64 in run("account", "new", "M1", "kios1", "--kind", "native").stdout
    assert "s" * 64 in run("account", "secret", "M1", "key", "--draw").stdout


def test_wrong_command_lines(run: Any) -> None:
    assert "not both" in run("account", "secret", "M1", "key", "--draw", "--remove").stderr
    said = run("agent", "pin", "set", "kios1", stdin="")
    assert (said.exit_code, "no PIN came on the standard input" in said.stderr) == (1, True)
    # A PIN is never an argument.
    assert run("agent", "pin", "set", "kios1", "7351").exit_code == 2
    assert run("sender", "add", "kios1", "telegram", "x").exit_code == 2


def test_at_a_terminal_a_secret_is_typed_twice_and_not_shown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Terminal:
        @staticmethod
        def isatty() -> bool:
            return True

    asked: list[dict[str, Any]] = []

    def prompt(what: str, **how: Any) -> str:
        asked.append({"what": what, **how})
        return " 7351 "

    monkeypatch.setattr("sys.stdin", Terminal())
    monkeypatch.setattr(click, "prompt", prompt)
    assert asking.ask("PIN") == "7351"
    assert asked == [{"what": "PIN", "hide_input": True, "confirmation_prompt": True, "err": True}]


HUSH = "hush-hush-739182"
SECRETS: list[tuple[str, dict[str, Any], str]] = [
    ("pin.set", {"agent": "a", "who": "w"}, "pin"),
    ("account.new", {"member": "m", "agent": "a", "kind": "trade", "who": "w"}, "key"),
    ("account.new", {"member": "m", "agent": "a", "kind": "trade", "who": "w"}, "password"),
    ("account.secret", {"member": "m", "which": "key", "who": "w"}, "value"),
]


@pytest.mark.parametrize(("name", "others", "argument"), SECRETS)
def test_no_secret_is_in_a_printed_record_or_in_a_refusal(
    name: str, others: dict[str, Any], argument: str
) -> None:
    call = Call(name, ARGUMENTS[name])
    assert HUSH not in repr(check_arguments(call, {**others, argument: HUSH}))
    for wrong in (f"{HUSH}\n", HUSH * 20, [HUSH], {HUSH: 1}):
        with pytest.raises(CallError) as caught:
            check_arguments(call, {**others, argument: wrong})
        assert HUSH not in f"{caught.value}"
