"""What takes long is told once, then ever more rarely, and never with its values."""

from pathlib import Path
from typing import Any, cast

from pulsarack.daemon.log import Logger
from pulsarack.daemon.slow_statements import SlowStatements, listen
from pulsarack.daemon.store import Store
from pulsarack.ledger import sql

SECOND = 1_000_000_000


class Lines:
    """A log that keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[dict[str, Any]] = []

    def warning(self, event: str, **fields: Any) -> None:
        """One line."""
        self.told.append({"event": event, **fields})


def told(limit: float, runs: list[tuple[str, int]]) -> list[dict[str, Any]]:
    """What the log gets of these statements."""
    lines = Lines()
    slow = SlowStatements(limit, cast(Logger, lines))
    for text, nanoseconds in runs:
        slow(text, nanoseconds)
    return lines.told


def test_only_what_is_slow_is_told() -> None:
    (line,) = told(0.5, [("SELECT 1", SECOND // 2 - 1), ("COMMIT", SECOND // 2)])
    assert (line["event"], line["statement"], line["seconds"]) == ("store.slow", "COMMIT", 0.5)


def test_the_more_often_the_more_rarely() -> None:
    lines = told(0.5, [("COMMIT", SECOND)] * 100 + [("SELECT\n  1", SECOND)])
    assert [line["times"] for line in lines] == [1, 2, 4, 8, 16, 32, 64, 1]
    assert lines[-1]["statement"] == "SELECT 1"


def test_texts_without_end_are_not_remembered() -> None:
    lines = told(0.5, [(f"SELECT {number}", SECOND) for number in range(2000)] * 2)
    assert len(lines) == 2000 + 512 + 1488  # those that are remembered came a second time


async def test_every_thread_of_the_store_is_listened_to(tmp_path: Path) -> None:
    lines = Lines()
    listening = listen(0.0, cast(Logger, lines))
    store = Store.open(tmp_path / "pulsarack.db", now_ms=1, listen=listening)
    try:
        await store.write(lambda db: sql.one(db, "SELECT 'written' || ?", "secret"))
        await store.read(lambda db: sql.one(db, "SELECT 'read' || ?", "secret"))
        await store.read_for("kios1", lambda db: sql.one(db, "SELECT 'visited' || ?", "secret"))
    finally:
        store.close()
    texts = [str(line["statement"]) for line in lines.told]
    for word in ("written", "read", "visited"):
        assert f"SELECT '{word}' || ?" in texts
    assert any(text.upper().startswith("COMMIT") for text in texts)
    assert "secret" not in str(lines.told)
