"""The marksman without a daemon: what a shot that does not fall leaves behind."""

import asyncio
from collections import Counter
from pathlib import Path
from random import Random
from typing import cast

import pytest

from pulsarack.daemon.demo.place import Place
from pulsarack.daemon.demo.progress import Progress
from pulsarack.daemon.demo.stage import Stage
from tests.soak import marksman
from tests.soak.agents import TappedLink
from tests.soak.aims import Aim, Kind, Shot
from tests.soak.marksman import Marksman
from tests.soak.rack import TappedRack


class Nobody:
    """A daemon, its stage and the rack, all of them idle."""

    killed = False

    def __init__(self) -> None:
        self.daemon = self
        self.aim = Aim()


async def test_a_moment_that_does_not_come_is_a_miss(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(marksman, "MISS_SECONDS", 0.0)
    place, nobody, progress = Place(tmp_path), Nobody(), Progress(1)
    shooting = Marksman(
        place,
        cast(Stage, nobody),
        TappedLink(place),
        cast(TappedRack, nobody),
        progress,
        Random(1),
    )
    progress.order(1, "QUEUED")
    shots = [Shot(Kind.PROMPT, 1), Shot(Kind.STARTUP, 1), Shot(Kind.BOOKED, 1)]
    await asyncio.wait_for(shooting.run(shots), 60)
    assert Counter(shooting.tally.misses) == {Kind.PROMPT: 1, Kind.STARTUP: 1, Kind.BOOKED: 1}
    assert not shooting.tally.kills
    assert type(nobody.aim) is Aim
