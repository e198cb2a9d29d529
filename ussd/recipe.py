"""A recipe: what to say to an operator, and how to read what it says.

One TOML file describes one channel of one operator (docs/recipes.md tells how to
write one). This file holds what a recipe is and reads it from the top; scripts and
patterns have readers of their own. Reading goes on after a fault, so that all faults
of a file are told at once, and its samples are run before it is ever used.
"""

import hashlib
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType

from pulsarack.ussd.amounts import ASSET_EXPONENTS
from pulsarack.ussd.errors import PatternFault, Problem, Problems, RecipeErrors, did_you_mean
from pulsarack.ussd.fields import FieldReader
from pulsarack.ussd.guard import refuse_runaway
from pulsarack.ussd.kinds import Channel, Purpose, ReplyKind
from pulsarack.ussd.macros import compile_pattern, macro_table, macros_in
from pulsarack.ussd.numbering import Numbering
from pulsarack.ussd.parts import PartMark
from pulsarack.ussd.pattern import Pattern
from pulsarack.ussd.pattern_reader import read_pattern
from pulsarack.ussd.recipe_samples import SampleVerdict, run_samples
from pulsarack.ussd.script import Script
from pulsarack.ussd.script_reader import check_script, read_script
from pulsarack.ussd.table import Table

FILE_LIMIT = 256 * 1024
# tomllib takes quadratic time for a key of many parts, which must stand in one line.
DOTS_LIMIT = 200
# Each sample is tried on every pattern.
PATTERNS_LIMIT = 200
LONGEST_SECONDS = 86_400
# An operator books late; a stock looked at sooner proves nothing.
SETTLING_LEAST_SECONDS = 10
_NAME = re.compile(r"[a-z0-9][a-z0-9-]*")
_NAME_MEANING = "small letters, digits and dashes, beginning with a letter or digit"


class RecipeStatus(StrEnum):
    """Where the wordings come from: seen in the field, or not yet."""

    FIELD = "field"
    UNVERIFIED = "unverified"


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds.

    reply_seconds: how long an answer may take. late_reply_seconds: how long after
    that a text may still come. settling_seconds: after what time an unchanged stock
    means that nothing was booked. send_seconds: how long handing over an SMS may take.
    """

    reply_seconds: float
    late_reply_seconds: float
    settling_seconds: float
    send_seconds: float


@dataclass(frozen=True, slots=True)
class Limits:
    """How fast one chip may sell; None: without limit."""

    pause_seconds: float
    per_hour: int | None
    per_day: int | None


@dataclass(frozen=True, slots=True)
class Recipe:
    """One channel of one operator. senders: whose SMS are believed.

    content_hash: SHA-256 of the file, in hex; two recipes with the same hash are the
    same recipe. source: the text of the file.
    """

    name: str
    operator: str
    version: str
    asset: str
    status: RecipeStatus
    numbering: Numbering
    timing: Timing
    limits: Limits
    senders: tuple[str, ...]
    parts: PartMark | None
    top_up: Script
    stock: Script
    history: Script | None
    patterns: tuple[Pattern, ...]
    content_hash: str
    source: str = field(repr=False)
    # What follows from the rest, made once: every answer of an operator is read by it.
    reader: FieldReader = field(init=False, repr=False, compare=False)
    patterns_of: Mapping[Channel, tuple[Pattern, ...]] = field(
        init=False, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        """Make the reader of the values of a match, and sort the patterns by channel."""
        reader = FieldReader(self.numbering, ASSET_EXPONENTS.get(self.asset, 0))
        by_channel = {
            channel: tuple(one for one in self.patterns if channel in one.channels)
            for channel in Channel
        }
        object.__setattr__(self, "reader", reader)
        object.__setattr__(self, "patterns_of", MappingProxyType(by_channel))

    @property
    def scripts(self) -> tuple[Script, ...]:
        """All scripts the recipe has."""
        return (self.top_up, self.stock) + ((self.history,) if self.history else ())

    @property
    def needs_chip_pin(self) -> bool:
        """Whether any script says the chip's PIN."""
        return any("chip_pin" in script.placeholders for script in self.scripts)

    def believes(self, sender: str) -> bool:
        """Tell whether an SMS of this sender is the operator's own."""
        return self._plain_sender(sender) in {self._plain_sender(one) for one in self.senders}

    def _plain_sender(self, sender: str) -> str:
        plain = sender.strip().casefold()
        return self.numbering.read(plain) or plain.removeprefix("+")


