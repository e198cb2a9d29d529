"""What is at a port, and what is missing for it to sell: asked of the device itself.

Works without the daemon, and sends nothing but questions and the settings of the profile:
no PIN, no USSD, no text. Each step that fails is a problem with its remedy, and the next
ones are tried as far as they can be. Everything has a time limit.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pulsarack.modems.at_ports import AtPorts
from pulsarack.modems.errors import (
    ModemError,
    ModemSilent,
    NotAModem,
    PortBusy,
    SimPinNeeded,
)
from pulsarack.modems.modem import Modem
from pulsarack.modems.probe import Verdict, judge
from pulsarack.modems.profile import Profiles
from pulsarack.modems.registration import explain
from pulsarack.modems.results import ChipIdentity, Identity, Registration
from pulsarack.modems.slots import UsbPlace
from pulsarack.modems.timing import Clock
from pulsarack.modems.transport import Direction, Port
from pulsarack.modems.udev import Udev

T = TypeVar("T")
OpenPort = Callable[[str, int], Awaitable[Port]]

SETTLE_SECONDS = 15.0
_LOOK_SECONDS = 2.0
_HEARD_OCTETS = 200
NOT_ASKED = "not asked: by the table it takes no AT, and what it takes may crash the modem"
_TROUBLED = frozenset(Registration) - {Registration.HOME, Registration.ROAMING}


@dataclass(frozen=True, slots=True)
class Trouble:
    """What is missing, and what to do."""

    what: str
    remedy: str


@dataclass(slots=True)
class Report:
    """What was found out; None where it could not be asked."""

    port: str
    identity: Identity | None = None
    profile: str | None = None
    encodings: tuple[str, ...] = ()
    card: str | None = None
    chip: ChipIdentity | None = None
    registration: str | None = None
    operator: str | None = None
    signal: int | None = None
    networks: tuple[str, ...] = ()  # heard, if it is on none
    ports: dict[str, str] = field(default_factory=dict)
    troubles: list[Trouble] = field(default_factory=list)
    holder: str | None = None

    def row(self) -> dict[str, Any]:
        """As it is shown."""
        who, chip = self.identity, self.chip
        return {
            "port": self.port,
            "manufacturer": who.manufacturer if who else None,
            "model": who.model if who else None,
            "revision": who.revision if who else None,
            "imei": who.imei if who else None,
            "profile": self.profile,
            "encodings": list(self.encodings),
            "card": self.card,
            "iccid": chip.iccid if chip else None,
            "imsi": chip.imsi if chip else None,
            "registration": self.registration,
            "operator": self.operator,
            "signal": self.signal,
            "networks": list(self.networks),
            "ports": self.ports,
            "problems": [{"what": one.what, "remedy": one.remedy} for one in self.troubles],
        }


async def examine(
    port: str,
    baud: int,
    *,
    clock: Clock,
    profiles: Profiles,
    open_port: OpenPort,
    device: UsbPlace | None = None,
) -> Report:
    """Ask everything; never raises for what the device does.

    device: what the port belongs to, if it has others. They are looked at too, but for those
    that the table knows to take no AT; and none is where somebody works with the modem.
    """
    report = Report(port)
    node = _node(port)
    opened = None
    try:
        opened = await open_port(port, baud)
    except PortBusy as error:
        report.holder = error.holder
        _note(report, error)
        return report
    except ModemError as error:
        _note(report, error)
    others = [tty for tty in device.ttys if tty.node != node] if device is not None else []
    asked = AtPorts.load().candidates(device) if device is not None else []
    looks = [
        asyncio.ensure_future(_look(tty.node, baud, clock, profiles, open_port))
        for tty in others
        if tty in asked
    ]
    if opened is not None:
        await _Questions(report, opened, clock, profiles).ask()
    found = iter(await asyncio.gather(*looks))
    if others:
        report.ports = {node: "an AT port" if report.identity else "no AT answer"}
        report.ports |= {tty.node: next(found) if tty in asked else NOT_ASKED for tty in others}
    return report


class _Questions:
    def __init__(self, report: Report, port: Port, clock: Clock, profiles: Profiles) -> None:
        self._report = report
        self._clock = clock
        self._profiles = profiles
        self._sent, self._heard = bytearray(), bytearray()
        self._modem = Modem(port, clock, profiles, lambda event: None, self._listen)

    async def ask(self) -> None:
        """All questions in turn; the port is closed behind them."""
        try:
            await self._who()
            if self._report.identity is not None:
                await self._card()
                await self._network()
        finally:
            self._modem.close()

    def _listen(self, direction: Direction, data: bytes) -> None:
        kept = self._sent if direction is Direction.SENT else self._heard
        kept.extend(data[: _HEARD_OCTETS - len(kept)])

    async def _who(self) -> None:
        report = self._report
        try:
            report.identity = await self._modem.identify()
        except (NotAModem, ModemSilent) as error:
            report.troubles.append(stranger(bytes(self._sent), bytes(self._heard), error))
            return
        except ModemError as error:
            _note(report, error)
            return
        profile = self._modem.profile
        report.profile = profile.name
        encodings = self._profiles.encodings(profile, report.identity.model)
        report.encodings = tuple(one.value for one in encodings)
        report.troubles += _doubts(report.identity)

    async def _card(self) -> None:
        if await self._try(self._modem.initialise()):
            self._report.card = "ready"
            self._report.chip = await self._value(self._modem.read_chip())

    async def _network(self) -> None:
        report = self._report
        state = await self._value(self._modem.registration())
        until = self._clock.monotonic() + SETTLE_SECONDS
        while state is Registration.SEARCHING and self._clock.monotonic() < until:
            await self._clock.sleep(_LOOK_SECONDS)
            state = await self._value(self._modem.registration())
        if state is not None:
            report.registration = state.name
            if state in _TROUBLED and report.card is not None:
                what, _, remedy = explain(state).partition("; ")
                report.troubles.append(Trouble(what, remedy))
        report.signal = await self._value(self._modem.signal_quality())
        place = await self._value(self._modem.place())
        report.operator = (place.operator or None) if place else None
        survey = await self._value(self._modem.survey())
        if survey is not None:
            report.troubles += [Trouble(lack.what, lack.remedy) for lack in survey.lacks]
        if state in (Registration.SEARCHING, Registration.DENIED):
            heard = await self._value(self._modem.scan_networks()) or ()
            report.networks = tuple(one.shown for one in heard)

    async def _try(self, step: Awaitable[Any]) -> bool:
        try:
            await step
        except ModemError as error:
            _note(self._report, error)
            return False
        return True

    async def _value(self, question: Awaitable[T]) -> T | None:
        try:
            return await question
        except ModemError as error:
            _note(self._report, error)
            return None


def _note(report: Report, error: ModemError) -> None:
    what, _, remedy = str(error).partition("; ")
    if isinstance(error, SimPinNeeded):
        remedy = "put sim_pin into the secrets file, or take the PIN off the card in a phone"
    trouble = Trouble(what, remedy)
    if trouble not in report.troubles:
        report.troubles.append(trouble)


def stranger(sent: bytes, heard: bytes, error: ModemError) -> Trouble:
    """What it may be that does not answer as a modem, by what it says."""
    shown = heard.decode("ascii", "replace").strip()[:60]
    match judge(sent, heard):
        case Verdict.SILENT:
            remedy = "try the device's other ports, or re-plug it"
            return Trouble("nothing answers on this port", remedy)
        case Verdict.NMEA:
            return Trouble("a GPS receiver talks here", "take the port out of the configuration")
        case Verdict.ECHO:
            remedy = "this is a loop-back or no modem; try the device's other ports"
            return Trouble("what is sent comes back, and nothing else", remedy)
    if isinstance(error, ModemSilent):
        return Trouble(f"it stopped answering; it said {shown!r}", "re-plug it")
    remedy = "try another --baud, or the device's other ports"
    return Trouble(f"what answers is no AT: {shown!r}", remedy)


def _doubts(identity: Identity) -> list[Trouble]:
    """What a device says of itself that cannot be right."""
    found = []
    if not (identity.manufacturer or identity.model):
        what = "it takes AT but tells neither maker nor model"
        found.append(Trouble(what, "it may be no modem for SIM cards"))
    if identity.imei and not _luhn(identity.imei):
        remedy = "nothing to do, unless another modem shows the same: then replace one"
        found.append(Trouble(f"its IMEI {identity.imei} is invented (wrong check digit)", remedy))
    elif not identity.imei:
        found.append(Trouble("it tells no IMEI", "it works; it is told apart by its card only"))
    return found


def _luhn(digits: str) -> bool:
    """Whether the last digit is the check digit (23.003 B.3)."""
    doubled = [int(d) * (1 + n % 2) for n, d in enumerate(reversed(digits))]
    return sum(d // 10 + d % 10 for d in doubled) % 10 == 0


def _node(port: str) -> str:
    return os.path.realpath(port)


def device_of(port: str) -> UsbPlace | None:
    """The USB device that a port belongs to; None if it is none, or nobody can tell."""
    node, udev = _node(port), Udev()
    udev.enumerate()
    places = udev.places().values()
    return next((one for one in places if any(tty.node == node for tty in one.ttys)), None)


async def _look(port: str, baud: int, clock: Clock, profiles: Profiles, open_port: OpenPort) -> str:
    """Whether a modem answers at another port of the device, in words."""
    try:
        opened = await open_port(port, baud)
    except PortBusy as error:
        return f"in use by {error.holder or 'another program'}"
    except ModemError as error:
        return str(error)
    modem = Modem(opened, clock, profiles, lambda event: None)
    try:
        await modem.run_command("AT", _LOOK_SECONDS)
    except ModemSilent:
        return "no answer"
    except ModemError as error:
        return str(error)
    else:
        return "an AT port"
    finally:
        modem.close()
