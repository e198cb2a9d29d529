"""What a run tells: scenario by scenario, what was done, what was seen, and what was not right.

The story is printed while it happens and written down as the report at the end. Nothing in it
belongs to the machine it ran on but times.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import fill

WIDTH = 98


@dataclass(slots=True)
class Chapter:
    """One scenario. A line that begins with `NOT` is a fault."""

    title: str
    done: str
    lines: list[str] = field(default_factory=list)
    faults: int = 0


class Story:
    """All of it; `say` prints a line, `what` is said at the top of the report."""

    def __init__(self, say: Callable[[str], None], what: str = "") -> None:
        self._say = say
        self._what = what
        self.chapters: list[Chapter] = []

    @property
    def faults(self) -> int:
        """How much was not right."""
        return sum(chapter.faults for chapter in self.chapters)

    def begin(self, title: str, done: str) -> None:
        """A scenario, and what is done in it."""
        self.chapters.append(Chapter(title, done))
        self._say(f"== {title}")

    def saw(self, line: str) -> None:
        """Something worth telling."""
        self.chapters[-1].lines.append(line)
        self._say(f"   {line}")

    def check(self, right: bool, line: str, otherwise: object = "") -> None:
        """Something that must be so; `otherwise`: what was seen instead."""
        if right:
            self.saw(line)
            return
        self.chapters[-1].faults += 1
        self.saw(f"NOT: {line}" + (f" (seen: {otherwise})" if otherwise != "" else ""))

    def write(self, path: Path, versions: Mapping[str, str], seconds: float) -> None:
        """The report."""
        path.write_text("\n".join(self._report(versions, seconds)), encoding="utf-8")

    def _report(self, versions: Mapping[str, str], seconds: float) -> list[str]:
        verdict = "Nothing was wrong." if not self.faults else f"**{self.faults} faults.**"
        text = [
            "# In a virtual machine, with a real kernel",
            "",
            _wrapped(
                f"`make vm-test` wrote this. {self._what} The simulated operators behind the modems"
                " are outside and keep their own books."
            ),
            "",
            ", ".join(f"{name} {version}" for name, version in versions.items()) + ".",
            "",
            _wrapped(
                f"{verdict} The run took {seconds:.0f} s. Times below are seconds of the simulated"
                " world unless they are called real; the processor is emulated, so that every"
                " step of the daemon takes several times as long as on a real one."
            ),
        ]
        for chapter in self.chapters:
            text += ["", f"## {chapter.title}", "", _wrapped(chapter.done), ""]
            text += [_wrapped(f"- {line}", "  ") for line in chapter.lines]
        return [*text, ""]


def _wrapped(line: str, indent: str = "") -> str:
    return fill(line, WIDTH, subsequent_indent=indent, break_on_hyphens=False)
