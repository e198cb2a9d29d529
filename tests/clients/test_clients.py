"""Other programs take the simulated rack for a rack: each sends with every model of modem.

Where one does not, the reason stands in DIFFERENT, and holds for real modems too; anything else is
a mistake of the simulator. `make clients-test` installs the programs and runs this.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clients.client import Client
from tests.clients.gammu_cli import Gammu
from tests.clients.modem_manager import ModemManager
from tests.clients.peers import GammuSmsd, GsmModemClient, KannelClient, SmstoolsClient
from tests.clients.stand import Seen, stand
from tests.clients.table import table

CLIENTS: list[type[Client]] = [
    Gammu,
    GammuSmsd,
    SmstoolsClient,
    KannelClient,
    GsmModemClient,
    ModemManager,
]
# (program, model): what it cannot do there.
DIFFERENT: dict[tuple[str, str], frozenset[str]] = {}
_FOUND: dict[str, dict[str, Seen]] = {}


@pytest.fixture(scope="module", autouse=True)
def _printed(request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    if _FOUND:
        plugins = request.config.pluginmanager
        with plugins.getplugin("capturemanager").global_and_fixture_disabled():
            plugins.getplugin("terminalreporter").write_line(f"\n\n{table(_FOUND)}\n")


@pytest.mark.timeout(900)
@pytest.mark.parametrize("kind", CLIENTS, ids=lambda kind: kind.name)
async def test_each_model_serves(kind: type[Client], tmp_path: Path) -> None:
    if lacking := kind.missing():
        pytest.skip(f"{', '.join(lacking)} not found; sh tests/clients/install.sh installs it")
    async with stand(tmp_path) as there:
        await kind().drive(there)
        _FOUND[kind.name] = there.seen
    for model, seen in there.seen.items():
        refused = {what for what, value in vars(seen).items() if value is False}
        assert refused == DIFFERENT.get((kind.name, model), frozenset()), f"{kind.name}, {model}"
