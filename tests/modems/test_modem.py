"""The driver against a scripted modem on a virtual clock."""

import asyncio

import pytest

from pulsarack.modems.at.cusd import UssdEncoding
from pulsarack.modems.card_lock import LockedCard
from pulsarack.modems.errors import (
    ModemRefused,
    ModemSilent,
    NotAModem,
    PortGone,
    SimBarred,
    SimMissing,
    SimPinNeeded,
)
from pulsarack.modems.results import (
    ChipIdentity,
    Gone,
    Identity,
    MessageArrived,
    MessageUnreadable,
    PortLost,
    Refused,
    Registration,
    Silence,
    SimRemoved,
    SmsSent,
    UssdAnswer,
    UssdArrived,
)
from tests.modems.world import IDENTIFY, Reply, World
from tests.trace_player import TRACES, TracePort

OK = b"\r\nOK\r\n"
DIAL = r'AT\+CUSD=1,"\*776#",15'
DELIVER = b"06917228195339040B917228214365F700003130805120618005D4F29C2E03"


READY_RADIO: tuple[str, Reply] = (r"AT\+CFUN\?", b"\r\n+CFUN: 1\r\n\r\nOK\r\n")
UNTOLD: list[tuple[str, Reply]] = [
    (r"AT\+CCID", b"\r\nERROR\r\n"),
    (r"AT\+CRSM=176,12258,0,0,10", b"\r\nERROR\r\n"),
    (r"AT\+CPINC", b"\r\nERROR\r\n"),
]


async def pin_4321(card: LockedCard) -> str:
    return "4321"


NO_SESSION: tuple[str, Reply] = (r"AT\+CUSD=2", b"\r\nERROR\r\n")


async def world_of(kind: str, script: list[tuple[str, Reply]]) -> World:
    """A modem that is identified, and surely in no USSD session."""
    world = World([*IDENTIFY[kind], NO_SESSION, *script])
    await world.run(world.modem.identify())
    await world.run(world.modem.cancel_ussd())
    return world


async def test_identify_picks_the_profile() -> None:
    world = World(IDENTIFY["wavecom"])
    identity = await world.run(world.modem.identify())
    assert identity == Identity("WAVECOM MODEM", "MULTIBAND 900E 1800", "", "351596030000000")
    assert world.modem.profile.name == "wavecom"
    world.check()


async def test_a_modem_that_tells_its_name_by_ati_alone() -> None:
    no = b"\r\nERROR\r\n"
    told = b"\r\nManufacturer: huawei\r\nModel: E160\r\nIMEI: 351596030000018\r\n\r\nOK\r\n"
    world = World(
        [
            ("ATE0", OK),
            (r"AT\+CGMI", no),
            (r"AT\+CPIN\?", no),
            *[(rf"AT\+{name}", no) for name in ("CGMI", "CGMM", "CGMR", "CGSN")],
            ("ATI", told),
        ]
    )
    identity = await world.run(world.modem.identify())
    assert identity == Identity("huawei", "E160", "", "351596030000018")
    assert world.modem.profile.name == "huawei"
    world.check()


async def test_a_silent_port_and_one_that_is_no_modem() -> None:
    world = World([("AT", b"")] * 5)
    with pytest.raises(ModemSilent):
        await world.run(world.modem.identify())
    world = World([("AT", b"$GPGGA,1,2\r\n")] * 5)
    with pytest.raises(NotAModem):
        await world.run(world.modem.identify())


async def test_a_modem_that_was_left_at_numbers_is_made_to_speak() -> None:
    """After ATV0 the results are digits (V.250 6.2.6)."""
    world = World([("AT", b"AT\r0\r"), ("ATV1", OK), *IDENTIFY["huawei"]])
    identity = await world.run(world.modem.identify())
    assert identity.model == "E1550"
    world.check()


async def test_who_only_counts_is_no_modem() -> None:
    numbers: list[tuple[str, Reply]] = [("AT", b"0\r\n"), ("ATV1", b"0\r\n")]
    world = World(numbers * 5)
    with pytest.raises(NotAModem):
        await world.run(world.modem.identify())


