"""The driver of phones that do not speak AT, on gammu's own dummy phone; and calls that hang."""

import asyncio
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import gammu
import pytest

from pulsarack.modems.card_lock import LockedCard
from pulsarack.modems.driver import Driver, driver_of
from pulsarack.modems.errors import CallHangs, PortStuck, SimBarred, SimMissing, SimPinNeeded
from pulsarack.modems.gammu_phone import ANSWERS_MAX, GammuPhone, GammuPhones, PhoneSettings
from pulsarack.modems.profile import Profiles
from pulsarack.modems.results import (
    ModemEvent,
    PortLost,
    Refused,
    Registration,
    Silence,
    SmsSent,
    UssdAnswer,
    UssdArrived,
)
from pulsarack.ussd.status import UssdStatus

ICCID, IMSI = "8962100000000000012", "994299429942994"


class Clock:
    """The loop's clock; `ring` runs the timers of calls at once, whatever their time."""

    def __init__(self) -> None:
        self.timers: list[Callable[[], None]] = []
        self.late = 0.0

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time() + self.late

    def now_ms(self) -> int:
        return 0

    async def sleep(self, seconds: float) -> None:
        self.late += seconds
        await asyncio.sleep(0)

    def call_at(self, when: float, callback: Callable[[], None]) -> Any:
        self.timers.append(callback)
        timers = self.timers

        class Handle:
            def cancel(self) -> None:
                if callback in timers:
                    timers.remove(callback)

        return Handle()

    def ring(self) -> None:
        for timer in list(self.timers):
            timer()


class Phone:
    """A driver on the dummy phone, or on a machine of the test."""

    def __init__(self, place: Path, imsi: str = IMSI, machine: Any = None) -> None:
        self.clock = Clock()
        self.events: list[ModemEvent] = []
        self.phones = GammuPhones()
        self.settings = PhoneSettings(str(place), "none", "dummy", ICCID, imsi)
        port = self.phones.open(self.settings, self.clock)
        profiles = Profiles.load()
        self.driver: Driver = driver_of(port, self.clock, profiles, self.events.append)
        if machine is not None:
            thread = port._thread
            self.driver = GammuPhone(
                self.settings, thread, self.clock, profiles, self.events.append, machine
            )


async def test_the_dummy_phone_from_start_to_end(tmp_path: Path) -> None:
    phone = Phone(tmp_path)
    driver = phone.driver
    identity = await driver.identify()
    assert (identity.manufacturer, identity.model) == ("Gammu", "Dummy")
    assert identity.imei == "999999999999999"
    assert driver.profile.name == "gammu"
    await driver.initialise()
    assert (await driver.read_chip()).iccid == ICCID
    assert await driver.read_iccid() == ICCID
    assert await driver.registration() is Registration.HOME
    place = await driver.place()
    assert (place.area, place.cell, place.operator) == (0xB00B, 0xFACE, "GammuT3l")
    assert await driver.signal_quality() == 13
    driver.close()


async def test_ussd_on_the_dummy_phone(tmp_path: Path) -> None:
    phone = Phone(tmp_path)
    await phone.driver.identify()
    await phone.driver.initialise()
    answer = await phone.driver.dial_ussd("*123#", 30)
    assert isinstance(answer, UssdAnswer)
    assert (answer.status, answer.text) == (UssdStatus.NO_FURTHER_ACTION, "Reply for *123#")
    again = await phone.driver.answer_ussd("1", 30)
    assert again == Refused("no USSD session is open any more", None, left=False)
    phone.driver.close()


async def test_sms_on_the_dummy_phone(tmp_path: Path) -> None:
    phone = Phone(tmp_path)
    driver = phone.driver
    await driver.identify()
    await driver.initialise()
    marked: list[str] = []

    async def mark() -> None:
        marked.append("committed")

    sent = await driver.send_sms("8168", "ISI 081200000012 10", 60, mark)
    assert isinstance(sent, SmsSent)
    assert marked == ["committed"]
    # Signs of the extension table take the room of two, and others would leave as question marks.
    for unfit in ("x" * 161, "[" * 81, "\u0416"):
        refused = await driver.send_sms("8168", unfit, 60, mark)
        assert isinstance(refused, Refused)
        assert not refused.left
    assert marked == ["committed"]
    put_into_inbox(tmp_path, "Isi ulang 10 ke 081200000012 berhasil", "168")
    long_text = "Stok Anda berkurang. " * 12
    put_into_inbox(tmp_path, long_text, "168")
    first, second = sorted(await driver.read_sms(), key=lambda one: len(one.text))
    assert (first.sender, first.text) == ("168", "Isi ulang 10 ke 081200000012 berhasil")
    assert second.text == long_text and second.complete and len(second.indices) == 2
    assert first.fingerprint != second.fingerprint
    again = sorted(await driver.read_sms(), key=lambda one: len(one.text))
    assert [one.fingerprint for one in again] == [first.fingerprint, second.fingerprint]
    await driver.delete_sms(second.indices)
    assert await driver.read_sms() == [first]
    await driver.delete_sms([*first.indices, 4711])
    assert await driver.read_sms() == []
    driver.close()


