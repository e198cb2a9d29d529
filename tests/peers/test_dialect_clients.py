"""The trade's dialects with clients that others wrote: npm `digiflazz`, and curl."""

import asyncio
import base64
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs
from xml.etree import ElementTree

import aiohttp
import pytest

from pulsarack.daemon.channels.carrier import Parcel
from pulsarack.daemon.channels.http.dialects import every_dialect
from pulsarack.daemon.channels.http.reports import Report
from tests.daemon.channels.test_dialects import KEY, PASSWORD, PIN, World
from tests.peers.conftest import PEERS

SECONDS = 30
HERE = Path(__file__).resolve().parent
TO = "081200000012"
PACKAGES = "node/node_modules"


async def lines_of(reader: asyncio.StreamReader) -> Any:
    return json.loads(await asyncio.wait_for(reader.readline(), SECONDS))


@pytest.mark.needs("node", f"{PACKAGES}/digiflazz")
async def test_digiflazz_from_npm(tmp_path: Path) -> None:
    async with World(tmp_path) as world:
        program = await asyncio.create_subprocess_exec(
            "node",
            str(HERE / "digiflazz.js"),
            str(PEERS / PACKAGES),
            f"{world.base}/digiflazz/v1",
            "M1",
            KEY,
            stdout=asyncio.subprocess.PIPE,
        )
        assert program.stdout is not None
        said = await lines_of(program.stdout)
        assert said["saldo"] == {"deposit": 100_000}
        assert {row["buyer_sku_code"] for row in said["harga"]} >= {"S10"}
        assert 500_000 < said["deposit"]["amount"] < 501_000
        for name in ("first", "again", "status"):
            assert (said[name]["rc"], said[name]["status"]) == ("03", "Pending"), name
            assert said[name]["ref_id"] == "ref-1"
        assert said["second"]["rc"] == "03"
        errors = {
            name: said[name].get("error")
            for name in ("number", "product", "conflict", "bill", "forged")
        }
        assert errors == {
            "number": "CustomerNotFound",
            "product": "InvalidParams",
            "conflict": "Conflict",
            "bill": "ProductNotFound",
            "forged": "InvalidSignature",
        }
        assert [row[0] for row in world.orders()] == ["ref-1", "ref-2"]
        await hook(world, f"http://127.0.0.1:{said['port']}/hook")
        found = (await lines_of(program.stdout))["hook"]
        assert (found["event"], found["data"]["ref_id"]) == ("update", "ref-1")
        assert await asyncio.wait_for(program.wait(), SECONDS) == 0


async def hook(world: World, url: str) -> None:
    """Report the first order, as the channel would."""
    from yarl import URL

    order = await world.channel.desk.find(world.account, "ref-1")
    parcel = Parcel(1, "M1", "", "result", "text", "A1", 1, 1, None, 0, 1)
    told = Report(parcel, world.account, URL(url), order, world.clock.now_ms(), "nonce", 1)
    post = every_dialect.formatters(None)["digiflazz"](told)
    async with aiohttp.ClientSession() as session:
        request = session.request(post.method, post.url, data=post.body, headers=post.headers)
        async with request as answer:
            assert answer.status == 200


async def curl(*arguments: str) -> str:
    """What curl prints."""
    program = await asyncio.create_subprocess_exec(
        "curl", "-sS", "--max-time", str(SECONDS), *arguments, stdout=asyncio.subprocess.PIPE
    )
    printed, _ = await program.communicate()
    assert program.returncode == 0
    return printed.decode()


def query(**fields: str) -> Sequence[str]:
    """A query as curl makes it, its values encoded by curl."""
    return [
        "-G",
        *(part for pair in fields.items() for part in ("--data-urlencode", "=".join(pair))),
    ]


@pytest.mark.needs("curl")
async def test_otomax_with_curl(tmp_path: Path) -> None:
    async with World(tmp_path) as world:
        text = f"OtomaX|M1|S10|{TO}|r-1|{PIN}|{PASSWORD}"
        digest = hashlib.sha1(text.encode(), usedforsecurity=False).digest()
        signed = base64.b64encode(digest).decode().rstrip("=")
        fields = {"memberID": "M1", "product": "S10", "dest": TO, "refID": "r-1", "sign": signed}
        for _ in range(2):
            said = parse_qs(await curl(*query(**fields), f"{world.base}/trx"))
            assert said["status"] == ["1"]
            assert said["message"][0].startswith("R#r-1 Transaksi S10.")
        wrong = parse_qs(await curl(*query(**fields | {"dest": "0812"}), f"{world.base}/trx"))
        assert wrong["status"] == ["40"]  # what was signed is another number
        assert [row[0] for row in world.orders()] == ["r-1"]


@pytest.mark.needs("curl")
@pytest.mark.parametrize(
    ("path", "names", "code"),
    [
        ("/irs", "id pin pass kodeproduk tujuan idtrx", ("statuscode", "0")),
        ("/st24", "id pin pass kodeproduk tujuan idtrx", ("statuscode", "0")),
        ("/sipas", "id pin pass kodeproduk tujuan idtrx", ("statuscode", "0")),
        ("/api/h2h", "idmember pin password produk tujuan reqid", ("statuscode", "0")),
        ("/serpul/trx", "memberID pin password product dest refID", ("status", "0")),
    ],
)
async def test_plain_dialects_with_curl(
    tmp_path: Path, path: str, names: str, code: tuple[str, str]
) -> None:
    async with World(tmp_path) as world:
        fields = dict(zip(names.split(), ("M1", PIN, PASSWORD, "S10", TO, "r-1"), strict=True))
        got = json.loads(await curl(*query(**fields), f"{world.base}{path}"))
        posted = json.loads(await curl(*query(**fields)[1:], f"{world.base}{path}"))
        assert got[code[0]] == posted[code[0]] == code[1]
        pin = names.split()[1]
        await curl(*query(**fields | {pin: "000000"}), f"{world.base}{path}")
        assert [row[0] for row in world.orders()] == ["r-1"]


@pytest.mark.needs("curl")
async def test_fm_with_curl(tmp_path: Path) -> None:
    async with World(tmp_path) as world:
        for command, status in (("TOPUP", "1"), ("TOPUPSTATUS", "1")):
            sent = (
                f"<fm><command>{command}</command><pin>{PIN}</pin><product>S10</product>"
                f"<msisdn>{TO}</msisdn><refTrxid>r-1</refTrxid></fm>"
            )
            header = "Content-Type: text/xml"
            said = await curl("--data-binary", sent, "-H", header, f"{world.base}/fm/M1")
            assert ElementTree.fromstring(said).findtext("status") == status
        assert [row[0] for row in world.orders()] == ["r-1"]