async def test_initialise_waits_out_a_starting_modem_and_unlocks_once() -> None:
    world = await world_of(
        "wavecom",
        [
            (r"AT\+CMEE=1", OK),
            (r"AT\+CFUN\?", b"\r\n+CFUN: 4\r\n\r\nOK\r\n"),
            (r"AT\+CFUN=1", (3.0, OK)),
            (r"AT\+CPIN\?", b"\r\n+CME ERROR: 515\r\n"),
            (r"AT\+CPIN\?", b"\r\n+CME ERROR: 14\r\n"),
            (r"AT\+CPIN\?", b"\r\n+CPIN: SIM PIN\r\n"),
            (r"AT\+CCID", b"\r\n+CME ERROR: 11\r\n"),
            (r"AT\+CRSM=176,12258,0,0,10", b"\r\n+CME ERROR: 11\r\n"),
            (r"AT\+CPINC", b"\r\n+CPINC: 3,3,10,10\r\n\r\nOK\r\n"),
            (r'AT\+CPIN="4321"', OK),
            (r"AT\+CPIN\?", b"\r\n+CPIN: READY\r\n\r\nOK\r\n"),
            (r"AT\+WIND=1", b"\r\n+WIND: 0\r\n\r\nOK\r\n"),
            (r'AT\+CSCS="GSM"', OK),
            (r"AT\+CREG=2", OK),
            (r"AT\+CMGF=0", b"\r\n+CMS ERROR: 314\r\n"),
            (r"AT\+CMGF=0", OK),
            (r'AT\+CPMS="SM"', b"\r\n+CPMS: 1,50\r\n\r\nOK\r\n"),
            (r"AT\+CNMI=2,1,0,0,0", b"\r\nERROR\r\n"),
            (r"AT\+CNMI=1,1,0,0,0", OK),
        ],
    )
    asked: list[LockedCard] = []

    async def pin(card: LockedCard) -> str:
        asked.append(card)
        return "4321"

    await world.run(world.modem.initialise(pin))
    assert asked == [LockedCard(None, 3)]
    assert world.events == []
    world.check()


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (b"\r\n+CPIN: SIM PIN\r\n", SimPinNeeded),
        (b"\r\n+CPIN: SIM PUK\r\n", SimBarred),
        (b"\r\n+CME ERROR: 12\r\n", SimBarred),
        (b"\r\n+CME ERROR: 10\r\n", SimMissing),
    ],
)
async def test_cards_that_cannot_be_used(reply: bytes, error: type[Exception]) -> None:
    world = await world_of(
        "wavecom", [(r"AT\+CMEE=1", OK), READY_RADIO, (r"AT\+CPIN\?", reply), *UNTOLD]
    )
    with pytest.raises(error):
        await world.run(world.modem.initialise())


async def test_a_refused_pin_is_not_tried_twice_and_never_shown() -> None:
    ask: list[tuple[str, Reply]] = [
        (r"AT\+CMEE=1", OK),
        READY_RADIO,
        (r"AT\+CPIN\?", b"+CPIN: SIM PIN\r\n"),
    ]
    refused: tuple[str, Reply] = (r'AT\+CPIN="4321"', b"+CME ERROR: 16\r\n")
    world = await world_of("wavecom", [*ask, *UNTOLD, refused, *ask])
    for _ in range(2):
        with pytest.raises(SimPinNeeded) as caught:
            await world.run(world.modem.initialise(pin_4321))
        assert "4321" not in str(caught.value)
    world.check()


async def test_questions() -> None:
    world = await world_of(
        "wavecom",
        [
            (r"AT\+CCID", b'\r\n+CCID: "8962100000000000012F"\r\n\r\nOK\r\n'),
            (r"AT\+CIMI", b"\r\n510100000000012\r\n\r\nOK\r\n"),
            (r"AT\+CREG\?", b"\r\n+CREG: 2,5,0001,0002\r\n+CREG: 1\r\n\r\nOK\r\n"),
            (r"AT\+CREG\?", b"\r\n+CREG: 0,1\r\n\r\nOK\r\n"),
            (r"AT\+CREG\?", OK),
            (r"AT\+CSQ", b"\r\n+CSQ: 21,0\r\n\r\nOK\r\n"),
            (r"AT\+CSQ", b"\r\n+CSQ: 99,99\r\n\r\nOK\r\n"),
        ],
    )
    modem = world.modem
    assert await world.run(modem.read_chip()) == ChipIdentity(
        "8962100000000000012", "510100000000012"
    )
    assert await world.run(modem.registration()) is Registration.HOME
    assert await world.run(modem.registration()) is Registration.HOME
    assert await world.run(modem.registration()) is Registration.UNKNOWN
    assert await world.run(modem.signal_quality()) == 21
    assert await world.run(modem.signal_quality()) is None


