"""Cheap hashes and master keys of the tests' own."""

from pathlib import Path

from pulsarack.daemon.identity.pin_hash import Cost

CHEAP = Cost(passes=1, memory_kib=8, lanes=1)
"""What argon2 takes at least."""
KEY = "5e" * 32
OTHER_KEY = "a7" * 32


def credentials(directory: Path, *keys: str) -> dict[str, str]:
    """An environment in which systemd gave the daemon these keys, the newest first."""
    place = directory / "credentials"
    place.mkdir(exist_ok=True)
    file = place / "pepper"
    file.write_text("".join(f"{key}\n" for key in keys or (KEY,)))
    file.chmod(0o400)
    return {"CREDENTIALS_DIRECTORY": str(place)}
