"""The benches read clocks, which the product may not; its other habits are theirs as well."""

from pathlib import Path

import pytest

from tests import test_tidy
from tests.test_tidy import ROOT, Check, Source

SOURCES = [
    Source(str(path.relative_to(ROOT)), path.read_text(encoding="utf-8"))
    for path in sorted(Path(ROOT / "benchmarks").glob("*.py"))
]


@pytest.mark.parametrize(
    "check",
    [
        test_tidy.functions_are_short,
        test_tidy.modules_are_short,
        test_tidy.modules_tell_their_strategy,
        test_tidy.nothing_is_left_for_later,
        test_tidy.errors_are_not_swallowed,
    ],
)
def test_all_files_keep_the_habit(check: Check) -> None:
    found = [f"{source.path}:{line}: {what}" for source in SOURCES for line, what in check(source)]
    assert not found, "\n" + "\n".join(found)


def test_there_is_something_to_check() -> None:
    assert len(SOURCES) > 10
