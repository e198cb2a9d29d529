"""Messages in a modem that misbehaves, on a scripted port: what is read, told and left alone."""

import pytest

from pulsarack.modems.errors import ModemError, ModemRefused, ModemSilent, StorageHung
from pulsarack.modems.results import (
    DeliveryReport,
    ListingHung,
    MessageArrived,
    MessageUnreadable,
    Refused,
    SmsSent,
    StorageFull,
)
from pulsarack.modems.sms_exchange import DIRECT_MESSAGES_MAX
from tests.modems import pdu_writer
from tests.modems.pdu_writer import Body
from tests.modems.test_modem import OK, world_of
from tests.modems.world import Reply, World

WHEN = pdu_writer.stamp("261122140506", 28)
LIST = r"AT\+CMGL=4"
ROOM = r"AT\+CPMS\?"
MISSING = b"\r\n+CMS ERROR: 321\r\n"
Script = list[tuple[str, Reply]]


def deliver(text: str = "Halo") -> bytes:
    body = Body(text.encode(), True)
    return pdu_writer.deliver(pdu_writer.address("168"), 0, WHEN, body).encode()


def report(reference: int = 12, status: int = 0) -> bytes:
    to = pdu_writer.address("168")
    return pdu_writer.status_report(to, reference, WHEN, WHEN, status, "").encode()


def read(index: int, reply: bytes) -> tuple[str, Reply]:
    return rf"AT\+CMGR={index}", reply


def stored(pdu: bytes) -> bytes:
    return b"\r\n+CMGR: 1,,30\r\n" + pdu + b"\r\n\r\nOK\r\n"


def used(count: int, total: int) -> tuple[str, Reply]:
    said = f'"SM",{count},{total}'
    return ROOM, f"\r\n+CPMS: {said},{said},{said}\r\n\r\nOK\r\n".encode()


async def texts(world: World) -> list[tuple[tuple[int, ...], str]]:
    messages = await world.run(world.modem.read_sms())
    return [(message.indices, message.text) for message in messages]


async def nothing() -> None:
    return


# --- listings -----------------------------------------------------------------------------


async def test_a_listing_that_hangs_is_named_once_and_never_asked_again() -> None:
    world = await world_of(
        "huawei",
        [
            (LIST, b"\r\n+CMGL: 0,1,,30\r\n"),  # and then nothing more, for ever
            used(2, 20),
            read(0, stored(deliver("one"))),
            read(1, MISSING),
            read(2, OK),
            read(3, b"\r\n+CMGR: ,,27\r\n" + deliver("two") + b"\r\n\r\nOK\r\n"),
            used(1, 20),
            read(0, stored(deliver("one"))),
        ],
    )
    began = world.clock.monotonic()
    assert await texts(world) == [((0,), "one"), ((3,), "two")]
    assert world.clock.monotonic() - began < world.modem.profile.slow_seconds + 5
    assert await texts(world) == [((0,), "one")]
    hung = [event for event in world.events if isinstance(event, ListingHung)]
    assert hung == [ListingHung(world.modem.profile.slow_seconds)]
    world.check()


async def test_a_store_that_hangs_altogether_is_named_for_the_remedy() -> None:
    world = await world_of("huawei", [(LIST, b""), used(1, 20), read(0, b"")])
    with pytest.raises(StorageHung, match=r"AT\+CMGR=0; reset the modem") as caught:
        await world.run(world.modem.read_sms())
    assert isinstance(caught.value, ModemSilent)


async def test_a_modem_that_a_listing_has_killed() -> None:
    world = await world_of("huawei", [(LIST, b""), *[("AT", b"")] * 5])
    with pytest.raises(StorageHung, match="nor AT; reset"):
        await world.run(world.modem.read_sms())


async def test_a_modem_that_was_dead_before_is_not_blamed_on_the_listing() -> None:
    world = await world_of("huawei", [(r"AT\+CSQ", b""), *[("AT", b"")] * 5])
    with pytest.raises(ModemSilent):
        await world.run(world.modem.signal_quality())
    with pytest.raises(ModemError) as caught:
        await world.run(world.modem.read_sms())
    assert not isinstance(caught.value, StorageHung)


async def test_what_was_announced_is_read_first_when_nothing_can_be_listed() -> None:
    world = await world_of(
        "huawei",
        [(LIST, b""), used(0, 20), read(7, stored(deliver()))],
    )
    world.port.say(b'\r\n+CMTI: "SM",7\r\n')
    await world.clock.pass_time(0.1)
    assert await texts(world) == [((7,), "Halo")]
    world.check()


async def test_a_modem_that_does_not_tell_its_room_is_searched() -> None:
    answers = {3: stored(deliver())}
    world = await world_of(
        "huawei",
        [
            (LIST, b""),
            (ROOM, b"\r\n+CMS ERROR: 500\r\n"),
            *[read(index, answers.get(index, MISSING)) for index in range(256)],
        ],
    )
    assert await texts(world) == [((3,), "Halo")]
    world.check()


