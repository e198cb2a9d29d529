"""What is told when a text is not read: what was wrong, and the form that comes nearest.

Nothing of it gives a PIN away: every field that could be one is hidden, in the message as in the
text that is kept.
"""

import difflib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from pulsarack.queue.order_text import command_forms, fields
from pulsarack.queue.order_text.command_forms import Furthest
from pulsarack.queue.order_text.commands import PlaceOrder
from pulsarack.queue.order_text.drafts import Draft, told
from pulsarack.queue.order_text.fields import Source
from pulsarack.queue.order_text.masking import HIDDEN, suspicious
from pulsarack.queue.order_text.pieces import Pieces
from pulsarack.queue.order_text.words import WordTable

_SHOWN = 24
# So many meanings are named, and so much of each.
_MEANINGS = 3
_MEANING = 200
# Kinds of fields that hold a secret (fields.py): after their words all is hidden.
_SECRETS = frozenset({"secret", "pins"})
_WORD = re.compile(r"[A-Za-z]{1,20}")
# The order form, in the words of the table.
_ORDER = ("product", "destination", "pin")


class MisreadCode(StrEnum):
    """Why a text was not read."""

    EMPTY = "EMPTY"
    TOO_LONG = "TOO_LONG"
    AMBIGUOUS = "AMBIGUOUS"
    UNKNOWN_WORD = "UNKNOWN_WORD"
    UNKNOWN_PRODUCT = "UNKNOWN_PRODUCT"
    NO_PRODUCT = "NO_PRODUCT"
    NO_NUMBER = "NO_NUMBER"
    BAD_FIELD = "BAD_FIELD"
    BAD_REFERENCE = "BAD_REFERENCE"


@dataclass(frozen=True, slots=True)
class Misread:
    """A text that was not read; nothing of it was done.

    `form` is what to write, in the agents' words (Indonesian), `form_en` the same in English;
    `field` is what was not understood, without PINs, or "". `message` and `remedy` are English.
    """

    code: MisreadCode
    message: str
    remedy: str
    masked: str
    form: str = ""
    form_en: str = ""
    field: str = ""
    reference: str | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """A text to explain: what it was cut into, and which command came furthest."""

    source: Source
    furthest: Furthest
    reference: str | None

    def misread(
        self, code: MisreadCode, message: str, remedy: str, field: str = "", *, order: bool = True
    ) -> Misread:
        """The answer with the form it is about."""
        table = self.source.grammar.words
        names = table.names
        if order:
            form, form_en = (".".join(names[lang][kind] for kind in _ORDER) for lang in names)
        else:
            form, form_en = (
                table.shown(self.furthest.word, self.furthest.form, lang) for lang in names
            )
        said = remedy.format(form=form_en)
        masked = masked_of(self.source)
        return Misread(code, message, said, masked, form, form_en, field, self.reference)


def masked_of(source: Source) -> str:
    """The text without anything that could be a PIN or a password."""
    pieces = source.pieces
    if len(pieces) > 1 and _is_secretive(pieces[0].text.upper(), source.grammar.words):
        return suspicious(pieces.raw[: pieces[1].start]) + HIDDEN
    return suspicious(pieces.raw)


def _is_secretive(word: str, table: WordTable) -> bool:
    return bool(difflib.get_close_matches(word[:20], _secretive(table), n=1, cutoff=0.75))


def _secretive(table: WordTable) -> list[str]:
    """The words that take a secret, an operator's own among them."""
    return [
        word
        for word, entries in table.meanings.items()
        if any(
            field.kind in _SECRETS for entry in entries for form in entry.forms for field in form
        )
    ]


def ambiguous(failure: Failure, drafts: Sequence[Draft]) -> Misread:
    """The text can mean several things: it names them."""
    meanings = "; or ".join(_cut(told(draft), _MEANING) for draft in drafts[:_MEANINGS])
    remedy = "write it so that it means one thing only: all fields, the PIN last, dots between"
    order = isinstance(drafts[0].commands[0], PlaceOrder)
    return failure.misread(
        MisreadCode.AMBIGUOUS,
        f"the text can be read in more than one way: {meanings}",
        f"{remedy}, as in {{form}}",
        order=order,
    )


def unread(failure: Failure) -> Misread:
    """The text means nothing: it says how far it was understood."""
    source = failure.source
    if not len(source.pieces):
        return failure.misread(MisreadCode.EMPTY, "the text is empty", "write {form}")
    if failure.furthest.filled >= 0 and not _means_an_order(source):
        return _command(failure)
    return _order(failure)


