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

_LINE_END = re.compile(r"\r\n?|\n")


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
        self._text = ""  # what came, a character a byte (ISO-8859-1)
        self._at = 0  # how much of it was given back
        self._skipping = False

    @property
    def pending_octets(self) -> int:
        """How many bytes wait for the end of their line."""
        return len(self._text) - self._at

    def push(self, data: bytes) -> None:
        """Add what the port read; take it out with ``next`` until that gives None."""
        if not data:
            return
        text = data.decode("latin-1")
        if self._at < len(self._text):
            self._text = self._text[self._at :] + text
        elif self._text.endswith("\r"):
            self._text = text.removeprefix("\n")
        else:
            self._text = text
        self._at = 0

    def next(self, prompt_wanted: bool) -> str | PromptMark | Overlong | None:
        """The next item, or None when more bytes are needed.

        A line comes without its end; each character is one byte (ISO-8859-1).
        """
        text = self._text
        while (begin := self._at) < len(text):
            if prompt_wanted and not self._skipping and self._take_prompt():
                return PromptMark()
            match = _LINE_END.search(text, begin)
            if match is None:
                return self._overflow()
            end, self._at = match.span()
            if self._skipping:
                self._skipping = False
            elif end - begin > self._limit:
                return Overlong(end - begin)
            else:
                return text[begin:end]
        return None

    def _overflow(self) -> Overlong | None:
        octets = self.pending_octets
        if octets <= self._limit:
            return None
        self._text, self._at = "", 0
        if self._skipping:
            return None
        self._skipping = True
        return Overlong(octets)

    def _take_prompt(self) -> bool:
        rest = self._text[self._at :].lstrip(" ")
        if not rest.startswith(">"):
            return False
        self._at = len(self._text) - len(rest) + 1
        return True