async def test_a_message_that_is_announced_before_it_is_there() -> None:
    listed = b"\r\n+CMGL: 1,0,,30\r\n" + deliver() + b"\r\n\r\nOK\r\n"
    for notice in (b'+CMTI: "SM",1', b'+CMTI: "SM",-1', b'+CMTI:"ME",99999'):
        world = await world_of("huawei", [(LIST, OK), (LIST, listed), (LIST, OK)])
        world.port.say(b"\r\n" + notice + b"\r\n")
        await world.clock.pass_time(0.1)
        assert MessageArrived() in world.events
        assert await texts(world) == [((1,), "Halo")]
        assert await texts(world) == []
        world.check()


async def test_a_listing_that_is_refused_is_an_error() -> None:
    world = await world_of("huawei", [(LIST, b"\r\n+CMS ERROR: 302\r\n")])
    with pytest.raises(ModemRefused):
        await world.run(world.modem.read_sms())


# --- delivery reports ---------------------------------------------------------------------


def reports(world: World) -> list[tuple[int | None, int, str]]:
    return [
        (event.index, event.reference, event.state.value)
        for event in world.events
        if isinstance(event, DeliveryReport)
    ]


@pytest.mark.parametrize("head", [b"+CDS: 25", b"+CDS: ,25", b"+CDS:25"])
async def test_a_report_that_comes_directly(head: bytes) -> None:
    world = await world_of("wavecom", [(LIST, OK)])
    world.port.say(b"\r\n" + head + b"\r\n" + report(12, 0x46) + b"\r\n")
    await world.clock.pass_time(0.1)
    assert reports(world) == [(None, 12, "failed")]
    assert await texts(world) == []
    world.check()


async def test_a_report_that_is_none_is_told_as_unreadable() -> None:
    world = await world_of("wavecom", [(LIST, OK)])
    world.port.say(b"\r\n+CDS: 25\r\n0006\r\n")
    await world.clock.pass_time(0.1)
    assert await texts(world) == []
    [event] = [one for one in world.events if isinstance(one, MessageUnreadable)]
    assert event.index is None
    world.check()


async def test_a_report_among_the_messages_is_told_until_it_is_deleted() -> None:
    listed = b"\r\n+CMGL: 2,0,,25\r\n" + report() + b"\r\n\r\nOK\r\n"
    script: Script = [(LIST, listed), (LIST, listed), (r"AT\+CMGD=2", OK)]
    world = await world_of("wavecom", script)
    assert await texts(world) == await texts(world) == []
    assert reports(world) == [(2, 12, "delivered")] * 2
    await world.run(world.modem.delete_sms([2]))
    world.check()


async def test_a_report_in_a_store_of_its_own() -> None:
    world = await world_of(
        "wavecom",
        [
            (r'AT\+CPMS="SR"', b"\r\n+CPMS: 1,5,0,50\r\n\r\nOK\r\n"),
            read(3, b"\r\n+CMGR: 0,25\r\n" + report() + b"\r\n\r\nOK\r\n"),
            (r"AT\+CMGD=3", OK),
            (r'AT\+CPMS="SM"', b"\r\n+CPMS: 0,50,0,50\r\n\r\nOK\r\n"),
            (LIST, OK),
        ],
    )
    world.port.say(b'\r\n+CDSI: "SR",3\r\n')
    await world.clock.pass_time(0.1)
    assert await texts(world) == []
    assert reports(world) == [(None, 12, "delivered")]
    world.check()


@pytest.mark.parametrize(
    "asking",
    [
        [(r"AT\+CNMI\?", b"\r\n+CNMI: 2,1,0,0,0\r\n\r\nOK\r\n"), (r"AT\+CNMI=2,1,0,1,0", OK)],
        [
            (r"AT\+CNMI\?", b"\r\n+CNMI: 1, 1,0,0\r\n\r\nOK\r\n"),
            (r"AT\+CNMI=1,1,0,1", b"\r\nERROR\r\n"),
            (r"AT\+CNMI=1,1,0,2", OK),
        ],
        [(r"AT\+CNMI\?", b"\r\n+CNMI: 2,1,0,2,0\r\n\r\nOK\r\n")],
        [(r"AT\+CNMI\?", b"\r\nERROR\r\n")],
    ],
)
async def test_asking_for_a_report(asking: Script) -> None:
    sending: Script = [
        (r"AT\+CMGS=18", b"\r\n> "),
        ("0031.*\x1a", b"\r\n+CMGS: 12\r\n\r\nOK\r\n"),
    ]
    world = await world_of("wavecom", [*asking, *sending, *sending])
    for _ in range(2):
        sent = world.modem.send_sms("168", "BAGI 0812", 40, nothing, delivery_report=True)
        assert await world.run(sent) == SmsSent(12)
    world.check()


