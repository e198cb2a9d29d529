"""How well a modem hears its network: +CSQ, +CESQ, Huawei's ^RSSI and ^HCSQ, Intel's +XCESQ.

Sources: 27.007 8.5 (+CSQ) and 8.69 (+CESQ, whose six values are those of 45.008, 25.133
and 36.133); Huawei's ^HCSQ counts the same units in an order of its own for each radio.
Powers are in dBm. A value at the top of its range means that it is not known.
"""

from dataclasses import dataclass

from pulsarack.modems.at.parameters import at, behind, parse

RSSI_MAX = 31
_NO_SERVICE = "NOSERVICE"


@dataclass(frozen=True, slots=True)
class SignalQuality:
    """+CSQ: <rssi> 0 to 31 and <ber> 0 to 7; None if not known (99)."""

    rssi: int | None
    ber: int | None

    @property
    def dbm(self) -> int | None:
        """The received power: -113 dBm and less up to -51 dBm and more."""
        return None if self.rssi is None else 2 * self.rssi - 113


@dataclass(frozen=True, slots=True)
class ExtendedQuality:
    """+CESQ and +XCESQ: the values as they came; 99 and 255 stand for not known."""

    rxlev: int
    ber: int
    rscp: int
    ecno: int
    rsrq: int
    rsrp: int
    rssnr: int | None = None

    @property
    def dbm(self) -> float | None:
        """The power of the radio in use: RSRP (LTE), RSCP (UMTS) or RSSI (GSM)."""
        if self.rsrp <= 97:
            return self.rsrp - 141.0
        if self.rscp <= 96:
            return self.rscp - 121.0
        return self.rxlev - 111.0 if self.rxlev <= 63 else None

    @property
    def ratio_db(self) -> float | None:
        """How clear it is: RSRQ (LTE) or Ec/Io (UMTS)."""
        if self.rsrq <= 34:
            return self.rsrq / 2 - 20.0
        return self.ecno / 2 - 24.5 if self.ecno <= 49 else None


@dataclass(frozen=True, slots=True)
class HuaweiQuality:
    """^HCSQ: the radio by its name, and its values as they came."""

    radio: str
    values: tuple[int, ...]

    @property
    def served(self) -> bool:
        """There is a network at all."""
        return self.radio != _NO_SERVICE

    @property
    def dbm(self) -> float | None:
        """The received power: the first value of every radio, -121 dBm and 1 dB a step."""
        if not self.served or not self.values or self.values[0] > 96:
            return None
        return self.values[0] - 121.0


def parse_quality(line: str) -> SignalQuality | None:
    """A line of AT+CSQ, or the notice ^RSSI, which has the same unit; None if it is none."""
    text = behind(line, "+CSQ:", "^RSSI:")
    values = parse(text or "")
    rssi, ber = at(values, 0).number, at(values, 1).number
    if rssi is None or rssi < 0:
        return None
    known = rssi if rssi <= RSSI_MAX else None
    return SignalQuality(known, ber if ber is not None and 0 <= ber <= 7 else None)


def parse_extended(line: str) -> ExtendedQuality | None:
    """A line of AT+CESQ, or Intel's +XCESQ, which begins with <n> or in a notice does not."""
    text, names = behind(line, "+CESQ:"), 6
    if text is None:
        text, names = behind(line, "+XCESQ:"), 7
    numbers = [value.number for value in parse(text or "")]
    if names == 7 and len(numbers) > names:
        numbers = numbers[1:]
    found = [number for number in numbers if number is not None]
    if len(found) != len(numbers) or len(found) < 6:
        return None  # release 15 has three more behind them, of 5G
    return ExtendedQuality(*found[:6], *found[6:names])


def parse_huawei(line: str) -> HuaweiQuality | None:
    """A line of AT^HCSQ? or its notice; None if it is none."""
    values = parse(behind(line, "^HCSQ:") or "")
    radio = at(values, 0).text
    if not radio:
        return None
    numbers = [value.number for value in values[1:]]
    return HuaweiQuality(radio, tuple(number for number in numbers if number is not None))
