"""A rack of 512 modems needs more descriptors than a service is given to begin with."""

import resource

import pytest

from pulsarack.daemon import descriptors

UNLIMITED = resource.RLIM_INFINITY


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ((1024, 524_288), (16_384, 524_288)),
        ((1024, 4096), (4096, 4096)),
        ((1024, UNLIMITED), (16_384, UNLIMITED)),
        ((20_000, 524_288), None),
        ((UNLIMITED, UNLIMITED), None),
        ((4096, 4096), None),
    ],
)
def test_the_limit_is_raised_as_far_as_it_is_allowed(
    monkeypatch: pytest.MonkeyPatch, before: tuple[int, int], after: tuple[int, int] | None
) -> None:
    put: list[tuple[int, int]] = []
    monkeypatch.setattr(resource, "getrlimit", lambda _: before)
    monkeypatch.setattr(resource, "setrlimit", lambda _, limits: put.append(limits))
    assert descriptors.raise_limit() == (after or before)[0]
    assert put == ([after] if after else [])
