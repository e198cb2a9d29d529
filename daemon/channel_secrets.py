"""Secrets of the channels: one a file, which only its owner can read, or a systemd credential.

The file holds the secret and nothing else; an end of line after it does not count. Files are
checked as that of the PINs is (`secrets.py`).
"""

from collections.abc import Mapping
from pathlib import Path

from pulsarack.daemon import secrets
from pulsarack.daemon.secrets import Secret, SecretsError, read_protected

_LONGEST = 4096


def find_secret(configured: Path | None, name: str, environ: Mapping[str, str]) -> Secret | None:
    """The secret of the configured file, else of systemd's credential of that name, else None.

    Raises SecretsError.
    """
    if configured is not None:
        return _read(configured, group_may_read=False)
    path = secrets.credential(name, environ)
    return None if path is None else _read(path, group_may_read=True)


def _read(path: Path, *, group_may_read: bool) -> Secret:
    text = read_protected(path, group_may_read).rstrip("\n")
    if not text.strip():
        raise SecretsError(path, "it is empty", "write the secret into it")
    if len(text) > _LONGEST or not text.isprintable():
        raise SecretsError(path, "it is no secret of one line", "write the secret alone into it")
    return Secret(text)
