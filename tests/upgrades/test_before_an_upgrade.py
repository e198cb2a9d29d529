"""What a start does before it touches the tables of an older version, and the way back."""

import io
import tomllib
from pathlib import Path
from typing import Any

import pytest

from pulsarack.daemon import config, migrations
from pulsarack.daemon import log as logging
from pulsarack.daemon.backups import making, shelf, verifying
from pulsarack.daemon.backups.upgrading import save_before_upgrade
from pulsarack.daemon.store_errors import SchemaNewer
from tests.daemon.store_inline import InlineStore
from tests.queue.test_upgrade import as_version
from tests.queue.world import START, World


@pytest.fixture
def old(shop: World, tmp_path: Path) -> Path:
    """A server of an older schema, with an order that waits."""
    shop.order()
    state = tmp_path / "state"
    state.mkdir()
    as_version(Path(shop.store._db.database), state / "pulsarack.db", 12)
    return state


def start(state: Path) -> None:
    """As the daemon opens it."""
    settings = config.parse(tomllib.loads(f'[daemon]\nstate_dir = "{state}"\n'), state / "x.toml")
    InlineStore.open(
        state / "pulsarack.db",
        now_ms=START,
        synchronous="OFF",
        before_upgrade=lambda: save_before_upgrade(settings, logging.get(), START),
    ).close()


def test_the_database_of_the_version_before_is_kept_and_can_be_put_back(old: Path) -> None:
    start(old)
    start(old)  # nothing is to be done any more
    (kept,) = shelf.every(old / "backups")
    assert kept.before_upgrade and kept.manifest is not None
    assert kept.manifest.schema == {"ledger": 3, "queue": 12}
    assert (kept.manifest.newest_order, kept.manifest.open_orders) == (1, 1)
    assert verifying.verify(kept, now_ms=START).ok


def test_without_room_for_it_the_upgrade_goes_on_and_says_so(
    old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = io.StringIO()
    logging.configure("warning", "json", told)
    monkeypatch.setattr(making, "free_bytes", lambda _place: 1000)
    start(old)
    assert shelf.every(old / "backups") == []
    assert "backup.not_before_upgrade" in told.getvalue()


def test_an_older_program_refuses_what_a_newer_one_made_and_touches_nothing(
    old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start(old)
    everything = migrations.load_scripts

    def older(*_: Any) -> list[migrations.Script]:
        return [one for one in everything() if (one.folder, one.number) <= ("queue", 12)]

    monkeypatch.setattr("pulsarack.daemon.store.load_scripts", older)
    before = {one: one.read_bytes() for one in old.iterdir() if one.is_file()}
    names = sorted((old / "backups").iterdir())
    with pytest.raises(SchemaNewer, match="before the upgrade"):
        start(old)
    assert {one: one.read_bytes() for one in old.iterdir() if one.is_file()} == before
    assert sorted((old / "backups").iterdir()) == names
