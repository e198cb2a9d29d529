"""A whole demonstration of the channels, a small one without an XMPP server; and what it checks."""

from pathlib import Path
from random import Random

import pytest
from peewee import Database

from pulsarack.daemon import audit
from pulsarack.daemon.demo import channel_report, network, wishes
from pulsarack.daemon.demo.heard import Heard, Told
from pulsarack.daemon.demo.main import run
from pulsarack.daemon.demo.network import Model
from pulsarack.daemon.demo.phrases import Phrasebook
from pulsarack.daemon.demo.progress import Progress
from pulsarack.daemon.demo.report import OrderLine
from pulsarack.daemon.demo.wishes import HTTP_KINDS, TEXT_KINDS, Wish
from pulsarack.daemon.demo.workload import Shop, Typed
from pulsarack.queue import agents, products
from pulsarack.queue.network import markups, pricing
from pulsarack.queue.wordings import template
from pulsarack.queue.wordings.shipped import shipped
from tests.queue.world import World

KINDS = (*TEXT_KINDS, *HTTP_KINDS)
SHOPS = [
    Shop("telkomsel", ("S5", "S10", "S20"), 3, ("00", "01")),
    Shop("xl", ("X5",), 1, ()),
]


def test_a_small_day_with_a_kill(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))  # no prosody
    directory = tmp_path / "run"
    status = run(
        orders=10,
        kill=1,
        seed=2,
        speed=40.0,
        rack=None,
        directory=directory,
        plain=True,
        channels=True,
    )
    out = capsys.readouterr().out
    assert status == 0, out
    assert "XMPP is left out" in out
    assert out.splitlines()[-1].startswith("10 orders: ")
    assert "the daemon was killed 1 times" in out
    assert audit.main(directory / "state" / "pulsarack.db", directory / "truth.jsonl") == []
    # P7: no PIN and no key of any agent in what the daemon wrote.
    written = (directory / "daemon.log").read_bytes()
    written += b"".join(path.read_bytes() for path in (directory / "state").glob("pulsarack.db*"))
    for member in network.SELLERS:
        assert member.key.encode() not in written
        assert f".{member.pin}".encode() not in written


@pytest.mark.parametrize("seed", range(5))
def test_what_agents_want(seed: int) -> None:
    drawn = wishes.draw(Random(seed), 100, SHOPS, KINDS)
    assert drawn == wishes.draw(Random(seed), 100, SHOPS, KINDS)
    good = [wish for wish in drawn if wish.typed.refusal is None]
    assert len(good) == 100
    assert {wish.kind for wish in drawn} == set(KINDS)
    assert len({wish.reference for wish in drawn}) == len(drawn)
    assert {wish.again for wish in good} == {"", wishes.MESSAGE, wishes.REFERENCE}
    # The third wrong PIN would lock an agent out.
    for member in network.SELLERS:
        for kinds in (TEXT_KINDS, HTTP_KINDS):
            wrong = [
                wish
                for wish in drawn
                if wish.typed.agent == member.code
                and wish.typed.refusal == wishes.WRONG_SECRET
                and wish.kind in kinds
            ]
            assert len(wrong) <= 2


def test_how_an_order_is_written() -> None:
    wish = Wish(Typed("AG1", "S10.2.081200000012", "AG1-7"), "sms", "{product}.{number}.{pin}")
    assert (wish.product, wish.number) == ("S10", "2.081200000012")
    assert wish.text("4071") == "S10.2.081200000012.4071 R#AG1-7"


@pytest.mark.parametrize("language", ["id", "en"])
def test_answers_are_read_back(language: str) -> None:
    book = Phrasebook(language)
    for key in ("order_accepted", "order_same_reference", "order_succeeded", "order_failed",
                "order_cancelled", "order_reversed", "wrong_pin", "ticket", "transfer_sent",
                "commission_exchanged", "misread_unknown_product", "wrong_operator"):  # fmt: skip
        wording = shipped().wordings[key]
        text = template.example(wording, wording.texts[language], None)
        assert book.read(text).key == key
    without = book.read("Anything else")
    assert (without.key, without.reference) == ("", "")
    said = Phrasebook("id").read(
        "R#AG1-7 Trx#5 S10 ke 0812 sedang diproses. Saldo 2.000 - 500 = 1.500"
    )
    assert (said.reference, said.number("trxid"), said.number("saldo")) == ("AG1-7", 5, 1500)


