"""What is known of an event of the log: its level, what it means, what to do, its fields.

The levels are for whoever keeps the service: debug is for developers; info is what happened;
warning is to be looked at today; error is to be looked at now.
"""

from typing import Literal, NamedTuple

Level = Literal["debug", "info", "warning", "error", "any"]
"""any: as it was given by the library that said it."""
NOTHING = "Nothing."


class Event(NamedTuple):
    """One event of the catalogue."""

    name: str
    level: Level
    means: str
    do: str
    fields: str = ""
    """Names of fields, those of `fields.py`, with blanks between them; chip and slot may stand
    in each event besides."""

    @property
    def names(self) -> list[str]:
        """The names of its fields."""
        return self.fields.split()
