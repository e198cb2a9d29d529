"""What a demonstration shows: a picture that moves on a terminal, a line a second elsewhere."""

from collections.abc import Mapping, Sequence

from rich import box
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from pulsarack.daemon.cli import formats
from pulsarack.daemon.demo.progress import Progress
from pulsarack.daemon.demo.report import ChipLine
from pulsarack.queue.audit import Finding

# Lines instead of a picture: not so often that they scroll away.
PLAIN_SECONDS = 1.0
LIVE_SECONDS = 0.25
_BAR_WIDTH = 50
_STYLES = {"undecided": "yellow", "selling": "green", "reading": "cyan"}


class Display:
    """Where a run is shown; made once a run."""

    def __init__(self, console: Console, plain: bool) -> None:
        self._console = console
        self._live: Live | None = None
        if not plain and console.is_terminal:
            self._live = Live(console=console, auto_refresh=False, transient=True)

    @property
    def interval_seconds(self) -> float:
        """How often `show` is worth calling."""
        return PLAIN_SECONDS if self._live is None else LIVE_SECONDS

    def say(self, text: str) -> None:
        """One line that stays."""
        self._console.print(Text(text), soft_wrap=True)

    def table(self, table: Table) -> None:
        """A table that stays."""
        self._console.print(table)

    def start(self) -> None:
        """Takes over the screen, if there is one."""
        if self._live is not None:
            self._live.start()

    def show(self, progress: Progress, seconds: float) -> None:
        """The present state, after so many real seconds of selling."""
        if self._live is None:
            self.say(line(progress, seconds))
        else:
            self._live.update(_picture(progress, seconds), refresh=True)

    def stop(self) -> None:
        """Gives the screen back."""
        if self._live is not None:
            self._live.stop()


def line(progress: Progress, seconds: float) -> str:
    """Where a run stands, in one line."""
    parts = [
        f"{progress.finished}/{progress.wanted} finished",
        f"{progress.accepted - progress.finished - progress.undecided} on their way",
        f"{progress.undecided} undecided",
        f"{sum(progress.refused.values())} texts refused",
        f"{_rate(progress.finished, seconds)} orders/s",
    ]
    if progress.kills:
        parts.append(f"killed {progress.kills} times")
    return f"{seconds:5.1f} s  " + ", ".join(parts)


def _rate(orders: int, seconds: float) -> str:
    return f"{orders / seconds:.1f}" if seconds > 0 else "0.0"


def _picture(progress: Progress, seconds: float) -> RenderableType:
    # In a grid, since a bar alone does not end its line.
    bar = Table.grid()
    bar.add_row(ProgressBar(total=progress.wanted, completed=progress.finished, width=_BAR_WIDTH))
    table = _table("chip", "operator", "stock", "doing")
    for _, chip in sorted(progress.chips.items(), key=lambda item: str(item[1].get("name"))):
        doing = str(chip.get("doing") or "-")
        table.add_row(
            str(chip.get("name") or "-"),
            str(chip.get("operator") or "-"),
            formats.number(chip.get("stock_posted")),
            Text(formats.text(doing), _STYLES.get(doing.split(":")[0].split()[0], "")),
        )
    return Group(Text(line(progress, seconds)), bar, table)


def chips_table(lines: Sequence[ChipLine]) -> Table:
    """The end of the day, a line a chip."""
    table = _table(
        "operator", "chip", "sold", "not done", "undecided", "stock: ledger", "operator", ""
    )
    for one in lines:
        table.add_row(
            one.operator,
            one.name,
            *map(formats.number, (one.sold, one.not_done, one.undecided, one.ledger, one.truth)),
            one.note,
        )
    return table


def findings_table(findings: Sequence[Finding]) -> Table:
    """What is wrong, a line a finding."""
    table = _table("rule", "subject", "what is wrong")
    for one in findings:
        # As Text, so that brackets in a stranger's text are brackets and not markup.
        table.add_row(one.rule, Text(formats.text(one.subject)), Text(formats.text(one.detail)))
    return table


def counted(counts: Mapping[str, int]) -> str:
    """{"a": 2, "b": 1} as "a 2, b 1", the most frequent first."""
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{name} {count}" for name, count in ordered) or "none"


def _table(*headings: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    numbers = {"stock", "sold", "not done", "undecided", "stock: ledger"}
    for position, heading in enumerate(headings):
        right = heading in numbers or (heading == "operator" and position > 1)
        table.add_column(heading, justify="right" if right else "left", overflow="fold")
    return table
