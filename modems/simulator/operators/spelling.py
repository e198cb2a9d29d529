"""How operators spell numbers, money and sentences: never twice alike, always within a shape.

Real texts differ in spaces, thousands separators, wrapped lines and appended adverts; a reader
that only knows one spelling must be found out here.
"""

import re
from collections.abc import Sequence
from random import Random

INDONESIAN_ADVERTS = (
    " Promo: cek *363#",
    " Info 188.",
    " Nikmati paket data murah, hub *123#.",
)


def rupiah(amount: int, rng: Random) -> str:
    """An amount as Indonesian operators write it: Rp 490.000, Rp.490.000 or Rp490000."""
    grouped = f"{amount:,}".replace(",", ".")
    return rng.choice((f"Rp {grouped}", f"Rp.{grouped}", f"Rp{amount}"))


def pesos(amount: int) -> str:
    """An amount in the second shape of the field texts: P10,150.00."""
    return f"P{amount:,}.00"


def local_number(destination: str) -> str:
    """E.164 digits as people read them: 0812..."""
    return "0" + destination[2:] if destination.startswith("62") else destination


def either_number(destination: str, rng: Random) -> str:
    """0812... mostly, 62812... now and then."""
    return destination if rng.random() < 0.3 else local_number(destination)


def foreign_number(destination: str, rng: Random) -> str:
    """Another customer's number on the same operator, of a series nobody orders for."""
    return f"{destination[:5]}99{rng.randrange(10**6):06d}"


def vary(text: str, rng: Random, adverts: Sequence[str] = ()) -> str:
    """The same sentence as another machine would print it."""
    roll = rng.random()
    if roll < 0.15 and adverts:
        return text.rstrip(". ") + "." + rng.choice(adverts)
    if roll < 0.25:
        return re.sub(r"\. (?=[A-Z])", ".  ", text)
    if roll < 0.35:
        return re.sub(r"\. (?=[A-Z])", ".\n", text, count=1)
    return text


def louder(text: str, word: str, rng: Random) -> str:
    """The same sentence with one word in capitals, now and then."""
    return text.replace(word, word.upper()) if rng.random() < 0.2 else text
