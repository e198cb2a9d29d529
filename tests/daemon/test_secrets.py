"""Secrets: read only from a protected file, shown nowhere."""

import copy
import json
import logging
import pickle
from pathlib import Path

import msgspec
import pytest

from pulsarack.daemon import secrets
from pulsarack.daemon.secrets import Secret, SecretsError

ICCID = "8962100000000000012"
PIN = "739182"


def write(tmp_path: Path, text: str, mode: int = 0o600) -> Path:
    path = tmp_path / "secrets.toml"
    path.write_text(text)
    path.chmod(mode)
    return path


def test_a_secret_is_shown_by_nothing() -> None:
    secret = Secret(PIN)
    shown = [
        str(secret),
        repr(secret),
        f"{secret}",
        f"{secret!r:>8}",
        "".join(map(str, [secret])),
        f"{[secret]}",
    ]
    assert not any(PIN in text for text in shown)
    assert str(secret) == "****"
    assert secret.reveal() == PIN
    for encode in (json.dumps, msgspec.json.encode, pickle.dumps, copy.deepcopy):
        with pytest.raises(TypeError):
            encode(secret)
    record = logging.LogRecord("x", 20, "x", 1, "pin %s", (secret,), None)
    assert PIN not in record.getMessage()


def test_secrets_compare_by_what_they_hide() -> None:
    assert Secret("1234") == Secret("1234")
    assert Secret("1234") != Secret("1235")
    assert Secret("1234") != "1234"
    assert len({Secret("1234"), Secret("1234")}) == 1


def test_pins_are_found_by_iccid(tmp_path: Path) -> None:
    path = write(tmp_path, f'["{ICCID}"]\nchip_pin = "{PIN}"\nsim_pin = "0000"\n')
    found = secrets.load(path, {})
    assert found.chip_pin(ICCID) == Secret(PIN)
    assert found.sim_pin(ICCID) == Secret("0000")
    assert found.chip_pin("8962100000000000013") is None
    assert found.sim_pins() == [Secret("0000")]
    assert set(found) == {Secret(PIN), Secret("0000")}
    assert PIN not in repr(found)


def test_the_credential_is_used_when_no_file_is_configured(tmp_path: Path) -> None:
    # systemd's access list shows as a group bit, so 0440 is right for a credential.
    write(tmp_path, f'["{ICCID}"]\nchip_pin = "{PIN}"', mode=0o440)
    found = secrets.load(None, {"CREDENTIALS_DIRECTORY": str(tmp_path)})
    assert found.chip_pin(ICCID) == Secret(PIN)
    assert len(secrets.load(None, {"CREDENTIALS_DIRECTORY": str(tmp_path / "none")})) == 0
    assert len(secrets.load(None, {})) == 0


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660, 0o601])
def test_a_file_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    path = write(tmp_path, f'["{ICCID}"]\nchip_pin = "{PIN}"', mode=mode)
    with pytest.raises(SecretsError) as caught:
        secrets.load(path, {})
    assert str(caught.value) == f"{path}: others can read it; run: chmod 600 {path}"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (f'chip_pin = "{PIN}"', "'chip_pin' is not a table"),
        (f'["12345"]\nchip_pin = "{PIN}"', "18 to 20 digits"),
        (f'["{ICCID}"]\npin = "{PIN}"', "there is no key 'pin'; known here: chip_pin, sim_pin"),
        (f'["{ICCID}"]\nchip_pin = {PIN}', "chip_pin is not a PIN; write 4 to 8 digits in quotes"),
        (f'["{ICCID}"]\nchip_pin = "{PIN}000"', "chip_pin is not a PIN"),
        (f'["{ICCID}"]\nchip_pin = "{PIN}\\n"', "chip_pin is not a PIN"),
        (f'["{ICCID}"]\nchip_pin = "{PIN}', "not TOML"),
        (f'["{ICCID}"]\nchip_pin = 0{PIN}', "not TOML"),
        (f'["{ICCID}"]\nchip_pin = "{PIN}"\nchip_pin = "{PIN}"', "not TOML"),
        (f'["{ICCID}"]\nchip_pin = ["{PIN}"]', "chip_pin is not a PIN"),
    ],
)
def test_errors_name_the_place_and_not_the_secret(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(SecretsError) as caught:
        secrets.load(write(tmp_path, text), {})
    assert words in str(caught.value)
    assert PIN not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_a_configured_file_must_exist(tmp_path: Path) -> None:
    with pytest.raises(SecretsError, match="there is no such file; create it: install -m 600"):
        secrets.load(tmp_path / "none", {})
    with pytest.raises(SecretsError, match="cannot be read"):
        secrets.load(tmp_path, {})
    path = write(tmp_path, "")
    path.write_bytes(b"\xff")
    with pytest.raises(SecretsError, match="not UTF-8"):
        secrets.load(path, {})
