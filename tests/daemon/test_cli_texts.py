"""`pulsarack text try`: with a list of products, with the daemon's, and with neither."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from pulsarack.daemon import places
from pulsarack.daemon.cli.root import root

A = "081200000012"
Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    config = tmp_path / "pulsarack.toml"
    config.write_text('[daemon]\nsocket = "control.sock"\n[texts]\ngp_order = "new_old"\n')
    products = tmp_path / "products.csv"
    products.write_text("code,operator,denomination,price,cost\nS5,telkomsel,5000,5500,5200\n")

    def run(*args: str, listed: bool = True) -> Result:
        given = ["--config", str(config), "text", "try", *args]
        if listed:
            given += ["--products", str(products)]
        result = CliRunner().invoke(root, given, prog_name="pulsarack")
        assert result.exception is None or isinstance(result.exception, SystemExit)
        return result

    return run


def test_it_shows_what_a_text_means_and_why(run: Run) -> None:
    result = run(f"S5.2.{A}.1234")
    assert result.exit_code == 0
    for said in ("PlaceOrder", "S5: product", "no. 2 of the day", "****: PIN", f"S5.2.{A}.****"):
        assert said in result.output
    assert "1234" not in result.output


def test_it_shows_why_a_text_is_not_read(run: Run) -> None:
    result = run(f"5.{A}.2.5.{A}.1234")
    assert result.exit_code == 1
    assert "AMBIGUOUS" in result.output and "in more than one way" in result.output
    assert "1234" not in result.output
    assert "UNKNOWN_PRODUCT" in run(f"S6.{A}").output


def test_the_sender_may_have_to_give_a_pin(run: Run) -> None:
    assert run("TK.1234").exit_code == 1
    assert run("TK.1234", "--pin-expected").exit_code == 0


def test_as_json(run: Run) -> None:
    order = json.loads(run(f"S5.{A}.1234 R#7", "--json").output)
    assert order["commands"] == [
        {
            "command": "PlaceOrder",
            "product": "S5",
            "denomination": None,
            "destination": A,
            "repeat_index": 1,
            "reply_number": None,
        }
    ]
    assert (order["read"], order["pin"], order["reference"]) == (True, True, "7")
    change = json.loads(run("GP.5678.1234", "--json").output)
    assert change["commands"] == [{"command": "ChangePin", "new_pin": "****"}]
    refused = json.loads(run("T.K1", "--json").output)
    assert (refused["read"], refused["code"], refused["form"]) == (
        False,
        "BAD_FIELD",
        "T.ID.NOMINAL.PIN",
    )


def test_the_products_are_the_daemons(fake_daemon: Any, run: Run) -> None:
    fake_daemon.answers["product.list"] = {"products": [{"code": "ABC"}]}
    result = run(f"ABC.{A}", listed=False)
    assert result.exit_code == 0, result.output
    assert "the daemon" in result.output


def test_without_a_daemon_codes_are_guessed(run: Run) -> None:
    result = run(f"XYZ20.{A}", listed=False)
    assert result.exit_code == 0
    assert "guessed" in result.output


def test_without_a_configuration_the_defaults_hold(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(places, "CONFIG_FILE", tmp_path / "none.toml")
    given = ["--config", str(tmp_path / "none.toml"), "--socket", str(tmp_path / "none.sock")]
    result = CliRunner().invoke(root, [*given, "text", "try", "GP.1234.5678"])
    assert result.exit_code == 0, result.output
    missing = CliRunner().invoke(root, ["--config", str(tmp_path / "x"), "text", "try", "S"])
    assert missing.exit_code == 1 and "there is no such file" in missing.output
