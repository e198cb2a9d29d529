"""Secrets that must be read again: sealed in the database, opened only in memory.

What agents' programs sign with (keys, PINs and passwords they brought along) is encrypted with
Fernet (AES-128-CBC and HMAC-SHA256) under a key that is derived of the master key for each
purpose, so that what was sealed for one account opens for no other. In front stands the name
of the master key. The time that Fernet writes into a token is nobody's business here: it is 0.
"""

import base64
from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken

from pulsarack.daemon.errors import DaemonError
from pulsarack.daemon.identity.pepper import MasterKey, Masters
from pulsarack.daemon.secrets import Secret

_KEPT = 1024


class SealBroken(DaemonError):
    """Something sealed cannot be opened: another key, another purpose, or it was altered."""

    def __init__(self, purpose: str) -> None:
        super().__init__(
            f"the secret for {purpose} cannot be opened",
            "put the right pepper file back, or give it anew: pulsarack account secret",
        )


class SecretBox:
    """Seals with the newest master key, opens with any."""

    def __init__(self, masters: Masters) -> None:
        self._masters = masters
        self._fernet = lru_cache(maxsize=_KEPT)(_fernet)

    def seal(self, purpose: str, text: str) -> str:
        """The text as it may be stored; raises PepperError if there is no master key."""
        master = self._masters.needed()
        token = self._fernet(master, purpose).encrypt_at_time(text.encode(), 0)
        return f"{master.name}:{token.decode()}"

    def open(self, purpose: str, sealed: str) -> Secret:
        """What was sealed for this purpose; raises SealBroken."""
        name, _, token = sealed.partition(":")
        master = self._masters.find(name)
        if master is None:
            raise SealBroken(purpose)
        try:
            return Secret(self._fernet(master, purpose).decrypt(token.encode()).decode())
        except (InvalidToken, UnicodeError):
            raise SealBroken(purpose) from None

    @property
    def can_seal(self) -> bool:
        """Whether there is a master key."""
        return self._masters.newest is not None

    def is_stale(self, sealed: str) -> bool:
        """Whether it was sealed with another key than the newest."""
        newest = self._masters.newest
        return newest is not None and not sealed.startswith(f"{newest.name}:")


def _fernet(master: MasterKey, purpose: str) -> Fernet:
    return Fernet(base64.urlsafe_b64encode(master.derive(f"seal {purpose}")))
