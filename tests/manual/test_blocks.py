"""The manual is read as it is written, and a mistake in its form is named with its line."""

from pathlib import Path

import pytest

from tests.manual.blocks import ManualError, machine, machine_names, missing, read

TEXT = """\
# A manual

<!-- block: one -->
<!-- stdin: 12 -->
```console run
$ pulsarack agent pin set A1 \\
    --json
agent   A1
───── has
```

<!-- block: two -->
```console machine
$ sudo apt-get update
$ sudo systemctl restart pulsarack
```

```csv file=products.csv
code,price
```

```
nothing to be run
```
"""


@pytest.fixture
def manual(tmp_path: Path) -> Path:
    path = tmp_path / "manual.md"
    path.write_text(TEXT, encoding="utf-8")
    return path


def test_blocks_with_their_notes_and_steps(manual: Path) -> None:
    one, two, products = read(manual)
    assert (one.kind, one.name, one.says("stdin")) == ("run", "one", "12")
    assert [step.command for step in one.steps] == ["pulsarack agent pin set A1 --json"]
    assert one.steps[0].shown == ("agent   A1", "───── has")
    assert [len(two.steps), two.says("stdin")] == [2, None]
    assert (products.kind, products.path, products.text) == ("file", "products.csv", "code,price\n")


def test_the_commands_of_a_machine(manual: Path) -> None:
    assert machine_names(manual) == ["two"]
    assert machine("two", manual) == ["sudo apt-get update", "sudo systemctl restart pulsarack"]
    with pytest.raises(ManualError, match="named one"):
        machine("one", manual)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("```console\n$ ls\n```\n", "is `console run`"),
        ("```console run\n$ ls\n```\n", "has no name"),
        ("<!-- block: x -->\n```console run\nls\n```\n", "begins with a command"),
        ("<!-- block: x -->\n```console run\n```\n", "is empty"),
        ("<!-- blok: x -->\n", "no note is called blok"),
        ("<!-- block: x -->\nwords\n", "right before its block"),
    ],
)
def test_a_form_that_is_wrong(manual: Path, text: str, why: str) -> None:
    manual.write_text(text, encoding="utf-8")
    with pytest.raises(ManualError, match=why):
        read(manual)


def test_what_is_shown_is_compared_line_by_line() -> None:
    said = "name   price\n────────────\nS5     5.600  x\nS10   10.600\n"
    assert missing(["name price", "───", "S5 ... x", "S10 10.600"], said) is None
    assert missing(["S10 ...", "S5 ..."], said) == "S5 ..."
    assert missing(["S5"], said) == "S5"
    assert missing([], "") is None
