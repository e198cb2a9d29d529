"""The remedy ladder as a table: which remedy, after which pause, and when never."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulsarack.daemon.errors import CardExchanged
from pulsarack.modems import errors
from pulsarack.modems.remedies import (
    BACK_OFF_SECONDS,
    FALLS_LIMIT,
    FALLS_WITHIN_SECONDS,
    GIVEN_UP_SECONDS,
    LADDERS,
    MODEM_S_OWN,
    REST_SECONDS,
    STRONG,
    TRIES_LIMIT,
    Fault,
    Ladder,
    Means,
    Remedy,
    fault_of,
)

ALL = Means(restart=True, usb=True, power=True, known=True)
SERIAL = Means(restart=True, known=True)
STRANGER = Means(usb=True, power=True)
R = Remedy


def climb(fault: Fault, means: Means, times: int, *, may_reset: bool = True) -> list[Remedy]:
    ladder, found = Ladder(), []
    for number in range(times):
        ladder, advice = ladder.failed(fault, float(number), means, may_reset=may_reset)
        found.append(advice.remedy)
    return found


@pytest.mark.parametrize(
    ("fault", "means", "remedies"),
    [
        (Fault.SILENT, ALL, [R.RETRY, R.REOPEN, R.RESTART, R.USB_RESET, R.HUB_POWER, R.REOPEN]),
        (Fault.SILENT, SERIAL, [R.RETRY, R.REOPEN, R.RESTART, R.REOPEN]),
        (Fault.SILENT, Means(), [R.RETRY, R.REOPEN, R.REOPEN]),
        (Fault.SILENT, STRANGER, [R.RETRY, R.REOPEN, R.REOPEN]),
        (Fault.REFUSED, ALL, [R.RETRY, R.REOPEN, R.RESTART, R.USB_RESET]),
        (Fault.STUCK, ALL, [R.REOPEN, R.USB_RESET, R.HUB_POWER, R.REOPEN]),
        (Fault.NOISE, ALL, [R.RETRY, R.REOPEN, R.USB_RESET, R.HUB_POWER]),
        (Fault.NOISE, STRANGER, [R.RETRY, R.REOPEN, R.REOPEN]),
        (Fault.NO_NETWORK, ALL, [R.RETRY, R.RETRY, R.RESTART, R.WAIT, R.WAIT]),
        (Fault.NO_CARD, ALL, [R.RETRY, R.RETRY, R.RESTART, R.WAIT]),
        (Fault.GONE, ALL, [R.WAIT, R.WAIT]),
        (Fault.HELPLESS, ALL, [R.WAIT, R.WAIT, R.WAIT]),
    ],
)
def test_the_rungs_of_each_fault(fault: Fault, means: Means, remedies: list[Remedy]) -> None:
    assert climb(fault, means, len(remedies)) == remedies


def test_every_fault_has_a_ladder_that_goes_up() -> None:
    order = list(Remedy)
    assert LADDERS.keys() == set(Fault)
    for rungs in LADDERS.values():
        assert all(order.index(one) <= order.index(next_) for one, next_ in pairwise(rungs))
        assert not {Remedy.WAIT, Remedy.REST} & set(rungs)


def test_the_pauses_grow() -> None:
    ladder, pauses = Ladder(), []
    for _ in range(6):
        ladder, advice = ladder.failed(Fault.SILENT, 0.0, ALL)
        pauses.append(advice.wait_seconds)
    assert pauses == [2.0, 5.0, 15.0, 60.0, 60.0, 60.0]
    assert ladder.ready().failed(Fault.SILENT, 0.0, ALL)[1].wait_seconds == BACK_OFF_SECONDS[0]


def test_what_no_remedy_mends_is_given_up_and_tried_again_from_the_bottom() -> None:
    ladder = Ladder()
    for _ in range(TRIES_LIMIT - 1):
        ladder, advice = ladder.failed(Fault.SILENT, 0.0, ALL)
        assert not ladder.given_up
    ladder, advice = ladder.failed(Fault.SILENT, 0.0, ALL)
    assert ladder.given_up
    assert advice.remedy is Remedy.REST
    assert advice.wait_seconds == GIVEN_UP_SECONDS
    ladder, advice = ladder.failed(Fault.SILENT, 700.0, ALL)
    assert advice.remedy is Remedy.RETRY
    assert not ladder.ready().given_up


@pytest.mark.parametrize("fault", [one for one in Fault if one not in MODEM_S_OWN])
def test_what_is_not_the_modem_s_fault_is_never_given_up(fault: Fault) -> None:
    assert Remedy.REST not in climb(fault, ALL, 100)


def test_five_falls_within_an_hour_are_a_rest() -> None:
    ladder = Ladder()
    for number in range(FALLS_LIMIT):
        assert not ladder.resting
        ladder = ladder.fell(number * 100.0).ready() if number < 4 else ladder.fell(400.0)
    assert ladder.resting
    after, advice = ladder.failed(Fault.SILENT, 500.0, ALL)
    assert (advice.remedy, advice.wait_seconds) == (Remedy.REST, REST_SECONDS - 100.0)
    assert after == ladder
    rested, advice = ladder.failed(Fault.SILENT, 400.0 + REST_SECONDS, ALL)
    assert advice.remedy is Remedy.RETRY
    assert rested.falls == ()
    assert ladder.ready().fell(400.0 + REST_SECONDS).falls == (400.0 + REST_SECONDS,)


def test_four_falls_an_hour_are_borne_for_ever() -> None:
    ladder = Ladder()
    for number in range(100):
        ladder = ladder.fell(number * FALLS_WITHIN_SECONDS / (FALLS_LIMIT - 1)).ready()
        assert not ladder.resting


FAULTS = st.lists(st.tuples(st.sampled_from(Fault), st.booleans(), st.booleans()), max_size=40)
MEANS = st.builds(Means, st.booleans(), st.booleans(), st.booleans(), st.booleans())


@given(FAULTS, MEANS)
def test_nothing_strong_while_an_attempt_is_open(
    story: list[tuple[Fault, bool, bool]], means: Means
) -> None:
    ladder = Ladder()
    for number, (fault, may_reset, ready) in enumerate(story):
        before = ladder
        ladder, advice = ladder.failed(fault, float(number), means, may_reset=may_reset)
        assert means.allow(advice.remedy)
        assert advice.wait_seconds > 0
        if not may_reset:
            assert advice.remedy not in STRONG
        if advice.held_back is not None:
            # It comes as soon as it may.
            assert before.failed(fault, float(number), means)[1].remedy is advice.held_back
            _, later = ladder.failed(fault, number + 0.5, means)
            assert later.remedy is advice.held_back
        if ready:
            ladder = ladder.ready()


@pytest.mark.parametrize(
    ("error", "fault"),
    [
        (errors.ModemSilent("AT", 5.0), Fault.SILENT),
        (errors.ModemRefused("AT+CMGF=0", "ERROR"), Fault.REFUSED),
        (errors.PortStuck("/dev/x", 10.0), Fault.STUCK),
        (errors.NotAModem(), Fault.NOISE),
        (errors.SimMissing("10"), Fault.NO_CARD),
        (errors.NoNetwork("no network was found"), Fault.NO_NETWORK),
        (errors.PortMissing("/dev/x"), Fault.GONE),
        (errors.PortGone("hung up"), Fault.GONE),
        (errors.PortBusy("/dev/x", "minicom (pid 4)"), Fault.HELPLESS),
        (errors.PortDenied("/dev/x"), Fault.HELPLESS),
        (errors.NotATty("/dev/x"), Fault.HELPLESS),
        (errors.SimPinNeeded(refused=True), Fault.HELPLESS),
        (errors.SimBarred("SIM PUK", "it wants its PUK", "unblock it"), Fault.HELPLESS),
        (CardExchanged("1", "2"), Fault.HELPLESS),
        (ValueError("a bug"), Fault.HELPLESS),
    ],
)
def test_the_kinds_of_failure(error: Exception, fault: Fault) -> None:
    assert fault_of(error) is fault
