"""What goes into the AT machine and what comes out of it, as values."""

from dataclasses import dataclass
from typing import NamedTuple

from pulsarack.modems.at.results import Final


class AtCommand(NamedTuple):
    """One command line without its CR.

    expects         prefixes of its information responses, e.g. ``("+CREG:",)``
    prompted        the modem asks for a body with ``>`` (27.005 3.5.1)
    final_prefixes  lines that end the command without an OK (old Wavecom, AT+CPIN?)
    shown           what errors and logs say instead of the text, if that is a secret
    """

    text: str
    expects: tuple[str, ...] = ()
    prompted: bool = False
    final_prefixes: tuple[str, ...] = ()
    shown: str = ""

    @property
    def name(self) -> str:
        """The command as it may be shown."""
        return self.shown or self.text

    @property
    def dials(self) -> bool:
        """The command may end with NO CARRIER, BUSY and their kin (V.250 6.3.1)."""
        return self.text.upper().startswith(("ATD", "ATA"))

    def __repr__(self) -> str:
        return f"AtCommand({self.name!r})"


def question(text: str) -> AtCommand:
    """A command whose information responses begin with its own name (V.250 5.4.4)."""
    name = text[2:] if text[:2].upper() == "AT" else text
    return AtCommand(text, expects=(f"{name.split('=')[0].rstrip('?')}:",))


class Response(NamedTuple):
    """A command has ended: its lines, and the final result."""

    command: AtCommand
    lines: tuple[str, ...]
    final: Final
    truncated: bool = False

    def with_prefix(self, prefix: str) -> list[str]:
        """What stands behind the prefix, line by line, stripped."""
        return [line[len(prefix) :].strip() for line in self.lines if line.startswith(prefix)]


@dataclass(frozen=True, slots=True)
class PromptSeen:
    """The modem waits for the body."""

    command: AtCommand


@dataclass(frozen=True, slots=True)
class Expired:
    """The deadline passed without a final result; the machine has lost its place."""

    command: AtCommand
    lines: tuple[str, ...]


class Unsolicited(NamedTuple):
    """A line nobody asked for. +CMT and +CDS carry their PDU behind a line break."""

    line: str


@dataclass(frozen=True, slots=True)
class Stray:
    """A line that belongs to no command, such as the late answer to an expired one."""

    line: str
    final: Final | None


@dataclass(frozen=True, slots=True)
class Discarded:
    """Bytes were thrown away to keep the buffers bounded."""

    why: str
    octets: int


Event = Response | PromptSeen | Expired | Unsolicited | Stray | Discarded