async def test_ussd_after_ok_and_a_dialogue() -> None:
    world = await world_of(
        "wavecom",
        [
            (DIAL, (OK, 3.0, b'\r\n+CUSD: 1,"1. Isi\r\n2. Stok",15\r\n')),
            (r'AT\+CUSD=1,"1",15', (b'\r\n+CUSD: 0,"Selesai",0\r\n', OK)),
        ],
    )
    answer = await world.run(world.modem.dial_ussd("*776#", 30))
    assert (answer.status, answer.text) == (1, "1. Isi\n2. Stok")
    answer = await world.run(world.modem.answer_ussd("1", 30))
    assert (answer.status, answer.text) == (0, "Selesai")
    refused = await world.run(world.modem.answer_ussd("1", 30))
    assert refused == Refused("no USSD session is open any more", None, left=False)
    world.check()


async def test_a_session_that_someone_left_open_is_cancelled_before_the_first() -> None:
    """A daemon that died in a menu leaves a question open; our request would answer it."""
    world = World([*IDENTIFY["wavecom"], NO_SESSION, (DIAL, (OK, b'\r\n+CUSD: 0,"Stok",15\r\n'))])
    await world.run(world.modem.identify())
    answer = await world.run(world.modem.dial_ussd("*776#", 30))
    assert answer.text == "Stok"
    world.check()


async def test_nothing_is_dialled_into_a_session_that_cannot_be_cancelled() -> None:
    world = World([*IDENTIFY["wavecom"], (r"AT\+CUSD=2", b"")])
    await world.run(world.modem.identify())
    assert await world.run(world.modem.dial_ussd("*776#", 30)) == Silence(left=False)
    assert not any("CUSD=1" in said for said in world.sent())


async def test_an_open_session_is_cancelled_before_the_next() -> None:
    world = await world_of(
        "wavecom",
        [
            (DIAL, (OK, b'\r\n+CUSD: 1,"Menu",15\r\n')),
            (r"AT\+CUSD=2", (b"\r\nERROR\r\n", 0.2, b"\r\n+CUSD: 2\r\n")),
            (DIAL, (OK, b'\r\n+CUSD: 0,"Stok",15\r\n')),
        ],
    )
    await world.run(world.modem.dial_ussd("*776#", 30))
    answer = await world.run(world.modem.dial_ussd("*776#", 30))
    assert answer.text == "Stok"
    world.check()


async def test_a_late_answer_is_an_event_and_never_the_next_answer() -> None:
    world = await world_of(
        "wavecom",
        [
            (DIAL, OK),
            (r"AT\+CUSD=2", (0.1, b'\r\n+CUSD: 0,"old",15\r\n', OK)),
            (DIAL, (OK, 1.0, b'\r\n+CUSD: 0,"new",15\r\n')),
        ],
    )
    assert await world.run(world.modem.dial_ussd("*776#", 30)) == Silence(left=True)
    answer = await world.run(world.modem.dial_ussd("*776#", 30))
    assert answer.text == "new"
    [event] = world.events
    assert isinstance(event, UssdArrived)
    assert event.answer.text == "old"
    world.check()


async def test_a_refusal_before_anything_left() -> None:
    world = await world_of("wavecom", [(DIAL, b"\r\n+CME ERROR: 30\r\n"), (DIAL, b"ERROR\r\n")])
    refused = await world.run(world.modem.dial_ussd("*776#", 30))
    assert refused == Refused("+CME ERROR: 30 (no network service)", 30, left=False)
    refused = await world.run(world.modem.dial_ussd("*776#", 30))
    assert refused == Refused("ERROR", None, left=True)


