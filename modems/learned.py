"""Which USSD encoding a model with its firmware really takes, as it was found by trying.

The key is what the modem says of itself, and a modem may say anything, another name each
time: so a key is cut to a length and only so many are kept, the newest. Whoever persists
them (the daemon) hands in what was learnt before and is told of every change. What stops
working is forgotten, and told as well.
"""

from collections.abc import Callable, Iterable

from pulsarack.modems.at.cusd import UssdEncoding

KIND_CHARACTERS_MAX = 200
KINDS_MAX = 1000

Changed = Callable[[str, UssdEncoding | None], None]
"""Called with the kind, and what is known of it now: None if nothing is any more."""


def kind_of(model: str, revision: str) -> str:
    """One text for a model and its firmware; empty if the modem does not tell its model."""
    if not model:
        return ""
    return f"{model} {revision}".strip()[:KIND_CHARACTERS_MAX]


class Learned:
    """What was learnt, by kind."""

    def __init__(self) -> None:
        self.on_change: Changed = lambda kind, encoding: None
        self._known: dict[str, UssdEncoding] = {}

    def remember(self, known: Iterable[tuple[str, UssdEncoding]]) -> None:
        """Take in what was learnt in an earlier life; nobody is told."""
        for kind, encoding in known:
            self._put(kind[:KIND_CHARACTERS_MAX], encoding)

    def get(self, kind: str) -> UssdEncoding | None:
        """The encoding that worked last, if any did."""
        return self._known.get(kind)

    def learn(self, kind: str, encoding: UssdEncoding) -> None:
        """An encoding was taken and answered; news only if another one was known."""
        if not kind or self._known.get(kind) is encoding:
            return
        oldest = self._put(kind, encoding)
        self.on_change(kind, encoding)
        if oldest is not None:
            self.on_change(oldest, None)

    def forget(self, kind: str) -> None:
        """What was learnt is refused now."""
        if self._known.pop(kind, None) is not None:
            self.on_change(kind, None)

    def _put(self, kind: str, encoding: UssdEncoding) -> str | None:
        """Keep it as the newest; the oldest, if there was no room for both."""
        self._known.pop(kind, None)
        self._known[kind] = encoding
        if len(self._known) <= KINDS_MAX:
            return None
        oldest = next(iter(self._known))
        del self._known[oldest]
        return oldest