def test_the_model_by_hand() -> None:
    assert network.shares("AG1B", "S10") == {"AG1": 50, "DIST1": 175, "PUSAT": 25}
    assert network.shares("AG1B", "S5") == {"AG1": 150, "DIST1": 100, "PUSAT": 25}
    assert network.shares("AG2A", "S10") == {"AG2": 300, "DIST2": 125, "PUSAT": 0}
    model = Model({"S10": 10_600})
    model.deposits["AG1A"] = 50_000
    model.sold([("AG1A", "S10"), ("DIST1", "S10")])
    assert model.deposits["AG1A"] == 50_000 - (10_600 + 200 + 175 + 25)
    assert model.commissions == {"AG1": 200, "DIST1": 175, "PUSAT": 50}


def order(number: int, state: str, reference: str) -> OrderLine:
    return OrderLine(number, state, "telkomsel", "AG1", reference, None)


def test_who_was_told_otherwise_is_found() -> None:
    heard = Heard(Progress(4))
    wanted = [
        Wish(Typed("AG1", "S10.081200000012", f"r{number}"), "sms", "") for number in range(5)
    ]
    orders = [
        order(1, "SUCCEEDED", "r0"),
        order(2, "SUCCEEDED", "r1"),
        order(3, "FAILED", "r2"),
        order(4, "UNKNOWN", "r3"),
        order(5, "UNKNOWN", "r4"),
    ]
    heard.result("r0", Told("AG1", "sms", "SUCCEEDED"))
    heard.result("r0", Told("AG1", "sms", "SUCCEEDED"))
    heard.result("r1", Told("AG1", "whatsapp", "SUCCEEDED"))
    heard.result("r2", Told("AG1", "sms", "SUCCEEDED"))
    heard.result("r3", Told("AG1", "sms", "FAILED"))
    heard.accepted("r0", 1)
    heard.accepted("r0", 9)
    found = list(channel_report.told_findings(heard, wanted, orders))
    assert [one.subject for one in found] == ["order 2", "order 3", "order 4", "text r0"]
    assert heard.repeated_results == 1


def test_the_model_and_the_books_differ(tmp_path: Path) -> None:
    world = World(tmp_path / "pulsarack.db")
    world.agent("AG1", deposit=50_000)
    model = Model({"S10": 10_600})
    model.deposits["AG1"] = 50_000
    assert world.run(lambda db: list(channel_report.money_findings(db, model))) == []
    model.sold([("AG1", "S10")])
    found = world.run(lambda db: list(channel_report.money_findings(db, model)))
    assert [one.subject for one in found] == ["agent PUSAT", "agent DIST1", "agent AG1"]
    world.close()


@pytest.mark.parametrize("product", ["S10", "S5"])
def test_the_model_prices_as_the_daemon_does(tmp_path: Path, product: str) -> None:
    world = World(tmp_path / "pulsarack.db")

    def job(db: Database) -> None:
        for member in network.TREE:
            agents.add(db, member.code, member.name, now_ms=1, upline=member.upline)
        for rule in network.MARKUPS:
            upline = agents.find(db, rule.upline)
            assert upline is not None
            put = markups.put(db, upline, rule.amount, downline=rule.downline, product=rule.product)
            assert isinstance(put, markups.Markup)

    world.run(job)
    for member in network.SELLERS:
        agent = world.run(lambda db, code=member.code: agents.find(db, code))
        sold = world.run(lambda db: products.find(db, product))
        assert agent is not None and sold is not None
        offer = world.run(lambda db, agent=agent, sold=sold: pricing.offer(db, agent, sold))
        model = Model({product: sold.price})
        assert offer.price == model.price(member.code, product)
        shares = network.shares(member.code, product)
        assert {one.agent: one.amount for one in offer.shares} == {
            code: amount for code, amount in shares.items() if amount
        }
    world.close()