@dataclass(frozen=True, slots=True)
class Examination:
    """A recipe file taken apart. recipe: None if it is no TOML; unfit if there are problems."""

    file: str
    recipe: Recipe | None
    problems: tuple[Problem, ...]
    verdicts: tuple[SampleVerdict, ...]


def load_recipe(path: Path) -> Recipe:
    """Read a recipe file; raise RecipeErrors with every fault in it."""
    return parse_recipe(read_recipe_file(path), str(path))


def parse_recipe(data: bytes, file: str) -> Recipe:
    """Read a recipe from the bytes of a file; `file` is what messages call it."""
    examination = examine_recipe(data, file)
    if examination.recipe is None or examination.problems:
        raise RecipeErrors(examination.problems)
    return examination.recipe


def read_recipe_file(path: Path) -> bytes:
    """Return the bytes of a recipe file; raise RecipeErrors if there are none to read."""
    problems = Problems(str(path))
    try:
        if path.stat().st_size <= FILE_LIMIT:
            return path.read_bytes()
        problems.add("", f"the file is larger than {FILE_LIMIT} bytes", "is this a recipe?")
    except OSError as error:
        problems.add("", error.strerror or str(error), "check the path and its permissions")
    raise RecipeErrors(problems.found)


def examine_recipe(data: bytes, file: str) -> Examination:
    """Read a recipe and report on all of it, good or bad."""
    problems = Problems(file)
    values: dict[str, object] = {}
    try:
        values = _load_toml(data.decode("utf-8"), problems)
    except UnicodeDecodeError as error:
        problems.add(f"byte {error.start}", "it is not UTF-8", "save the file as UTF-8")
    if problems.found:
        return Examination(file, None, tuple(problems.found), ())
    root = Table(values, "", problems)
    places = _pattern_places(root)
    recipe = _read_recipe(root, places, data)
    says_chip_pin = root.flag("chip_pin", True)
    root.finish()
    if len(recipe.patterns) == len(places):
        _check_recipe(recipe, problems)
        _check_chip_pin(recipe, says_chip_pin, problems)
    verdicts = []
    if not any(problem.place.startswith("numbers") for problem in problems.found):
        verdicts = run_samples(recipe)
        _note_verdicts(places, verdicts, problems)
    return Examination(file, recipe, tuple(problems.found), tuple(verdicts))


def _load_toml(text: str, problems: Problems) -> dict[str, object]:
    for number, line in enumerate(text.split("\n"), 1):
        if line.count(".") > DOTS_LIMIT:
            what = f"it holds more than {DOTS_LIMIT} dots"
            problems.add(f"line {number}", what, "break it into several")
            return {}
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        problems.add("", f"it is not TOML: {error}", "correct the line it names")
    except (ValueError, RecursionError):
        what = "a number has thousands of digits, or brackets stand in brackets without end"
        problems.add("", what, "remove it")
    return {}


def _read_recipe(root: Table, places: Sequence[Table], data: bytes) -> Recipe:
    numbering = _read_numbering(root.table("numbers"))
    timing = _read_timing(root.table("timing"))
    marks = root.texts("currency_marks", ("Rp",))
    patterns = [read_pattern(table, numbering, marks) for table in places]
    history = read_script(root, Purpose.HISTORY, timing.reply_seconds)
    return Recipe(
        name=root.text_like("name", _NAME, _NAME_MEANING),
        operator=root.text_like("operator", _NAME, _NAME_MEANING),
        version=root.text("version"),
        asset=_read_asset(root),
        status=root.word("status", list(RecipeStatus)),
        numbering=numbering,
        timing=timing,
        limits=_read_limits(root.table("limits")),
        senders=root.texts("senders"),
        parts=_read_parts(root.table("parts")) if root.has("parts") else None,
        top_up=read_script(root, Purpose.TOP_UP, timing.reply_seconds),
        stock=read_script(root, Purpose.STOCK, timing.reply_seconds),
        history=history if history.steps else None,
        patterns=tuple(pattern for pattern in patterns if pattern is not None),
        content_hash=hashlib.sha256(data).hexdigest(),
        source=data.decode("utf-8"),
    )


def _pattern_places(root: Table) -> list[Table]:
    tables = []
    rows = root.tables("pattern", required=True)
    if len(rows) > PATTERNS_LIMIT:
        remedy = f"give at most {PATTERNS_LIMIT}; others are not read"
        root.wrong(f"{len(rows)} patterns are too many", remedy, "pattern")
    for index, row in enumerate(rows[:PATTERNS_LIMIT]):
        name = row.get("name") if isinstance(row, dict) else None
        place = f"pattern[{index + 1}]" + (f' "{name}"' if isinstance(name, str) else "")
        tables.append(Table(row, place, root.problems))
    return tables


