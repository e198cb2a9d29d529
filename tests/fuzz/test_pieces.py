"""A stream means the same in whatever pieces it arrives: whole, byte by byte, cut anywhere."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from pulsarack.daemon.control_protocol import Lines
from pulsarack.modems.at.lines import LINE_OCTETS_MAX
from tests.fuzz import at_streams
from tests.fuzz.strategies import cuts, inputs, places
from tests.fuzz.table import TARGETS

Reader = Callable[[bytes, Iterable[bytes]], Sequence[Any]]


def _control_lines(data: bytes, pieces: Iterable[bytes]) -> Sequence[Any]:
    lines = Lines(limit=200)
    return [
        line if isinstance(line, bytes) else "too long"
        for piece in pieces
        for line in lines.feed(piece)
    ]


STREAMS: dict[str, tuple[str, Reader]] = {
    "AT machine": ("at-machine", at_streams.events_of),
    "control lines": ("requests", _control_lines),
}


@pytest.mark.parametrize(("seeds", "read"), STREAMS.values(), ids=STREAMS.keys())
def test_pieces_do_not_matter(seeds: str, read: Reader) -> None:
    @settings(
        max_examples=150,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(inputs(TARGETS[seeds]), places)
    def check(data: bytes, at: list[int]) -> None:
        # A prompt behind more blanks than a line may have is one only if it comes at once.
        data = data[:LINE_OCTETS_MAX]
        whole = read(data, (data,))
        assert read(data, cuts(data, at)) == whole
        assert read(data, (data[place : place + 1] for place in range(len(data)))) == whole

    check()
