"""Bytes in, lines out.

A modem ends a line with CR LF, with LF alone, with CR alone, and an echoed command
with CR CR LF (V.250 5.7.1 leaves the characters to S3 and S4). A prompt has no end
of line at all. So the splitter ends a line at the first CR or LF and forgets an LF
right behind a CR; it looks for a prompt only while its caller waits for one.

Nothing here grows without bound: a line longer than the limit is reported once and
thrown away up to its end.
"""

import re
from dataclasses import dataclass

LINE_OCTETS_MAX = 4096

_LINE_END = re.compile(rb"\r\n?|\n")


@dataclass(frozen=True, slots=True)
class PromptMark:
    """``>`` at the start of a line while a prompt was expected (27.005 3.5.1)."""


@dataclass(frozen=True, slots=True)
class Overlong:
    """A line passed the limit; it is dropped up to its end."""

    octets: int


class LineSplitter:
    """Collects bytes and gives them back line by line."""

    def __init__(self, limit: int = LINE_OCTETS_MAX) -> None:
        self._limit = limit
        self._pending = bytearray()
        self._after_cr = False
        self._skipping = False

    @property
    def pending_octets(self) -> int:
        """How many bytes wait for the end of their line."""
        return len(self._pending)

    def push(self, data: bytes) -> None:
        """Add what the port read; take it out with ``next`` until that gives None."""
        self._pending += data

    def next(self, prompt_wanted: bool) -> str | PromptMark | Overlong | None:
        """The next item, or None when more bytes are needed.

        A line comes without its end; each character is one byte (ISO-8859-1).
        """
        while self._pending:
            if self._after_cr:
                self._after_cr = False
                if self._pending[0] == 0x0A:
                    del self._pending[:1]
                    continue
            if prompt_wanted and not self._skipping and self._take_prompt():
                return PromptMark()
            match = _LINE_END.search(self._pending)
            if match is None:
                return self._overflow()
            item = self._cut(*match.span())
            if item is not None:
                return item
        return None

    def _cut(self, end: int, after: int) -> str | Overlong | None:
        raw = self._pending[:end]
        self._after_cr = self._pending[after - 1] == 0x0D
        del self._pending[:after]
        if self._skipping:
            self._skipping = False
            return None
        if len(raw) > self._limit:
            return Overlong(len(raw))
        return raw.decode("latin-1")

    def _overflow(self) -> Overlong | None:
        octets = len(self._pending)
        if octets <= self._limit:
            return None
        self._pending.clear()
        if self._skipping:
            return None
        self._skipping = True
        return Overlong(octets)

    def _take_prompt(self) -> bool:
        blank = len(self._pending) - len(self._pending.lstrip(b" "))
        if self._pending[blank : blank + 1] != b">":
            return False
        del self._pending[: blank + 1]
        return True
