"""P7 shown: runs that use every secret there is, and a search for each wherever something stays.

The real chain of processors writes to a socket in place of journald's. Two runs: the rack with the
PINs of chips, SIMs and agents on virtual time; and the daemon as it is served, with its HTTP API,
XMPP and WhatsApp, whose other sides repeat the secrets that they are given in their errors.
"""

import asyncio
import base64
import gc
import io
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import aiohttp
import pytest
from aiohttp import web

from pulsarack.daemon import config
from pulsarack.daemon import log as logging
from pulsarack.daemon.async_client import AsyncClient
from pulsarack.daemon.channels.http import signing
from pulsarack.daemon.client import CallFailed
from pulsarack.daemon.clock import WallClock
from pulsarack.daemon.control_protocol import CallError, check_arguments
from pulsarack.daemon.demo import graph_stand_in as graph
from pulsarack.daemon.demo.deposit import pay_in
from pulsarack.daemon.run import serve
from pulsarack.daemon.secrets import Secret
from pulsarack.daemon.service.signals import Signals
from pulsarack.modems.simulator.rack import Rack
from tests.daemon.secrets_search import JournalReader, Search, spellings
from tests.daemon.test_log import as_it_was  # noqa: F401 - a fixture
from tests.daemon.test_orders_and_chips import until_idle
from tests.daemon.virtual_loop import run
from tests.daemon.world import PEER, World, rack_plan

AGENT = "6281200000071"
STRANGER = "6281200000072"
OF_THE_RACK = {
    "chip_pin": "739184",
    "sim_pin": "84629173",
    "agent_pin": "61837294",
    "another agent_pin": "27491836",
    "a wrong agent_pin": "95173826",
    "a new agent_pin": "38274916",
}


def test_the_search_finds_every_spelling() -> None:
    search = Search({"pin": "739184"})
    for text in (
        "x739184x",
        "373339313834",
        "003700330039003100380034",
        base64.b64encode(b"user:739184:x").decode(),
        base64.b64encode(b"user1:739184").decode(),
        base64.b64encode(b"\0u\x00739184").decode(),
    ):
        assert search.found("a text", text), text
    assert not search.found("a text", "739185 00370033 NzM5MTg1")
    assert all(len(one) >= 6 for one in spellings("739184"))


def plan() -> Rack:
    """A chip that needs both of its PINs."""
    found = rack_plan(("huawei-e173", "telkomsel"))
    pins = {"chip_pin": OF_THE_RACK["chip_pin"], "sim_pin": OF_THE_RACK["sim_pin"]}
    modems = (replace(modem, chip=replace(modem.chip, **pins)) for modem in found.modems)
    return replace(found, modems=tuple(modems))


async def refused(world: World, name: str, **arguments: Any) -> str:
    """What a call answers, or is refused with."""
    try:
        return json.dumps(await world.call(name, **arguments), default=str)
    except CallError as error:
        return f"{error} {error.remedy}"


async def traced(world: World, lines: list[str]) -> None:
    """Somebody looks at the modem's lines all the time."""
    call = world.daemon.calls.find("modem.trace")
    assert call.stream is not None
    async for line in call.stream(check_arguments(call, {"slot": "modem0"}), PEER):
        lines.append(json.dumps(line))


