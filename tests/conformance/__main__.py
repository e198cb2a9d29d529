"""How much of a corpus of recorded modems is understood: ``python -m tests.conformance DIR``.

DIR holds ``at_replies.jsonl``, ``pdus.jsonl`` and ``ussd_sessions.jsonl``, one JSON object a
line with an ``id`` and what it means. Each is put through the product's own code and counted
by its kind. What is not understood must stand with its reason in ``reviewed.toml`` beside
this file, unless the record itself leaves out what was said. The exit code is 0 if nothing
else failed, and 1 otherwise, also if something that stands there has come to be understood.
Without DIR nothing is run, which is said.
"""

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.conformance import pdus, replies, sessions
from tests.conformance.check import Unknowable, differences
from tests.conformance.kinds import reader_of
from tests.conformance.reviewed import Reviewed

Row = dict[str, Any]


@dataclass
class Count:
    """The entries of one kind: all of them, and those understood."""

    entries: int = 0
    understood: int = 0
    listed: int = 0


@dataclass
class Report:
    """What came out, by file and kind."""

    counts: dict[tuple[str, str], Count] = field(default_factory=dict)
    listed: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    outdated: list[str] = field(default_factory=list)

    def add(self, file: str, kind: str, name: str, found: list[str], reviewed: Reviewed) -> None:
        """Count one entry; ``found`` is what was read otherwise than recorded."""
        count = self.counts.setdefault((file, kind), Count())
        count.entries += 1
        reason = reviewed.reason(name, kind)
        if not found and kind not in reviewed.kinds:
            count.understood += 1
            if name in reviewed.entries:
                self.outdated.append(f"{name} ({kind}): is understood now; take it off the list")
        elif reason is not None:
            count.listed += 1
            self.listed.append(f"{name} ({kind}): {reason}")
        else:
            self.failed.append(f"{name} ({kind}): {'; '.join(found)}"[:600])

    def leave(self, file: str, kind: str, name: str, reason: str) -> None:
        """Count one entry that cannot be read by anybody."""
        count = self.counts.setdefault((file, kind), Count())
        count.entries += 1
        count.listed += 1
        self.listed.append(f"{name} ({kind}): {reason}")

    @property
    def ok(self) -> bool:
        """Nothing failed that was not known to, and nothing is on the list for nothing."""
        return not self.failed and not self.outdated


def run(directory: Path, reviewed: Reviewed) -> Report:
    """Read every file of the corpus that is there."""
    report = Report()
    for file, (kind_of, check) in CHECKS.items():
        for row in rows(directory / file):
            try:
                report.add(file, kind_of(row), row["id"], check(row), reviewed)
            except Unknowable as why:
                report.leave(file, kind_of(row), row["id"], f"undecidable: {why}")
    return report


def rows(path: Path) -> Iterator[Row]:
    """The entries of one file; none if it is not there."""
    if path.is_file():
        for line in path.read_text("utf-8").splitlines():
            if line.strip():
                yield json.loads(line)


def _reply_differences(row: Row) -> list[str]:
    try:
        return differences(row, replies.take(row), reader_of(row))
    except replies.Differs:
        return ["the bytes mean something else when they come one by one"]


CHECKS: dict[str, tuple[Callable[[Row], str], Callable[[Row], list[str]]]] = {
    "at_replies.jsonl": (lambda row: row["parsed"]["type"], _reply_differences),
    "pdus.jsonl": (pdus.kind_of, pdus.differences),
    "ussd_sessions.jsonl": (lambda row: "session", sessions.differences),
}


def show(report: Report) -> str:
    """The report as text: a line a kind, then every entry that is not understood."""
    lines: list[str] = []
    for file in CHECKS:
        counts = {kind: c for (of, kind), c in sorted(report.counts.items()) if of == file}
        if not counts:
            continue
        entries = sum(count.entries for count in counts.values())
        understood = sum(count.understood for count in counts.values())
        lines.append(f"{file}: {understood} of {entries} understood")
        for kind, count in counts.items():
            rest = f", {count.listed} listed" if count.listed else ""
            lines.append(f"  {kind:<20} {count.understood:>4} of {count.entries:>4}{rest}")
    for title, found in (
        ("not understood, and why", report.listed),
        ("FAILED", report.failed),
        ("ON THE LIST FOR NOTHING", report.outdated),
    ):
        if found:
            lines += [f"{title}:", *(f"  {one}" for one in found)]
    return "\n".join(lines) + "\n"


def main() -> int:
    """Reads the command line, runs, and shows the report."""
    parser = argparse.ArgumentParser(prog="python -m tests.conformance")
    parser.add_argument("directory", type=Path, help="where the recorded entries are")
    directory = parser.parse_args().directory
    if not directory.is_dir():
        sys.stdout.write(f"{directory} is not here: the conformance run is left out\n")
        return 0
    report = run(directory, Reviewed.load())
    sys.stdout.write(show(report))
    return 0 if report.ok else 1


if __name__ == "__main__":
    sys.exit(main())
