"""The front desk: a message is carried out once or not at all, and nobody but its agent learns
anything by it."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from peewee import Database

from pulsarack.daemon.channels.patience import HOUR_SECONDS, IN_A_ROW
from pulsarack.daemon.store_errors import NotStored
from pulsarack.queue import agents, outcome
from pulsarack.queue.identity import senders
from pulsarack.queue.order_text import reading
from pulsarack.queue.post import outgoing
from pulsarack.queue.post.outgoing import State
from pulsarack.queue.service import service
from pulsarack.ussd.outcome import Reason
from tests.daemon.channels.desk_world import AGENT, MONEY, NUMBER, PIN, DeskWorld

ORDER = f"S10.081200000012.{PIN}"


async def test_an_order_is_accepted_kept_and_answered(tmp_path: Path) -> None:
    world = await DeskWorld.open(tmp_path)
    received = await world.say(ORDER, "m1")
    assert received.repeated is False
    assert world.orders() == [("S10", "6281200000012", 1)]
    assert world.sql("SELECT channel, message_id, sender, agent, text, outcome FROM inbound") == [
        ("sms", "m1", NUMBER, "A1", "S10.081200000012.****", received.outcome)
    ]
    (row,) = world.sql("SELECT channel, address, sender, agent, kind, state FROM outgoing")
    assert row == ("sms", NUMBER, "8962", "A1", "answer", "WAITING")
    (answer,) = world.answers()
    assert "S10" in answer and "081200000012" in answer and len(answer) <= 160
    assert world.rung == ["sms"]
    assert world.woken == ["telkomsel"]
    world.close()


async def test_a_pin_is_nowhere(tmp_path: Path) -> None:
    world = await DeskWorld.open(tmp_path)
    for number, text in enumerate(
        (
            ORDER,
            f"S10 081200000013 {PIN}",
            f"{PIN}.S5.081200000014",
            f"ganti pin {PIN} 8642",
            f"GP.8642.{PIN}",
            f"SAL.{PIN}",
            f"halo {PIN}",
            f"S99.081200000012.{PIN}",
        )
    ):
        await world.say(text, f"m{number}")
    await world.say(ORDER, "old", sent_at=1)
    await world.say(ORDER, "stranger", sender="6281200000011")
    world.store.run_inline(lambda db: outgoing.count_waiting(db))
    world.close()
    for file in tmp_path.glob("pulsarack.db*"):
        assert PIN.encode() not in file.read_bytes()
        assert b"8642" not in file.read_bytes()
    assert PIN not in world.log.getvalue()


async def test_the_same_message_again_does_nothing_more(tmp_path: Path) -> None:
    world = await DeskWorld.open(tmp_path)
    first = await world.say(ORDER, "m1")
    again = await world.say(ORDER, "m1")
    assert again.repeated and again.outcome == first.outcome
    assert len(world.orders()) == len(world.answers()) == 1
    # On another channel the same id is another message, and the same order of the day.
    other = await world.say(ORDER, "m1", channel="whatsapp")
    assert not other.repeated
    assert len(world.orders()) == 1 and len(world.answers()) == 2
    world.close()


async def test_twins_at_once_are_taken_once(tmp_path: Path) -> None:
    world = await DeskWorld.open(tmp_path)
    wrong = world.letter("S10.081200000012.9999", "m1")
    found = await asyncio.gather(*(world.desk.receive(wrong) for _ in range(5)))
    assert [one.repeated for one in found] == [False, True, True, True, True]
    assert len(world.answers()) == 1
    # It was one wrong try, so the right PIN still opens, after the pause that it cost.
    world.clock.passed += 3600
    await world.say(ORDER, "m2")
    assert len(world.orders()) == 1
    world.close()


async def test_three_wrong_pins_lock_and_the_right_one_does_not_open_then(tmp_path: Path) -> None:
    world = await DeskWorld.open(tmp_path)
    outcomes = []
    for pin in ("9999", "9998", "9997", PIN):
        world.clock.passed += 3600
        outcomes.append((await world.say(f"S10.081200000012.{pin}")).outcome)
    assert outcomes == ["wrong_pin", "wrong_pin", "pin_locked", "pin_locked"]
    assert world.orders() == []
    assert {"text.wrong_pin": 2, "text.pin_locked": 2}.items() <= world.refused().items()
    world.close()


async def test_what_is_refused_names_its_reference(tmp_path: Path) -> None:
    world = await DeskWorld.open(tmp_path)
    for number, text in enumerate(
        (
            "S10.081200000012.9999 R#abc-17",
            f"S99.081200000012.{PIN} R#abc-18",
            f"halo R#abc-19 {PIN}",
            f"S10.081200000012 R#{PIN}",  # the PIN in the wrong place
        )
    ):
        world.clock.passed += 3600
        await world.say(text, f"m{number}")
    await world.say("S10.081200000012.9999 R#abc-20", "stranger", sender="6281200000011")
    *named, hidden, stranger = world.answers()
    assert [answer.split()[0] for answer in named] == ["R#abc-17", "R#abc-18", "R#abc-19"]
    assert "R#" not in hidden and "R#" not in stranger
    assert all(len(answer) <= 160 for answer in world.answers())
    assert world.orders() == []
    world.close()


@pytest.mark.parametrize("channel", ["sms", "whatsapp", "xmpp"])
async def test_without_a_pin_nothing_is_ordered(tmp_path: Path, channel: str) -> None:
    world = await DeskWorld.open(tmp_path)
    sender = "kios1@example.org" if channel == "xmpp" else NUMBER
    received = await world.say("S10.081200000012", channel=channel, sender=sender)
    assert received.outcome == "pin_missing"
    assert world.orders() == []
    world.close()


async def test_strangers_all_hear_the_same_and_not_often(tmp_path: Path) -> None:
    world = await DeskWorld.open(tmp_path)
    with_pin = await world.say(ORDER, sender="6281200000011")
    nonsense = await world.say("halo", sender="6281200000010")
    assert with_pin.outcome == nonsense.outcome == "unknown_sender"
    assert len(set(world.answers())) == 1 and len(world.answers()) == 2
    for _ in range(5):
        await world.say(ORDER, sender="6281200000011")
    assert len(world.answers()) == 2
    assert world.orders() == []
    assert world.sql("SELECT DISTINCT agent FROM inbound") == [(None,)]
    world.close()


async def test_an_old_message_is_not_carried_out(tmp_path: Path) -> None:
    world = await DeskWorld.open(tmp_path)
    now = world.clock.now_ms()
    assert (await world.say(ORDER, sent_at=now - 1_801_000)).outcome == "too_old"
    assert world.orders() == []
    await world.say(ORDER, sent_at=now - 1_700_000)
    assert len(world.orders()) == 1
    world.close()


async def test_what_cannot_be_read_is_answered_with_a_form(tmp_path: Path) -> None:
    world = await DeskWorld.open(tmp_path)
    received = await world.say("besok libur?")
    assert received.outcome.startswith("misread_")
    assert len(world.answers()) == 1
    world.close()


async def test_several_orders_in_one_message(tmp_path: Path) -> None:
    world = await DeskWorld.open(tmp_path)
    await world.say(f"S5.081200000012,S10.081200000013.{PIN}")
    assert [row[:2] for row in world.orders()] == [
        ("S5", "6281200000012"),
        ("S10", "6281200000013"),
    ]
    assert len(world.answers()) == 1
    world.close()


async def test_nothing_is_taken_if_the_disk_does_not_take_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = await DeskWorld.open(tmp_path)
    letter = world.letter(ORDER, "m1")
    with monkeypatch.context() as patches:

        async def full(*_: Any) -> Any:
            raise NotStored(OSError("disk full"))

        patches.setattr(world.store, "write_for", full)
        with pytest.raises(NotStored):
            await world.desk.receive(letter)
    assert world.sql("SELECT 1 FROM inbound") == []
    assert (await world.desk.receive(letter)).repeated is False
    assert len(world.orders()) == 1
    world.close()


async def test_a_fault_of_ours_ends_the_message_and_not_the_channel(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = await DeskWorld.open(tmp_path)

    def stumble(db: Database, *_: Any) -> Any:
        raise ZeroDivisionError

    with monkeypatch.context() as patches:
        patches.setattr(service, "answer_all", stumble)
        received = await world.say(ORDER, "m1")
    assert received.outcome == "failed"
    assert world.orders() == [] and len(world.answers()) == 1
    assert (await world.say(ORDER, "m1")).repeated
    await world.say(ORDER, "m2")
    assert len(world.orders()) == 1
    world.close()


async def test_the_result_goes_where_the_order_came_from(tmp_path: Path) -> None:
    world = await DeskWorld.open(tmp_path)
    await world.say(
        ORDER, channel="xmpp", sender="kios1@example.org", answer_to="kios1@example.org/phone"
    )
    now = world.clock.now_ms()
    world.store.run_inline(lambda db: outcome.refund(db, 1, Reason.EXPIRED, "test", now))
    (row,) = world.sql(
        "SELECT id, channel, address, message_id, text FROM outgoing WHERE kind = 'result'"
    )
    outgoing_id, channel, address, message_id, text = row
    assert (channel, address, message_id) == ("xmpp", "kios1@example.org/phone", 1)
    assert "GAGAL" in text
    # Who follows the agent over the socket is not told what is told elsewhere.
    assert world.sql("SELECT channel, delivered_at FROM message") == [("xmpp", None)]

    def give_up(db: Database) -> bool:
        return outgoing.give_up(db, outgoing_id, State.EXPIRED, "nobody there", now_ms=now)

    assert world.store.run_inline(give_up) is True
    assert world.store.run_inline(give_up) is False
    (sms,) = world.sql(
        "SELECT id, channel, address, message_id FROM outgoing WHERE state = 'WAITING'"
        " AND kind = 'result'"
    )
    assert sms[1:] == ("sms", NUMBER, 1)
    world.store.run_inline(
        lambda db: outgoing.arrived(db, sms[0], State.SENT, "chip:1", now_ms=now)
    )
    assert world.sql("SELECT delivered_at FROM message") == [(now,)]
    assert world.sql("SELECT debits_held FROM account WHERE code = 'liability:agent:A1'") == [(0,)]
    assert world.sql("SELECT credits_posted FROM account WHERE code = 'liability:agent:A1'") == [
        (MONEY,)
    ]
    world.close()


async def test_a_desk_that_opens_again_knows_what_it_took(tmp_path: Path) -> None:
    world = await DeskWorld.open(tmp_path)
    await world.say(ORDER, "m1")
    world.close()
    world = await DeskWorld.open(tmp_path)
    assert (await world.say(ORDER, "m1")).repeated
    assert len(world.orders()) == 1
    world.close()


@pytest.mark.parametrize("what", ["off", "unbound", "another's"])
@pytest.mark.parametrize("text", [f"T.D1.5000.{PIN}", ORDER])
async def test_who_is_shut_out_while_his_pin_is_looked_at_does_nothing_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str, text: str
) -> None:
    world = await DeskWorld.open(tmp_path)
    world.store.run_inline(lambda db: agents.add(db, "D1", "Kios", now_ms=1, upline=AGENT))
    verify = world.identity.pins.verify

    def shut_out(db: Database) -> None:
        if what == "off":
            agents.put_active(db, AGENT, False)
            return
        senders.unbind(db, "sms", NUMBER, by="admin", now_ms=1)
        if what == "another's":
            senders.bind(db, "sms", NUMBER, "A2", by="admin", now_ms=1)

    async def slow(*args: Any) -> Any:
        found = await verify(*args)
        world.store.run_inline(shut_out)
        return found

    monkeypatch.setattr(world.identity.pins, "verify", slow)
    assert (await world.say(text, "m1")).outcome == "unknown_sender"
    assert world.orders() == world.sql("SELECT 1 FROM balance_transfer") == []
    assert world.sql("SELECT agent, outcome FROM inbound") == [(None, "unknown_sender")]
    assert (await world.say(text, "m1")).repeated
    world.close()


async def test_nobody_takes_an_agents_telephone_away_without_a_word(tmp_path: Path) -> None:
    """Who has the PIN and one address could remove the others first, and then change the PIN."""
    world = await DeskWorld.open(tmp_path)
    thief = {"channel": "xmpp", "sender": "kios1@example.org"}
    assert (await world.say(f"HAPUSNOMOR.{NUMBER}.{PIN}", **thief)).outcome == "sender_removed"
    ((address, text),) = world.sql("SELECT address, text FROM outgoing WHERE channel = 'sms'")
    assert address == NUMBER
    assert AGENT in text and NUMBER in text
    # A second time there is nothing to remove, and nobody is told.
    assert (await world.say(f"HAPUSNOMOR.{NUMBER}.{PIN}", **thief)).outcome == "sender_unknown"
    assert len(world.sql("SELECT 1 FROM outgoing WHERE channel = 'sms'")) == 1
    world.close()


async def test_an_agent_who_removes_an_address_from_his_telephone_is_only_answered(
    tmp_path: Path,
) -> None:
    world = await DeskWorld.open(tmp_path)
    await world.say(f"HAPUSXMPP.kios1@example.org.{PIN}")
    await world.say(f"HAPUSNOMOR.{NUMBER}.{PIN}")
    assert world.sql("SELECT channel, address FROM outgoing") == [("sms", NUMBER)] * 2
    world.close()


async def test_a_text_that_midnight_delayed_is_of_the_day_on_which_it_was_sent(
    tmp_path: Path,
) -> None:
    """Who waits for an answer sends it over another channel: it is the same order all the same."""
    world = await DeskWorld.open(tmp_path)
    world.store.run_inline(lambda db: agents.add(db, "D1", "Kios", now_ms=1, upline=AGENT))
    midnight = world.context.day_ends_at(world.clock.now_ms())
    world.clock.passed = (midnight - world.clock.now_ms()) / 1000 - 60
    sent = world.clock.now_ms() - 1000
    move = f"T.D1.5000.{PIN}"
    for text in (ORDER, move):
        await world.say(text, channel="whatsapp", sent_at=sent + 500)
    world.clock.passed += 120
    assert (await world.say(ORDER, sent_at=sent)).outcome == "order_repeated"
    assert (await world.say(move, sent_at=sent)).outcome == "transfer_repeated"
    assert len(world.orders()) == len(world.sql("SELECT 1 FROM balance_transfer")) == 1
    # What was sent after midnight, or nobody knows when, is of the new day.
    assert (await world.say(ORDER, sent_at=midnight + 1)).outcome == "order_accepted"
    assert (await world.say(move)).outcome == "transfer_sent"
    assert world.sql("SELECT DISTINCT local_day FROM orders") == world.sql(
        "SELECT DISTINCT local_day FROM balance_transfer"
    )
    world.close()


async def test_whoever_is_told_of_a_transfer_as_well_is_told_at_once(tmp_path: Path) -> None:
    world = await DeskWorld.open(tmp_path)
    world.store.run_inline(lambda db: agents.add(db, "D1", "Kios", now_ms=1, upline=AGENT))
    heard: list[int] = []
    world.context.events.listen_to_notices(lambda: heard.append(len(world.answers())))
    for text in (ORDER, f"SAL.{PIN}", f"T.D1.5000.{PIN}"):
        await world.say(text)
    assert heard == [3]  # of the transfer, once all of it was written
    world.close()


async def test_a_program_that_answers_our_answers_is_answered_no_more(tmp_path: Path) -> None:
    """An agent's telephone says "I am driving" to whatever comes; so did we, for ever."""
    world = await DeskWorld.open(tmp_path)
    heard = 0
    for number in range(40):
        await world.say(f"Maaf, saya sedang di jalan ({number}).")
        if len(world.answers()) == heard:
            break
        heard = len(world.answers())
    assert heard == IN_A_ROW < number + 1
    assert world.refused()["text.no_more_answers"] == 1
    await world.say("halo", channel="whatsapp")  # another address has its own count
    assert len(world.answers()) == heard + 1
    await world.say(ORDER)  # who writes an order is heard, and may be wrong again
    await world.say("apa?")
    assert len(world.orders()) == 1 and len(world.answers()) == heard + 3
    world.close()


async def test_after_an_hour_he_is_answered_again(tmp_path: Path) -> None:
    world = await DeskWorld.open(tmp_path)
    for _ in range(IN_A_ROW + 5):
        await world.say("apa?")
    world.clock.passed += HOUR_SECONDS
    await world.say("apa?")
    assert len(world.answers()) == IN_A_ROW + 1
    world.close()


async def test_a_text_at_which_the_reading_stumbles_comes_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would come for ever, and its words would stand in the log."""
    world = await DeskWorld.open(tmp_path)

    def stumble(text: str, *_: object, **__: object) -> None:
        raise ValueError(f"what is {text}?")

    monkeypatch.setattr(reading, "read", stumble)
    assert (await world.say(ORDER, "m1")).outcome == "failed"
    assert (await world.say(ORDER, "m1")).repeated
    assert PIN not in world.log.getvalue() + str(world.sql("SELECT text FROM inbound"))
    assert "ValueError" in world.log.getvalue()
    world.close()
