"""What a killed daemon has left in its write-ahead log, read by our own eyes and read-only.

The log (sqlite.org/fileformat2.html, section 4) is a header and frames, one page each. A
transaction is in it when its last frame is there: that one alone names the size of the
database. Frames behind the last such frame are a commit that was cut short, which is the
proof that a kill hit the inside of a commit. A frame counts only if it bears the salts of
the header and its checksum continues those before it, as SQLite itself decides; frames of
an earlier round of the log, which lie behind, do neither.

SQLite's own library is not asked: whoever opens the file with it repairs it.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_HEADER = struct.Struct(">8I")  # magic, version, page size, sequence, 2 salts, 2 checksums
_FRAME = struct.Struct(">6I")  # page, size of the database, 2 salts, 2 checksums
# The lowest bit of the magic number says which way the checksums read their words.
_MAGIC = 0x377F0682
_WORD = 0xFFFFFFFF

Pair = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Tail:
    """The end of a log: frames that are committed, frames behind them that are not.

    `mark` tells one end from another, so that none is counted twice.
    """

    committed: int
    uncommitted: int
    mark: tuple[int, ...] = ()


NOTHING = Tail(0, 0)


def read(path: Path) -> Tail:
    """The end of the log, every checksum verified; NOTHING if there is no log."""
    content = _content(path)
    if content is None:
        return NOTHING
    magic, _, page_size, _, *salts_and_sums = _HEADER.unpack_from(content)
    words = ">" if magic & 1 else "<"
    sums = _checksum(words, content[: _HEADER.size - 8], (0, 0))
    if list(sums) != salts_and_sums[2:]:
        return NOTHING
    committed = frames = 0
    for at, size, _, found in _frames(content, page_size, tuple(salts_and_sums[:2])):
        page = content[at + _FRAME.size : at + _FRAME.size + page_size]
        if _checksum(words, content[at : at + 8] + page, sums) != found:
            break
        sums = found
        frames += 1
        committed = frames if size else committed
    return Tail(committed, frames - committed, (*salts_and_sums[:2], frames, *sums))


def is_inside_commit(path: Path) -> bool:
    """Whether the log ends in frames that no commit has closed; quick, no checksums.

    At least two are asked for: the page of the last one may not be written yet.
    """
    content = _content(path)
    if content is None:
        return False
    _, _, page_size, _, *salts, _, _ = _HEADER.unpack_from(content)
    unclosed = 0
    for _, size, _, _ in _frames(content, page_size, (salts[0], salts[1])):
        unclosed = 0 if size else unclosed + 1
    return unclosed > 1


def _content(path: Path) -> bytes | None:
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    if len(content) < _HEADER.size or _HEADER.unpack_from(content)[0] & ~1 != _MAGIC:
        return None
    return content


def _frames(
    content: bytes, page_size: int, salts: tuple[int, ...]
) -> Iterator[tuple[int, int, Pair, Pair]]:
    """Place, size of the database, salts and checksums of each frame of this round."""
    for at in range(_HEADER.size, len(content) - _FRAME.size + 1, _FRAME.size + page_size):
        _, size, salt1, salt2, sum1, sum2 = _FRAME.unpack_from(content, at)
        if (salt1, salt2) != salts:
            return
        yield at, size, (salt1, salt2), (sum1, sum2)


def _checksum(words: str, data: bytes, start: Pair) -> Pair:
    one, two = start
    # A page that is only partly there is no whole number of words; its sum is wrong anyway.
    whole = len(data) // 8 * 2
    values = struct.unpack_from(f"{words}{whole}I", data)
    for place in range(0, whole, 2):
        one = (one + values[place] + two) & _WORD
        two = (two + values[place + 1] + one) & _WORD
    return one, two
