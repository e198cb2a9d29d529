"""Bytes in, lines out.

A modem ends a line with CR LF, with LF alone, with CR alone, and an echoed command
with CR CR LF (V.250 5.7.1 leaves the characters to S3 and S4). A prompt has no end
of line at all. So the splitter ends a line at the first CR or LF and forgets an LF
right behind a CR; it looks for a prompt only when its caller waits for one and asks.

Nothing here grows without bound: the beginning of a line longer than the limit is thrown
away when the caller looks, and so is the rest of it, up to its end.
"""

import re

LINE_OCTETS_MAX = 4096

_LINE_END = re.compile(r"\r\n?|\n")
_PROMPT = re.compile(r" *>")


class LineSplitter:
    """Collects bytes and gives them back line by line; each character is one byte (ISO-8859-1)."""

    def __init__(self) -> None:
        self.begun = ""  # the line that has no end yet
        self._after_cr = False
        self._skipping = False

    def feed(self, data: bytes) -> list[str]:
        """Add what the port read; the lines that are whole now, without their ends."""
        if not data:
            return []
        text = data.decode("latin-1")
        if self._after_cr:
            text = text.removeprefix("\n")
        self._after_cr = data.endswith(b"\r")
        *lines, self.begun = _LINE_END.split(self.begun + text)
        if self._skipping and lines:
            self._skipping = False
            del lines[0]
        return lines

    def take_prompt(self) -> bool:
        """Whether a prompt begins the line that has no end yet; it is taken out."""
        behind = None if self._skipping else behind_prompt(self.begun)
        if behind is None:
            return False
        self.begun = behind
        return True

    def drop_overlong(self) -> int:
        """Throw the beginning of a line away that passed the limit, once; how many bytes it had."""
        octets = len(self.begun)
        if octets <= LINE_OCTETS_MAX:
            return 0
        self.begun = ""
        dropped_before, self._skipping = self._skipping, True
        return 0 if dropped_before else octets


def behind_prompt(line: str) -> str | None:
    """What follows ``>`` at the start of a line (27.005 3.5.1); None if there is none."""
    match = _PROMPT.match(line)
    return line[match.end() :] if match else None