async def rack_story(world: World, said: list[tuple[str, str]]) -> None:
    """Everything in which a PIN of a chip, a card or an agent is used."""
    pins = OF_THE_RACK
    cards = [modem.chip.iccid for modem in world.plan.modems]
    lines: list[str] = []
    listener = asyncio.create_task(traced(world, lines))
    await until_idle(world)
    await world.call("sender.add", agent="A1", channel="sms", address=AGENT, who="x")
    await world.call("pin.set", agent="A1", pin=pins["agent_pin"], who="x")
    for number, text in enumerate(
        (
            f"S10.081200000012.{pins['agent_pin']}",
            f"S10.081200000013.{pins['a wrong agent_pin']}",
            f"GP.{pins['agent_pin']}.{pins['a new agent_pin']}",
            f"SAL.{pins['a new agent_pin']}",
            f"halo {pins['a new agent_pin']}",
            f"S99 081200000012 {pins['a new agent_pin']}",
        )
    ):
        world.simulation.telephones.send(AGENT, cards[0], text)
        await world.clock.sleep(60.0 + number)
    world.simulation.telephones.send(STRANGER, cards[0], f"S10.0812.{pins['another agent_pin']}")
    await world.settle()
    slot = "modem0"
    for name, arguments in (
        ("order.new", {"agent": "A1", "text": f"S99.0812.{pins['another agent_pin']}"}),
        ("order.new", {"agent": "A1", "text": f"S10.081200000014.{pins['a new agent_pin']}"}),
        ("pin.set", {"agent": "A9", "pin": pins["another agent_pin"], "who": "x"}),
        ("pin.set", {"agent": "A1", "pin": f"x{pins['another agent_pin']}", "who": "x"}),
        ("pin.set", {"agent": "A1", "pin": pins["another agent_pin"], "whom": "x"}),
        ("modem.at", {"slot": slot, "command": f'AT+CPIN="{pins["sim_pin"]}"'}),
        ("modem.at", {"slot": slot, "command": f'AT+CUSD=1,"*776*{pins["chip_pin"]}#",15'}),
        ("chip.show", {"iccid": cards[0]}),
        ("agent.access", {"agent": "A1"}),
        ("unparsed.list", {}),
        ("modem.list", {}),
        ("status", {}),
    ):
        said.append((f"the answer to {name}", await refused(world, name, **arguments)))
    await world.settle()
    said += [("the modem's lines", "\n".join(lines))]
    said += [(f"order {one}", json.dumps(await world.show(one))) for one in await world.states()]
    assert len(world.delivered()) >= 1
    assert len(lines) > 100
    listener.cancel()


def test_pins_of_chips_cards_and_agents(tmp_path: Path) -> None:
    (home := tmp_path / "home").mkdir()
    journal, stream = JournalReader(tmp_path / "journal"), io.StringIO()
    search, said = Search(OF_THE_RACK), list[tuple[str, str]]()

    async def work() -> None:
        world = World(home, plan(), settings="[sms]\nreceives = true\nanswers = true\n")
        logging.configure("debug", "journal", stream, environ={}, journal=journal.path)
        world.sim_pins = dict.fromkeys(world.pins, OF_THE_RACK["sim_pin"])
        await world.set_up()
        await rack_story(world, said)
        try:
            raise ValueError(f"a fault with *776*{OF_THE_RACK['chip_pin']}# in its words")
        except ValueError:
            logging.get().exception("slot.fault")
        await world.stop()

    run(work())
    journal.close()
    assert {"order.finished", "desk.received", "slot.fault", "agent.pin_set"} <= journal.events()
    said += [("the journal", entry) for entry in journal.entries]
    said += [("the stream beside the journal", stream.getvalue())]
    found = search.found_in(said) + search.found_in_files(home, frozenset())
    assert not found, "\n".join(found)
    assert search.looked > 300_000


# --- the service as it runs ------------------------------------------------------------------

OF_THE_SERVICE = {
    "pepper": "3f9a1c77" * 8,
    "xmpp password": "xmpp-Kata-sandi-8841",
    "whatsapp token": graph.TOKEN,
    "whatsapp app secret": graph.APP_SECRET,
    "whatsapp verify token": graph.VERIFY_TOKEN,
    "agent_pin": "61837294",
    "API key": "kunci-native-4471-abcdef",
    "report secret": "laporan-rahasia-9912-xyz",
    "digiflazz key": "digi-kunci-5521-qwerty",
    "trade PIN": "50382917",
    "trade password": "sandi-perdagangan-77",
    "a wrong password": "sandi-yang-salah-1234",
}
S = OF_THE_SERVICE
PASSWORD = S["xmpp password"]


