"""A pattern: one wording of the operator, what it means, and the texts that prove it."""

import re
from dataclasses import dataclass

from pulsarack.ussd.errors import Unreadable
from pulsarack.ussd.fields import FieldReader, Fields, HistoryEntry
from pulsarack.ussd.kinds import Channel, ReplyKind
from pulsarack.ussd.outcome import Reason

_NUMBER_LEFT_OVER = re.compile(r"[0-9]{8,}")


@dataclass(frozen=True, slots=True)
class Sample:
    """A text of the operator and the fields a pattern must read in it."""

    text: str
    channel: Channel
    fields: Fields


@dataclass(frozen=True, slots=True)
class Pattern:
    """One wording. reason: of a failure. entry: of a history, one line of the list."""

    name: str
    kind: ReplyKind
    channels: frozenset[Channel]
    reason: Reason | None
    expression: re.Pattern[str]
    entry: re.Pattern[str] | None
    samples: tuple[Sample, ...]

    @property
    def meaning(self) -> tuple[ReplyKind, Reason | None]:
        """What a text of this wording says, apart from its fields."""
        return self.kind, self.reason

    def read(self, match: re.Match[str], flat: str, reader: FieldReader) -> Fields:
        """Return the fields of a flattened text in which the expression was found.

        Raises Unreadable if a value in it cannot be read.
        """
        if self.entry is None:
            return reader.read(match)
        return Fields(entries=_read_entries(self.entry, flat, reader))


def _read_entries(
    entry: re.Pattern[str], flat: str, reader: FieldReader
) -> tuple[HistoryEntry, ...]:
    """Read a list that runs newest first.

    A list is evidence by what is not in it, so no line may be passed over: a
    telephone number before or between the entries is a line not understood. After
    the last entry it is the oldest line cut off by the length of a screen.
    """
    matches = list(entry.finditer(flat))
    if not matches:
        raise Unreadable("the list holds no entry that can be read")
    ends = [0] + [match.end() for match in matches]
    for end, match in zip(ends, matches, strict=False):
        gap = flat[end : match.start()]
        if _NUMBER_LEFT_OVER.search(gap):
            raise Unreadable(f'the list holds an entry that cannot be read: "{gap.strip()}"')
    return tuple(reader.read_entry(match) for match in matches)
