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
_LONG = re.compile(r"[0-9]{9,}")


def without(text: str, spans: Iterable[tuple[int, int]], pin: str) -> str:
    """The text of a reading: its secrets hidden, and the PIN wherever else it stands."""
    for start, end in sorted(set(spans), reverse=True):
        text = text[:start] + HIDDEN + text[end:]
    return _one_line(without_pin(text, pin))


def without_pin(text: str, pin: str | None) -> str:
    """The text with one PIN hidden."""
    return re.sub(rf"(?<![0-9]){pin}(?![0-9])", HIDDEN, text) if pin else text


def suspicious(text: str, clear: Iterable[tuple[int, int]] = ()) -> str:
    """A text with everything hidden that could be a PIN, but for places known to hold none."""
    shadow = text if text.isascii() else "".join(map(_shadow, text))
    hidden = [False] * len(text)
    for pattern in (_LIKE_A_PIN, _SPREAD):
        for match in pattern.finditer(shadow):
            hidden[match.start() : match.end()] = [True] * (match.end() - match.start())
    for match in _LONG.finditer(shadow):
        # Figures of other scripts are in no number.
        start = match.start() + (9 if text[slice(*match.span())].isascii() else 0)
        if start == match.start() or len(match[0]) > 13:
            hidden[start : match.end()] = [True] * (match.end() - start)
    for start, end in clear:
        hidden[start:end] = [False] * (end - start)
    return _one_line(_painted(text, hidden))


def _one_line(text: str) -> str:
    return text.replace("\n", " ")


def _shadow(character: str) -> str:
    return "0" if character.isdigit() and not character.isascii() else character


def _painted(text: str, hidden: list[bool]) -> str:
    shown: list[str] = []
    for position, character in enumerate(text):
        if not hidden[position]:
            shown.append(character)
        elif not position or not hidden[position - 1]:
            shown.append(HIDDEN)
    return "".join(shown)
