"""The calls about wordings: what agents are told, and how an operator says it otherwise."""

from collections.abc import Mapping
from typing import Any

from peewee import Database

from pulsarack.daemon.calls.office import Office
from pulsarack.daemon.context import Context
from pulsarack.daemon.control_protocol import CallError, Calls, Peer
from pulsarack.daemon.control_wordings import (
    WordingList,
    WordingReset,
    WordingSet,
    WordingShow,
    WordingTry,
)
from pulsarack.queue.wordings import parts, table, template
from pulsarack.queue.wordings.shipped import LANGUAGES, Wording, shipped
from pulsarack.queue.wordings.table import Edited
from pulsarack.queue.wordings.template import Unfit


class WordingCalls:
    """Answers what is asked about wordings."""

    def __init__(self, office: Office) -> None:
        self._context = office.context

    def register(self, calls: Calls) -> None:
        """Add the calls to the registry."""
        calls.add("wording.list", self.list)
        calls.add("wording.show", self.show)
        calls.add("wording.set", self.set)
        calls.add("wording.reset", self.reset)
        calls.add("wording.try", self.try_)

    async def list(self, _args: WordingList, _peer: Peer) -> dict[str, Any]:
        """All wordings as they are in use, and which of them somebody changed."""
        edited = await self._context.store.read(_edited)
        return {
            "wordings": [
                {
                    "key": one.key,
                    "language": language,
                    "text": _in_use(one, language, edited),
                    "changed": (one.key, language) in edited,
                    "who": edited[one.key, language].who if (one.key, language) in edited else "",
                    "when": one.when,
                }
                for one in shipped().wordings.values()
                for language in LANGUAGES
            ]
        }

    async def show(self, args: WordingShow, _peer: Peer) -> dict[str, Any]:
        """One wording: its texts, its variables, who changed it."""
        wording = _wording(args.key)
        edited = await self._context.store.read(_edited)
        return {
            "key": wording.key,
            "when": wording.when,
            "texts": [_text(wording, language, edited) for language in LANGUAGES],
            "variables": [
                {
                    "name": f"[{one.trade}]",
                    "also": f"[{one.name}]",
                    "kind": one.kind.value,
                    "meaning": one.meaning,
                }
                for one in (shipped().variables[name] for name in wording.variables)
            ],
        }

    async def set(self, args: WordingSet, _peer: Peer) -> dict[str, Any]:
        """Say it otherwise."""
        now_ms = self._context.clock.now_ms()
        unfit = await self._context.store.write(
            lambda db: table.put(
                db,
                args.key,
                args.language,
                args.template,
                parts=args.parts,
                who=args.who,
                now_ms=now_ms,
            )
        )
        if unfit is not None:
            raise _bad(unfit)
        self._context.log.info(
            "wording.changed", key=args.key, language=args.language, who=args.who
        )
        return _tried(_wording(args.key), args.template, args.parts)

    async def reset(self, args: WordingReset, _peer: Peer) -> dict[str, Any]:
        """Say it again as it is shipped."""
        wording = _wording(args.key)
        gone = await self._context.store.write(lambda db: table.reset(db, args.key, args.language))
        if gone:
            self._context.log.info(
                "wording.reset", key=args.key, language=args.language, who=args.who
            )
        return {"changed": gone, "template": wording.texts[args.language]}

    async def try_(self, args: WordingTry, _peer: Peer) -> dict[str, Any]:
        """The text with usual values; nothing changes."""
        wording = _wording(args.key)
        if args.template is None:
            edited = await self._context.store.read(_edited)
            set_ = edited.get((args.key, args.language))
            return _tried(
                wording, _in_use(wording, args.language, edited), set_.parts if set_ else 1
            )
        unfit = template.check(wording, args.template, most_parts=args.parts)
        if unfit is not None:
            raise _bad(unfit)
        return _tried(wording, args.template, args.parts)


async def warn_of_unusable(context: Context) -> None:
    """Log which of the operator's wordings cannot be used, so that the shipped ones are."""
    for edited, unfit in await context.store.read(table.unusable):
        context.log.warning(
            "wording.unusable",
            key=edited.key,
            language=edited.language,
            why=unfit.message,
            remedy=f"set it again, or: pulsarack wording reset {edited.key}",
        )


_Edits = Mapping[tuple[str, str], Edited]


def _edited(db: Database) -> _Edits:
    return {(one.key, one.language): one for one in table.every(db)}


def _in_use(wording: Wording, language: str, edited: _Edits) -> str:
    set_ = edited.get((wording.key, language))
    return set_.template if set_ else wording.texts[language]


def _text(wording: Wording, language: str, edited: _Edits) -> dict[str, Any]:
    set_ = edited.get((wording.key, language))
    return {
        "language": language,
        "text": _in_use(wording, language, edited),
        "shipped": wording.texts[language],
        "changed_at": set_.changed_at if set_ else None,
        "who": set_.who if set_ else "",
    }


def _tried(wording: Wording, text: str, most_parts: int) -> dict[str, Any]:
    said = template.example(wording, text, parts.room(most_parts))
    return {
        "template": template.canonical(text),
        "text": said,
        "size": parts.size(said),
        "parts": parts.needed(said),
    }


def _wording(key: str) -> Wording:
    found = table.known(key, LANGUAGES[0])
    if isinstance(found, Unfit):
        raise CallError("NOT_FOUND", found.message, found.remedy)
    return found


def _bad(unfit: Unfit) -> CallError:
    return CallError("BAD_WORDING", unfit.message, unfit.remedy)
