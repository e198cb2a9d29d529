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
from tests.clients.table import rows, table

CLIENTS: list[type[Client]] = [
    Gammu,
    GammuSmsd,
    SmstoolsClient,
    KannelClient,
    GsmModemClient,
    ModemManager,
]
NO_USSD = frozenset({"ussd", "answer"})
# (program, model): what it cannot do there.
DIFFERENT: dict[tuple[str, str], frozenset[str]] = {
    # It chooses AT+CSCS="HEX" there, and does not decode the answer in it.
    ("gammu", "wavecom"): frozenset({"answer"}),
    # The library sends the code as it is; the M35 takes UCS2 only, until it is told otherwise.
    ("python-gsmmodem", "quectel-m35"): NO_USSD,
    # The answer is in UCS2 whatever the character set, and shown as it came.
    ("python-gsmmodem", "simcom-sim7600"): frozenset({"answer"}),
    # It sends the code in hex first, and as it is only after an error; a Wavecom says OK to
    # anything, and +CUSD: 4 when it cannot be dialled.
    ("ModemManager", "wavecom"): NO_USSD,
    # Packed septets are known to its plugin for Huawei, which cannot be had on the ports of the
    # test interface.
    ("ModemManager", "huawei-e1550"): NO_USSD,
    ("ModemManager", "huawei-e173"): NO_USSD,
}
_FOUND: dict[str, dict[str, Seen]] = {}
_PAGE = Path(__file__).resolve().parents[2] / "docs" / "simulated-rack.md"


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
    told = _PAGE.read_text(encoding="utf-8").splitlines()
    assert not [row for row in rows(kind.name, there.seen) if row not in told], f"see {_PAGE}"
