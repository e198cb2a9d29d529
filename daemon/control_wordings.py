"""The arguments of the calls about wordings, as `control_arguments.py` has those of all others."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from pulsarack.daemon.control_values import Name

Key = Annotated[str, Meta(pattern=r"^[a-z0-9_]{1,60}\Z")]
Language = Literal["id", "en"]
# A line may end inside it; what else is wrong is said with its reason.
Template = Annotated[str, Meta(max_length=2000)]
Parts = Annotated[int, Meta(ge=1, le=3)]


class WordingList(Struct, frozen=True, forbid_unknown_fields=True):
    """wording.list."""


class WordingShow(Struct, frozen=True, forbid_unknown_fields=True):
    """wording.show."""

    key: Key


class WordingSet(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """wording.set: `parts` is how many SMS the text may take."""

    key: Key
    template: Template
    who: Name
    language: Language = "id"
    parts: Parts = 1


class WordingReset(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """wording.reset."""

    key: Key
    who: Name
    language: Language = "id"


class WordingTry(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """wording.try: with usual values; without a template that which is in use."""

    key: Key
    language: Language = "id"
    template: Template | None = None
    parts: Parts = 1


ARGUMENTS: dict[str, type[Struct]] = {
    "wording.list": WordingList,
    "wording.show": WordingShow,
    "wording.set": WordingSet,
    "wording.reset": WordingReset,
    "wording.try": WordingTry,
}
