"""Who shows which card and modem: two that show the same are held, and go on when one is gone."""

from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from pulsarack.daemon.identities import Identities

ICCID, OTHER = "8962100000000000012", "8962100000000000020"
IMEI, OTHER_IMEI = "350001000000017", "350001000000025"


@dataclass(eq=False)
class Holder:
    name: str
    told: list[str] = field(default_factory=list)

    @property
    def why(self) -> str:
        return self.told[-1] if self.told else ""

    def held_changed(self, why: str) -> None:
        self.told.append(why)


def holders() -> tuple[Holder, Holder, Holder]:
    return Holder("one"), Holder("two"), Holder("three")


def test_who_is_alone_may_sell() -> None:
    identities = Identities[Holder]()
    one, two, _ = holders()
    identities.show(one, ICCID, IMEI)
    identities.show(two, OTHER, OTHER_IMEI)
    assert (one.why, two.why) == ("", "")
    assert identities.with_chip(ICCID) == [one]
    assert dict(identities.every()) == {ICCID: one, OTHER: two}


def test_two_with_one_card_are_both_held_until_one_is_gone() -> None:
    identities = Identities[Holder]()
    one, two, three = holders()
    identities.show(one, ICCID, IMEI)
    identities.show(two, ICCID, OTHER_IMEI)
    assert f"slot two shows chip {ICCID} too" in one.why
    assert f"slot one shows chip {ICCID} too" in two.why
    identities.show(three, ICCID, "")
    assert "slots one, two show" in three.why
    identities.leave(two)
    assert "slot three" in one.why and "slot one" in three.why
    identities.leave(three)
    assert (one.why, identities.conflict(one)) == ("", "")
    assert identities.with_chip(ICCID) == [one]


def test_two_with_one_imei_are_held_unless_it_is_allowed() -> None:
    one, two, _ = holders()
    strict, lenient = Identities[Holder](), Identities[Holder]({IMEI})
    for identities in (strict, lenient):
        identities.show(one, ICCID, IMEI)
        identities.show(two, OTHER, IMEI)
    assert strict.conflict(one).endswith(f'allow it: [modems] shared_imeis = ["{IMEI}"]')
    assert lenient.conflict(one) == lenient.conflict(two) == ""


def test_a_modem_that_tells_no_imei_is_like_no_other() -> None:
    identities = Identities[Holder]()
    one, two, _ = holders()
    identities.show(one, ICCID, "")
    identities.show(two, OTHER, "")
    assert (one.why, two.why) == ("", "")


def test_a_slot_with_another_card_frees_the_one_it_showed() -> None:
    identities = Identities[Holder]()
    one, two, _ = holders()
    identities.show(one, ICCID, IMEI)
    identities.show(two, ICCID, OTHER_IMEI)
    identities.show(two, OTHER, OTHER_IMEI)
    assert (one.why, two.why) == ("", "")


_MOVES = st.lists(
    st.tuples(st.integers(0, 3), st.sampled_from([None, ("a", "x"), ("a", "y"), ("b", "x")])),
    max_size=40,
)


@given(_MOVES)
def test_whoever_is_told_knows_how_it_stands(
    moves: list[tuple[int, tuple[str, str] | None]],
) -> None:
    """What each was told last is what a look at all of them says."""
    identities = Identities[Holder]()
    slots = [Holder(str(n)) for n in range(4)]
    shown: dict[int, tuple[str, str]] = {}
    for number, what in moves:
        if what is None:
            identities.leave(slots[number])
            slots[number].told.append("")
            shown.pop(number, None)
        else:
            identities.show(slots[number], *what)
            shown[number] = what
        for n, slot in enumerate(slots):
            others = [value for other, pair in shown.items() if other != n for value in pair]
            same = n in shown and bool(set(shown[n]) & set(others))
            assert bool(identities.conflict(slot)) == same
            assert bool(slot.why) == same
