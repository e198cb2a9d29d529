"""The aims on bytes: when each fires, and what still reaches the modem."""

from collections import Counter
from random import Random

import pytest

from pulsarack.modems.simulator.ussd_text import to_packed_hex, to_ucs2_hex
from tests.soak import aims
from tests.soak.aims import AtPrompt, Gun, InCommand, Kind, WhenAnswered, WhenBooked, WhenTold

PIN = "1201"
TOP_UP = "*777*081200000012*10*1201#"
STOCK = "*776*1201#"
MENU = "*123#"


class Trigger:
    """A gun that only counts."""

    def __init__(self, seed: int) -> None:
        self._shots = 0
        self.gun = Gun(self._fire, Random(seed))

    def shots(self) -> int:
        return self._shots

    def _fire(self) -> None:
        self._shots += 1


def line(text: str) -> bytes:
    return f'AT+CUSD=1,"{text}",15\r'.encode("ascii")


@pytest.mark.parametrize("kills", [8, 9, 50])
@pytest.mark.parametrize("seed", range(20))
def test_a_draw_holds_every_kind_and_begins_with_a_running_daemon(kills: int, seed: int) -> None:
    shots = aims.draw(Random(seed), kills, 1000)
    counts = Counter(shot.kind for shot in shots)
    assert set(counts) == set(Kind)
    assert max(counts.values()) - min(counts.values()) <= 1
    assert shots[0].kind is not Kind.STARTUP
    assert [shot.accepted for shot in shots] == sorted(shot.accepted for shot in shots)
    assert 1 <= shots[0].accepted <= shots[-1].accepted <= 800


def test_too_few_kills_for_all_kinds_are_refused() -> None:
    with pytest.raises(ValueError, match="8 kinds"):
        aims.draw(Random(1), 7, 100)


@pytest.mark.parametrize("spell", [str, to_packed_hex, to_ucs2_hex])
def test_what_moves_money_is_known_in_every_spelling(spell: type[str]) -> None:
    assert aims.moves_money(spell(TOP_UP).encode(), PIN)
    assert aims.moves_money(spell(PIN).encode(), PIN)
    for harmless in (STOCK, MENU, "1", "081200000012", "2301"):
        assert not aims.moves_money(spell(harmless).encode(), PIN)


@pytest.mark.parametrize("seed", range(30))
def test_a_command_is_cut_before_its_end_and_only_once(seed: int) -> None:
    trigger = Trigger(seed)
    aim = InCommand(trigger.gun)
    harmless = (b"AT\r", line(STOCK), line(MENU), b"AT+CUSD=2\r", b'AT+CUSD=1,"*777*')
    assert [aim.heard(0, PIN, one) for one in harmless] == list(harmless)
    assert not trigger.shots()
    reached = aim.heard(0, PIN, line(TOP_UP))
    assert reached
    assert line(TOP_UP).startswith(reached)
    assert not reached.endswith(b"\r")
    assert aim.heard(1, PIN, line(TOP_UP)) == line(TOP_UP)
    assert trigger.shots() == 1


def test_commands_are_cut_in_the_middle_and_right_before_their_end() -> None:
    lengths = {len(InCommand(Trigger(n).gun).heard(0, PIN, line(TOP_UP))) for n in range(60)}
    assert max(lengths) == len(line(TOP_UP)) - 1
    assert min(lengths) < len(line(TOP_UP)) // 2


def test_the_prompt_is_hit_at_once_or_before_its_end_of_message() -> None:
    hit_at_once = 0
    body = b"0011000B91\x1a"
    for seed in range(40):
        trigger = Trigger(seed)
        aim = AtPrompt(trigger.gun)
        assert aim.heard(0, PIN, body) == body
        aim.said(0, b"\r\nOK\r\n")
        assert trigger.shots() == 0
        aim.said(0, b"\r\n> ")
        if trigger.shots():
            hit_at_once += 1
            continue
        assert aim.heard(1, PIN, body) == body
        reached = aim.heard(0, PIN, body)
        assert trigger.shots() == 1
        assert 0 < len(reached) < len(body)
        assert body.startswith(reached)
    assert 0 < hit_at_once < 40


def test_an_escape_at_the_prompt_is_no_message() -> None:
    trigger = next(one for one in map(Trigger, range(40)) if not _fires_at_once(one))
    aim = AtPrompt(trigger.gun)
    aim.said(0, b"> ")
    assert aim.heard(0, PIN, b"\x1b") == b"\x1b"
    assert trigger.shots() == 0


def _fires_at_once(trigger: Trigger) -> bool:
    AtPrompt(trigger.gun).said(0, b"> ")
    return trigger.shots() > 0


def test_only_a_delivery_is_a_booking() -> None:
    trigger = Trigger(1)
    aim = WhenBooked(trigger.gun)
    aim.booked({"kind": "stock", "stock": 1})
    aim.booked({"kind": "top_up", "delivered": False})
    assert trigger.shots() == 0
    aim.booked({"kind": "top_up", "delivered": True})
    assert trigger.shots() == 1


def test_one_answer_is_lost_and_one_acknowledgement() -> None:
    trigger = Trigger(1)
    answered, told = WhenAnswered(trigger.gun), WhenTold(trigger.gun)
    assert [answered.answered(), answered.answered()] == [True, False]
    assert [told.told(), told.told()] == [True, False]
    assert trigger.shots() == 2