async def test_the_encoding_that_works_is_learnt() -> None:
    world = await world_of(
        "huawei",
        [
            (r'AT\+CUSD=1,"AA180C3602",15', b"\r\nERROR\r\n"),
            (r"AT\^USSDMODE=0", b"\r\nCOMMAND NOT SUPPORT\r\n"),
            (r'AT\+CUSD=1,"\*100#",15', (OK, b'\r\n+CUSD: 0,"Saldo",15\r\n')),
            (r'AT\+CUSD=1,"\*100#",15', b"\r\n+CME ERROR: 3\r\n"),
        ],
    )
    assert isinstance(await world.run(world.modem.dial_ussd("*100#", 30)), UssdAnswer)
    assert world.profiles.learned.get("E1550 11.608.09.01.21") is UssdEncoding.PLAIN
    refused = await world.run(world.modem.dial_ussd("*100#", 30))
    assert refused.left
    world.check()


async def test_an_encoding_known_to_work_makes_an_error_no_proof() -> None:
    world = await world_of(
        "huawei",
        [
            (r'AT\+CUSD=1,"AA180C3602",15', (OK, b'\r\n+CUSD: 0,"D3F43C0C",15\r\n')),
            (r'AT\+CUSD=1,"AA180C3602",15', b"\r\nERROR\r\n"),
        ],
    )
    answer = await world.run(world.modem.dial_ussd("*100#", 30))
    assert answer.text.startswith("Sis")
    refused = await world.run(world.modem.dial_ussd("*100#", 30))
    assert refused == Refused("ERROR", None, left=True)
    world.check()


async def test_a_port_blocked_until_the_answer() -> None:
    world = await world_of(
        "wavecom",
        [(DIAL, (12.0, b'\r\n+CUSD: 2,"Selesai",15\r\n', 1.0, OK)), (r"AT\+CSQ", b"ERROR\r\n")],
    )
    answer = await world.run(world.modem.dial_ussd("*776#", 20))
    assert answer.text == "Selesai"
    assert await world.run(world.modem.signal_quality()) is None
    world.check()


async def test_the_port_vanishes_during_a_request() -> None:
    world = await world_of("wavecom", [(DIAL, (OK, 1.0, b"<gone>"))])
    assert await world.run(world.modem.dial_ussd("*776#", 30)) == Gone(left=True)
    assert world.events == [PortLost("hung up")]
    assert await world.run(world.modem.dial_ussd("*776#", 30)) == Gone(left=False)
    with pytest.raises(PortGone):
        await world.run(world.modem.read_sms())


async def test_an_answer_that_came_before_the_port_vanished_counts() -> None:
    world = await world_of("wavecom", [(DIAL, (b'\r\n+CUSD: 0,"a",15\r\n<', b"<gone>"))])
    answer = await world.run(world.modem.dial_ussd("*776#", 30))
    assert answer.text == "a"


async def test_text_that_cannot_be_sent_is_not_written() -> None:
    world = await world_of("wavecom", [])
    refused = await world.run(world.modem.dial_ussd('*776#"\r', 30))
    assert isinstance(refused, Refused)
    assert not refused.left
    world.check()


async def test_after_a_silent_command_the_late_answer_is_not_the_next_one() -> None:
    world = await world_of(
        "wavecom",
        [
            (r"AT\+CSQ", (5.15, b"\r\n+CSQ: 3,0\r\n\r\nOK\r\n")),
            ("AT", (0.1, OK)),
            (r"AT\+CSQ", b"\r\n+CSQ: 21,0\r\n\r\nOK\r\n"),
        ],
    )
    with pytest.raises(ModemSilent):
        await world.run(world.modem.signal_quality())
    assert await world.run(world.modem.signal_quality()) == 21
    world.check()


async def test_sending_waits_for_the_note_between_prompt_and_body() -> None:
    world = await world_of(
        "wavecom",
        [
            (r"AT\+CMGS=18", b"\r\n> "),
            ("001100.*\x1a", (3.0, b"\r\n+CMGS: 12\r\n\r\nOK\r\n")),
        ],
    )
    noted: list[int] = []

    async def note() -> None:
        await world.clock.sleep(1)
        noted.append(len(world.port.written))

    sent = await world.run(world.modem.send_sms("168", "BAGI 0812", 40, note))
    assert sent == SmsSent(12)
    assert noted == [len(world.port.written) - 1]
    world.check()


