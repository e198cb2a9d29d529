"""How far we are through what the server sent: what it is told of never comes again (XEP-0198).

The server counts what it sends and keeps it until we name the count (section 4). Whatever is
acknowledged must therefore be on disk, and everything before it: one letter that is still being
written holds the count back, even if later ones are done.
"""


class Handled:
    """The count of one stream. Sequence numbers are modulo 2^32 (section 5)."""

    def __init__(self) -> None:
        self._received = 0
        self._open: set[int] = set()

    def begin(self) -> int:
        """A stanza has come that takes time; its number."""
        self._received += 1
        self._open.add(self._received)
        return self._received

    def end(self, number: int) -> None:
        """What that stanza asked for is done."""
        self._open.discard(number)

    def pass_over(self) -> None:
        """A stanza has come that needs nothing to be kept."""
        self._received += 1

    @property
    def waiting(self) -> int:
        """How many are being worked on."""
        return len(self._open)

    @property
    def count(self) -> int:
        """What may be acknowledged."""
        done = min(self._open) - 1 if self._open else self._received
        return done % 2**32
