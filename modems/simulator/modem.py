"""One virtual modem: power, weather, and the state its commands change.

The same object serves a pty in the simulator's process and a function call in memory: bytes in
by `feed`, bytes out by the `write` it was attached to, time from a scheduler. What a real modem
would keep over the TE's restart it keeps: nothing here notices a daemon that comes or goes.
"""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from pulsarack.modems.simulator.command_table import find_handler
from pulsarack.modems.simulator.dialect import Dialect
from pulsarack.modems.simulator.line import Command
from pulsarack.modems.simulator.network import Network
from pulsarack.modems.simulator.operators.answer import Garble, Hang, Storm, Unplug, Weather
from pulsarack.modems.simulator.result import Done, Result, Unknown
from pulsarack.modems.simulator.scheduler import Scheduler
from pulsarack.modems.simulator.sim_card import SimCard
from pulsarack.modems.simulator.ussd_client import UssdClient
from pulsarack.modems.simulator.wire import Wire

DAMAGE = bytes([0x00, 0x80, 0x8F, 0xA5, 0xC3, 0xF8, 0xFE, 0xFF])


@dataclass
class Settings:
    """What AT commands set and a restart forgets."""

    charset: str
    pdu_mode: bool = True
    indication: tuple[int, int] = (0, 0)  # <mode>, <mt> of AT+CNMI
    memory: str = "SM"
    registration_reports: int = 0
    ussd_reports: bool = False
    ussd_plain: bool = False  # AT^USSDMODE=0
    chatty: bool = True
    functionality: int = 1
    message_reference: int = 0


def nothing() -> None:
    """Nobody wants to know."""


