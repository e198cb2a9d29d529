"""The entries and kinds that are not understood, each with its reason: ``reviewed.toml``.

``[kinds]`` names kinds that are out of scope, ``[entries]`` single entries by their id. A
reason begins with one of `REASONS`.
"""

import tomllib
from dataclasses import dataclass
from pathlib import Path

REASONS = ("wrong in the corpus", "undecidable", "out of scope")
_LIST = Path(__file__).with_name("reviewed.toml")


@dataclass(frozen=True)
class Reviewed:
    """Reasons by kind and by id."""

    kinds: dict[str, str]
    entries: dict[str, str]

    @classmethod
    def load(cls, path: Path = _LIST) -> "Reviewed":
        """The list of the repository; ValueError if a reason is none."""
        raw = tomllib.loads(path.read_text("utf-8"))
        reviewed = cls(raw.get("kinds", {}), raw.get("entries", {}))
        for name, reason in {**reviewed.kinds, **reviewed.entries}.items():
            if not reason.startswith(tuple(f"{one}: " for one in REASONS)):
                raise ValueError(f"{name}: a reason begins with one of {', '.join(REASONS)}")
        return reviewed

    def reason(self, name: str, kind: str) -> str | None:
        """Why an entry need not be understood; None if it must be."""
        return self.entries.get(name) or self.kinds.get(kind)
