"""What the tests of order texts share: a few products, and numbers that belong to nobody."""

import tomllib
from typing import Any

from pulsarack.daemon.config_texts import TextsSection
from pulsarack.queue.order_text.drafts import in_words
from pulsarack.queue.order_text.grammar import Grammar, Vocabulary
from pulsarack.queue.order_text.reading import Misread, Reading, read

_CODES = "S5,S10,S20,S50,S20R,TB10,X5,I5,GS10,SE5,PLN20,PLN50,XL-5,MLBB_86,ML50"
PRODUCTS = frozenset(tuple(_CODES.split(",")))
WORDS = Vocabulary.of(PRODUCTS)
A, B = "081200000012", "081900000034"
METER = "11000000001"
DEFAULT = Grammar()


def grammar(options: str) -> Grammar:
    """The grammar of some lines of a section [texts]."""
    return TextsSection.model_validate(tomllib.loads(options)).grammar()


def shown(text: str, of: Grammar = DEFAULT, **more: Any) -> str:
    """The meaning of a text as the documentation writes it, or the code of the refusal."""
    found = read(text, of, WORDS, **more)
    if isinstance(found, Misread):
        return found.code.value
    reference = f", reference {found.reference}" if found.reference else ""
    return in_words(found.commands, has_pin=found.pin is not None) + reference


def reading(text: str, of: Grammar = DEFAULT, **more: Any) -> Reading:
    """A text that must be read."""
    found = read(text, of, WORDS, **more)
    assert isinstance(found, Reading), found
    return found


def misread(text: str, of: Grammar = DEFAULT, **more: Any) -> Misread:
    """A text that must not be read."""
    found = read(text, of, WORDS, **more)
    assert isinstance(found, Misread), found
    return found
