"""What is learnt about models: bounded, told, forgotten when it stops working."""

from pulsarack.modems.at.cusd import UssdEncoding
from pulsarack.modems.learned import KIND_CHARACTERS_MAX, KINDS_MAX, Learned, kind_of
from pulsarack.modems.results import UssdAnswer
from tests.modems.world import World

PLAIN, PACKED = UssdEncoding.PLAIN, UssdEncoding.PACKED_HEX


def test_a_kind_is_model_and_firmware_and_bounded() -> None:
    assert kind_of("E1550", "11.608") == "E1550 11.608"
    assert kind_of("E1550", "") == "E1550"
    assert kind_of("", "11.608") == ""
    assert len(kind_of("x" * 5000, "y" * 5000)) == KIND_CHARACTERS_MAX


def test_changes_are_told_once() -> None:
    learned, told = Learned(), []
    learned.on_change = lambda kind, encoding: told.append((kind, encoding))
    learned.remember([("a", PLAIN)])
    learned.learn("a", PLAIN)
    learned.learn("", PLAIN)
    learned.learn("a", PACKED)
    learned.forget("a")
    learned.forget("a")
    assert told == [("a", PACKED), ("a", None)]


def test_models_without_end_leave_only_the_newest() -> None:
    learned, told = Learned(), []
    learned.on_change = lambda kind, encoding: told.append((kind, encoding))
    for number in range(KINDS_MAX + 3):
        learned.learn(f"liar {number}", PLAIN)
    assert [kind for kind, encoding in told if encoding is None] == ["liar 0", "liar 1", "liar 2"]
    assert learned.get("liar 0") is None
    assert learned.get(f"liar {KINDS_MAX + 2}") is PLAIN


IDENTIFY = [
    ("ATE0", b"\r\nOK\r\n"),
    (r"AT\+CGMI", b"\r\nQuectel\r\n\r\nOK\r\n"),
    (r"AT\+CGMM", b"\r\nEC25\r\n\r\nOK\r\n"),
    (r"AT\+CGMR", b"\r\nEC25EFAR06\r\n\r\nOK\r\n"),
    (r"AT\+CGSN", b"\r\n351596030000059\r\n\r\nOK\r\n"),
    (r"AT\+CUSD=2", b"\r\nOK\r\n"),
]
UCS2 = "002A0031002300"[:12]


async def test_what_is_refused_as_unreadable_is_forgotten_and_another_learnt() -> None:
    answer = b'\r\nOK\r\n\r\n+CUSD: 0,"00530061006C0064006F",72\r\n'
    world = World(
        [
            *IDENTIFY,
            (r'AT\+CUSD=1,"\*1#",15', b"\r\n+CME ERROR: 25\r\n"),
            (r'AT\+CSCS="UCS2"', b"\r\nOK\r\n"),
            (rf'AT\+CUSD=1,"{UCS2}",15', answer),
            (rf'AT\+CUSD=1,"{UCS2}",15', answer),
        ]
    )
    told: list[tuple[str, UssdEncoding | None]] = []
    world.profiles.learned.remember([("EC25 EC25EFAR06", PLAIN)])
    world.profiles.learned.on_change = lambda kind, encoding: told.append((kind, encoding))
    await world.run(world.modem.identify())
    for _ in range(2):
        found = await world.run(world.modem.dial_ussd("*1#", 30))
        assert isinstance(found, UssdAnswer)
        assert found.text == "Saldo"
    assert told == [("EC25 EC25EFAR06", None), ("EC25 EC25EFAR06", UssdEncoding.UCS2_HEX)]
    world.check()
