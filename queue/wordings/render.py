"""From a key and its values to the text that an agent reads. It never fails.

What was set for the key comes first, then what is shipped, in the agent's language or else in
Indonesian; should even that not be filled, the key and its values are told as they are: a
clumsy answer is better than none.
"""

from collections.abc import Mapping
from typing import Final

from peewee import Database

from pulsarack.queue.wordings import parts, table, template
from pulsarack.queue.wordings.shipped import LANGUAGES, Value, shipped
from pulsarack.queue.wordings.template import Unfilled

NARROW: Final = parts.SEPTETS
"""An SMS."""
WIDE: Final = 1000
"""A text in a chat, or over HTTP."""


def room_of(channel: str) -> int:
    """How much a text over that channel may take, unless its wording was allowed more parts."""
    return NARROW if channel == "sms" else WIDE


def render(
    db: Database,
    key: str,
    language: str,
    variables: Mapping[str, Value],
    *,
    room: int | None = NARROW,
) -> str:
    """The text of an answer; lists in it are cut so that it takes no more than `room`."""
    edited = table.find(db, key, language)
    if edited is None:
        return filled(None, key, language, variables, room)
    wider = None if room is None else max(room, parts.room(edited.parts))
    return filled(edited.template, key, language, variables, wider)


def filled(
    edited: str | None, key: str, language: str, variables: Mapping[str, Value], room: int | None
) -> str:
    """The same, by whoever has looked up what was set."""
    if edited is not None:
        try:
            return template.fill(edited, variables, room)
        except Unfilled:
            pass  # `table.unusable` names it at every start
    wording = shipped().wordings.get(key)
    if wording is not None:
        try:
            return template.fill(wording.texts[_spoken(language)], variables, room)
        except Unfilled:
            pass
    told = "; ".join(f"{name}: {value}" for name, value in variables.items())
    return parts.plain(f"{key} {told}")[:room]


def _spoken(language: str) -> str:
    return language if language in LANGUAGES else LANGUAGES[0]
