"""Marks of messages: what a message is known again by whose channel gives it no id.

A mark is made of all that was said, its PIN included, and is kept beside the same words without
it. So it is made with a key that is not in the database (`daemon/identity/pepper.py`): whoever has
a backup would else try all PINs of four figures until one makes the mark, in a hundredth of a
second.
"""

import hashlib
import hmac
from collections.abc import Iterable, Sequence


class Marks:
    """Makes them. Without keys no agent has a PIN, and anybody may make the same: it is the plain
    hash, which earlier versions made of chat messages whatever the keys.
    """

    def __init__(self, keys: Iterable[bytes] = ()) -> None:
        """`keys`: the one for what is new first, then those that it may have been before."""
        self._keys = (*keys, b"")

    def of(self, *parts: str) -> str:
        """The mark of these parts, in hexadecimal."""
        return _mark(self._keys[0], parts)

    def former(self, *parts: str) -> tuple[str, ...]:
        """Those that they had with an older key, or before there was one."""
        return tuple(_mark(key, parts) for key in self._keys[1:])


def _mark(key: bytes, parts: Sequence[str]) -> str:
    # Lengths first: no text can be cut so that it passes for another sender's.
    whole = "".join(f"{len(part)}:{part}" for part in parts)
    octets = whole.encode("utf-8", "surrogatepass")
    return (hmac.digest(key, octets, "sha256") if key else hashlib.sha256(octets).digest()).hex()
