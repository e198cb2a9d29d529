"""64 modems and their cards plugged, pulled and moved at random while the rack sells."""

import pytest

from tests.simulation.history import run
from tests.simulation.plan import AT_THE_RACK, plug_and_unplug
from tests.simulation.report import Report

MODEMS = 64
SEEDS = (4,)
pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def reports() -> list[Report]:
    return [run(seed, plug_and_unplug(seed, MODEMS)) for seed in SEEDS]


def test_every_promise_is_kept(reports: list[Report]) -> None:
    assert [report.broken[:3] for report in reports] == [[]]
    for report in reports:
        assert report.orders > 10 * MODEMS
        # Nearly all are sold, by whatever chip is there.
        assert report.states["SUCCEEDED"] > 0.97 * report.orders


def test_it_happens_before_during_and_after_the_point_of_no_return(reports: list[Report]) -> None:
    total = Report(-1)
    for report in reports:
        total.add(report)
    for storm in AT_THE_RACK:
        states = {state for state, fault in total.faults if fault == storm.value}
        assert states >= {"idle", "SENDING committed"}, storm
    assert {state for state, fault in total.faults if fault == "unplugged"} >= {
        "SENDING",
        "SENDING committed",
        "UNKNOWN",
    }


def test_a_modem_works_again_within_seconds_wherever_it_comes_back(reports: list[Report]) -> None:
    for report in reports:
        assert len(report.returns) > 2 * MODEMS
        assert max(report.returns) <= 10.0
