"""What the report says: faults are counted and stand out, lines are not too long."""

from pathlib import Path

from tests.vm.story import WIDTH, Story


def test_faults_are_counted_and_stand_out(tmp_path: Path) -> None:
    said: list[str] = []
    story = Story(said.append)
    story.begin("A title", "Something is done. " * 20)
    story.saw("seen")
    story.check(True, "it is right", "something else")
    story.check(False, "it is right, too", "something else")
    path = tmp_path / "report.md"
    story.write(path, {"kernel": "6.1"}, 12.4)
    text = path.read_text(encoding="utf-8")
    assert story.faults == 1
    assert said == [
        "== A title",
        "   seen",
        "   it is right",
        "   NOT: it is right, too (seen: something else)",
    ]
    assert "**1 faults.**" in text and "- it is right\n" in text and "kernel 6.1." in text
    assert max(map(len, text.splitlines())) <= WIDTH
