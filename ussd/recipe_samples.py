"""Runs the samples of a recipe: the proof that its patterns read what they should.

Each sample must be read by its own pattern, with exactly the fields the author
wrote down, and by no pattern of another meaning.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pulsarack.ussd.fields import Fields
from pulsarack.ussd.pattern import Pattern, Sample
from pulsarack.ussd.reply import TEXT_LIMIT, Explanation, explain

if TYPE_CHECKING:
    from pulsarack.ussd.recipe import Recipe

_MISSED = "adapt match to the text, or move the sample to the pattern that means it"


@dataclass(frozen=True, slots=True)
class SampleVerdict:
    """What came of one sample. what, remedy: empty if it proves its pattern."""

    pattern: str
    sample: int
    what: str
    remedy: str


def run_samples(recipe: "Recipe") -> list[SampleVerdict]:
    """Return a verdict for every sample of every pattern, in their order."""
    verdicts = []
    for pattern in recipe.patterns:
        for index, sample in enumerate(pattern.samples):
            what, remedy = _judge(recipe, pattern, sample)
            verdicts.append(SampleVerdict(pattern.name, index + 1, what, remedy))
    return verdicts


def _judge(recipe: "Recipe", pattern: Pattern, sample: Sample) -> tuple[str, str]:
    if sample.channel not in pattern.channels:
        return f"the pattern does not read {sample.channel}", "correct channel or channels"
    reading = explain(recipe, sample.text, sample.channel)
    own = next((one for one in reading.matches if one.pattern is pattern), None)
    if own is None:
        too_long = len(sample.text) > TEXT_LIMIT
        return reading.why if too_long else "the pattern does not match it", _MISSED
    if own.fields is None:
        return own.trouble, "adapt match so that it takes the whole value"
    if own.fields != sample.fields:
        return _difference(sample.fields, own.fields), "correct the sample, or match"
    return _judge_others(reading)


def _judge_others(reading: Explanation) -> tuple[str, str]:
    if reading.reply is None:
        return reading.why, "make the patterns stricter until only one meaning is left"
    return "", ""


def _difference(wanted: Fields, found: Fields) -> str:
    expected, read = wanted.stated(), found.stated()
    names = [name for name in expected | read if expected.get(name) != read.get(name)]
    return "; ".join(
        f"{name} is read as {read.get(name, 'nothing')}, the sample says "
        f"{expected.get(name, 'nothing')}"
        for name in names
    )
