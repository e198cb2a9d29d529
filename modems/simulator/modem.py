"""One virtual modem: power, weather, and the state its commands change.

The same object serves a pty in the simulator's process and a function call in memory: bytes in
by `feed`, bytes out by the `write` it was attached to, time from a scheduler. What a real modem
would keep over the TE's restart it keeps: nothing here notices a daemon that comes or goes.
"""

from collections.abc import Callable
from functools import partial
from random import Random

from pulsarack.modems.simulator.absence import Absence, nothing
from pulsarack.modems.simulator.command_table import find_handler
from pulsarack.modems.simulator.damage import damaged
from pulsarack.modems.simulator.dialect import Dialect
from pulsarack.modems.simulator.line import Command
from pulsarack.modems.simulator.network import Network
from pulsarack.modems.simulator.operators.answer import Garble, Hang, Storm, Unplug, Weather
from pulsarack.modems.simulator.pdu import is_status_report
from pulsarack.modems.simulator.quirks import FLAWLESS, Quirks
from pulsarack.modems.simulator.result import Done, Result, Unknown
from pulsarack.modems.simulator.scheduler import Scheduler
from pulsarack.modems.simulator.settings import Settings
from pulsarack.modems.simulator.sim_card import SimCard
from pulsarack.modems.simulator.ussd_client import UssdClient
from pulsarack.modems.simulator.wire import Wire

