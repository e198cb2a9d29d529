"""The same inputs for hypothesis: noise, damaged seeds, and ways to cut a stream in pieces."""

from collections.abc import Sequence

from hypothesis import strategies as st

from tests.fuzz.edits import SHARES, WORDS, Edit, Kind, damage
from tests.fuzz.target import Target


def inputs(target: Target) -> st.SearchStrategy[bytes]:
    """Inputs of one target, mostly damaged seeds; they shrink towards a whole seed."""
    return st.one_of(_damaged(target.seeds(), (*WORDS, *target.words)), st.binary(max_size=300))


def _damaged(seeds: Sequence[bytes], words: Sequence[bytes]) -> st.SearchStrategy[bytes]:
    word = st.one_of(st.sampled_from(words), st.binary(min_size=1, max_size=4))
    edit = st.builds(
        Edit,
        st.sampled_from(Kind),
        st.integers(0, SHARES - 1),
        st.sampled_from((1, 2, 8, 64)),
        word,
    )
    return st.builds(damage, st.sampled_from(seeds), st.lists(edit, max_size=6))


def cuts(data: bytes, places: Sequence[int]) -> list[bytes]:
    """The input cut at these shares of its length; some pieces may be empty."""
    ends = sorted(len(data) * place // SHARES for place in places)
    return [data[a:b] for a, b in zip([0, *ends], [*ends, len(data)], strict=True)]


places = st.lists(st.integers(0, SHARES - 1), max_size=12)
