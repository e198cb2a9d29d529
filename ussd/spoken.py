"""Words for the air that hide their secrets from everyone else.

What is dialled holds the chip's PIN. A Spoken goes from the template to the modem as
one value: only `plain` has the PIN, and nothing prints `plain` by accident.
"""

from dataclasses import dataclass, field

MASK = "****"


@dataclass(frozen=True, slots=True, repr=False)
class Spoken:
    """A text to dial, answer or send. plain: for the modem only. masked: for eyes."""

    plain: str = field(repr=False)
    masked: str

    def __str__(self) -> str:
        """Return the masked text."""
        return self.masked

    def __repr__(self) -> str:
        """Return the masked text, marked as what it is."""
        return f"Spoken({self.masked!r})"
