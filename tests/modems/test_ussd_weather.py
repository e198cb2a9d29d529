"""What modems and networks do to a USSD dialogue, at the driver's own face.

A request of which nothing proves that it stayed here may have left (``left=True``), and a
text is never taken for the answer to another question.
"""

from dataclasses import replace

import pytest

from pulsarack.modems.at.cusd import UssdEncoding
from pulsarack.modems.results import Refused, Silence, UssdAnswer, UssdArrived
from tests.modems.world import IDENTIFY, Reply, World

OK = b"\r\nOK\r\n"
DIAL = r'AT\+CUSD=1,"\*776#",15'
ANSWER = r'AT\+CUSD=1,"1",15'
CANCEL = r"AT\+CUSD=2"
MENU = b'\r\n+CUSD: 1,"1. Isi ulang",15\r\n'


async def world_of(script: list[tuple[str, Reply]], *encodings: UssdEncoding) -> World:
    world = World([*IDENTIFY["wavecom"], (CANCEL, b"\r\nERROR\r\n"), *script])
    await world.run(world.modem.identify())
    await world.run(world.modem.cancel_ussd())
    if encodings:
        world.modem._ussd.profile = replace(world.modem.profile, ussd_encodings=encodings)
    return world


async def dialled(*reply: bytes | float) -> UssdAnswer | Refused | Silence:
    world = await world_of([(DIAL, reply)])
    result: UssdAnswer | Refused | Silence = await world.run(world.modem.dial_ussd("*776#", 30))
    world.check()
    return result


UCS2 = "Stok".encode("utf-16-be").hex()


@pytest.mark.parametrize(
    ("reply", "text"),
    [
        ((OK, 3.0, b'\r\n+CUSD: 0,"Stok",15\r\n'), "Stok"),
        ((b'\r\n+CUSD: 0,"Stok",15\r\n', 1.0, OK), "Stok"),
        ((OK, b'\r\n+CUSD: 2,"Stok",15\r\n'), "Stok"),
        ((OK, b'\r\n+CUSD: 0,"Stok"\r\n'), "Stok"),
        ((OK, b"\r\n+CUSD: 0,Stok\r\n"), "Stok"),
        ((OK, b'\r\n+CUSD:0,"Stok", 255\r\n'), "Stok"),
        ((OK, f'\r\n+CUSD: 0,"{UCS2}",15\r\n'.encode()), "Stok"),
        ((OK, f'\r\n+CUSD: 0,"{UCS2}",72\r\n'.encode()), "Stok"),
        ((OK, f'\r\n+CUSD: 0,"6934{UCS2}",17\r\n'.encode()), "Stok"),
        ((OK, f'\r\n+CUSD: 0,"{UCS2}", 17\r\n'.encode()), "Stok"),
        ((OK, b'\r\n+CUSD: 0,"53746F6B",68\r\n'), "Stok"),
        ((OK, b'\r\n+CUSD: 0,"id\rStok",16\r\n'), "Stok"),
        ((OK, b'\r\n+CUSD: 0,"Stok\x00\x9c"\x07",15\r\n'), "Stok"),
        ((OK, b'\r\n+CUSD: 0,"a "b"\r\n\r\nc",15\r\n'), 'a "b"\n\nc'),
        ((OK, b'\r\n+CUSD: 0,"Stok\r\n', 5.0), "Stok"),
        # Another notice in between, and one before the real answer.
        ((OK, b'\r\n+CREG: 1\r\n^RSSI:14\r\n+CMTI: "SM",3\r\n+CUSD: 0,"Stok",15\r\n'), "Stok"),
        ((OK, b'\r\n+CUSD: 2,"Initiating Release",15\r\n', 1.0,
          b'\r\n+CUSD: 0,"Stok",15\r\n'), "Stok"),
        ((OK, b'\r\n+CUSD: 3,"Other local client responded",15\r\n+CUSD: 0,"Stok",15\r\n'), "Stok"),
        ((OK, b"\r\n+CUSD: 2\r\n", 1.0, b'\r\n+CUSD: 0,"Stok",15\r\n'), "Stok"),
        # What is read with an error says more than the error.
        ((b'\r\nERROR\r\n+CUSD: 0,"Stok",15\r\n',), "Stok"),
        # The echo of a request is no answer.
        ((OK, b'\r\n+CUSD: 5,"*776#",15\r\n', 1.0, b'\r\n+CUSD: 0,"Stok",15\r\n'), "Stok"),
    ],
)  # fmt: skip
async def test_an_answer_in_any_form_is_read(reply: tuple[bytes | float, ...], text: str) -> None:
    result = await dialled(*reply)
    assert isinstance(result, UssdAnswer)
    assert result.text == text


