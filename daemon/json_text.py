"""JSON from outside, in which every key stands once.

The standard leaves open what `{"text": 1, "text": 2}` means (RFC 8259 section 4), and
readers take the last, or the first. Where money hangs on it such a text is refused: the
program that wrote it meant one of the two, and we do not know which.
"""

import json
from typing import Any


class RepeatedKey(ValueError):
    """A key stands more than once in one object."""

    def __init__(self, key: str) -> None:
        super().__init__(f"the key {key[:80]!r} stands more than once in one object")
        self.key = key


def loads(text: bytes | str) -> Any:
    """What a text holds; raises ValueError (RepeatedKey among them) and RecursionError."""
    return json.loads(text, object_pairs_hook=_object)


def refuse_repeated_keys(text: bytes) -> None:
    """The same for a text that was read by something else; what it holds is not looked at."""
    # Numbers stay texts: one that is thousands of digits long is not ours to judge.
    json.loads(text.decode(), object_pairs_hook=_object, parse_int=str, parse_float=str)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise RepeatedKey(key)
            seen.add(key)
    return found
