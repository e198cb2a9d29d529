"""What `pulsarack recipe check` shows: each pattern of a file and how its samples fared."""

from dataclasses import dataclass
from pathlib import Path

from pulsarack.ussd.errors import Problem, RecipeErrors
from pulsarack.ussd.kinds import ReplyKind
from pulsarack.ussd.outcome import Reason
from pulsarack.ussd.recipe import Examination, examine_recipe, read_recipe_file


@dataclass(frozen=True, slots=True)
class PatternLine:
    """One pattern: how many samples it has, and how many of them it misses."""

    name: str
    kind: ReplyKind
    reason: Reason | None
    samples: int
    failed: int


@dataclass(frozen=True, slots=True)
class CheckReport:
    """A recipe file examined. name: of the recipe, empty if the file cannot be read."""

    file: str
    name: str
    lines: tuple[PatternLine, ...]
    problems: tuple[Problem, ...]

    @property
    def ok(self) -> bool:
        """Whether the recipe may be used."""
        return not self.problems


def check(path: Path) -> CheckReport:
    """Examine a recipe file; never raises for what is in it."""
    try:
        data = read_recipe_file(path)
    except RecipeErrors as errors:
        return CheckReport(str(path), "", (), errors.problems)
    return _report(examine_recipe(data, str(path)))


def _report(examination: Examination) -> CheckReport:
    recipe = examination.recipe
    if recipe is None:
        return CheckReport(examination.file, "", (), examination.problems)
    lines = []
    for pattern in recipe.patterns:
        verdicts = [one for one in examination.verdicts if one.pattern == pattern.name]
        failed = sum(1 for one in verdicts if one.what)
        lines.append(
            PatternLine(pattern.name, pattern.kind, pattern.reason, len(pattern.samples), failed)
        )
    return CheckReport(examination.file, recipe.name, tuple(lines), examination.problems)
