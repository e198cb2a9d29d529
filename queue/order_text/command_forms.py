"""Commands other than orders: a word, the fields of one of its forms, and the PIN.

Every form of every word that the text could begin with is tried in every way in which its fields
can be cut, until the text is over. What was tried and came furthest is remembered: if nothing
fits, that is the form the sender is told.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from pulsarack.queue.order_text.commands import Complain, HiddenPin
from pulsarack.queue.order_text.drafts import Draft
from pulsarack.queue.order_text.fields import KINDS, Hidden, Source
from pulsarack.queue.order_text.masking import HIDDEN, without_pin
from pulsarack.queue.order_text.words import Entry, FieldOfForm

_LONGEST_WORD_PIECES = 3
# Fields in which four figures are a part of a number and no PIN.
_NUMBERS = frozenset({"destination", "mobile"})
Form = tuple[FieldOfForm, ...]


@dataclass(slots=True)
class Furthest:
    """The form that came furthest before the text no longer fitted."""

    word: str = ""
    form: Form = ()
    filled: int = -1
    piece: int = -1

    def note(self, word: str, form: Form, filled: int, piece: int) -> None:
        """Keep it if no other has come so far."""
        if (piece, filled) > (self.piece, self.filled):
            self.word, self.form, self.filled, self.piece = word, form, filled, piece


@dataclass(frozen=True, slots=True)
class _Filled:
    """The fields of a form so far."""

    values: tuple[tuple[str, Any], ...] = ()
    why: tuple[str, ...] = ()
    secrets: tuple[tuple[int, int], ...] = ()
    clear: tuple[tuple[int, int], ...] = ()
    old_pin: HiddenPin | None = None


@dataclass(frozen=True, slots=True)
class _Attempt:
    """One form of one word, with the PIN before the word if there was one."""

    source: Source
    word: str
    entry: Entry
    form: Form
    pin: str | None = None
    secrets: tuple[tuple[int, int], ...] = ()
    furthest: Furthest = field(default_factory=Furthest)


def words_at(source: Source, i: int) -> Iterator[tuple[str, int]]:
    """What word the text begins with there: one piece, or some with only spaces between."""
    word = ""
    for j in range(i, min(i + _LONGEST_WORD_PIECES, len(source.pieces))):
        piece = source.pieces[j]
        if j > i and piece.gap.strip():
            return
        word += "".join(piece.text.split()).upper()
        if source.grammar.words.knows(word):
            yield word, j + 1


def drafts(source: Source, begin: int, furthest: Furthest) -> Iterator[Draft]:
    """All readings of the text as a command."""
    yield from _of_words(source, begin, None, (), furthest)
    pieces = source.pieces
    if "first" in source.grammar.pin_places and begin + 1 < len(pieces):
        first = pieces[begin]
        if source.grammar.is_pin(first.text):
            span = ((first.start, first.end),)
            yield from _of_words(source, begin + 1, first.text, span, furthest)


def _of_words(
    source: Source,
    begin: int,
    pin: str | None,
    secrets: tuple[tuple[int, int], ...],
    furthest: Furthest,
) -> Iterator[Draft]:
    for word, i in words_at(source, begin):
        for entry in source.grammar.words.meanings.get(word, ()):
            for form in entry.forms:
                attempt = _Attempt(source, word, entry, form, pin, secrets, furthest)
                for filled, j in _fill(attempt, 0, i, _Filled()):
                    yield from _end(attempt, filled, j)


def _fill(
    attempt: _Attempt, position: int, i: int, filled: _Filled
) -> Iterator[tuple[_Filled, int]]:
    attempt.furthest.note(attempt.word, attempt.form, position, i)
    if position == len(attempt.form):
        yield filled, i
        return
    wanted = attempt.form[position]
    for value, j in KINDS[wanted.kind](attempt.source, i):
        pieces = attempt.source.pieces
        span = (pieces[i].start, pieces[j - 1].end)
        yield from _fill(
            attempt, position + 1, j, _with(filled, wanted, value, pieces.raw[slice(*span)], span)
        )


def _with(
    filled: _Filled, wanted: FieldOfForm, value: Any, typed: str, span: tuple[int, int]
) -> _Filled:
    values, secrets, old_pin = filled.values, filled.secrets, filled.old_pin
    clear = (*filled.clear, span) if wanted.kind in _NUMBERS else filled.clear
    if wanted.kind == "pins":
        old, new = value
        old_pin, values = old.value, (*values, ("new_pin", new.value))
        secrets, typed = (*secrets, old.span, new.span), f"{HIDDEN}, {HIDDEN}"
    elif isinstance(value, Hidden):
        values, secrets, typed = (
            (*values, (wanted.argument, value.value)),
            (*secrets, value.span),
            HIDDEN,
        )
    elif isinstance(value, dict):
        values = (*values, *value.items())
    else:
        values = (*values, (wanted.argument, value))
    why = (*filled.why, f"{typed}: {wanted.kind.replace('_', ' ')}")
    return _Filled(values, why, secrets, clear, old_pin)


def _end(attempt: _Attempt, filled: _Filled, i: int) -> Iterator[Draft]:
    """The text after the fields: a PIN, a counter, and nothing else."""
    if filled.old_pin is not None:
        if i == len(attempt.source.pieces) and attempt.pin is None:
            yield _draft(attempt, filled, filled.old_pin.reveal(), (), ())
        return
    for pin, why, secrets, j in _pin(attempt, i):
        for repeat, said, k in _repeat(attempt, j):
            if k == len(attempt.source.pieces):
                repeated = replace(filled, values=(*filled.values, *repeat))
                yield _draft(attempt, repeated, pin, (*why, *said), secrets)


_Spans = tuple[tuple[int, int], ...]
_Why = tuple[str, ...]


def _pin(attempt: _Attempt, i: int) -> Iterator[tuple[str | None, _Why, _Spans, int]]:
    pieces, grammar = attempt.source.pieces, attempt.source.grammar
    if attempt.pin is not None:
        yield attempt.pin, (f"{HIDDEN}: PIN, first",), attempt.secrets, i
        return
    yield None, (), (), i
    if i < len(pieces) and grammar.is_pin(pieces[i].text):
        places = grammar.pin_places
        if "last" in places or ("semicolon" in places and ";" in pieces[i].gap):
            span = ((pieces[i].start, pieces[i].end),)
            yield pieces[i].text, (f"{HIDDEN}: PIN, last",), span, i + 1


def _repeat(attempt: _Attempt, i: int) -> Iterator[tuple[tuple[tuple[str, Any], ...], _Why, int]]:
    """A counter behind a transfer of balance: #2, or a word for once more."""
    pieces, grammar = attempt.source.pieces, attempt.source.grammar
    dots = pieces.tail.count(".") if grammar.trailing_dot == "counter" else 0
    said = "for the second time today"
    if not attempt.entry.repeats or i == len(pieces):
        by_dots = attempt.entry.repeats and 0 < dots < 99
        yield ((("repeat_index", dots + 1),), (said,), i) if by_dots else ((), (), i)
        return
    piece = pieces[i]
    if dots:
        return
    if "behind" in grammar.counters and piece.text.upper() in grammar.words.again_behind:
        yield (("repeat_index", 2),), (f"{piece.text}: {said}",), i + 1
    elif "hash_suffix" in grammar.counters and "#" in piece.gap and _counts(attempt, piece.text):
        count = int(piece.text)
        yield (("repeat_index", count),), (f"{count}: no. {count} of the day",), i + 1


def _counts(attempt: _Attempt, text: str) -> bool:
    highest = attempt.source.grammar.highest_counter
    return text.isascii() and text.isdigit() and len(text) <= 2 and 1 <= int(text) <= highest


def _draft(
    attempt: _Attempt, filled: _Filled, pin: str | None, why: _Why, secrets: _Spans
) -> Draft:
    command = attempt.entry.makes(**dict((*attempt.entry.fixed, *filled.values)))
    if isinstance(command, Complain) and pin:
        # What is complained of is kept: a PIN that was written twice is not.
        command = Complain(command.about, without_pin(command.words, pin))
    reasons = (f"{attempt.word}: {attempt.entry.makes.__name__}", *filled.why, *why)
    return Draft((command,), pin, None, reasons, (*filled.secrets, *secrets), filled.clear)