def _read_numbering(table: Table) -> Numbering:
    if table.flag("meters", False):
        return _read_meters(table)
    numbering = Numbering(
        country_code=table.text("country_code"),
        trunk=table.text("trunk", ""),
        mobile=table.text("mobile", ""),
        shortest=table.count("shortest", 8, least=4),
        longest=table.count("longest", 12, least=4),
    )
    for key in ("country_code", "trunk", "mobile"):
        value = getattr(numbering, key)
        if value and not (value.isascii() and value.isdigit()):
            table.wrong(f'"{value}" is not made of digits', f'write {key} = "62"', key)
    table.finish()
    return numbering


def _read_meters(table: Table) -> Numbering:
    numbering = Numbering(
        country_code="",
        trunk="",
        mobile="",
        shortest=table.count("shortest", 11, least=7),
        longest=table.count("longest", 12, least=7),
        meters=True,
    )
    table.finish()
    return numbering


def _read_timing(table: Table) -> Timing:
    timing = Timing(
        reply_seconds=table.number("reply_seconds", least=1, most=LONGEST_SECONDS),
        late_reply_seconds=table.number("late_reply_seconds", most=LONGEST_SECONDS),
        settling_seconds=table.number(
            "settling_seconds", least=SETTLING_LEAST_SECONDS, most=LONGEST_SECONDS
        ),
        send_seconds=table.number("send_seconds", 60, least=1, most=LONGEST_SECONDS),
    )
    table.finish()
    return timing


def _read_limits(table: Table) -> Limits:
    limits = Limits(
        pause_seconds=table.number("pause_seconds", 0, most=LONGEST_SECONDS),
        per_hour=table.count("per_hour", least=1) if table.has("per_hour") else None,
        per_day=table.count("per_day", least=1) if table.has("per_day") else None,
    )
    table.finish()
    return limits


def _read_asset(root: Table) -> str:
    asset = root.text("asset")
    if asset and asset not in ASSET_EXPONENTS:
        remedy = did_you_mean(asset, list(ASSET_EXPONENTS))
        root.wrong(f'unknown asset "{asset}"', remedy, "asset")
    return asset


def _read_parts(table: Table) -> PartMark | None:
    match = table.text("match")
    between = table.text("between", " ") if table.has("between") else " "
    wait_seconds = table.number("wait_seconds", 30, least=1, most=LONGEST_SECONDS)
    table.finish()
    if not {"part", "parts"} <= macros_in(match):
        table.wrong("it does not read the marks", 'write match = "{part}/{parts} "', "match")
        return None
    try:
        refuse_runaway(match)
        return PartMark(compile_pattern(match, macro_table(())), between, wait_seconds)
    except PatternFault as fault:
        table.wrong(fault.what, fault.remedy, "match")
        return None


def _check_recipe(recipe: Recipe, problems: Problems) -> None:
    names = [pattern.name for pattern in recipe.patterns]
    for name in sorted({name for name in names if names.count(name) > 1}):
        problems.add(f'pattern "{name}"', "two patterns have this name", "rename one")
    kinds = {kind.value for kind in ReplyKind}
    for pattern in recipe.patterns:
        if pattern.name in kinds - {pattern.kind.value}:
            problems.add(f'pattern "{pattern.name}"', "it is named like another kind", "rename it")
    for script in recipe.scripts:
        check_script(script, recipe.patterns, problems)
    reports = {step.report for script in recipe.scripts for step in script.steps}
    reads_sms = any(pattern.channels == {Channel.SMS} for pattern in recipe.patterns)
    if not recipe.senders and (reads_sms or Channel.SMS in reports):
        problems.add("senders", "no sender is believed", 'write senders = ["..."]')


def _check_chip_pin(recipe: Recipe, wanted: bool, problems: Problems) -> None:
    said = recipe.needs_chip_pin
    if wanted and not said:
        problems.add(
            "top_up",
            "no script says the chip PIN",
            "put {chip_pin} where the operator asks for it, or write chip_pin = false at the top",
        )
    if said and not wanted:
        problems.add("chip_pin", "it is false, but a script says the chip PIN", "remove one")


def _note_verdicts(
    places: Sequence[Table], verdicts: Sequence[SampleVerdict], problems: Problems
) -> None:
    for verdict in verdicts:
        if verdict.what:
            named = (one.place for one in places if one.place.endswith(f'"{verdict.pattern}"'))
            # A blank name is a problem of its own and stands in no place.
            place = next(named, f'pattern "{verdict.pattern}"')
            place = f"{place}.samples[{verdict.sample}]"
            problems.add(place, verdict.what, verdict.remedy)
