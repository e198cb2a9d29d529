"""What agents' programs of a demonstration understand: the shipped wordings, read backwards.

An agent's program knows an answer by its words. Here each wording becomes a pattern, so that a
text gives back its key and its variables, as `order_accepted` with `[trxid]`.
"""

import re
from dataclasses import dataclass

from pulsarack.queue.wordings import template
from pulsarack.queue.wordings.shipped import shipped

# Parts of other answers, not answers.
_PARTS = ("reason_", "status_", "short_", "movement_")


@dataclass(frozen=True, slots=True)
class Said:
    """What a text of the server says: the key of its wording, its variables by trade name."""

    key: str
    variables: dict[str, str]

    @property
    def reference(self) -> str:
        """The agent's own reference, "" if there is none."""
        return self.variables.get("ref", "").removeprefix("R#")

    def number(self, name: str) -> int:
        """A variable that is a number or rupiah."""
        return int(re.sub(r"[^0-9-]", "", self.variables[name]))


class Phrasebook:
    """One language's."""

    def __init__(self, language: str) -> None:
        """language: "id" or "en"."""
        texts = {
            key: wording.texts[language]
            for key, wording in shipped().wordings.items()
            if not key.startswith(_PARTS)
        }
        # The longest first: it says the most.
        ordered = sorted(texts, key=lambda key: -len(texts[key]))
        self._patterns = [(key, _pattern(texts[key])) for key in ordered]

    def read(self, text: str) -> Said:
        """What a text says; key "" if it is none of ours."""
        for key, pattern in self._patterns:
            if (found := pattern.fullmatch(text)) is not None:
                return Said(key, {name: value or "" for name, value in found.groupdict().items()})
        return Said("", {})


def _pattern(text: str) -> re.Pattern[str]:
    known: set[str] = set()
    written = []
    for piece in template.pieces(text):
        if isinstance(piece, str):
            written.append(re.escape(piece))
        elif piece.trade == "ref":
            written.append(r"(?:(?P<ref>R#\S+) )?")
        elif piece.trade in known:
            written.append(".*?")
        else:
            known.add(piece.trade)
            written.append(f"(?P<{piece.trade}>.*?)")
    pattern = "".join(written).replace(r")?\ ", ")?")
    # Other answers have the reference in front, too.
    if not text.startswith("[ref]"):
        pattern = r"(?:(?P<ref>R#\S+) )?" + pattern
    return re.compile(pattern, re.DOTALL)
