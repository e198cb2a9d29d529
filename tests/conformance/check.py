"""Comparing what was read with what the record says it means.

A reader gives a dictionary of what the product read. Every key of the record's meaning
must be in it and equal, but for those that say something about the record itself; a key
that no reader gives is a difference too, so that nothing counts as understood unread.
"""

import re
from collections.abc import Callable
from typing import Any

from tests.conformance.replies import Row, Taken

Read = dict[str, Any]
Reader = Callable[[Row, Taken], Read]

# What a record says about itself, and ends that are compared for all kinds alike.
ABOUT_THE_RECORD = frozenset(
    {"type", "final", "echo", "note", "damaged", "truncated", "meaning", "error", "text_error"}
    | {"numeric", "unsolicited", "residual", "empty", "stray_prompt", "garbage_after", "trailing"}
)
# Numbers of eight digits and more were masked in the records after they had been decoded.
_LONG_NUMBER = re.compile(r"[0-9]{8,}")
_MASKED_DIGITS = 7
_FINALS = {"COMMAND NOT SUPPORT": "ERROR"}


class Unknowable(Exception):
    """The record itself leaves out what was said, so that nothing can be read of it."""


def differences(row: Row, taken: Taken, reader: Reader) -> list[str]:
    """In words, what was read otherwise than the record says; empty if nothing."""
    expected = row["parsed"]
    found = list(_end(row, taken))
    if expected.get("echo") is True and row["command"] in taken.said:
        found.append("the echo was taken for an answer")
    read = reader(row, taken)
    for key, value in expected.items():
        if key in ABOUT_THE_RECORD:
            continue
        if key not in read:
            found.append(f"{key} is not read")
        elif not _equal(read[key], value):
            found.append(f"{key}: read {read[key]!r}, recorded {value!r}")
    return found


def _end(row: Row, taken: Taken) -> list[str]:
    expected = row["parsed"].get("final")
    if expected is None or row["parsed"].get("unsolicited"):
        return []
    final = taken.end
    if final is None:
        return [f"no end was seen, recorded {expected}"]
    said = final.kind.value
    if said in ("call result", "result code of ATV0"):
        said = final.said.split(" ")[0] if final.ok else final.said
    return [] if said == _FINALS.get(expected, expected) else [f"ended with {said}"]


def _equal(read: Any, expected: Any) -> bool:
    return _comparable(read) == _comparable(expected)


def _comparable(value: Any) -> Any:
    """Runs of blanks as one, since the product shows names on one line; no masked digits."""
    if isinstance(value, dict):
        return {key: _comparable(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_comparable(one) for one in value]
    if isinstance(value, str):
        return _LONG_NUMBER.sub(_unmasked, " ".join(value.split()))
    if isinstance(value, int) and len(str(value)) > _MASKED_DIGITS:
        return _LONG_NUMBER.sub(_unmasked, str(value))
    return value


def _unmasked(number: re.Match[str]) -> str:
    return number.group()[:-_MASKED_DIGITS] + "." * _MASKED_DIGITS
