"""The example in docs/recipes.md is a recipe, and the tables there name what there is."""

from pathlib import Path

import pytest

from pulsarack.ussd.kinds import STATED_REASONS, Channel, ReplyKind
from pulsarack.ussd.macros import macro_table
from pulsarack.ussd.recipe import Recipe, parse_recipe
from pulsarack.ussd.reply import classify
from pulsarack.ussd.template import PLACEHOLDERS

GUIDE = Path(__file__).parents[2].joinpath("docs", "recipes.md").read_text()


@pytest.fixture(scope="module")
def example() -> Recipe:
    block = GUIDE.split("```toml\n", 1)[1].split("```", 1)[0]
    return parse_recipe(block.encode(), "recipes.md")


def test_the_example_reads_its_operator(example: Recipe) -> None:
    text = "Pulsa Rp 25.000 untuk 081200000014 berhasil. Ref 1. Stok Rp 9.000"
    reply = classify(example, text, Channel.SMS)
    assert reply is not None
    assert (reply.destination, reply.amount, reply.stock) == ("6281200000014", 25_000, 9_000)


def test_everything_there_is_is_in_the_guide() -> None:
    macros = macro_table(["Rp"], ["OK"], ["GAGAL"])
    words = [f"{{{name}}}" for name in (*macros, *PLACEHOLDERS)]
    words += [f"`{word}`" for word in (*ReplyKind, *STATED_REASONS)]
    assert [word for word in words if word not in GUIDE] == []
