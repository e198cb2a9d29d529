"""The books of a simulated rack, read: what the operators say that they have done.

One JSON object a line, as `modems/simulator/books.py` writes them: first `rack`, then
`top_up` for each request that reached an operator, `stock_in` for stock that was given to
a dealer, `stock` after each change, and `weather` for other trouble, which decides nothing
and is passed over. Nothing here guesses: a line that is not what it should be is an error
with its number. Only the last line may be torn, since the rack may have been killed while
it wrote it; it is named and everything before it counts.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pulsarack.daemon.errors import DaemonError

_REMEDY = "name the file that `pulsarack simulate --truth` wrote, as it wrote it"
# The simulator writes some hundred bytes a line; more is another kind of file.
LINE_LIMIT = 1024 * 1024


class TruthError(DaemonError):
    """The file is not the books of a simulated rack."""


@dataclass(frozen=True, slots=True)
class TopUp:
    """One request that reached an operator. Money is rupiah, `denomination` thousands.

    `at`: virtual milliseconds UTC. `reason`: why it was not delivered. `fault`: the
    trouble that the rack made for it.
    """

    at: int
    operator: str
    chip: str
    destination: str
    denomination: int
    cost: int
    serial_number: str | None
    delivered: bool
    reason: str | None = None
    fault: str | None = None


@dataclass(frozen=True, slots=True)
class StockIn:
    """Stock given to a dealer, rupiah."""

    at: int
    chip: str
    amount: int


@dataclass(frozen=True, slots=True)
class Truth:
    """The operators' books as a whole.

    `stock` is each chip's last figure in rupiah, `operators` whose chip it is. `torn` is
    the number of a last line that was cut off, None if the file is whole.
    """

    operators: Mapping[str, str] = field(default_factory=dict)
    stock: Mapping[str, int] = field(default_factory=dict)
    top_ups: tuple[TopUp, ...] = ()
    stock_ins: tuple[StockIn, ...] = ()
    torn: int | None = None


def read(path: Path) -> Truth:
    """The books in the file; raises TruthError."""
    try:
        content = path.read_bytes()
    except OSError as error:
        message = f"{path}: cannot be read: {error.strerror or error}"
        raise TruthError(message, _REMEDY) from None
    return parse(content, str(path))


def parse(content: bytes, name: str) -> Truth:
    """The same from bytes; `name` stands for the file in messages."""
    *lines, rest = content.split(b"\n")
    reader = _Reader(name)
    for number, line in enumerate(lines, start=1):
        reader.take(number, line)
    # Each line is written with its end: what follows the last end was cut off.
    torn = len(lines) + 1 if rest else None
    return reader.truth(torn)


class _Reader:
    """What was read so far."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._operators: dict[str, str] = {}
        self._stock: dict[str, int] = {}
        self._top_ups: list[TopUp] = []
        self._stock_ins: list[StockIn] = []

    def truth(self, torn: int | None) -> Truth:
        """Everything; raises TruthError if there was nothing."""
        if not self._operators:
            raise TruthError(f"{self._name}: it does not begin with the rack's chips", _REMEDY)
        return Truth(
            self._operators, self._stock, tuple(self._top_ups), tuple(self._stock_ins), torn
        )

    def take(self, number: int, line: bytes) -> None:
        """Reads one line."""
        try:
            fields = _Fields(_object(line))
            if (number == 1) != (fields.text("kind") == "rack"):
                raise _WrongLine("the rack's chips stand in the first line and only there")
            self._enter(fields)
        except _WrongLine as wrong:
            raise TruthError(f"{self._name}:{number}: {wrong}", _REMEDY) from None

    def _enter(self, fields: "_Fields") -> None:
        kind = fields.text("kind")
        if kind == "rack":
            for chip in fields.objects("chips"):
                iccid = chip.text("iccid")
                self._operators[iccid] = chip.text("operator")
                self._stock[iccid] = chip.whole("stock")
        elif kind == "top_up":
            self._top_ups.append(_top_up(fields, self._chip(fields)))
        elif kind == "stock_in":
            entry = StockIn(fields.whole("at"), self._chip(fields), fields.whole("amount"))
            self._stock_ins.append(entry)
        elif kind == "stock":
            self._stock[self._chip(fields)] = fields.whole("stock")
        elif kind == "weather":
            fields.text("fault")
        else:
            raise _WrongLine(f"no line of the books is of kind {kind[:40]!r}")

    def _chip(self, fields: "_Fields") -> str:
        iccid = fields.text("chip")
        if iccid not in self._operators:
            raise _WrongLine(f"chip {iccid[:40]!r} is not in the rack")
        return iccid


def _top_up(fields: "_Fields", chip: str) -> TopUp:
    entry = TopUp(
        at=fields.whole("at"),
        operator=fields.text("operator"),
        chip=chip,
        destination=fields.text("destination"),
        denomination=fields.whole("denomination"),
        cost=fields.whole("cost"),
        serial_number=fields.text_or_none("serial_number"),
        delivered=fields.truth("delivered"),
        reason=fields.text_or_none("reason"),
        fault=fields.text_or_none("fault"),
    )
    if entry.delivered != (entry.serial_number is not None):
        raise _WrongLine("a serial number is there if and only if it was delivered")
    return entry


class _WrongLine(Exception):
    """A line that is not as the rack writes it."""


class _Fields:
    """One JSON object whose fields are asked for by name and type."""

    def __init__(self, content: Mapping[str, Any]) -> None:
        self._content = content

    def whole(self, name: str) -> int:
        value = self._content.get(name)
        # JSON's true is a bool, which Python counts among the integers.
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**63:
            raise _WrongLine(f"{name!r} is not a whole number of at least 0")
        return value

    def text(self, name: str) -> str:
        value = self._content.get(name)
        if not isinstance(value, str) or not value:
            raise _WrongLine(f"{name!r} is not a text")
        return value

    def text_or_none(self, name: str) -> str | None:
        return None if self._content.get(name) is None else self.text(name)

    def truth(self, name: str) -> bool:
        value = self._content.get(name)
        if not isinstance(value, bool):
            raise _WrongLine(f"{name!r} is neither true nor false")
        return value

    def objects(self, name: str) -> list["_Fields"]:
        value = self._content.get(name)
        if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
            raise _WrongLine(f"{name!r} is not a list of objects")
        return [_Fields(one) for one in value]


def _object(line: bytes) -> Mapping[str, Any]:
    if len(line) > LINE_LIMIT:
        raise _WrongLine(f"it is longer than {LINE_LIMIT} bytes")
    try:
        content = json.loads(line.decode("utf-8"))
    except (ValueError, RecursionError):
        raise _WrongLine("it is not JSON in UTF-8") from None
    if not isinstance(content, dict):
        raise _WrongLine("it is not a JSON object")
    return content