class Modem:
    """A modem of the rack with a SIM in it."""

    dialect: Dialect
    imei: str
    card: SimCard

    def __init__(
        self,
        dialect: Dialect,
        imei: str,
        card: SimCard,
        network: Network,
        scheduler: Scheduler,
        rng: Random,
    ) -> None:
        self.dialect = dialect
        self.imei = imei
        self.card = card
        self.network = network
        self.scheduler = scheduler
        self.rng = rng
        self.settings = Settings(dialect.default_charset)
        self.wire = Wire(dialect, self._execute, self._transmit, self._spoil)
        self.ussd = UssdClient(self)
        self.registered = False
        self._write: Callable[[bytes], None] = lambda data: None
        self._on_gone = self._on_back = nothing
        self._powered = False
        self._hung = False
        self._garbled_lines = 0
        self._busy_until = 0.0
        self._power_cycle = 0
        network.join(self)

    @property
    def iccid(self) -> str:
        """The SIM in the modem."""
        return self.card.chip.iccid

    @property
    def reachable(self) -> bool:
        """Whether the network can hand something to it now."""
        return self._powered and self.registered and not self._hung

    @property
    def initialising(self) -> bool:
        """Whether the first seconds after power-up are not over."""
        return self.scheduler.now() < self._busy_until

    def attach(
        self,
        write: Callable[[bytes], None],
        on_gone: Callable[[], None] = nothing,
        on_back: Callable[[], None] = nothing,
    ) -> None:
        """Connect the line; on_gone and on_back tell of the bus when the modem leaves it."""
        self._write, self._on_gone, self._on_back = write, on_gone, on_back

    def feed(self, data: bytes) -> None:
        """Bytes from the TE. A hung or absent modem does not hear them."""
        if self._powered and not self._hung:
            self.wire.feed(data)

    def power_on(self) -> None:
        """Begin from nothing, as after plugging in."""
        self._forget()
        self._powered = True
        self.be_busy()
        for boot in self.dialect.boot_lines:
            self.later(boot.after, lambda line=boot.line: self.unsolicited(line))  # type: ignore[misc]  # mypy infers no type for a lambda's default
        self.later(self.dialect.registers_after, self.register)
        if self.dialect.chatter:
            self.later(self.dialect.chatter_seconds, self._keep_chattering)

    def restart(self) -> None:
        """AT+CFUN=1,1: some models leave the bus for a while, others only start again."""
        if self.dialect.leaves_bus_on_reset:
            self._unplug(self.dialect.leaves_bus_on_reset)
        else:
            self.power_on()

    def be_busy(self) -> None:
        """Answer with the model's busy code for its first seconds."""
        self._busy_until = self.scheduler.now() + self.dialect.busy_seconds

    def register(self) -> None:
        """Log on to the network, if the SIM lets it."""
        if self.card.pin_state != "READY" or self.registered or self.settings.functionality != 1:
            return
        self.registered = True
        if self.settings.registration_reports:
            self.unsolicited("+CREG: 1")
        self.network.retry(self)

    def later(self, seconds: float, call: Callable[[], None]) -> None:
        """Call then, unless the power has gone in between."""
        power_cycle = self._power_cycle

        def call_if_still_on() -> None:
            if power_cycle == self._power_cycle:
                call()

        self.scheduler.call_later(seconds, call_if_still_on)

    def unsolicited(self, line: str, carries_answer: bool = False) -> None:
        """Say a line nobody asked for."""
        self.wire.unsolicited(line, carries_answer)

    def chatter(self) -> None:
        """One of the lines this model throws in, if it does."""
        if self.dialect.chatter and self.settings.chatty:
            self.unsolicited(self.rng.choice(self.dialect.chatter))

    def message_arrived(self, pdu: str) -> bool:
        """The network hands over an SMS; False if it must keep it."""
        mode, delivery = self.settings.indication
        if delivery == 2 and mode:
            length = len(pdu) // 2 - 1 - int(pdu[:2], 16)
            self.unsolicited(f"+CMT: ,{length}\r\n{pdu}", carries_answer=True)
            return True
        slot = self.card.store(pdu)
        if slot is None:
            return False
        if delivery == 1 and mode:
            self.unsolicited(f'+CMTI: "{self.settings.memory}",{slot}')
        return True

    def suffer(self, weather: Weather) -> None:
        """Bear what a fault brings."""
        match weather:
            case Garble():
                self._garbled_lines += 1
            case Hang(seconds):
                self._hung = True
                self.scheduler.call_later(seconds, self._recover)
            case Unplug(seconds):
                self._unplug(seconds)
            case Storm(lines):
                for number in range(lines):
                    self.later(number * 0.06, self._storm_line)

    def _recover(self) -> None:
        self._hung = False
        self.network.retry(self)

    def _unplug(self, seconds: float) -> None:
        if not self._powered:
            return
        self._forget()
        self._on_gone()
        self.scheduler.call_later(seconds, self._come_back)

    def _come_back(self) -> None:
        self._on_back()
        self.power_on()

    def _forget(self) -> None:
        self._power_cycle += 1
        self._powered = self._hung = self.registered = False
        self._garbled_lines = 0
        self.card.unlocked = False
        self.settings = Settings(self.dialect.default_charset)
        self.ussd.reset()
        self.wire.reset()

    def _keep_chattering(self) -> None:
        self.chatter()
        self.later(self.dialect.chatter_seconds, self._keep_chattering)

    def _storm_line(self) -> None:
        self.unsolicited(self.rng.choice(self.dialect.storm))

    def _transmit(self, data: bytes) -> None:
        if self._powered and not self._hung:
            self._write(data)

    def _spoil(self, data: bytes) -> bytes:
        """Damage an answer line, if one is due: octets no modem sends, never plausible ones."""
        if not self._garbled_lines:
            return data
        self._garbled_lines -= 1
        spoilt = bytearray(data)
        places = [place for place in range(12, len(data) - 4) if data[place] not in b"\r\n"]
        for place in self.rng.sample(places, min(len(places), self.rng.randrange(3, 7))):
            spoilt[place] = self.rng.choice(DAMAGE)
        return bytes(spoilt)

    def _execute(self, command: Command) -> Result:
        handler = find_handler(self, command)
        if handler is not None:
            return handler(self, command)
        if command.name in self.dialect.extra_commands:
            return Done(self.dialect.extra_commands[command.name])
        return Unknown()
