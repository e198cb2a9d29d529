"""Texts without their PINs, for rows, logs and answers.

What was read with a PIN says where its secrets stand. In a text that was not read, or that has no
PIN (an amount may be a PIN before which a field was forgotten), every run of four to eight
figures could be a PIN, also one in other figures than ours, with dots between, or behind a number
without a separator; after a word that takes secrets, and one that looks like it, all is hidden.
"""

import re
from collections.abc import Iterable

HIDDEN = "****"
_LIKE_A_PIN = re.compile(r"(?<![0-9])[0-9]{4,8}(?![0-9])")
_SPREAD = re.compile(r"(?<![0-9])[0-9](?:[^0-9A-Za-z]{1,2}[0-9]){3,7}(?![0-9])")
# A mobile number has 13 digits at the most: what is longer may be one with a PIN at its end.
_OVERLONG = re.compile(r"(?<![0-9])([0-9]{9})[0-9]{5,}")


def without(text: str, spans: Iterable[tuple[int, int]], pin: str) -> str:
    """The text of a reading: its secrets hidden, and the PIN wherever else it stands."""
    for start, end in sorted(set(spans), reverse=True):
        text = text[:start] + HIDDEN + text[end:]
    return without_pin(text, pin)


def without_pin(text: str, pin: str | None) -> str:
    """The text with one PIN hidden."""
    return re.sub(rf"(?<![0-9]){pin}(?![0-9])", HIDDEN, text) if pin else text


def suspicious(text: str, clear: Iterable[tuple[int, int]] = ()) -> str:
    """A text with everything hidden that could be a PIN, but for places known to hold none."""
    shadow = "".join("0" if character.isdigit() else character for character in text)
    hidden = [False] * len(text)
    for pattern in (_LIKE_A_PIN, _SPREAD):
        for match in pattern.finditer(shadow):
            hidden[match.start() : match.end()] = [True] * (match.end() - match.start())
    for match in _OVERLONG.finditer(shadow):
        hidden[match.end(1) : match.end()] = [True] * (match.end() - match.end(1))
    for start, end in clear:
        hidden[start:end] = [False] * (end - start)
    return _painted(text, hidden)


def _painted(text: str, hidden: list[bool]) -> str:
    shown: list[str] = []
    for position, character in enumerate(text):
        if not hidden[position]:
            shown.append(character)
        elif not position or not hidden[position - 1]:
            shown.append(HIDDEN)
    return "".join(shown)