def put_into_inbox(place: Path, text: str, sender: str) -> None:
    """Let the dummy phone have received a text."""
    parts = gammu.EncodeSMS({"Entries": [{"ID": "ConcatenatedTextLong", "Buffer": text}]})
    folder = place / "sms" / "1"
    at = datetime(2026, 11, 22, 14, 5, tzinfo=UTC)
    for part in parts:
        part |= {"Number": sender, "State": "UnRead", "Type": "Deliver", "SMSC": {"Number": "1"}}
        number = len(list(folder.iterdir())) + 1
        gammu.SaveSMSBackup(str(folder / str(number)), [part | {"DateTime": at}])


async def test_another_card_is_no_chip_of_ours(tmp_path: Path) -> None:
    phone = Phone(tmp_path, imsi="510100000000001")
    await phone.driver.identify()
    with pytest.raises(SimMissing, match="correct iccid and imsi"):
        await phone.driver.read_chip()
    phone.driver.close()


# --- what the dummy does not do ---------------------------------------------------------------


class Machine:
    """A state machine that does what a test says: `does` by the name of the call."""

    def __init__(self, **does: Any) -> None:
        self.does = does
        self.asked: list[str] = []
        self.callback: Any = None

    def SetConfig(self, section: int, values: dict[str, str]) -> None:
        pass

    def SetIncomingCallback(self, callback: Any) -> None:
        self.callback = callback

    def __getattr__(self, name: str) -> Any:
        def call(*arguments: Any, **named: Any) -> Any:
            self.asked.append(name)
            does = self.does.get(name)
            if isinstance(does, Exception):
                raise does
            return does(*arguments) if callable(does) else does

        return call


def failed(kind: type[Exception], code: int) -> Exception:
    return kind({"Text": "12345", "Where": "x", "Code": code})


@pytest.mark.parametrize(
    ("error", "name", "left"),
    [
        (failed(gammu.ERR_NOTIMPLEMENTED, 25), "ERR_NOTIMPLEMENTED", False),
        (failed(gammu.ERR_NOTSUPPORTED, 21), "ERR_NOTSUPPORTED", False),
        (failed(gammu.ERR_TIMEOUT, 14), "ERR_TIMEOUT", True),
        (failed(gammu.ERR_UNKNOWN, 27), "ERR_UNKNOWN", True),
    ],
)
async def test_few_errors_prove_that_nothing_left(
    tmp_path: Path, error: Exception, name: str, left: bool
) -> None:
    async def mark() -> None:
        pass

    machine = Machine(DialService=error, SendSMS=error)
    phone = Phone(tmp_path, machine=machine)
    expected = Refused(name, None, left=left)
    assert await phone.driver.dial_ussd("*123#", 10) == expected
    assert await phone.driver.send_sms("168", "x", 10, mark) == expected
    phone.driver.close()


async def test_silence_may_have_left_and_what_is_late_answers_nothing_else(tmp_path: Path) -> None:
    machine = Machine()
    phone = Phone(tmp_path, machine=machine)
    await phone.driver.initialise()
    assert await phone.driver.dial_ussd("*1#", 3) == Silence(left=True)
    machine.callback(machine, "USSD", {"Status": "NoActionNeeded", "Text": "late"})

    def dial(text: str) -> None:
        machine.callback(machine, "USSD", {"Status": "AnotherClient", "Text": ""})
        machine.callback(machine, "USSD", {"Status": "ActionNeeded", "Text": "menu of " + text})

    machine.does["DialService"] = dial
    answer = await phone.driver.dial_ussd("*2#", 3)
    assert isinstance(answer, UssdAnswer)
    assert answer.text == "menu of *2#"
    [event] = phone.events
    assert isinstance(event, UssdArrived) and event.answer.text == "late"
    second = await phone.driver.answer_ussd("1", 3)
    assert isinstance(second, UssdAnswer) and second.text == "menu of 1"
    phone.driver.close()