@pytest.mark.parametrize(
    "reply",
    [
        (OK, 20.0, b"\r\n+CME ERROR: 132\r\n"),
        (OK, b"\r\n+CUSD: 4\r\n"),
        (b"\r\n+CUSD: 4\r\n+CME ERROR: unknown\r\n",),
        (OK, b"\r\n+CUSD: 5\r\n"),
        (OK, b'\r\n+CUSD: 5,"*776#",15\r\n'),
        (OK, b"\r\n+CUSD: 6\r\n"),
        (OK, b"\r\n+CUSD: 255\r\n"),
        (OK, b"\r\n+CUSD: 2\r\n"),
        (OK, b"\r\n+CUSD: 3\r\n"),
        (OK, b"\r\nERROR\r\n"),
        (b"\r\nERROR\r\n",),
        (b"\r\n+CME ERROR:Excute command failure\r\n",),
        (b"\r\n+CME ERROR: 15790320\r\n",),
        (b"\r\nerror: retry operation\r\n",),
        (b"\r\n+CME ERROR: 59\r\n",),
    ],
)
async def test_a_failure_that_proves_nothing_may_have_left(
    reply: tuple[bytes | float, ...],
) -> None:
    result = await dialled(*reply)
    assert isinstance(result, Refused)
    assert result.left


@pytest.mark.parametrize(
    "reply", [(OK,), (b"",), (OK, b"\r\n+CUSD: \r\n"), (OK, b"+CUSD: (0-2)\r\n")]
)
async def test_no_answer_at_all_may_have_left(reply: tuple[bytes | float, ...]) -> None:
    assert await dialled(*reply) == Silence(left=True)


async def test_a_late_error_leaves_the_next_request_alone() -> None:
    """What the modem says of the old one while the session is cancelled is no answer."""
    world = await world_of(
        [
            (DIAL, OK),
            (CANCEL, (b"\r\n+CME ERROR: 132\r\n", 0.1, b"\r\n+CUSD: 2\r\n")),
            (DIAL, (OK, b'\r\n+CUSD: 0,"Stok",15\r\n')),
        ]
    )
    assert await world.run(world.modem.dial_ussd("*776#", 5)) == Silence(left=True)
    answer = await world.run(world.modem.dial_ussd("*776#", 30))
    assert isinstance(answer, UssdAnswer) and answer.text == "Stok"
    world.check()


@pytest.mark.parametrize("status", [0, 1, 2])
async def test_the_network_speaks_between_menu_and_answer(status: int) -> None:
    """Whoever spoke last, our menu is not open any more: no digit is sent into another."""
    world = await world_of([(DIAL, (OK, MENU)), (CANCEL, OK), (DIAL, (OK, MENU))])
    await world.run(world.modem.dial_ussd("*776#", 30))
    world.port.say(f'\r\n+CUSD: {status},"Promo! Balas 1 untuk beli",15\r\n'.encode())
    await world.clock.pass_time(1.0)
    refused = await world.run(world.modem.answer_ussd("1", 30))
    assert isinstance(refused, Refused)
    assert not refused.left
    [event] = world.events
    assert isinstance(event, UssdArrived)
    if status == 1:
        assert isinstance(await world.run(world.modem.dial_ussd("*776#", 30)), UssdAnswer)
        world.check()


async def test_the_session_ends_between_menu_and_answer() -> None:
    world = await world_of([(DIAL, (OK, MENU))])
    await world.run(world.modem.dial_ussd("*776#", 30))
    world.port.say(b"\r\n+CUSD: 2\r\n")
    await world.clock.pass_time(0.1)
    refused = await world.run(world.modem.answer_ussd("1", 30))
    assert isinstance(refused, Refused)
    assert not refused.left
    world.check()


async def test_a_modem_that_knows_no_cancelling() -> None:
    """ERROR to AT+CUSD=2: the session is taken for closed (older than 27.007 release 6)."""
    world = await world_of(
        [(DIAL, (OK, MENU)), (CANCEL, b"\r\nERROR\r\n"), (DIAL, (OK, MENU)), (ANSWER, (OK, MENU))]
    )
    await world.run(world.modem.dial_ussd("*776#", 30))
    await world.run(world.modem.dial_ussd("*776#", 30))
    assert isinstance(await world.run(world.modem.answer_ussd("1", 30)), UssdAnswer)
    world.check()


async def test_an_answer_that_says_nothing_of_its_encoding_follows_the_request() -> None:
    world = await world_of(
        [
            (
                r'AT\+CUSD=1,"002A0037003700360023",15',
                (OK, b'\r\n+CUSD: 0,"0031003200330034",15\r\n'),
            )
        ],
        UssdEncoding.UCS2_HEX,
    )
    answer = await world.run(world.modem.dial_ussd("*776#", 30))
    assert isinstance(answer, UssdAnswer) and answer.text == "1234"


async def test_digits_of_a_plain_answer_stay_digits() -> None:
    result = await dialled(OK, b'\r\n+CUSD: 0,"4100420043004400",15\r\n')
    assert isinstance(result, UssdAnswer)
    assert result.text == "4100420043004400"