CARD_READY, CARD_MISSING = "+CPIN: READY", "+CPIN: NOT INSERTED"


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
        quirks: Quirks = FLAWLESS,
    ) -> None:
        self.dialect = dialect
        self.imei = imei
        self.card = card
        self.network = network
        self.scheduler = scheduler
        self.rng = rng
        self.quirks = quirks
        self.settings = Settings(dialect.default_charset)
        self.wire = Wire(dialect, self._execute, self._transmit, self._spoil)
        self.ussd = UssdClient(self)
        self.registered = False
        self.card_in = True
        self._absence = Absence(scheduler, self.power_on)
        self._no_network_until = 0.0
        self._write: Callable[[bytes], None] = lambda data: None
        self._powered = False
        self._hung = False
        self._garbled_lines = 0
        self._busy_until = 0.0
        self._power_cycle = 0
        network.join(self)

    @property
    def iccid(self) -> str:
        """The SIM in the modem; while it is out, the one that was."""
        return self.card.chip.iccid

    @property
    def reachable(self) -> bool:
        """Whether the network can hand something to it now."""
        return self._powered and self.registered and not self._hung

    @property
    def initialising(self) -> bool:
        """Whether the first seconds after power-up are not over."""
        return self.scheduler.now() < self._busy_until

    @property
    def out_of_coverage(self) -> bool:
        """Whether the network is lost for now."""
        return self.scheduler.now() < self._no_network_until

    def attach(
        self,
        write: Callable[[bytes], None],
        on_gone: Callable[[], None] = nothing,
        on_back: Callable[[], None] = nothing,
    ) -> None:
        """Connect the line; on_gone and on_back tell of the bus when the modem leaves it."""
        self._write, self._absence.on_gone, self._absence.on_back = write, on_gone, on_back

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
            self.later(boot.after, partial(self._say_booted, boot.line))
        self.later(self.dialect.registers_after, self.register)
        if self.dialect.chatter:
            self.later(self.dialect.chatter_seconds, self._keep_chattering)

    def restart(self) -> None:
        """AT+CFUN=1,1: some models leave the bus for a while, others only start again."""
        if self.dialect.leaves_bus_on_reset:
            self.suffer(Unplug(self.dialect.leaves_bus_on_reset))
        else:
            self.power_on()

    def be_busy(self) -> None:
        """Answer with the model's busy code for its first seconds."""
        self._busy_until = self.scheduler.now() + self.dialect.busy_seconds

    def register(self) -> None:
        """Log on to the network, if the SIM lets it."""
        sim_ready = self.card_in and self.card.pin_state == "READY"
        if not sim_ready or self.registered or self.settings.functionality != 1:
            return
        if self.out_of_coverage:
            rest = self._no_network_until - self.scheduler.now()
            self.later(max(rest, 0.01), self.register)
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
        mode, delivery, reports = self.settings.indication
        is_report = is_status_report(pdu)
        way = reports if is_report else delivery
        if way == (1 if is_report else 2) and mode:
            length = len(pdu) // 2 - 1 - int(pdu[:2], 16)
            head = f"+CDS: {length}" if is_report else f"+CMT: ,{length}"
            self.unsolicited(f"{head}\r\n{pdu}", carries_answer=True)
            return True
        slot = self.card.store(pdu)
        if slot is None:
            self.tell_full()
            return False
        if way and mode:
            told = -1 if self.quirks.index_unknown else slot
            notice = "+CDSI" if is_report else "+CMTI"
            self.unsolicited(f'{notice}: "{self.settings.memory}",{told}')
        return True

    def tell_full(self) -> None:
        """Say that the card has no room, if the model does, once until it is looked at."""
        if self.dialect.full_notice and not self.settings.told_full:
            self.settings.told_full = True
            self.unsolicited(self.dialect.full_notice)

    def suffer(self, weather: Weather) -> None:
        """Bear what a fault brings."""
        match weather:
            case Garble():
                self._garbled_lines += 1
            case Hang(seconds):
                self._hung = True
                self.scheduler.call_later(seconds, self._recover)
            case Unplug(seconds):
                if self._powered:
                    self.go_away(seconds, leave_bus=True)
            case Storm(lines):
                for number in range(lines):
                    self.later(number * 0.06, self._storm_line)

    def power_cut(self, seconds: float) -> None:
        """Lose the power, leave the bus, and come back; nothing if it is away already."""
        if self._powered:
            self.network.note("unplugged", self.iccid, seconds=round(seconds))
            self.suffer(Unplug(seconds))

    def go_away(self, seconds: float, *, leave_bus: bool) -> None:
        """Be without power for so long, and then boot; a later word about it counts."""
        self._forget()
        self._absence.begin(seconds, leave_bus)

    def lose_network(self, seconds: float) -> None:
        """No network for so long: an answer under way is lost, texts wait for the return."""
        self.network.note("network_lost", self.iccid, seconds=round(seconds))
        self._no_network_until = max(self._no_network_until, self.scheduler.now() + seconds)
        if self._log_off():
            self.later(seconds, self.register)

    def change_card(self, card: SimCard) -> None:
        """Hold another card from now on; for a modem that is away."""
        self.card, self.card_in = card, True
        self.network.join(self)

    def remove_card(self) -> None:
        """The card is pulled while the modem runs."""
        self.card_in = self.card.unlocked = False
        self._log_off()
        self._announce_card()

    def insert_card(self) -> None:
        """The card is back; it logs on as after power-up."""
        if self.card_in:
            return
        self.card_in = True
        self._announce_card()
        self.later(self.dialect.registers_after, self.register)

    def _recover(self) -> None:
        self._hung = False
        self.network.retry(self)

    def _log_off(self) -> bool:
        if not self.registered:
            return False
        self.registered = False
        if self.settings.registration_reports:
            self.unsolicited("+CREG: 2")
        self.ussd.lose_network()
        return True

    def _announce_card(self) -> None:
        """Models that speak of the card when they boot do so when it moves as well."""
        if any(boot.line == CARD_READY for boot in self.dialect.boot_lines):
            self._say_booted(CARD_READY)

    def _say_booted(self, line: str) -> None:
        self.unsolicited(line if self.card_in or line != CARD_READY else CARD_MISSING)

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
        if not self._garbled_lines:
            return data
        self._garbled_lines -= 1
        return damaged(data, self.rng)

    def _execute(self, command: Command) -> Result:
        handler = find_handler(self, command)
        if handler is not None:
            return handler(self, command)
        if command.name in self.dialect.extra_commands:
            return Done(self.dialect.extra_commands[command.name])
        return Unknown()
