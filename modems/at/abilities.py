"""What a modem says it can do: its commands (+CLAC), charsets, level of function, notices.

27.007 8.37 (+CLAC), 5.5 (+CSCS), 8.2 (+CFUN); 27.005 3.4.1 (+CNMI). A list of one value may
come without its parentheses. What a modem lists is not always what it takes: see the
profiles.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from pulsarack.modems.at.parameters import Value, at, behind, parse


@dataclass(frozen=True, slots=True)
class Indications:
    """The values of AT+CNMI=? that its five parameters may have."""

    mode: Value
    mt: Value
    bm: Value
    ds: Value
    bfr: Value

    def allow(self, form: str) -> bool:
        """Whether a form such as ``2,1,0,0,0`` is among them; one that is not told may be."""
        told = (self.mode, self.mt, self.bm, self.ds, self.bfr)
        wanted = [value.number for value in parse(form)]
        pairs = zip(told, wanted, strict=False)
        return all(not one.spans or (n is not None and one.allows(n)) for one, n in pairs)


def parse_indications(line: str) -> Indications | None:
    """A line of AT+CNMI=?; None if it is none."""
    text = behind(line, "+CNMI:")
    values = parse(text or "")
    return Indications(*(at(values, place) for place in range(5))) if values else None


def parse_function(line: str) -> int | None:
    """The level of AT+CFUN?: 0 minimum, 1 full, 4 radio off; None if the line tells none."""
    return at(parse(behind(line, "+CFUN:") or ""), 0).number


def parse_charsets(line: str) -> tuple[str, ...]:
    """The charset of AT+CSCS?, or those that AT+CSCS=? names."""
    values = parse(behind(line, "+CSCS:") or "")
    return tuple(word for value in values for word in value.words)


def parse_commands(lines: Iterable[str]) -> tuple[str, ...]:
    """The commands that AT+CLAC lists, without the AT that some put before each."""
    found: list[str] = []
    for line in lines:
        for value in parse(line if (rest := behind(line, "+CLAC:")) is None else rest):
            for word in value.words:
                found.append(word.removeprefix("AT") if len(word) > 2 else word)
    return tuple(found)
