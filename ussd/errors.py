"""Everything that can be wrong with a recipe, and with the use of a dialogue.

A recipe is written by hand, so its faults are collected and told all at once, each
with the place and the remedy. A text of an operator that is not understood is no
error at all: it is a value (see reply.py).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches


class UssdError(Exception):
    """Base of all errors of this folder."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong in a recipe file, and what to do about it."""

    file: str
    place: str
    what: str
    remedy: str

    def __str__(self) -> str:
        """One line: file, place, what is wrong, remedy."""
        where = f"{self.file}: {self.place}" if self.place else self.file
        return f"{where}: {self.what}; {self.remedy}"


class Problems:
    """The faults found so far in one file."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.found: list[Problem] = []

    def add(self, place: str, what: str, remedy: str) -> None:
        """Note one fault and go on reading."""
        self.found.append(Problem(self.file, place, what, remedy))


class RecipeErrors(UssdError):
    """The recipe files cannot be used; `problems` names every fault."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class PatternFault(UssdError):
    """A pattern or a template cannot be used: what is wrong, and the remedy."""

    def __init__(self, what: str, remedy: str) -> None:
        self.what = what
        self.remedy = remedy
        super().__init__(f"{what}; {remedy}")


class Unreadable(UssdError):
    """A pattern matched, but what it took is no number or no amount."""


class UnknownRecipe(UssdError):
    """No recipe of this name is on the shelf."""

    def __init__(self, name: str, known: Sequence[str]) -> None:
        self.name = name
        super().__init__(f'there is no recipe "{name}"; {did_you_mean(name, known)}')


class ValuesUnfit(UssdError):
    """The values given for an order or a chip cannot be put into a script."""


class DestinationUnfit(ValuesUnfit):
    """The recipe sells to telephones and the order goes to a meter, or the other way round."""


class IllegalEvent(UssdError):
    """The caller handed a dialogue something that cannot come in its state."""


def did_you_mean(word: str, allowed: Sequence[str]) -> str:
    """Return a remedy: the nearest allowed word if there is one, and all of them."""
    listed = ", ".join(allowed) or "none"
    near = get_close_matches(word, allowed, n=1)
    return f'did you mean "{near[0]}"? allowed: {listed}' if near else f"allowed: {listed}"
