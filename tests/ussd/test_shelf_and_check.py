"""The shelf of recipes, and what `recipe check` shows of one."""

from pathlib import Path

import pytest

from pulsarack.ussd.check import check
from pulsarack.ussd.errors import RecipeErrors, UnknownRecipe
from pulsarack.ussd.shelf import PACKAGED, Shelf, load_shelf


def test_the_shelf_has_the_four_operators(shelf: Shelf) -> None:
    assert shelf.names() == ["indosat-dealer", "telkomsel-mkios", "tri-dealer", "xl-sms"]
    assert [recipe.name for recipe in shelf.of_operator("xl")] == ["xl-sms"]
    assert shelf.of_operator("none") == []


def test_an_unknown_recipe_names_the_nearest(shelf: Shelf) -> None:
    with pytest.raises(UnknownRecipe, match='did you mean "xl-sms"'):
        shelf.get("xl-sm")


def test_an_own_file_takes_the_place_of_a_packaged_one(own: Path, shelf: Shelf) -> None:
    own.write_text(own.read_text().replace('version = "1"', 'version = "2"'))
    mixed = load_shelf([own.parent])
    assert mixed.get("telkomsel-mkios").version == "2"
    assert mixed.names() == shelf.names()
    old, new = shelf.get("telkomsel-mkios"), mixed.get("telkomsel-mkios")
    assert old.content_hash != new.content_hash


def test_all_faults_of_all_files_at_once(own: Path) -> None:
    own.with_name("broken.toml").write_text("x = ")
    own.with_name("twin.toml").write_bytes(own.read_bytes())
    own.write_text(own.read_text().replace("commits = true", ""))
    own.with_name("twin2.toml").write_bytes(own.with_name("twin.toml").read_bytes())
    with pytest.raises(RecipeErrors) as caught:
        load_shelf([own.parent, own.parent / "absent"])
    told = str(caught.value)
    for part in ("absent: no such directory", "broken.toml", "0 steps commit", "is also that of"):
        assert part in told


@pytest.mark.parametrize("path", sorted(PACKAGED.glob("*.toml")), ids=lambda path: path.stem)
def test_check_of_a_packaged_recipe(path: Path) -> None:
    report = check(path)
    assert report.ok
    assert report.name == path.stem
    assert all(line.failed == 0 and line.samples >= 2 for line in report.lines)


def test_check_counts_the_samples_that_fail(own: Path) -> None:
    own.write_text(own.read_text().replace("tidak terdaftar'", "tak terdaftar'"))
    report = check(own)
    assert not report.ok
    assert [(line.name, line.failed) for line in report.lines if line.failed] == [
        ("wrong_number", 2)
    ]
    assert 'pattern[4] "wrong_number".samples[1]' in str(report.problems[0])


@pytest.mark.parametrize("content", [None, "x = "])
def test_check_of_what_is_no_recipe(own: Path, content: str | None) -> None:
    own.unlink()
    if content is not None:
        own.write_text(content)
    report = check(own)
    assert not report.ok
    assert report.lines == ()
