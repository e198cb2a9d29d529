"""Every sample of every recipe that comes along, in all the dress real texts wear."""

import re
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulsarack.ussd.kinds import Channel, ReplyKind
from pulsarack.ussd.macros import flatten
from pulsarack.ussd.pattern import Pattern, Sample
from pulsarack.ussd.recipe import Recipe, RecipeStatus
from pulsarack.ussd.reply import TEXT_LIMIT, classify
from pulsarack.ussd.shelf import load_shelf

RECIPES = tuple(load_shelf().recipes.values())
SAMPLES = [
    pytest.param(recipe, pattern, sample, id=f"{recipe.name}-{pattern.name}-{index}")
    for recipe in RECIPES
    for pattern in recipe.patterns
    for index, sample in enumerate(pattern.samples)
]


def test_which_recipes_move_money_with_the_first_thing_they_say() -> None:
    """A code that is dialled; not behind a menu, and not an SMS."""
    at_once = {recipe.name for recipe in RECIPES if recipe.top_up.commits_at_once}
    assert at_once == {"telkomsel-mkios", "tri-dealer"}


def _other_separators(text: str) -> str:
    """1.490.000 as 1,490,000 and the other way round; 10,150.00 as 10.150,00."""
    swap = str.maketrans(".,", ",.")
    return re.sub(r"[0-9]+(?:[.,][0-9]{2,3})+\b", lambda match: match[0].translate(swap), text)


DRESSES: dict[str, Callable[[str], str]] = {
    "upper": str.upper,
    "lower": str.lower,
    "double spaces": lambda text: text.replace(" ", "  "),
    "line breaks": lambda text: re.sub(r"(?<!^[0-9]/[0-9]) ", "\r\n", text),
    "one line": flatten,
    "advert": lambda text: text + " Promo kuota 10GB cuma 25rb! Cek *363#",
    "advert in line": lambda text: text + "\n\nNikmati diskon 50%. S&K berlaku.",
    "space around": lambda text: f"  \n{text}\n ",
    "other separators": _other_separators,
}


@pytest.mark.parametrize("dress", DRESSES)
@pytest.mark.parametrize(("recipe", "pattern", "sample"), SAMPLES)
def test_sample_in_another_dress(
    recipe: Recipe, pattern: Pattern, sample: Sample, dress: str
) -> None:
    reply = classify(recipe, DRESSES[dress](sample.text), sample.channel)
    assert reply is not None
    assert (reply.kind, reply.reason) == pattern.meaning
    fields = sample.fields
    assert (reply.destination, reply.amount) == (fields.destination, fields.amount)
    assert (reply.cost, reply.stock) == (fields.cost, fields.stock)
    assert reply.serial_number == fields.serial_number
    assert reply.entries == fields.entries


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.name)
def test_what_is_not_seen_in_the_field_says_so(recipe: Recipe) -> None:
    assert recipe.status is RecipeStatus.UNVERIFIED
    assert recipe.content_hash
    assert f'name = "{recipe.name}"' in recipe.source


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.name)
@given(text=st.text(max_size=200))
def test_any_text_is_read_or_not_and_never_breaks(recipe: Recipe, text: str) -> None:
    for channel in Channel:
        classify(recipe, text, channel)


SUCCESSES = [
    (recipe, sample)
    for recipe in RECIPES
    for pattern in recipe.patterns
    if pattern.kind is ReplyKind.SUCCESS
    for sample in pattern.samples
]


@given(
    st.sampled_from(SUCCESSES),
    st.integers(0, 400),
    st.integers(0, 40),
    st.text(alphabet="0123456789., \nabc*#SRp+", max_size=15),
)
def test_a_damaged_success_never_names_a_number_it_does_not_hold(
    case: tuple[Recipe, Sample], start: int, length: int, damage: str
) -> None:
    recipe, sample = case
    text = sample.text[:start] + damage + sample.text[start + length :]
    reply = classify(recipe, text, sample.channel)
    if reply is not None and reply.kind is ReplyKind.SUCCESS:
        assert reply.destination is not None
        national = reply.destination.removeprefix("62")
        runs = re.findall(r"[0-9]+", text)
        assert any(run.removeprefix("62").removeprefix("0") == national for run in runs)


@pytest.mark.parametrize(
    "text",
    [
        "Isi ulang simPATI 10 ke 081200000012 belum berhasil. SN: 510. Sisa stok Rp 490.000",
        "Isi ulang simPATI 10 ke 081200000012 berhasil dibatalkan. Sisa stok Rp 490.000",
        "Isi ulang simPATI 10 ke 08120000001 2 berhasil. Sisa stok Rp 490.000",
        "Isi ulang simPATI 10 ke 081200000012 berhasil. SN: 510. Sisa stok Rp 490.000,50",
        "Isi ulang simPATI 10 ke 021500000012 berhasil. Sisa stok Rp 490.000",
        "Isi ulang simPATI 10 ke 081200000012 berhasil. PIN yang Anda masukkan salah.",
        "Isi ulang 10 ke 081200000012 berhasil. Isi ulang gagal: sistem sedang sibuk",
        "Isi ulang 10 ke 081200000012 berhasil." + " " * TEXT_LIMIT,
    ],
)
def test_near_misses_of_a_success_are_not_read(text: str) -> None:
    recipe = load_shelf().get("telkomsel-mkios")
    assert classify(recipe, text, Channel.USSD) is None


def test_a_part_alone_is_read_and_marked() -> None:
    recipe = load_shelf().get("xl-sms")
    text = (
        "1/2 14-Jun 19:37:6281700000001 has loaded SMARTLoad All Text 10 (P10,150.00) to "
        "081700000012. Your new Load Wallet Balance is P489,850.00."
    )
    reply = classify(recipe, text, Channel.SMS)
    assert reply is not None
    assert reply.part == (1, 2)
    assert reply.kind is ReplyKind.SUCCESS


@pytest.mark.parametrize(
    ("name", "text"),
    [
        # A third word for a result: not OK, not GAGAL. It may be the order in question.
        (
            "telkomsel-mkios",
            "1) 22/11 14:03 081200000012 10 PROSES; 2) 22/11 13:50 081300000012 20 GAGAL",
        ),
        ("indosat-dealer", "Riwayat:\n085600000012 10 SUKSES\n085600000013 20 GAGAL"),
        ("indosat-dealer", "Riwayat:\n085600000012 10 TUNDA\n085600000013 20 GAGAL"),
        ("indosat-dealer", "Riwayat:\n085600000012 10 TUNDA"),
    ],
)
def test_a_history_with_a_line_not_understood_is_not_read(name: str, text: str) -> None:
    assert classify(load_shelf().get(name), text, Channel.USSD) is None


@pytest.mark.parametrize(
    ("name", "sender", "believed"),
    [
        ("telkomsel-mkios", "M-KIOS", True),
        ("telkomsel-mkios", " m-kios", True),
        ("telkomsel-mkios", "M-KIOS2", False),
        ("xl-sms", "168", True),
        ("xl-sms", "+168", True),
        ("xl-sms", "081200000012", False),
        ("xl-sms", "", False),
    ],
)
def test_only_the_senders_of_the_recipe_are_believed(
    name: str, sender: str, believed: bool
) -> None:
    assert load_shelf().get(name).believes(sender) is believed
