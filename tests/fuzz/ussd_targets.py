"""What operators say, and what is written about them: replies, parts, patterns, recipes."""

from collections.abc import Sequence

from pulsarack.ussd.amounts import read_amount
from pulsarack.ussd.errors import PatternFault, RecipeErrors
from pulsarack.ussd.guard import refuse_runaway
from pulsarack.ussd.kinds import Channel
from pulsarack.ussd.macros import compile_pattern, flatten, macro_table
from pulsarack.ussd.parts import Joiner
from pulsarack.ussd.recipe import Recipe, parse_recipe
from pulsarack.ussd.reply import TEXT_LIMIT, Reply, explain
from tests.fuzz import seeds
from tests.fuzz.target import Target, is_printable

# SQLite's integers; an amount beyond them could not be stored.
_INTEGER_MAX = 2**63 - 1
_WORDS = (b"Rp ", b"490.000", b"081200000012", b"SN: ", b"1/2 ", b"2/2 ", b"berhasil", b"gagal")
_RECIPE_WORDS = (
    b"\n[[pattern]]\n",
    b"\n[parts]\n",
    b'samples = [{text = "a"}]\n',
    b"{any}",
    b"{stock}",
    b"{destination}",
    b"(?:",
    b")*",
    b"{0,49}",
    b'match = "',
)
_PATTERN_WORDS = (
    b"{any}",
    b"{word}",
    b"{amount}",
    b".*",
    b"(?:",
    b")",
    b"*",
    b"{0,49}",
    b"|",
    b"a?",
)


def _classify(data: bytes) -> None:
    text = data.decode("utf-8", "replace")
    for recipe in seeds.recipes():
        for channel in Channel:
            explanation = explain(recipe, text, channel)
            assert explanation.reply is not None or explanation.why
            if explanation.reply is not None:
                _check_reply(recipe, explanation.reply)


def _check_reply(recipe: Recipe, reply: Reply) -> None:
    for amount in (reply.amount, reply.cost, reply.stock):
        assert amount is None or 0 <= amount <= _INTEGER_MAX
    for entry in reply.entries:
        assert 0 <= entry.amount <= _INTEGER_MAX
        _check_digits(recipe, entry.destination)
        assert entry.serial_number is None or entry.serial_number.isascii()
    if reply.destination is not None:
        _check_digits(recipe, reply.destination)
    assert reply.serial_number is None or reply.serial_number.isascii()


def _check_digits(recipe: Recipe, destination: str) -> None:
    assert destination.isascii() and destination.isdecimal()
    assert destination.startswith(recipe.numbering.country_code)


def _join(data: bytes) -> None:
    """Texts of one sender, one a line: none is lost, and nothing is held for ever."""
    mark = next(recipe.parts for recipe in seeds.recipes() if recipe.parts is not None)
    joiner: Joiner[int] = Joiner(mark)
    given, returned = 0, 0
    for number, line in enumerate(data.decode("utf-8", "replace").split("\n")):
        given += 1
        returned += sum(len(one.sources) for one in joiner.add(line, "S", float(number), number))
    for late in joiner.overdue(float(given) + mark.wait_seconds):
        assert not late.complete
        returned += len(late.sources)
    assert returned <= given
    assert not joiner.overdue(1e12)


def _recipe(data: bytes) -> None:
    recipe = parse_recipe(data, "fuzz.toml")
    assert recipe.patterns
    assert is_printable(recipe.name + recipe.source)


def _pattern(data: bytes) -> None:
    """A pattern of an admin, then the text of somebody else, with a NUL between them."""
    pattern, _, text = data.decode("utf-8", "replace").partition("\x00")
    refuse_runaway(pattern)
    expression = compile_pattern(pattern, macro_table(("Rp",), ("OK",), ("GAGAL",)))
    expression.search(flatten(text[:TEXT_LIMIT]))


def _pattern_seeds() -> list[bytes]:
    texts = seeds.operator_texts()
    return [
        f"{pattern}\x00{texts[place % len(texts)]}".encode()
        for place, pattern in enumerate(seeds.pattern_sources())
    ]


def _amount(data: bytes) -> None:
    for exponent in (0, 2):
        amount = read_amount(data.decode("utf-8", "replace"), exponent)
        assert amount is None or 0 <= amount <= _INTEGER_MAX


TARGETS: Sequence[Target] = (
    Target("reply", _classify, lambda: [t.encode() for t in seeds.operator_texts()], words=_WORDS),
    Target("parts", _join, lambda: [b"1/2 one\n2/2 two", b"2/2 b\nwhole\n1/2 a"], words=_WORDS),
    Target("recipe", _recipe, seeds.recipe_files, (RecipeErrors,), _RECIPE_WORDS),
    Target("pattern", _pattern, _pattern_seeds, (PatternFault,), _PATTERN_WORDS),
    Target("amount", _amount, lambda: [b"490.000", b"11,438.00", b"1.500,00"]),
)
