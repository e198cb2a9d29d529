"""Reads a text of an agent: one meaning, or a refusal that helps.

The text is cleaned, the sender's reference (``R#ref``) is taken out, the rest is cut at its
separators. Then every way to read the pieces under the grammar is looked for: as an order or
several, and as every form of the command that its first word names. If all of them mean the same,
that is what the text means. If not, the text is refused and the sender told what it could mean;
nothing is chosen for him. If there is none, he is told the form that comes nearest.

Pure and bounded: no text takes more work than its length allows, whatever is in it.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from pulsarack.queue.order_text import command_forms, misread, order_forms
from pulsarack.queue.order_text.command_forms import Furthest
from pulsarack.queue.order_text.commands import Command, HiddenPin
from pulsarack.queue.order_text.drafts import Draft, distinct
from pulsarack.queue.order_text.fields import Source
from pulsarack.queue.order_text.grammar import Grammar, Vocabulary
from pulsarack.queue.order_text.masking import HIDDEN, suspicious, without
from pulsarack.queue.order_text.misread import Failure, Misread, MisreadCode
from pulsarack.queue.order_text.pieces import cleaned, cut

# Six SMS, and as many fields as ten orders have.
TEXT_LIMIT = 918
PIECES_LIMIT = 80
_REFERENCE = re.compile(r"(?:(?<=^)|(?<=[\s.;,]))R#(\S*)", re.I)
_GOOD_REFERENCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,63}")


@dataclass(frozen=True, slots=True)
class Reading:
    """What a text means.

    `masked` is the text with its PIN as ****, and if it has none, with all as **** that could be
    one. `why` says it field by field, for the one who wrote the text and for no log. `reference`
    is the sender's own, which belongs into the answer.
    """

    commands: tuple[Command, ...]
    pin: HiddenPin | None
    masked: str
    why: tuple[str, ...]
    reference: str | None = None


def read(
    text: str, grammar: Grammar, words: Vocabulary, *, pin_expected: bool = False
) -> Reading | Misread:
    """What the text means under this grammar, with these products.

    `pin_expected`: the sender must give a PIN, so that a reading without one does not stand
    against a reading with one. Whether the PIN is right, or missing, is not looked at here.
    """
    if len(text) > TEXT_LIMIT:
        return _too_long(text, f"the text is longer than {TEXT_LIMIT} characters")
    clean = cleaned(text)
    reference, rest = _without_reference(clean, grammar)
    pieces = cut(rest, grammar.separators)
    source = Source(pieces, grammar, words)
    if reference is not None and not _GOOD_REFERENCE.fullmatch(reference):
        return _bad_reference(source)
    if len(pieces) > PIECES_LIMIT:
        return _too_long(clean, f"the text has more than {PIECES_LIMIT} fields")
    furthest = Furthest()
    found = distinct(_preferred(list(_drafts(source, furthest)), pin_expected))
    failure = Failure(source, furthest, reference)
    if not found:
        return misread.unread(failure)
    if len(found) > 1:
        return misread.ambiguous(failure, found)
    return _reading(found[0], clean, reference)


def _drafts(source: Source, furthest: Furthest) -> Iterator[Draft]:
    if not len(source.pieces):
        return
    yield from distinct(command_forms.drafts(source, 0, furthest))
    yield from order_forms.drafts(source, 0)
    table = source.grammar.words
    for word, i in command_forms.words_at(source, 0):
        if word in table.order:
            yield from order_forms.drafts(source, i)
        if word in table.again_before and "before" in source.grammar.counters:
            yield from order_forms.drafts(source, i, again=True)


def _preferred(drafts: list[Draft], pin_expected: bool) -> list[Draft]:
    with_pin = [draft for draft in drafts if draft.pin is not None]
    return with_pin if pin_expected and with_pin else drafts


def _reading(draft: Draft, clean: str, reference: str | None) -> Reading:
    return Reading(
        draft.commands,
        HiddenPin(draft.pin) if draft.pin is not None else None,
        _masked(draft, clean),
        draft.why,
        reference or draft.reference,
    )


def _masked(draft: Draft, clean: str) -> str:
    if draft.pin is not None:
        return without(clean, draft.secrets, draft.pin)
    if draft.secrets:
        # A secret that is no PIN may be anything: what was not said to be clear is cut off.
        return suspicious(clean[: min(draft.secrets)[0]]) + HIDDEN
    return suspicious(clean, draft.clear)


def _without_reference(clean: str, grammar: Grammar) -> tuple[str | None, str]:
    """The reference, "" if it is there twice, and the text with spaces in its place."""
    found = list(_REFERENCE.finditer(clean)) if grammar.reference else []
    if not found:
        return None, clean
    rest = _REFERENCE.sub(lambda match: " " * len(match[0]), clean)
    return (found[0][1] if len(found) == 1 else ""), rest


def _bad_reference(source: Source) -> Misread:
    return Misread(
        MisreadCode.BAD_REFERENCE,
        "the reference R#... is there twice, is empty, or has other characters than letters, "
        "figures and . _ : / -",
        "write one reference of at most 64 characters, with a space before and after it",
        misread.masked_of(source),
    )


def _too_long(text: str, message: str) -> Misread:
    return Misread(
        MisreadCode.TOO_LONG,
        message,
        "send fewer orders in one text",
        suspicious(cleaned(text[:TEXT_LIMIT])),
    )