def settled(home: Path, xmpp_port: int, graph_url: str) -> Path:
    """The configuration with every kind of secret in a file."""
    files = {
        "pepper": S["pepper"],
        "password": S["xmpp password"],
        "token": S["whatsapp token"],
        "app": S["whatsapp app secret"],
        "verify": S["whatsapp verify token"],
    }
    for name, secret in files.items():
        (home / name).touch(mode=0o600)
        (home / name).write_text(f"{secret}\n")
    path = home / "pulsarack.toml"
    path.write_text(
        f'[daemon]\nstate_dir = "{home}"\nsocket = "{home}/s"\n'
        '[metrics]\nlisten = "127.0.0.1:0"\n'
        f'[agents]\npepper_file = "{home}/pepper"\n'
        '[http]\nlisten = "127.0.0.1:0"\nreport_private_networks = ["127.0.0.0/8"]\n'
        '[xmpp]\njid = "pulsa@pulsa.test"\nserver = "127.0.0.1"\nsecurity = "none"\n'
        f'port = {xmpp_port}\npassword_file = "{home}/password"\n'
        f'[whatsapp]\nphone_number_id = "{graph.NUMBER_ID}"\nbase_url = "{graph_url}"\n'
        f'token_file = "{home}/token"\napp_secret_file = "{home}/app"\n'
        f'verify_token_file = "{home}/verify"\n'
    )
    return path


@asynccontextmanager
async def unkind_graph(told: list[str]) -> AsyncIterator[str]:
    """Meta's API that refuses, and repeats the token in its error."""

    async def refuse(request: web.Request) -> web.Response:
        given = request.headers.get("Authorization", "")
        told.append(given)
        return graph.error(400, 131008, f"what you sent with {given} is not right")

    app = web.Application()
    app.router.add_route("*", "/{anything:.*}", refuse)
    async with graph.serving(app) as address:
        yield address


