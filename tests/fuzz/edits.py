"""Damage: small edits that turn a good input into a bad one.

Both the property tests and the runner without atheris build their inputs from a seed and
a list of edits, so that what one of them finds the other can repeat. An edit names its
place as a share of the length, which keeps it meaningful on inputs of any size.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

SHARES = 1 << 16
DATA_MAX = 64 * 1024

# What has broken parsers before: control characters, bytes that are no UTF-8, digits that
# are none of ASCII's, numbers too long for int(), brackets without end.
WORDS = (
    b"\x00",
    b"\r",
    b"\n",
    b"\r\n",
    b"\x1a",
    b"\x1b",
    b"\xff",
    b"\xed\xa0\x80",
    b"\\ud800",
    b"\xef\xbb\xbf",
    "\u0663\uff15\u00b2".encode(),
    "\u212a\u017f\u0131".encode(),
    "\u2028\x85".encode(),
    b'"',
    b"'",
    b'"""',
    b"=",
    b".",
    b",",
    b"-1",
    b"0",
    b"9" * 20,
    b"9" * 5000,
    b"0x" + b"f" * 5000,
    b"1e999",
    b"nan",
    b"[" * 3000,
    b"{" * 300,
    b" " * 1000,
    b"a." * 400,
    b"true",
    b"null",
)


class Kind(Enum):
    """What an edit does at its place."""

    INSERT = "insert the word"
    REPLACE = "put the word over what is there"
    DELETE = "take some bytes out"
    REPEAT = "say some bytes once more"
    CUT = "end there"


@dataclass(frozen=True)
class Edit:
    """One piece of damage; ``at`` is a share of the length in 1/65536, ``size`` bytes."""

    kind: Kind
    at: int
    size: int
    word: bytes


def damage(data: bytes, edits: Sequence[Edit]) -> bytes:
    """The input after all edits, never longer than DATA_MAX."""
    for edit in edits:
        data = _apply(data, edit)[:DATA_MAX]
    return data


def _apply(data: bytes, edit: Edit) -> bytes:
    at = len(data) * edit.at // SHARES
    match edit.kind:
        case Kind.INSERT:
            return data[:at] + edit.word + data[at:]
        case Kind.REPLACE:
            return data[:at] + edit.word + data[at + len(edit.word) :]
        case Kind.DELETE:
            return data[:at] + data[at + edit.size :]
        case Kind.REPEAT:
            return data[:at] + data[at : at + edit.size] + data[at:]
        case Kind.CUT:
            return data[:at]


def random_input(rng: random.Random, seeds: Sequence[bytes], words: Sequence[bytes]) -> bytes:
    """One input for the runner without atheris: mostly a damaged seed, sometimes noise."""
    if rng.random() < 0.05:
        return rng.randbytes(rng.randrange(200))
    return damage(rng.choice(seeds), [_random_edit(rng, words) for _ in range(rng.randrange(8))])


def _random_edit(rng: random.Random, words: Sequence[bytes]) -> Edit:
    word = rng.choice(words) if rng.random() < 0.6 else rng.randbytes(rng.randint(1, 4))
    return Edit(rng.choice(list(Kind)), rng.randrange(SHARES), rng.choice((1, 2, 8, 64)), word)
