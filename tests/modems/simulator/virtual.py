"""A bench for the simulated rack in memory: a clock that jumps, and a person at each line."""

import heapq
import itertools
import json
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gammu

from pulsarack.modems.simulator.books import Books
from pulsarack.modems.simulator.modem import Modem
from pulsarack.modems.simulator.rack import Rack, read_rack
from pulsarack.modems.simulator.world import World

START = 1_795_331_100.0  # 2026-11-22 14:05 in Jakarta

CHIPS = {
    "telkomsel": ("8962100000000000010", "510100000000001", "6281200000001"),
    "indosat": ("89620100000000000016", "510010000000001", "6285600000001"),
    "xl": ("8962110000000000018", "510110000000001", "6281700000001"),
    "tri": ("8962890000000001012", "510890000000101", "6289500000001"),
}
STOCK = 500_000


class _Timer:
    def __init__(self, call: Callable[[], None]) -> None:
        self.call: Callable[[], None] | None = call

    def cancel(self) -> None:
        self.call = None


class VirtualScheduler:
    """Runs what is due, and jumps to the next thing when nothing is."""

    def __init__(self, start: float = START) -> None:
        self._now = start
        self._due: list[tuple[float, int, _Timer]] = []
        self._numbers = itertools.count()

    def now(self) -> float:
        return self._now

    def call_later(self, seconds: float, call: Callable[[], None]) -> _Timer:
        timer = _Timer(call)
        heapq.heappush(self._due, (self._now + seconds, next(self._numbers), timer))
        return timer

    def run(self, seconds: float) -> None:
        end = self._now + seconds
        while self._due and self._due[0][0] <= end:
            self._now, _, timer = heapq.heappop(self._due)
            if timer.call is not None:
                timer.call()
        self._now = end


def rack(dialect: str, operator: str, extra: str = "", per_operator: str = "") -> Rack:
    """A rack of one modem with one chip; `extra` is more TOML."""
    iccid, imsi, msisdn = CHIPS[operator]
    text = f"""
    [[operator]]
    name = "{operator}"
    not_registered_endings = ["00"]
    inactive_endings = ["01"]
    {per_operator}
    [[modem]]
    dialect = "{dialect}"
    imei = "350001000001036"
    chip = {{ operator = "{operator}", iccid = "{iccid}", imsi = "{imsi}", msisdn = "{msisdn}",
             chip_pin = "1234", stock = {STOCK} }}
    {extra}
    """.replace(",\n             ", ", ")
    return read_rack(tomllib.loads(text), Path("rack.toml"))


SECOND = """
[[operator]]
name = "indosat"
[[modem]]
dialect = "{dialect}"
imei = "350001000001044"
chip = {{ operator = "indosat", iccid = "{iccid}", imsi = "{imsi}", msisdn = "{msisdn}", \
chip_pin = "4321", stock = {stock}, sim_pin = "5678" }}
"""


def second(dialect: str) -> str:
    """TOML of another modem beside rack()'s: an Indosat chip whose SIM has a PIN."""
    iccid, imsi, msisdn = CHIPS["indosat"]
    return SECOND.format(dialect=dialect, iccid=iccid, imsi=imsi, msisdn=msisdn, stock=STOCK)


class Bench:
    """One world, and the line of its first modem."""

    def __init__(self, plan: Rack, seed: int = 1, power: bool = True) -> None:
        self.scheduler = VirtualScheduler()
        self.lines: list[str] = []
        self.world = World(plan, seed, self.scheduler, Books(self.lines.append))
        self.modem: Modem = self.world.modems[0]
        self.heard = bytearray()
        self.bus: list[str] = []
        self.modem.attach(
            self.heard.extend, lambda: self.bus.append("gone"), lambda: self.bus.append("back")
        )
        if power:
            self.world.power_on()
            self.scheduler.run(15)
            self.modem.feed(b"AT\r")
            self.modem.feed(b"ATE0\r")
            self.heard.clear()

    def say(self, text: str, seconds: float = 0.0) -> str:
        """Write a line and return what is heard until `seconds` later."""
        return self.write(text.encode("latin-1") + b"\r", seconds)

    def write(self, data: bytes, seconds: float = 0.0) -> str:
        """Write bytes and return what is heard until `seconds` later."""
        self.heard.clear()
        self.modem.feed(data)
        self.scheduler.run(seconds)
        return self.heard.decode("latin-1")

    def wait(self, seconds: float) -> str:
        """What is heard in the meantime."""
        self.heard.clear()
        self.scheduler.run(seconds)
        return self.heard.decode("latin-1")

    def dial(self, text: str, seconds: float = 10.0) -> str:
        """A plain USSD string and its answer."""
        return self.say(f'AT+CUSD=1,"{text}",15', seconds)

    def send_sms(self, to: str, text: str, seconds: float = 10.0) -> str:
        """Send an SMS written by this bench's own few lines of SUBMIT."""
        pdu = submit_pdu(to, text)
        prompt = self.say(f"AT+CMGS={len(pdu) // 2 - 1}")
        assert prompt.endswith("> "), prompt
        return self.write(pdu.encode() + b"\x1a", seconds)

    def texts(self) -> list[str]:
        """The texts of all SMS stored on the SIM, oldest first."""
        return [text for _, text in self.messages()]

    def messages(self) -> list[tuple[str, str]]:
        """Sender and text of all SMS stored on the SIM, oldest first."""
        found = []
        for stored in self.modem.card.messages.values():
            message = gammu.DecodePDU(bytes.fromhex(stored.pdu), True)
            found.append((message["Number"], message["Text"]))
        return found

    def entries(self, kind: str) -> list[dict[str, Any]]:
        """Entries of one kind in the books."""
        return [entry for entry in map(json.loads, self.lines) if entry["kind"] == kind]

    def weather(self) -> list[tuple[str, str | None]]:
        """What else went wrong, by the books: each fault and the chip it struck."""
        return [(entry["fault"], entry["chip"]) for entry in self.entries("weather")]

    @property
    def stock(self) -> int:
        """The dealer's stock, in truth."""
        return self.world.network.dealers[self.modem.iccid].stock


def submit_pdu(to: str, text: str) -> str:
    """SMS-SUBMIT without service centre, digits and ASCII letters only (23.040 9.2.2.2)."""
    digits = to + "F" * (len(to) % 2)
    swapped = "".join(digits[place + 1] + digits[place] for place in range(0, len(digits), 2))
    bits = sum(ord(character) << (7 * place) for place, character in enumerate(text))
    packed = bits.to_bytes((len(text) * 7 + 7) // 8, "little").hex().upper()
    return f"000100{len(to):02X}81{swapped}0000{len(text):02X}{packed}"
