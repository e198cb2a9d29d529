"""`modem probe`: what is at a port, told in words, whatever that is; on virtual time."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pulsarack.daemon import prober
from pulsarack.daemon.prober import NOT_ASKED, Report, device_of, examine
from pulsarack.modems import errors
from pulsarack.modems.profile import Profiles
from pulsarack.modems.slots import UsbPlace, UsbTty
from pulsarack.modems.transport import Port
from tests.modems.world import VirtualClock
from tests.trace_player import TRACES, TracePort

NODE = "/dev/ttyUSB7"
MODEM = """\
> AT
< OK
> ATE0
< OK
> AT+CGMI
< huawei
< OK
> AT+CGMM
< E173
< OK
> AT+CGMR
< 11.126
< OK
> AT+CGSN
< {imei}
< OK
> AT+CPIN?
< {card}
> /AT(\\+CMEE|\\+CSCS|\\+CMGF|\\+CNMI|\\^CURC|\\^U2DIAG)=.*/
< OK
> /AT\\+CPMS=.*/
< OK
> AT^ICCID?
< ^ICCID: 98260100000000000010
< OK
> AT+CIMI
< 510101234567890
< OK
> AT+CREG?
< +CREG: 0,{registration}
< OK
> AT+CSQ
< +CSQ: 21,99
< OK
> AT+COPS?
< +COPS: 0,0,"TELKOMSEL",2
< OK
"""
READY = "+CPIN: READY\n< OK"


def modem(
    folder: Path, *, imei: str = "351596030000014", card: str = READY, registration: int = 1
) -> Callable[[VirtualClock], Port]:
    file = folder / "modem.trace"
    file.write_text(MODEM.format(imei=imei, card=card, registration=registration))
    return lambda clock: TracePort(file, clock)


class Stranger:
    """Something else than a modem; `talk` is what it says by itself, again and again."""

    def __init__(
        self, clock: VirtualClock, talk: bytes = b"", answer: Callable[[bytes], bytes] | None = None
    ) -> None:
        self.on_bytes: Callable[[bytes], None] = lambda data: None
        self.on_gone: Callable[[str], None] = lambda reason: None
        self._clock, self._talk, self._answer = clock, talk, answer
        self._open = True
        if talk:
            clock.call_at(clock.monotonic() + 0.1, self._say)

    def write(self, data: bytes) -> None:
        if self._answer is not None and (said := self._answer(data)):
            self._clock.call_at(self._clock.monotonic(), lambda: self.on_bytes(said))

    def close(self) -> None:
        self._open = False

    def _say(self) -> None:
        if self._open:
            self.on_bytes(self._talk)
            self._clock.call_at(self._clock.monotonic() + 0.1, self._say)


def probed(*ports: Any, device: UsbPlace | None = None) -> tuple[Report, float]:
    """What is found at NODE and its sisters (each a port, or what opening raises), and when."""

    async def work() -> tuple[Report, float]:
        clock = VirtualClock()
        ttys = device.ttys if device is not None else ()
        names = [NODE, *(tty.node for tty in ttys if tty.node != NODE)]
        there = dict(zip(names, ports, strict=True))

        async def open_port(path: str, baud: int) -> Port:
            found = there[path]
            if isinstance(found, Exception):
                raise found
            port: Port = found(clock)
            return port

        began = clock.monotonic()
        found = await clock.run(
            examine(
                NODE,
                115_200,
                clock=clock,
                profiles=Profiles.load(),
                open_port=open_port,
                device=device,
            )
        )
        return found, clock.monotonic() - began

    return asyncio.run(work())


def problems(report: Report) -> str:
    return " | ".join(f"{one.what}; {one.remedy}" for one in report.troubles)


def test_a_sound_modem_has_no_problem(tmp_path: Path) -> None:
    report, _ = probed(modem(tmp_path))
    assert report.row() == {
        "port": NODE,
        "manufacturer": "huawei",
        "model": "E173",
        "revision": "11.126",
        "imei": "351596030000014",
        "profile": "huawei",
        "encodings": ["gsm7-packed-hex", "plain"],
        "card": "ready",
        "iccid": "89621000000000000001",
        "imsi": "510101234567890",
        "registration": "HOME",
        "operator": "TELKOMSEL",
        "signal": 21,
        "networks": [],
        "ports": {},
        "problems": [],
    }


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({"card": "+CME ERROR: 10"}, "no usable SIM card"),
        ({"card": "+CPIN: SIM PIN\n< OK"}, "wants a SIM PIN and none is on file; put sim_pin"),
        ({"card": "+CPIN: SIM PUK\n< OK"}, "entered wrong three times; unblock it with its PUK"),
        ({"card": "+CME ERROR: 12"}, "entered wrong three times; unblock it with its PUK"),
        ({"registration": 0}, "not looking for a network; check that the radio"),
        ({"registration": 2}, "no network was found; check antenna"),
        ({"registration": 3}, "denies the chip; the chip may be expired or barred"),
        ({"registration": 4}, "does not know how it stands; check antenna"),
        ({"imei": "123456789012345"}, "its IMEI 123456789012345 is invented"),
        ({"imei": "ERROR"}, "it tells no IMEI"),
    ],
)
def test_what_is_missing_is_told_with_its_remedy(
    tmp_path: Path, facts: dict[str, Any], said: str
) -> None:
    report, seconds = probed(modem(tmp_path, **facts))
    assert said in problems(report)
    assert report.identity is not None
    assert seconds < 60.0


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (errors.PortMissing(NODE), "no such port; check the cable"),
        (errors.PortDenied(NODE), "permission denied; add the daemon's user"),
        (errors.PortBusy(NODE, "minicom (pid 7)"), "in use by minicom (pid 7); stop it"),
        (errors.NotATty(NODE), "not a serial port; correct"),
        (errors.PortStuck(NODE, 10.0), "not opened within 10 s; reset or re-plug"),
    ],
)
def test_a_port_that_cannot_be_opened(error: Exception, said: str) -> None:
    report, _ = probed(error)
    assert said in problems(report)
    assert report.identity is None
    assert report.holder == ("minicom (pid 7)" if isinstance(error, errors.PortBusy) else None)


GPS = b"$GPGGA,071458.00,0610.00,S,10649.00,E,1,08,1.0,8.0,M,0,M,,*5B\r\n"


def echo(data: bytes) -> bytes:
    return data


def grumble(data: bytes) -> bytes:
    return b"paper out\r\n"


@pytest.mark.parametrize(
    ("port", "said"),
    [
        (lambda clock: Stranger(clock), "nothing answers on this port; try the device's other"),
        (lambda clock: Stranger(clock, GPS), "a GPS receiver talks here; take the port out"),
        (lambda clock: Stranger(clock, answer=echo), "what is sent comes back, and nothing else"),
        (lambda clock: Stranger(clock, answer=grumble), "no AT: 'paper out"),
        (lambda clock: Stranger(clock, b"\x00\xff\x1b[2J" * 50), "what answers is no AT"),
        (lambda clock: Stranger(clock, b"temp=21.5\r\n"), "no AT: 'temp=21.5"),
        (lambda clock: Stranger(clock, bytes(range(256)) * 12), "what answers is no AT"),
    ],
)
def test_what_is_no_modem_is_named_in_time(port: Any, said: str) -> None:
    report, seconds = probed(port)
    assert said in problems(report)
    assert seconds < 15.0


def stick(*kinds: str) -> UsbPlace:
    """A stick whose ttys are of these kinds (class/subclass/protocol): ttyUSB7 and so on."""
    ttys = (
        UsbTty(number, 0, f"/dev/ttyUSB{number + 7}", kind, "option")
        for number, kind in enumerate(kinds)
    )
    return UsbPlace("usb-0000:00:14.0-2", "1-2", 1, 5, "12d1", "1573", tuple(ttys), bridge=False)


MODEM_KIND, CONTROL, DIAGNOSIS = "ff/02/01", "ff/02/02", "ff/02/03"


def test_the_ports_of_a_stick_are_looked_at_but_never_the_one_for_diagnosis(
    tmp_path: Path,
) -> None:
    report, _ = probed(
        lambda clock: Stranger(clock), AssertionError("bytes there can crash it"), modem(tmp_path),
        device=stick(MODEM_KIND, DIAGNOSIS, CONTROL),
    )  # fmt: skip
    assert report.ports == {
        "/dev/ttyUSB7": "no AT answer",
        "/dev/ttyUSB8": NOT_ASKED,
        "/dev/ttyUSB9": "an AT port",
    }
    assert "try the device's other ports" in problems(report)


def test_the_others_are_left_alone_while_somebody_works_with_the_modem() -> None:
    report, _ = probed(
        errors.PortBusy(NODE, "pulsarack (pid 7)"), AssertionError("in the middle of a sale"),
        device=stick(MODEM_KIND, CONTROL),
    )  # fmt: skip
    assert report.ports == {}
    assert report.holder == "pulsarack (pid 7)"


def test_a_port_without_usb_has_no_sisters() -> None:
    assert device_of("/dev/ttyS0") is None


def test_the_recorded_modems_are_known() -> None:
    for name in ("wavecom", "huawei"):
        report, _ = probed(lambda clock, name=name: TracePort(TRACES / f"{name}.trace", clock))
        assert report.profile == name
        assert not [one for one in report.troubles if "IMEI" not in one.what]


def test_what_a_modem_does_not_list_is_told(tmp_path: Path) -> None:
    file = tmp_path / "modem.trace"
    told = MODEM.format(imei="351596030000014", card=READY, registration=3)
    file.write_text(
        told
        + '> AT+CSCA?\n< +CSCA: "",129\n< OK\n'
        + '> AT+COPS=?\n< +COPS: (3,"XL","XL","51011",2),,(0-4),(0-2)\n< OK\n'
    )
    report, _ = probed(lambda clock: TracePort(file, clock))
    assert "no service centre is set" in problems(report)
    assert report.networks == ("51011 XL (UMTS, forbidden)",)


def test_nothing_is_dialled_and_no_pin_is_entered(tmp_path: Path) -> None:
    ports: list[TracePort] = []
    build = modem(tmp_path, card="+CPIN: SIM PIN\n< OK")

    def keep(clock: VirtualClock) -> TracePort:
        port = build(clock)
        assert isinstance(port, TracePort)
        ports.append(port)
        return port

    probed(keep)
    sent = " ".join(ports[0].recording.commands)
    assert "AT+CPIN?" in sent
    assert not any(word in sent for word in ("CPIN=", "CUSD=1", "CMGS", "ATD", "CMGD", "CFUN="))


def test_a_wrong_check_digit_is_seen() -> None:
    assert prober._luhn("351596030000014")
    assert not prober._luhn("351596030000018")
