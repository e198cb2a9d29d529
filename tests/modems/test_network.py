"""Reading where a modem stands in the network, and why there is none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulsarack.modems import card_lock
from pulsarack.modems.registration import (
    OPERATOR_CHARACTERS_MAX,
    REASON_CHARACTERS_MAX,
    explain,
    parse_operator,
    parse_reason,
    parse_registration,
)
from pulsarack.modems.results import NetworkPlace, Registration
from tests.modems.world import IDENTIFY, Reply, World

HOME, ROAMING, SEARCHING = Registration.HOME, Registration.ROAMING, Registration.SEARCHING
NOT, DENIED, UNKNOWN = Registration.NOT_REGISTERED, Registration.DENIED, Registration.UNKNOWN


@pytest.mark.parametrize(
    ("line", "state", "area", "cell", "technology"),
    [
        ("+CREG: 0,1", HOME, None, None, ""),
        ("+CREG:0,5", ROAMING, None, None, ""),
        ("+CREG: 3", DENIED, None, None, ""),
        ("+CREG: 12", UNKNOWN, None, None, ""),
        ("+CREG: 1,11", UNKNOWN, None, None, ""),
        ('+CREG: 2,1,"12AB","0034CDEF",2', HOME, 0x12AB, 0x34CDEF, "UMTS"),
        ("+CREG: 2,1,12AB,34CD", HOME, 0x12AB, 0x34CD, ""),
        ("+CREG: 1,12AB,34CD", HOME, 0x12AB, 0x34CD, ""),
        ("+CREG: 5,0012,0034,7", ROAMING, 0x12, 0x34, "LTE"),
        ('+CREG: 11,"12AB","34cd"', UNKNOWN, 0x12AB, 0x34CD, ""),
        ('+CREG:002,001,"12ab","ffff"', HOME, 0x12AB, None, ""),
        ("+CREG: 2,0,00,0", NOT, None, None, ""),
        ("+CREG: 2,,", SEARCHING, None, None, ""),
        ('+CREG: 2,6,"12AB","0034CDEF",7', HOME, 0x12AB, 0x34CDEF, "LTE"),
        ('+CREG: 2,10,"12AB","0034CDEF",0', ROAMING, 0x12AB, 0x34CDEF, "GSM"),
        ("+CREG: 2,1,  0 5, 12AB", HOME, None, 0x12AB, ""),
        ('+CREG: 2,1,"","12AB"', HOME, None, 0x12AB, ""),
        ('+CREG: 2,1,"12AB', HOME, None, None, ""),  # who knows how it went on
        ('+CEREG: 2,1,"12AB","0034CDEF",99', HOME, 0x12AB, 0x34CDEF, ""),
    ],
)
def test_registration(
    line: str, state: Registration, area: int | None, cell: int | None, technology: str
) -> None:
    assert parse_registration(line) == NetworkPlace(state, area, cell, technology, "")


@pytest.mark.parametrize("line", ["+CREG: ", "+CREG: x,y", "+CSQ: 1,2", "", "+CREG: 1234"])
def test_what_is_no_registration(line: str) -> None:
    assert parse_registration(line) is None


@pytest.mark.parametrize(
    ("line", "mode", "name"),
    [
        ('+COPS: 0,0,"SIMULATED",2', 0, "SIMULATED"),
        ("+COPS: 0", 0, ""),
        ("+COPS: 2", 2, ""),
        ('+COPS: 1,2,"51010"', 1, "51010"),
        ('+COPS: 0,0,"00530049004D"', 0, "SIM"),
        ('+COPS: 0,0,"a\x1b[31mb"', 0, "a [31mb"),
        ("+CREG: 1", None, ""),
    ],
)
def test_operator(line: str, mode: int | None, name: str) -> None:
    assert parse_operator((line,)) == (mode, name)


@given(st.text(max_size=300))
def test_whatever_is_said_is_bounded(text: str) -> None:
    parse_registration("+CREG:" + text)
    _, name = parse_operator((f'+COPS: 0,0,"{text}"',))
    assert len(name) <= OPERATOR_CHARACTERS_MAX
    reason = parse_reason((text,))
    assert len(reason) <= REASON_CHARACTERS_MAX
    assert reason == "" or reason.isprintable()
    assert len(card_lock.parse_state(text)) <= card_lock.STATE_CHARACTERS_MAX
    assert all(card_lock.remedy(card_lock.parse_state(text)))


def test_every_state_without_network_has_words_and_a_remedy() -> None:
    for state in (NOT, SEARCHING, DENIED, UNKNOWN):
        said = explain(state, "cause 11")
        assert said.startswith("no network: ")
        assert "cause 11" in said and "; " in said


@pytest.mark.parametrize(
    ("said", "state"),
    [(' "SIM PIN"', "SIM PIN"), ("   sim  puk2", "SIM PUK2"), ("PH-NET PIN", "PH-NET PIN")],
)
def test_card_states(said: str, state: str) -> None:
    assert card_lock.parse_state(said) == state


def test_locks_of_the_modem_and_the_card_are_told_apart() -> None:
    assert "PUK in a phone" in card_lock.remedy("SIM PUK")[1]
    assert "another network" in card_lock.remedy("PH-NET PIN")[0]
    assert card_lock.remedy("PH-NET PUK") == card_lock.remedy("PH-NET PIN")
    assert "do not know" in card_lock.remedy("PH-ROBBER PIN")[0]


# --- the questions ----------------------------------------------------------------------------

OK = b"\r\nOK\r\n"


def said(line: str) -> bytes:
    return f"\r\n{line}\r\n\r\nOK\r\n".encode()


async def world_of(script: list[tuple[str, Reply]]) -> World:
    world = World([*IDENTIFY["huawei"], *script])
    await world.run(world.modem.identify())
    return world


async def test_place_and_operator() -> None:
    world = await world_of(
        [
            (r"AT\+CREG\?", b"\r\n+CREG: 1,12AB,34CD\r\n\r\n+CREG: 2,1,12AC,34CE,2\r\n" + OK),
            (r"AT\+COPS\?", said('+COPS: 0,0,"SIMULATED",2')),
        ]
    )
    found = await world.run(world.modem.place())
    assert found == NetworkPlace(HOME, 0x12AC, 0x34CE, "UMTS", "SIMULATED")
    world.check()


@pytest.mark.parametrize(("mode", "told"), [("0", False), ("1", True), ("2", True)])
async def test_a_modem_that_was_told_otherwise_chooses_again(mode: str, told: bool) -> None:
    script: list[tuple[str, Reply]] = [(r"AT\+COPS\?", said(f"+COPS: {mode}"))]
    world = await world_of([*script, (r"AT\+COPS=0", (15.0, OK))] if told else script)
    assert await world.run(world.modem.select_network()) is told
    world.check()


async def test_a_search_without_end_is_no_fault() -> None:
    world = await world_of([(r"AT\+COPS\?", said("+COPS: 2")), (r"AT\+COPS=0", b"")])
    assert await world.run(world.modem.select_network())


async def test_a_modem_that_is_silent_about_its_network_has_no_name_for_it() -> None:
    world = await world_of([(r"AT\+CREG\?", said("+CREG: 2,1,12AB,34CD")), (r"AT\+COPS\?", b"")])
    assert await world.run(world.modem.place()) == NetworkPlace(HOME, 0x12AB, 0x34CD, "", "")


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"", "the network denies the chip;"),
        (said("+CEER: 5,11,Requested PLMN not allowed"), "Requested PLMN not allowed"),
        (b"\r\nERROR\r\n", "the network denies the chip;"),
    ],
)
async def test_a_denial_is_explained(answer: bytes, words: str) -> None:
    world = await world_of([(r"AT\+CEER", answer)])
    why = await world.run(world.modem.why_no_network(DENIED))
    assert words in why and "expired or barred" in why
