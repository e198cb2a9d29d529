"""`pulsarack config`: the example, what a check finds, and what the daemon answers."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from pulsarack.daemon.cli.root import root
from pulsarack.daemon.config import Config
from pulsarack.daemon.control_protocol import CallError

EXAMPLE = Path(__file__).parents[3] / "docs" / "pulsarack.example.toml"


def run(path: Path, *args: str) -> Result:
    given = ["--config", str(path / "pulsarack.toml"), "config", *args]
    result = CliRunner().invoke(root, given, prog_name="pulsarack")
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def test_the_example_needs_no_source_tree(tmp_path: Path) -> None:
    assert run(tmp_path, "example").output == EXAMPLE.read_text()


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A configuration that names every kind of file, all of them sound."""
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    for folder in ("recipes", "profiles", "dialects"):
        (tmp_path / folder).mkdir()
    for name, text in (
        ("secrets.toml", '["8962100012345678901"]\nchip_pin = "987654"\n'),
        ("pepper", "ab" * 32),
        ("token", "a-token-of-meta"),
        ("password", "a-password"),
    ):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o600)
    (tmp_path / "pulsarack.toml").write_text(
        '[daemon]\nsecrets_file = "secrets.toml"\nrecipes_dir = "recipes"\n'
        'profiles_dir = "profiles"\n[agents]\npepper_file = "pepper"\n'
        '[http]\nlisten = "127.0.0.1:0"\ndialects_dir = "dialects"\n'
        '[xmpp]\njid = "a@example.org"\npassword_file = "password"\n'
        '[whatsapp]\nphone_number_id = "1"\ntoken_file = "token"\n'
    )
    return tmp_path


def test_a_check_reads_all_that_is_named(files: Path) -> None:
    result = run(files, "check")
    assert result.exit_code == 0, result.output
    seen = [line.split(":")[0] for line in result.output.splitlines()]
    assert seen == [
        f"ok      {what}"
        for what in (
            "configuration",
            "secrets",
            "master keys",
            "recipes",
            "profiles",
            "wordings",
            "http",
            "chat channels",
        )
    ]
    found = json.loads(run(files, "check", "--json").output)
    assert found["sound"] is True


def test_a_check_looks_at_what_the_unit_hands_over(files: Path) -> None:
    (files / "pulsarack.toml").write_text("")
    result = run(files, "check")
    assert result.exit_code == 0
    assert f"secrets: {files}/secrets.toml: 1 chips" in result.output
    assert "master keys: the newest is " in result.output
    (files / "secrets.toml").write_text("nonsense")
    assert run(files, "check").exit_code == 78
    for name in ("secrets.toml", "pepper"):
        (files / name).unlink()
    result = run(files, "check")
    assert (result.exit_code, result.output.count("none")) == (0, 2)


def test_a_check_tells_every_fault_and_no_secret(files: Path) -> None:
    (files / "secrets.toml").write_text('["89"]\nchip_pin = "987654"\n')
    (files / "pepper").chmod(0o644)
    (files / "recipes" / "mine.toml").write_text("name = 1\n")
    (files / "profiles" / "mine.toml").write_text("[\n")
    (files / "dialects" / "otomax.toml").write_text("x = 1\n")
    (files / "token").unlink()
    result = run(files, "check")
    assert result.exit_code == 78
    bad = {line.split(":")[0][8:] for line in result.output.splitlines() if line[:3] == "bad"}
    assert bad == {"secrets", "master keys", "recipes", "profiles", "http", "chat channels"}
    assert "987654" not in result.output
    # Of a file that is wrong itself, all faults at once, with their lines.
    (files / "other.toml").write_text("[daemon]\nlog_levle = 1\n[chips]\nreserve = -1\n")
    result = run(files, "check", str(files / "other.toml"))
    assert result.exit_code == 78
    first, second = result.output.splitlines()
    assert first.endswith("other.toml:2: daemon.log_levle: there is no such key;"
                          " did you mean log_level?")  # fmt: skip
    assert second.endswith("other.toml:4: chips.reserve: -1 was given; it must be at least 0")
    missing = run(files, "check", str(files / "none.toml"))
    assert (missing.exit_code, "there is no such file" in missing.output) == (78, True)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_what_may_not_be_read_is_no_fault(files: Path) -> None:
    (files / "secrets.toml").chmod(0)
    result = run(files, "check")
    assert result.exit_code == 0
    assert "unseen  secrets: " in result.output


def test_a_reload_tells_what_changed_and_what_did_not(fake_daemon: Any, tmp_path: Path) -> None:
    (tmp_path / "pulsarack.toml").write_text('[daemon]\nsocket = "control.sock"\n')
    answer = {"changed": ["chips.reserve"], "restart": [{"key": "daemon.socket", "why": "so"}]}
    fake_daemon.answers["config.reload"] = answer
    assert run(tmp_path, "reload").output == (
        "changed: chips.reserve\nneeds a restart: daemon.socket (so)\n"
    )
    assert json.loads(run(tmp_path, "reload", "--json").output) == answer
    fake_daemon.answers["config.reload"] = {"changed": [], "restart": []}
    assert run(tmp_path, "reload").output == "nothing changed\n"
    fake_daemon.answers["config.reload"] = CallError("BAD_CONFIG", "x.toml:2: so", "do that")
    result = run(tmp_path, "reload")
    assert (result.exit_code, result.output) == (1, "pulsarack: x.toml:2: so; do that\n")


def test_every_key_tells_with_what_it_counts(tmp_path: Path) -> None:
    keys = json.loads(run(tmp_path, "keys", "--json").output)["keys"]
    counts = {one["key"]: one["counts"] for one in keys}
    assert (counts["chips.reserve"], counts["daemon.timezone"]) == ("reload", "restart")
    assert counts["bank"] == "reload"
    assert "a day that has begun would end at another hour" in run(tmp_path, "keys").output


def test_the_values_in_effect_are_shown_as_a_file(fake_daemon: Any, tmp_path: Path) -> None:
    file = tmp_path / "pulsarack.toml"
    file.write_text('[daemon]\nsocket = "control.sock"\n')
    config = Config().model_dump(mode="json", by_alias=True)
    fake_daemon.answers["config.show"] = {"config": config}
    shown = run(tmp_path, "show").output
    assert '[daemon]\nstate_dir = "/var/lib/pulsarack"\n' in shown
    file.write_text(shown)
    assert run(tmp_path, "check").exit_code == 0