async def test_a_modem_that_falls_silent_over_the_question_has_sent_nothing() -> None:
    world = await world_of("wavecom", [(r"AT\+CNMI\?", b"")])
    sent = world.modem.send_sms("168", "BAGI 0812", 40, nothing, delivery_report=True)
    assert "left=False" in repr(await world.run(sent))
    world = await world_of("wavecom", [(r"AT\+CNMI\?", b"<gone>")])
    sent = world.modem.send_sms("168", "BAGI 0812", 40, nothing, delivery_report=True)
    assert "Gone(left=False)" in repr(await world.run(sent))


# --- full stores, direct messages, prompts ------------------------------------------------


@pytest.mark.parametrize(
    "notice", [b'^SMMEMFULL: "SM"', b"+CIEV: smsfull,1", b'+QIND: "smsfull","SM"']
)
async def test_a_full_store_is_an_event(notice: bytes) -> None:
    world = await world_of("huawei", [])
    world.port.say(b"\r\n" + notice + b"\r\n")
    await world.clock.pass_time(0.1)
    assert world.events == [StorageFull(notice.decode())]


async def test_a_send_that_meets_a_full_store() -> None:
    world = await world_of("wavecom", [(r"AT\+CMGS=18", b"\r\n+CMS ERROR: 322\r\n")])
    got = await world.run(world.modem.send_sms("168", "BAGI 0812", 40, nothing))
    assert isinstance(got, Refused) and not got.left
    assert StorageFull("+CMS ERROR: 322") in world.events


async def test_no_direct_message_is_lost_without_a_word() -> None:
    world = await world_of("wavecom", [(LIST, OK)])
    for number in range(DIRECT_MESSAGES_MAX + 1):
        world.port.say(b"\r\n+CMT: ,30\r\n" + deliver(f"text {number}") + b"\r\n")
    await world.clock.pass_time(0.1)
    [event] = [one for one in world.events if isinstance(one, MessageUnreadable)]
    assert "came at once" in event.reason and event.index is None
    messages = await world.run(world.modem.read_sms())
    assert len(messages) == DIRECT_MESSAGES_MAX
    await world.run(world.modem.delete_sms([], messages[0].direct))
    world.port.say(b"\r\n+CMT: ,30\r\n" + deliver("one more") + b"\r\n")
    await world.clock.pass_time(0.1)
    assert len([one for one in world.events if isinstance(one, MessageUnreadable)]) == 1


@pytest.mark.parametrize("prompt", [b"\r\n> ", b"> \r\n", b"\n>", b"\r> ", b"\r\n\r\n >", b">"])
async def test_the_forms_of_a_prompt(prompt: bytes) -> None:
    script: Script = [
        (r"AT\+CMGS=18", b"AT+CMGS=18\r" + prompt),
        ("0011.*\x1a", b"\r\n+CMGS: 12\r\n\r\nOK\r\n"),
    ]
    world = await world_of("wavecom", script)
    assert await world.run(world.modem.send_sms("168", "BAGI 0812", 40, nothing)) == SmsSent(12)
    world.check()


async def test_a_body_is_written_in_peace_where_the_profile_says_so() -> None:
    world = await world_of("huawei", [(r"AT\+CMGS=18", b"\r\n> "), ("0011[0-9A-F]*", b"")])
    at: list[float] = []
    write = world.port.write

    def listen(data: bytes) -> None:
        at.append(world.clock.monotonic())
        write(data) if data != b"\x1a" else world.port.say(b"\r\n+CMGS: 12\r\n\r\nOK\r\n")

    world.port.write = listen  # type: ignore[method-assign]  # when each byte was written
    sent = await world.run(world.modem.send_sms("168", "BAGI 0812", 40, nothing))
    assert sent == SmsSent(12)
    command, body, end = at
    assert body - command == pytest.approx(world.modem.profile.prompt_pause_seconds)
    assert end - body == pytest.approx(world.modem.profile.body_pause_seconds)
    assert world.modem.profile.prompt_pause_seconds > 0


async def test_no_ctrl_z_follows_an_answer() -> None:
    """What was refused before its end is not ended; the modem might take that for a command."""
    script: Script = [(r"AT\+CMGS=18", b"\r\n> "), ("0011[0-9A-F]*", b"\r\n+CMS ERROR: 304\r\n")]
    world = await world_of("huawei", script)
    got = await world.run(world.modem.send_sms("168", "BAGI 0812", 40, nothing))
    assert isinstance(got, Refused) and not got.left
    await world.clock.pass_time(5)
    assert b"\x1a" not in b"".join(world.port.written)
    world.check()
