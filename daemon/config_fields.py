"""What the sections of the configuration are made of: their base, and the kinds of values.

A section is a frozen pydantic model that takes no unknown key. Strict: TOML has types of its
own, and "5" is no number. Each message says what to write instead.
"""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, ClassVar, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

DAY_SECONDS = 86_400
_TIME_OF_DAY = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def not_empty(text: str) -> str:
    """A text that says something."""
    if not text.strip():
        raise ValueError("write a text that is not empty")
    return text


def form(pattern: str, remedy: str) -> Callable[[str], str]:
    """What checks a text against a regular expression, and says what to write instead."""

    def check(text: str) -> str:
        if not re.fullmatch(pattern, text):
            raise ValueError(remedy)
        return text

    return check


def time_of_day(text: str) -> str:
    """Hours and minutes of the local day."""
    if not _TIME_OF_DAY.fullmatch(text):
        raise ValueError('write a time of day such as "03:30"')
    return text


Named = TypeVar("Named", str, Path)


def printable(path: Named) -> Named:
    """A path or a name that does not disturb a terminal."""
    if _CONTROL.search(str(path)):
        raise ValueError("write a path without control characters")
    return path


# Strict mode takes no text for a path and no list for a tuple, but TOML has only those.
FilePath = Annotated[Path, Field(strict=False), AfterValidator(printable)]
Seconds = Annotated[float, Field(gt=0, le=DAY_SECONDS, allow_inf_nan=False)]
WeekSeconds = Annotated[float, Field(gt=0, le=7 * DAY_SECONDS, allow_inf_nan=False)]
YearSeconds = Annotated[float, Field(gt=0, le=365 * DAY_SECONDS, allow_inf_nan=False)]
WatchdogSeconds = Annotated[float, Field(ge=1, le=DAY_SECONDS, allow_inf_nan=False)]
Rupiah = Annotated[int, Field(ge=0, le=10**12)]
Limit = Annotated[int, Field(ge=1, le=100_000)]


def explained(default: Any, about: str, *examples: Any) -> Any:
    """A key of a section: its default, what the example file says of it, values to show there.

    `about`: paragraphs, as lines that are broken anew; a line that begins with four blanks stays as
    it is. Empty: the key stands right below the one before, whose text tells of both. `examples`
    are shown (commented out) of a key that has no default.
    """
    return Field(default, description=about, examples=list(examples) or None)


class Section(BaseModel):
    """One table of the file; `ABOUT` is what the example file says above it."""

    ABOUT: ClassVar[str] = ""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


AnySection = TypeVar("AnySection", bound=Section)


def rooted(section: AnySection, root: Path) -> AnySection:
    """The section with its paths counted from that directory."""
    moved = {
        name: root / value
        for name in type(section).model_fields
        if isinstance(value := getattr(section, name), Path)
    }
    return section.model_copy(update=moved)
