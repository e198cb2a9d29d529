"""The moving picture and the tables, drawn into a text."""

import io

from rich.console import Console

from pulsarack.daemon.demo import display
from pulsarack.daemon.demo.display import LIVE_SECONDS, PLAIN_SECONDS, Display
from pulsarack.daemon.demo.progress import Progress
from pulsarack.daemon.demo.report import ChipLine
from pulsarack.queue.audit import Finding


def terminal() -> tuple[Console, io.StringIO]:
    out = io.StringIO()
    return Console(file=out, force_terminal=True, width=100, height=40, highlight=False), out


def busy() -> Progress:
    progress = Progress(4)
    progress.order(1, "SUCCEEDED")
    progress.chip_rows(
        [
            {"iccid": "a", "name": "xl-1", "operator": "xl", "stock_posted": 489_850},
            {"iccid": "b", "name": "xl-2", "doing": "undecided: order 2"},
        ]
    )
    progress.event({"kind": "chip", "iccid": "a", "doing": "selling [bold]\x1b[2J"})
    return progress


def test_on_a_terminal_it_moves_and_leaves_no_trace() -> None:
    console, out = terminal()
    shown = Display(console, plain=False)
    assert shown.interval_seconds == LIVE_SECONDS
    shown.start()
    shown.show(busy(), 2.0)
    picture = out.getvalue()
    shown.stop()
    shown.stop()
    assert "1/4 finished" in picture
    assert "489.850" in picture
    assert "undecided: order 2" in picture
    assert "[bold]" in picture, "a stranger's brackets are brackets"
    assert "selling [bold]\ufffd[2J" in picture, "and his control characters are none"


def test_elsewhere_it_is_lines() -> None:
    for console, plain in ((terminal()[0], True), (Console(file=io.StringIO()), False)):
        shown = Display(console, plain)
        assert shown.interval_seconds == PLAIN_SECONDS
        shown.start()
        shown.show(busy(), 2.0)
        shown.stop()
        assert isinstance(console.file, io.StringIO)
        assert console.file.getvalue().count("1/4 finished") == 1


def test_tables() -> None:
    console, out = terminal()
    lines = [ChipLine("xl-1", "xl", 3, 1, 0, 489_850, None, "to be read")]
    console.print(display.chips_table(lines))
    console.print(display.findings_table([Finding("P2", "order 1", "[red] twice\x07")]))
    text = out.getvalue()
    assert all(part in text for part in ("xl-1", "489.850", "to be read", "[red] twice"))
    assert "\x07" not in text