@pytest.mark.parametrize(
    ("script", "result"),
    [
        ([(r"AT\+CMGS=18", b"\r\n+CMS ERROR: 500\r\n")], "left=False"),
        ([(r"AT\+CMGS=18", b"")], "Silence(left=False)"),
        ([(r"AT\+CMGS=18", (1.0, b"<gone>"))], "Gone(left=False)"),
        ([(r"AT\+CMGS=18", b"> "), ("0011.*", b"\r\n+CMS ERROR: 331\r\n")], "left=False"),
        ([(r"AT\+CMGS=18", b"> "), ("0011.*", b"\r\n+CMS ERROR: 500\r\n")], "left=True"),
        ([(r"AT\+CMGS=18", b"> "), ("0011.*", b"\r\nERROR\r\n")], "left=True"),
        ([(r"AT\+CMGS=18", b"> "), ("0011.*", b"")], "Silence(left=True)"),
        ([(r"AT\+CMGS=18", b"> "), ("0011.*", (1.0, b"<gone>"))], "Gone(left=True)"),
        (
            [(r"AT\+CMGS=18", b"> "), ("0011.*", b"\r\n+CMGS: 7\r\n")],
            "SmsSent(reference=7, more=())",
        ),
    ],
)
async def test_what_may_have_left(script: list[tuple[str, Reply]], result: str) -> None:
    world = await world_of("wavecom", script)

    async def note() -> None:
        return None

    got = await world.run(world.modem.send_sms("168", "BAGI 0812", 40, note))
    assert result in repr(got)
    world.check()


async def test_a_note_that_fails_leaves_the_prompt() -> None:
    world = await world_of("wavecom", [(r"AT\+CMGS=18", b"\r\n> "), (r"AT\+CSQ", b"ERROR\r\n")])

    async def note() -> None:
        raise RuntimeError("the store is full")

    with pytest.raises(RuntimeError, match="store"):
        await world.run(world.modem.send_sms("168", "BAGI 0812", 40, note))
    assert world.port.written[-1] == b"\x1b\r"
    assert await world.run(world.modem.signal_quality()) is None
    world.check()


@pytest.mark.parametrize(
    ("second", "result"),
    [
        ([("0051.*", b"\r\n+CMGS: 13\r\n\r\nOK\r\n")], SmsSent(12, (13,))),
        ([("0051.*", b"\r\n+CMS ERROR: 331\r\n")], "left=True"),
        ([("0051.*", b"")], "Silence(left=True)"),
    ],
)
async def test_a_long_text_has_left_with_its_first_part(
    second: list[tuple[str, Reply]], result: object
) -> None:
    world = await world_of(
        "wavecom",
        [
            (r"AT\+CMGS=150", b"\r\n> "),
            ("0051.*", b"\r\n+CMGS: 12\r\n\r\nOK\r\n"),
            (r"AT\+CMGS=24", b"\r\n> "),
            *second,
        ],
    )
    noted: list[int] = []

    async def note() -> None:
        noted.append(len(world.port.written))

    got = await world.run(world.modem.send_sms("168", "x" * 161, 40, note))
    assert got == result if isinstance(result, SmsSent) else str(result) in repr(got)
    assert len(noted) == 1
    world.check()


async def test_a_text_of_which_nothing_left() -> None:
    script: list[tuple[str, Reply]] = [(r"AT\+CMGS=150", b"\r\n+CMS ERROR: 304\r\n")]
    world = await world_of("wavecom", script)

    async def note() -> None:
        raise AssertionError("nothing may leave")

    got = await world.run(world.modem.send_sms("168", "x" * 161, 40, note))
    assert isinstance(got, Refused) and not got.left
    got = await world.run(world.modem.send_sms("168", "\ud83d", 40, note))
    assert isinstance(got, Refused) and not got.left and "surrogate" in got.error


async def test_reading_and_deleting() -> None:
    listed = b"\r\n+CMGL: 3,1,,24\r\n" + DELIVER + b"\r\n+CMGL: 4,0,,2\r\nFFFF\r\n\r\nOK\r\n"
    world = await world_of(
        "wavecom",
        [
            (r"AT\+CMGL=4", b'\r\n+CMTI: "SM",9\r\n' + listed),
            (r"AT\+CMGL=4", listed),
            (r"AT\+CMGD=3", OK),
            (r"AT\+CMGD=9", b"\r\n+CMS ERROR: 321\r\n"),
            (r"AT\+CMGD=9", b"\r\n+CMS ERROR: 320\r\n"),
        ],
    )
    for _ in range(2):
        [message] = await world.run(world.modem.read_sms())
        assert (message.indices, message.sender, message.text) == ((3,), "27821234567", "Test2")
    unreadable = [event for event in world.events if isinstance(event, MessageUnreadable)]
    assert [event.index for event in unreadable] == [4]
    assert MessageArrived() in world.events
    await world.run(world.modem.delete_sms([3, 9]))
    with pytest.raises(ModemRefused):
        await world.run(world.modem.delete_sms([9]))
    world.check()


