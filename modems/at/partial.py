"""A result that goes on over several lines.

The text of a +CUSD may hold line breaks inside its quotes, even empty lines; a +CMT,
+CDS or +CBM in PDU mode is followed by one line with the PDU. Such a result is collected
until it is whole, and given up as it stands when it grows too long or takes too long.

The end of a quoted text is not simply the next quote, since texts quote tariff names.
Whole is: a quote followed by the dcs, or an even number of quotes with one at the end.
"""

import re

PARTIAL_LINES_MAX = 64
PARTIAL_OCTETS_MAX = 4096
PARTIAL_SECONDS = 2.0

# No two pieces that take white space stand side by side: on a line of blanks such a pair
# would try every way to share them out, and the whole daemon would wait for it.
_QUOTE_AND_DCS = re.compile(r'"\s*,\s*\d{1,3}\s*(?:[^\s",]{1,2}\s*)?$')
_QUOTE_AT_END = re.compile(r'"\s*(?:,\s*)?$')


def begins(line: str) -> bool:
    """Whether a stripped line is the first of several."""
    if line.startswith("+CUSD:"):
        return '"' in line and not _whole(line)
    return line.startswith(("+CMT:", "+CDS:", "+CBM:"))


def _whole(text: str) -> bool:
    if _QUOTE_AND_DCS.search(text) and text.count('"') >= 2:
        return True
    return bool(_QUOTE_AT_END.search(text)) and text.count('"') % 2 == 0


class Partial:
    """The lines so far of one unfinished result."""

    def __init__(self, first: str, deadline: float) -> None:
        self._lines = [first]
        self._octets = len(first)
        self._quoted = first.startswith("+CUSD:")
        self.deadline = deadline

    @property
    def quoted(self) -> bool:
        """It is a +CUSD whose quote is open: any text may follow."""
        return self._quoted

    @property
    def text(self) -> str:
        """What has come so far, with LF between the lines."""
        return "\n".join(self._lines)

    def add(self, line: str) -> bool:
        """Take one more line; True when the result is whole or may grow no further."""
        self._lines.append(line)
        self._octets += len(line)
        if not self._quoted:
            return True
        full = len(self._lines) >= PARTIAL_LINES_MAX or self._octets >= PARTIAL_OCTETS_MAX
        return full or _whole(self.text)