def _means_an_order(source: Source) -> bool:
    """Whether a word that can stand before an order has a product or a number behind it."""
    table = source.grammar.words
    ends = [
        end
        for word, end in command_forms.words_at(source, 0)
        if word in table.order or word in table.again_before
    ]
    indices = range(max(ends, default=len(source.pieces)), len(source.pieces))
    kinds = (fields.numbers, fields.products)
    return any(next(kind(source, i), None) for kind in kinds for i in indices)


def _command(failure: Failure) -> Misread:
    furthest, pieces = failure.furthest, failure.source.pieces
    if furthest.piece < len(pieces):
        shown = _shown(pieces[furthest.piece].text)
        if furthest.filled < len(furthest.form):
            what = _kind(furthest.form[furthest.filled].kind)
            message = f"{furthest.word}: '{shown}' is no {what}"
        else:
            message = f"{furthest.word}: '{shown}' is more than belongs there"
    elif furthest.filled == len(furthest.form):
        shown = ""
        message = f"{furthest.word}: no PIN belongs in front of it, for it has the old one"
    else:
        shown = ""
        message = f"{furthest.word}: {_kind(furthest.form[furthest.filled].kind)} is missing"
    return failure.misread(MisreadCode.BAD_FIELD, message, "write {form}", shown, order=False)


def _kind(kind: str) -> str:
    names = {"pins": "PIN of 4 to 8 figures", "mobile": "mobile number", "pulled": "amount"}
    return names.get(kind, kind.replace("_", " "))


def _order(failure: Failure) -> Misread:
    source = failure.source
    indices = range(_begin(source), len(source.pieces))
    numbers = [i for i in indices if next(fields.numbers(source, i), None)]
    products = [i for i in indices if next(fields.products(source, i), None)]
    odd = [i for i in indices if _WORD.match(source.pieces[i].text) and i not in products]
    if not numbers and not products:
        return _unknown_word(failure)
    if not numbers:
        message = "there is no number to be topped up in it"
        return failure.misread(MisreadCode.NO_NUMBER, message, "write {form}")
    if not products and odd:
        shown = _shown(source.pieces[odd[0]].text)
        near = _near(shown, source.words.products)
        message = f"there is no product '{shown}'"
        return failure.misread(MisreadCode.UNKNOWN_PRODUCT, message, f"{near}write {{form}}", shown)
    if not products:
        message = "it is not said what shall be topped up"
        return failure.misread(MisreadCode.NO_PRODUCT, message, "write {form}")
    return _odd_field(failure, odd, numbers, products)


def _begin(source: Source) -> int:
    """Behind a word that stands before orders."""
    return max((j for _, j in command_forms.words_at(source, 0)), default=0)


def _unknown_word(failure: Failure) -> Misread:
    shown = _shown(failure.source.pieces[0].text)
    table = failure.source.grammar.words
    near = _near(shown, (*table.meanings, *table.order))
    message = f"'{shown}' is neither a command nor an order"
    return failure.misread(MisreadCode.UNKNOWN_WORD, message, f"{near}write {{form}}", shown)


def _odd_field(
    failure: Failure, odd: list[int], numbers: list[int], products: list[int]
) -> Misread:
    pieces = failure.source.pieces
    known = {*numbers, *products}
    strange = odd or [i for i in range(len(pieces)) if i not in known and not _usual(pieces, i)]
    shown = _shown(pieces[strange[0]].text) if strange else ""
    message = f"'{shown}' has no place in an order" if shown else "the fields make no order"
    return failure.misread(
        MisreadCode.BAD_FIELD,
        message,
        "write {form}; a 2 behind the code orders it again on the same day",
        shown,
    )


def _usual(pieces: Pieces, i: int) -> bool:
    return pieces[i].text.isdigit() and len(pieces[i].text) in (1, 4, 5, 6)


def _near(word: str, known: object) -> str:
    """The nearest one of what is known, if that can be listed."""
    if not isinstance(known, Iterable):
        return ""
    near = difflib.get_close_matches(word.upper(), [str(each) for each in known], n=1, cutoff=0.7)
    return f"did you mean {near[0]}? " if near else ""


def _shown(text: str) -> str:
    """A piece for a message: short, printable, without what could be a PIN; safe for format()."""
    safe = suspicious(text).replace("{", "(").replace("}", ")")
    return _cut(safe, _SHOWN)


def _cut(safe: str, most: int) -> str:
    # Of a long number that is cut off, what is left could look like a PIN.
    return safe if len(safe) <= most else suspicious(safe[: most - 7]) + "..."