async def test_notices_become_events_and_direct_messages_are_kept() -> None:
    world = await world_of("wavecom", [(r"AT\+CMGL=4", OK)] * 2)
    world.port.say(b'\r\n+CMTI: "SM",1\r\n+WIND: 0\r\n+CMT: ,24\r\n' + DELIVER + b"\r\n")
    world.port.say(b'\r\n+CUSD: 1,"Halo",15\r\n')
    await world.clock.pass_time(0.1)
    kinds = [type(event) for event in world.events]
    assert kinds == [MessageArrived, SimRemoved, MessageArrived, UssdArrived]
    [message] = await world.run(world.modem.read_sms())
    assert (message.indices, message.text) == ((), "Test2")


async def test_a_cancelled_caller_leaves_the_modem_usable() -> None:
    world = await world_of("wavecom", [(r"AT\+CSQ", b""), (r"AT\+CSQ", b"+CSQ: 5,0\r\nOK\r\n")])
    task = asyncio.ensure_future(world.modem.signal_quality())
    for _ in range(5):
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await world.run(world.modem.signal_quality()) == 5


async def test_a_cancelled_request_is_given_up() -> None:
    """Whatever ends the next command was not the request's."""
    world = await world_of("wavecom", [(DIAL, b""), (r"AT\+CSQ", b"+CSQ: 5,0\r\nOK\r\n")])
    task = asyncio.ensure_future(world.modem.dial_ussd("*776#", 30))
    for _ in range(5):
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert world.port.written[-1] == b"\x1b\r"
    assert await world.run(world.modem.signal_quality()) == 5
    world.check()


async def test_closing_wakes_whoever_waits() -> None:
    world = await world_of("wavecom", [(DIAL, OK)])
    task = asyncio.ensure_future(world.modem.dial_ussd("*776#", 30))
    for _ in range(5):
        await asyncio.sleep(0)
    world.modem.close()
    assert await world.run(task_result(task)) == Gone(left=True)
    assert world.port.closed


async def task_result(task: "asyncio.Future[object]") -> object:
    return await task


async def test_garbage_all_day_stays_bounded() -> None:
    world = await world_of("wavecom", [(r"AT\+CSQ", b"\r\n+CSQ: 9,0\r\n\r\nOK\r\n")])
    for _ in range(100):
        world.port.say(b"\xfe" * 1000)
        await world.clock.pass_time(0.01)
    assert world.modem._conversation.buffered_octets <= 5000
    world.port.say(b"\r\n")
    await world.clock.pass_time(0.01)
    assert await world.run(world.modem.signal_quality()) == 9


@pytest.mark.parametrize(
    ("trace", "iccid", "code", "text"),
    [
        (
            "wavecom",
            "8962100000000000012",
            "*777*081200000012*10*1234#",
            "Isi ulang simPATI 10 ke 081200000012 berhasil.\n"
            "SN: 51012345678901. Sisa stok Rp 479.850",
        ),
        ("huawei", "89621000000000000012", "*888#", "Sisa stok Rp 5.000"),
    ],
)
async def test_recorded_conversations(trace: str, iccid: str, code: str, text: str) -> None:
    world = World([])
    port = TracePort(TRACES / f"{trace}.trace", world.clock)
    world.modem = type(world.modem)(port, world.clock, world.profiles, world.events.append)
    await world.run(world.modem.identify())
    assert world.modem.profile.name == trace
    await world.run(world.modem.initialise())
    assert (await world.run(world.modem.read_chip())).iccid == iccid
    while await world.run(world.modem.registration()) is not Registration.HOME:
        await world.clock.pass_time(1)
    answer = await world.run(world.modem.dial_ussd(code, 30))
    assert answer.text == text
    await world.run(world.modem.read_sms())
    assert port.recording.unknown == []
