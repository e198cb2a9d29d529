"""The secrets of the channels: one a file, and who may read it."""

from pathlib import Path

import pytest

from pulsarack.daemon import credentials
from pulsarack.daemon.channel_secrets import find_secret
from pulsarack.daemon.channels.whatsapp.channel import Keys, find_keys
from pulsarack.daemon.config import Config
from pulsarack.daemon.config_whatsapp import WhatsAppSection
from pulsarack.daemon.secrets import Secret, SecretsError


def put(path: Path, text: str, mode: int = 0o600) -> Path:
    path.write_text(text)
    path.chmod(mode)
    return path


def test_a_file_goes_before_the_credential(tmp_path: Path) -> None:
    environ = {"CREDENTIALS_DIRECTORY": str(tmp_path)}
    assert find_secret(None, "xmpp_password", {}) is None
    assert find_secret(None, "xmpp_password", environ) is None
    put(tmp_path / "xmpp_password", "by systemd\n", 0o440)
    assert find_secret(None, "xmpp_password", environ) == Secret("by systemd")
    put(tmp_path / "xmpp_password", "\n", 0o640)
    assert find_secret(None, "xmpp_password", environ) is None  # what the unit gives for none
    named = put(tmp_path / "named", "by name\n")
    assert find_secret(named, "xmpp_password", environ) == Secret("by name")


@pytest.mark.parametrize(
    ("text", "mode", "words"),
    [
        ("secret", 0o644, "others can read it"),
        ("secret", 0o640, "others can read it"),
        ("", 0o600, "it is empty"),
        (" \n", 0o600, "it is empty"),
        ("two\nlines", 0o600, "no secret of one line"),
        ("x" * 5000, 0o600, "no secret of one line"),
    ],
)
def test_a_file_that_cannot_be_used_is_named(
    tmp_path: Path, text: str, mode: int, words: str
) -> None:
    path = put(tmp_path / "password", text, mode)
    with pytest.raises(SecretsError, match=words) as caught:
        find_secret(path, "xmpp_password", {})
    assert "secret\n" not in str(caught.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SecretsError, match="no such file"):
        find_secret(tmp_path / "none", "xmpp_password", {})


def test_the_keys_of_whatsapp(tmp_path: Path) -> None:
    put(tmp_path / "whatsapp_app_secret", "two")
    settings = WhatsAppSection(token_file=put(tmp_path / "token", "rahasia1"))
    found = find_keys(settings, {"CREDENTIALS_DIRECTORY": str(tmp_path)})
    assert found == Keys(Secret("rahasia1"), Secret("two"), None)
    assert "rahasia1" not in repr(found)


def test_the_unit_hands_over_every_credential_that_the_daemon_knows() -> None:
    unit = (Path(__file__).parents[2] / "systemd" / "pulsarack.service").read_text("utf-8")
    lines = [line.removeprefix("LoadCredential=") for line in unit.splitlines()]
    handed = [line.partition(":")[0] for line in lines if ":/etc/pulsarack/" in line]
    assert handed == list(credentials.configured(Config()))
