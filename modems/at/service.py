"""Makers' own words for how a modem is served: Huawei ^SYSINFO and ^SYSINFOEX, ZTE's notices.

Huawei numbers the service (0 none, 1 restricted, 2 valid, 3 and 4 restricted or asleep), the
roaming and the card (0 or 255 none, 1 valid); both commands hold the same in another order.
ZTE says the operator and the domain in +ZDONR, the radio in +ZPASR and +ZPAS, whose answer
some versions call +BEARTYPE.
"""

from dataclasses import dataclass

from pulsarack.modems.at.parameters import at, behind, parse


@dataclass(frozen=True, slots=True)
class SystemInformation:
    """^SYSINFO and ^SYSINFOEX; None for what was left out."""

    service: int
    domain: int | None
    roaming: int | None
    mode: int | None
    card: int | None
    submode: int | None

    @property
    def card_valid(self) -> bool:
        """The card can be used."""
        return self.card == 1


@dataclass(frozen=True, slots=True)
class ServingNetwork:
    """ZTE +ZDONR: the operator, its PLMN in two parts, what it serves, and roaming."""

    operator: str
    mcc: int | None
    mnc: int | None
    domain: str
    roaming: str


@dataclass(frozen=True, slots=True)
class ServingRadio:
    """ZTE +ZPASR, +ZPAS and +BEARTYPE: the radio in words, and the domain if it is said."""

    radio: str
    domain: str | None


def parse_system(line: str) -> SystemInformation | None:
    """A line of AT^SYSINFO or AT^SYSINFOEX; None if it is none."""
    text, extended = behind(line, "^SYSINFO:"), False
    if text is None:
        text, extended = behind(line, "^SYSINFOEX:"), True
    values = parse(text or "")
    numbers = [at(values, place).number for place in range(9)]
    if numbers[0] is None:
        return None
    places = (1, 2, 5, 3, 7) if extended else (1, 2, 3, 4, 6)
    return SystemInformation(numbers[0], *(numbers[place] for place in places))


def parse_network(line: str) -> ServingNetwork | None:
    """A +ZDONR notice; None if it is none."""
    values = parse(behind(line, "+ZDONR:") or "")
    if not at(values, 0).text:
        return None
    return ServingNetwork(
        values[0].text,
        at(values, 1).number,
        at(values, 2).number,
        at(values, 3).text,
        at(values, 4).text,
    )


def parse_radio(line: str) -> ServingRadio | None:
    """A +ZPASR notice, or the answer to AT+ZPAS?; None if it is none."""
    values = parse(behind(line, "+ZPASR:", "+ZPAS:", "+BEARTYPE:") or "")
    radio = at(values, 0).text
    return ServingRadio(radio, at(values, 1).text or None) if radio else None