async def test_what_is_late_answers_nothing_also_if_it_comes_with_an_error(tmp_path: Path) -> None:
    machine = Machine()
    phone = Phone(tmp_path, machine=machine)
    await phone.driver.initialise()

    def read() -> None:
        if "DialService" not in machine.asked:
            machine.callback(machine, "USSD", {"Status": "NoActionNeeded", "Text": "late"})
            raise failed(gammu.ERR_TIMEOUT, 14)

    machine.does["ReadDevice"] = read
    assert await phone.driver.dial_ussd("*1#", 3) == Silence(left=True)
    assert {type(event) for event in phone.events} == {UssdArrived}
    phone.driver.close()


async def test_no_error_behind_the_request_proves_that_nothing_left(tmp_path: Path) -> None:
    machine = Machine(ReadDevice=failed(gammu.ERR_NOTSUPPORTED, 21))
    phone = Phone(tmp_path, machine=machine)
    await phone.driver.initialise()
    assert await phone.driver.dial_ussd("*1#", 3) == Refused("ERR_NOTSUPPORTED", None, left=True)
    phone.driver.close()


@pytest.mark.parametrize("status", ["Terminated", "NotSupported", "Timeout"])
async def test_a_session_that_fails_may_have_left(tmp_path: Path, status: str) -> None:
    machine = Machine()
    machine.does["DialService"] = lambda text: machine.callback(
        machine, "USSD", {"Status": status, "Text": None}
    )
    phone = Phone(tmp_path, machine=machine)
    await phone.driver.initialise()
    assert await phone.driver.dial_ussd("*1#", 3) == Refused(f"USSD: {status}", None, left=True)
    phone.driver.close()


async def test_a_call_that_hangs_is_abandoned_and_named(tmp_path: Path) -> None:
    free = threading.Event()
    machine = Machine(DialService=lambda text: free.wait())
    phone = Phone(tmp_path, machine=machine)
    asked = asyncio.ensure_future(phone.driver.dial_ussd("*1#", 30))
    while "DialService" not in machine.asked:
        await asyncio.sleep(0.001)
    phone.clock.ring()
    assert await asked == Silence(left=True)
    [event] = phone.events
    assert isinstance(event, PortLost)
    assert "DialService did not come back" in event.reason
    with pytest.raises(CallHangs):
        await phone.driver.signal_quality()
    with pytest.raises(PortStuck):
        phone.phones.open(phone.settings, phone.clock)
    phone.driver.close()
    free.set()
    while any(one.name == f"gammu {tmp_path.name}" for one in threading.enumerate()):
        await asyncio.sleep(0.001)
    phone.phones.open(phone.settings, phone.clock).close()


async def test_a_phone_that_never_stops_talking_is_bounded(tmp_path: Path) -> None:
    machine = Machine()
    phone = Phone(tmp_path, machine=machine)
    await phone.driver.initialise()

    def dial(text: str) -> None:
        for _ in range(10_000):
            machine.callback(machine, "USSD", {"Status": "AnotherClient", "Text": "x"})
            machine.callback(machine, "Call", None)

    machine.does["DialService"] = dial
    assert await phone.driver.dial_ussd("*1#", 3) == Silence(left=True)
    assert len(phone.events) <= ANSWERS_MAX
    phone.driver.close()


HANGS = """
import asyncio, threading
from pulsarack.modems.call_thread import CallThread
from pulsarack.modems.errors import CallHangs

class Clock:
    def monotonic(self):
        return asyncio.get_running_loop().time()
    def call_at(self, when, callback):
        return asyncio.get_running_loop().call_at(when, callback)

async def main():
    thread = CallThread("phone", Clock())
    try:
        await thread.call("Init", 0.01, threading.Event().wait)
    except CallHangs as error:
        print(error)

asyncio.run(main())
"""


def test_a_thread_that_hangs_does_not_hold_up_the_end_of_the_process() -> None:
    found = subprocess.run(
        [sys.executable, "-c", HANGS], capture_output=True, text=True, timeout=60, check=True
    )
    assert found.stdout.startswith("phone: Init did not come back within 0.01 s")


async def test_a_pin_is_asked_for_and_never_shown(tmp_path: Path) -> None:
    error = failed(gammu.ERR_SECURITYERROR, 23)
    machine = Machine(GetSecurityStatus="PIN", EnterSecurityCode=error)
    phone = Phone(tmp_path, machine=machine)
    asked: list[LockedCard] = []

    async def pin(card: LockedCard) -> str:
        asked.append(card)
        return "12345"

    with pytest.raises(SimPinNeeded) as caught:
        await phone.driver.initialise(pin)
    assert caught.value.refused and "12345" not in str(caught.value)
    assert caught.value.__context__ is None or caught.value.__suppress_context__
    assert asked == [LockedCard(ICCID, None, read=False)]
    machine.does["GetSecurityStatus"] = "PUK"
    with pytest.raises(SimBarred):
        await phone.driver.initialise(pin)
    phone.driver.close()