@asynccontextmanager
async def unkind_xmpp(told: list[str]) -> AsyncIterator[int]:
    """A server that refuses the password, and repeats it in its error."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"version=")
        writer.write(
            b"<?xml version='1.0'?><stream:stream xmlns='jabber:client' id='1' version='1.0'"
            b" from='pulsa.test' xmlns:stream='http://etherx.jabber.org/streams'><stream:features>"
            b"<mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>"
            b"<mechanism>SCRAM-SHA-1</mechanism></mechanisms></stream:features>"
        )
        told.append((await reader.readuntil(b"</auth>")).decode())
        writer.write(
            "<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><not-authorized/><text>"
            f"not {S['xmpp password']}</text></failure></stream:stream>".encode()
        )
        await reader.read()
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def set_up(client: AsyncClient, reports: str) -> list[tuple[str, str]]:
    """Agents and their programs; what the refused calls say."""
    row = {"code": "S10", "operator": "telkomsel", "denomination": 10}
    await client.call("product.import", rows=[{**row, "price": 10_500, "cost": 10_150}])
    await client.call("agent.new", code="A1", name="Satu")
    await pay_in(client, "A1", 50_000)
    await client.call("pin.set", agent="A1", pin=S["agent_pin"], who="x")
    await client.call("sender.add", agent="A1", channel="whatsapp", address=AGENT, who="x")
    native = {"member": "N1", "agent": "A1", "kind": "native", "who": "x"}
    report = {"report_url": reports, "report_dialect": "native"}
    await client.call(
        "account.new", **native, **report, key=S["API key"], report_secret=S["report secret"]
    )
    trade = {"member": "T1", "agent": "A1", "kind": "trade", "who": "x", "may_be_unsigned": True}
    trade |= {"networks": ["127.0.0.0/8"], "key": S["digiflazz key"], "pin": S["trade PIN"]}
    await client.call("account.new", **trade, password=S["trade password"])
    said = []
    for name, arguments in (
        ("account.new", trade | {"password": S["trade password"]}),
        ("account.new", trade | {"member": "T2", "agent": "A9"}),
        ("account.new", trade | {"member": "T3", "keys": S["digiflazz key"]}),
        ("account.secret", {"member": "N9", "which": "key", "who": "x", "value": S["API key"]}),
        ("account.secret", {"member": "N1", "which": S["API key"], "who": "x"}),
        ("pin.set", {"agent": "A9", "pin": S["agent_pin"], "who": "x"}),
        ("account.list", {}),
        ("agent.access", {"agent": "A1"}),
        ("channel.list", {}),
        ("status", {}),
    ):
        try:
            answer = json.dumps(await client.call(name, **arguments))
        except CallFailed as error:
            answer = str(error)
        said.append((f"the answer to {name}", answer))
    return said


async def ask_http(base: str, now_s: int) -> list[tuple[str, str]]:
    """Programs and Meta call, rightly and wrongly; what they are answered."""
    order = {"client_reference": "r1", "product": "S10", "destination": "081200000012"}
    body = json.dumps(order).encode()
    said: list[tuple[str, str]] = []
    irs = {"id": "T1", "kodeproduk": "S10", "tujuan": "081200000012", "idtrx": "1"}
    right = {"pin": S["trade PIN"], "pass": S["trade password"]}
    wrong = {"pin": S["trade PIN"], "pass": S["a wrong password"]}
    digi = {"username": "T1", "buyer_sku_code": "S10", "customer_no": "081200000012"}
    digi |= {"ref_id": "d1", "sign": "0" * 32, "key": S["digiflazz key"]}
    hook = {"hub.mode": "subscribe", "hub.challenge": "1234567"}
    message = {
        "from": AGENT, "id": "wamid.1", "timestamp": str(now_s), "type": "text",
        "text": {"body": f"S10.081200000012.{S['agent_pin']}"},
    }  # fmt: skip
    value = {
        "messaging_product": "whatsapp",
        "metadata": {"phone_number_id": graph.NUMBER_ID},
        "messages": [message],
    }
    raw = graph.body(value)
    async with aiohttp.ClientSession() as session:

        async def ask(method: str, path: str, data: bytes = b"", **headers: str) -> None:
            async with session.request(method, base + path, data=data, headers=headers) as answer:
                text = await answer.text()
                said.append((f"{method} {path[:12]}", f"{answer.status} {answer.headers} {text}"))

        for number, key in enumerate((S["API key"], S["a wrong password"])):
            signed = signing.headers(
                "N1", Secret(key), "POST", "/v1/orders", body,
                timestamp=now_s, nonce=f"nonce-{number:08}",
            )  # fmt: skip
            signed["Content-Type"] = "application/json"
            await ask("POST", "/v1/orders", body, **signed, Authorization=f"Bearer {key}")
        for given in (right, wrong):
            await ask("GET", "/irs?" + urlencode(irs | given))
            await ask("POST", "/st24", urlencode(irs | given).encode())
        await ask("POST", "/digiflazz/v1/transaction", json.dumps(digi).encode())
        await ask("GET", f"/nowhere/{S['API key']}?key={S['API key']}")
        for token in (S["whatsapp verify token"], S["a wrong password"]):
            await ask("GET", "/whatsapp/webhook?" + urlencode(hook | {"hub.verify_token": token}))
        for secret in (graph.APP_SECRET, "x"):
            signature = {"X-Hub-Signature-256": graph.sign(raw, secret)}
            await ask("POST", "/whatsapp/webhook", raw, **signature)
    return said


def listening(journal: JournalReader) -> dict[str, str]:
    """The addresses of the servers, by channel."""
    found = {}
    for entry in journal.entries:
        fields = dict(line.split("=", 1) for line in entry.split("\n") if "=" in line)
        if fields.get("EVENT") == "http.listening":
            found[fields["CHANNEL"]] = f"http://127.0.0.1:{fields['PORT']}"
    return found


async def metrics_of(base: str) -> list[tuple[str, str]]:
    """What a monitor reads."""
    said = []
    async with aiohttp.ClientSession() as session:
        for path in ("/metrics", "/healthz", "/readyz"):
            async with session.get(base + path) as answer:
                said.append((path, await answer.text()))
    assert "pulsarack_" in said[0][1]
    return said


async def until(client: AsyncClient, true: Any) -> None:
    for _ in range(3000):
        if true():
            return
        await client.call("status")
        await asyncio.sleep(0.01)
    raise AssertionError("it does not come")


def strays() -> None:
    """What nobody catches, with a secret in its words: in a task, and in a destructor."""

    async def fall() -> None:
        raise ValueError(f"a task with {S['whatsapp token']} and {S['xmpp password']}")

    asyncio.ensure_future(fall())  # noqa: RUF006 - that is the point


async def test_secrets_of_the_service(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (home := tmp_path / "home").mkdir()
    journal, search = JournalReader(tmp_path / "journal"), Search(OF_THE_SERVICE)
    clock, tokens, passwords, reports = WallClock(), list[str](), list[str](), list[str]()
    logging.configure("debug", "journal", sys.stderr, environ={}, journal=journal.path)

    async def report(request: web.Request) -> web.Response:
        reports.append(str(request.headers))
        return web.Response(status=500, text=f"no, and {S['report secret']}")

    receiver = web.Application()
    receiver.router.add_post("/", report)
    async with (
        unkind_graph(tokens) as graph_url,
        unkind_xmpp(passwords) as xmpp_port,
        graph.serving(receiver) as reports_url,
    ):
        path = settled(home, xmpp_port, graph_url)
        signals = Signals()
        daemon = asyncio.create_task(serve(path, config.load(path), clock, signals))
        try:
            while not (home / "s").exists():
                assert not daemon.done(), daemon.exception()
                await asyncio.sleep(0.01)
            client = await AsyncClient.connect(home / "s")
            said = await set_up(client, reports_url + "/")
            await until(client, lambda: len(listening(journal)) == 2)
            said += await ask_http(listening(journal)["http"], clock.now_ms() // 1000)
            strays()
            for order in (await client.call("order.list"))["orders"]:
                await client.call("order.cancel", id=order["id"])  # so that it is reported
            await until(client, lambda: tokens and passwords and reports)
            gc.collect()
            for name in ("channel.list", "outbox.list", "inbox.list", "config.reload", "admin.log"):
                said.append((name, json.dumps(await client.call(name))))
            with path.open("a") as file:  # where it does not belong
                file.write(f'app_secret = "{S["whatsapp app secret"]}"\npassword = "{PASSWORD}"\n')
            with pytest.raises(CallFailed) as refusal:
                await client.call("config.reload")
            said.append(("config.reload", str(refusal.value)))
            said += await metrics_of(listening(journal)["metrics"])
            await client.close()
        finally:
            if not daemon.done():
                os.kill(os.getpid(), signal.SIGTERM)
            assert await daemon == 0
            signals.forget()
    journal.close()
    assert any("SCRAM-SHA-1" in one for one in passwords), "it was used"
    assert any(S["whatsapp token"] in one for one in tokens), "it was used"
    assert {"http.request", "xmpp.down", "library.said", "pressure.refused"} <= journal.events()
    said += [("the journal", entry) for entry in journal.entries]
    said += zip(("stdout", "stderr"), capfd.readouterr(), strict=True)
    said += [(f"/proc/self/{name}", Path("/proc/self", name).read_bytes().decode("latin-1"))
             for name in ("cmdline", "comm")]  # fmt: skip
    keys = frozenset({"pepper", "password", "token", "app", "verify", "pulsarack.toml"})
    found = search.found_in(said) + search.found_in_files(home, keys)
    assert not found, "\n".join(found)
