"""Which line ends a USSD request: one sequence of lines and finals a row."""

import pytest

from pulsarack.modems import refusal
from pulsarack.modems.at.cusd import UssdEncoding
from pulsarack.modems.at.results import parse_final
from pulsarack.modems.at.ussd_request import UssdRequest
from pulsarack.modems.results import Refused, Silence, UssdAnswer

OK, ERROR, CME30, CME132 = "OK", "ERROR", "+CME ERROR: 30", "+CME ERROR: 132"


def play(steps: list[str | float], error_is_local: bool = False) -> UssdRequest:
    """Finals answer the command until one has; numbers are seconds that pass."""
    now = 0.0
    request = UssdRequest(30.0, UssdEncoding.PLAIN, error_is_local)
    answered = False
    for step in steps:
        if isinstance(step, float):
            now += step
            request.expire(now)
        elif step.startswith("+CUSD"):
            request.arrived(step, now)
        else:
            final = parse_final(step)
            assert final is not None
            if answered:
                request.failed_later(final)
            else:
                request.ended(final)
            answered = True
    return request


@pytest.mark.parametrize(
    ("steps", "status", "text"),
    [
        ([OK, '+CUSD: 0,"a",15'], 0, "a"),
        (['+CUSD: 1,"menu",15', OK], 1, "menu"),
        ([OK, '+CUSD: 2,"final text",15', 0.3], 2, "final text"),
        ([OK, '+CUSD: 2,"Initiating Release",15', '+CUSD: 0,"a",15'], 0, "a"),
        ([OK, '+CUSD: 2,"Initiating Release",15', 1.9, '+CUSD: 0,"a",15'], 0, "a"),
        ([OK, '+CUSD: 2,"Initiating Release",15', 2.0], 2, "Initiating Release"),
        ([OK, '+CUSD: 3,"Other local client responded",15', '+CUSD: 0,"b",15'], 0, "b"),
        ([OK, "+CUSD: 2", 1.0, '+CUSD: 0,"a",15'], 0, "a"),
        ([OK, '+CUSD: 2,"prepended",15', '+CUSD: 0,"a",15'], 0, "a"),
        ([OK, '+CUSD: 2,"final",15', '+CUSD: 2,"Initiating Release",15', 0.3], 2, "final"),
        ([OK, '+CUSD: 2,"final",15', "+CUSD: 2", 0.3], 2, "final"),
        ([OK, '+CUSD: 2,"Unexpected Data Value",15', ERROR], 2, "Unexpected Data Value"),
        ([OK, "+CUSD: 0"], 0, ""),
    ],
)
def test_answers(steps: list[str | float], status: int, text: str) -> None:
    result = play(steps).result
    assert isinstance(result, UssdAnswer)
    assert (result.status, result.text) == (status, text)


@pytest.mark.parametrize(
    ("steps", "error", "left"),
    [
        ([CME30], "+CME ERROR: 30 (no network service)", False),
        ([ERROR], "ERROR", True),
        ([OK, CME132], "+CME ERROR: 132 (service option not supported)", True),
        ([OK, CME30], "+CME ERROR: 30 (no network service)", True),
        (["+CUSD: 4", CME30], "+CUSD: 4 (not supported)", True),
        ([OK, "+CUSD: 4", 2.0], "+CUSD: 4 (not supported)", True),
        ([OK, "+CUSD: 2", 2.0], "+CUSD: 2 (terminated by network)", True),
        ([OK, '+CUSD: 5,"*123#",15', 2.0], "+CUSD: 5 (network timeout)", True),
        ([OK, "+CUSD: 6", 2.0], "+CUSD: 6 (unknown status)", True),
    ],
)
def test_failures(steps: list[str | float], error: str, left: bool) -> None:
    result = play(steps).result
    assert isinstance(result, Refused)
    assert (result.error, result.left) == (error, left)


def test_plain_error_is_local_only_by_the_profiles_word() -> None:
    result = play([ERROR], error_is_local=True).result
    assert result == Refused("ERROR", None, left=False)
    result = play([OK, ERROR], error_is_local=True).result
    assert result == Refused("ERROR", None, left=True)


def test_silence() -> None:
    assert play([OK, 29.0]).result is None
    assert play([OK, 30.0]).result == Silence(left=True)
    assert play([30.0]).result == Silence(left=True)


def test_refusal_table_is_conservative() -> None:
    def left(line: str) -> bool:
        final = parse_final(line)
        assert final is not None
        return refusal.ussd_left(final, error_is_local=False)

    proofs = {code for code in range(600) if not left(f"+CME ERROR: {code}")}
    assert {4, 10, 11, 12, 13, 14, 15, 16, 17, 18, 30, 515} <= proofs
    assert not proofs & {0, 3, 31, 32, 50, 100, 132, 256, 258}
    proofs = {code for code in range(600) if not left(f"+CMS ERROR: {code}")}
    assert min(proofs) >= 303
    assert not proofs & {300, 301, 302, 320, 321, 322, 332, 340, 500}
    for line in ("ERROR", "COMMAND NOT SUPPORT", "+CME ERROR: raspberry", "+CMS ERROR:"):
        assert left(line)


def test_a_text_that_settles_it_is_not_waited_behind() -> None:
    request = UssdRequest(30.0, UssdEncoding.PLAIN, settles=lambda text: "berhasil" in text)
    request.arrived('+CUSD: 2,"Initiating release",15', 0.5)
    assert request.result is None
    request.arrived('+CUSD: 2,"Isi ulang berhasil",15', 1.0)
    assert isinstance(request.result, UssdAnswer)
    assert request.result.text == "Isi ulang berhasil"


def test_a_timeout_that_repeats_a_settling_text_settles_nothing() -> None:
    request = UssdRequest(30.0, UssdEncoding.PLAIN, settles=lambda text: True)
    request.arrived('+CUSD: 5,"*776#",15', 1.0)
    assert request.result is None
