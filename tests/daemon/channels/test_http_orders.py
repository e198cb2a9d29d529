"""The native API: what is acknowledged is there, and the same reference is the same order."""

import json
from pathlib import Path
from typing import Any

from pulsarack.daemon.archivist import Archivist
from pulsarack.queue import messages, orders
from tests.daemon.channels.http_world import HttpWorld, TestAccount, network
from tests.daemon.world import START_MS


async def test_an_order_is_placed_once_for_its_reference(tmp_path: Path) -> None:
    async with HttpWorld(tmp_path) as world:
        first = await world.order("r1")
        assert first.status == 201, first.body
        assert first.json["state"] == "QUEUED" and not first.json["repeated"]
        assert first.json["destination"] == "081200000012" and first.json["price"] == 10_500
        assert world.woken == ["telkomsel"]
        again = await world.order("r1")
        assert (again.status, again.json["repeated"]) == (200, True)
        assert again.json["id"] == first.json["id"]
        assert world.woken == ["telkomsel"]
        stored = world.store.read_inline(lambda db: orders.listed(db))
        assert [one.client_reference for one in stored] == ["r1"]
        other = await world.order("r1", product="S5")
        assert (other.status, other.code) == (409, "REFERENCE_REUSED")


async def test_what_the_queue_refuses_keeps_its_words(tmp_path: Path) -> None:
    async with HttpWorld(tmp_path, deposit=11_000) as world:
        for fields, status, code in (
            ({"product": "X10"}, 422, "UNKNOWN_PRODUCT"),
            ({"product": "S20"}, 422, "UNKNOWN_PRODUCT"),
            ({"destination": "0812"}, 422, "BAD_NUMBER"),
            ({"destination": "085700000012"}, 422, "WRONG_OPERATOR"),
            ({"reply_number": "12"}, 422, "BAD_NUMBER"),
        ):
            found = await world.order("r1", **fields)
            assert (found.status, found.code) == (status, code)
            assert "pulsarack " not in found.json["remedy"]  # no command for who has no terminal
        assert (await world.order("r1")).status == 201
        found = await world.order("r2")
        assert (found.status, found.code) == (409, "REPEATED")
        assert found.json["remedy"] == "if one more is meant, raise repeat_index"
        found = await world.order("r3", destination="081200000013")
        assert (found.status, found.code) == (402, "INSUFFICIENT_DEPOSIT")
        assert world.refused() == {}


async def test_a_look_up_never_makes_an_order(tmp_path: Path) -> None:
    async with HttpWorld(tmp_path) as world:
        found = await world.ask("GET", "/v1/orders/r1")
        assert (found.status, found.code) == (404, "NOT_FOUND")
        assert world.store.read_inline(lambda db: orders.listed(db)) == []
        await world.order("r/1 ä")
        found = await world.ask("GET", "/v1/orders/r%2F1%20%C3%A4")
        assert (found.status, found.json["client_reference"]) == (200, "r/1 ä")
        assert "repeated" not in found.json


async def test_an_agent_sees_only_what_is_his(tmp_path: Path) -> None:
    async with HttpWorld(tmp_path) as world:
        world.doors.accounts["K2"] = TestAccount(agent="A2", member="K2")
        await world.order("r1")
        assert (await world.ask("GET", "/v1/orders/r1", member="K2")).status == 404
        assert (await world.ask("GET", "/v1/orders", member="K2")).json == {"orders": []}
        assert (await world.ask("POST", "/v1/orders/r1/cancel", member="K2")).status == 404


async def test_a_queued_order_is_cancelled(tmp_path: Path) -> None:
    async with HttpWorld(tmp_path) as world:
        await world.order("r1")
        for _ in range(2):
            found = await world.ask("POST", "/v1/orders/r1/cancel")
            assert (found.status, found.json["state"], found.json["final"]) == (
                200,
                "CANCELLED",
                True,
            )
        listed = await world.ask("GET", "/v1/orders?state=CANCELLED&limit=1")
        assert [one["client_reference"] for one in listed.json["orders"]] == ["r1"]
        assert (await world.ask("GET", "/v1/orders?state=QUEUED")).json == {"orders": []}


async def test_what_is_under_way_is_not_cancelled(tmp_path: Path) -> None:
    async with HttpWorld(tmp_path) as world:
        await world.order("r1")
        world.store.run_inline(lambda db: db.execute_sql(_SENDING))
        found = await world.ask("POST", "/v1/orders/r1/cancel")
        assert (found.status, found.code) == (409, "NOT_QUEUED")


_SENDING = "UPDATE orders SET state = 'SENDING'"


async def test_balance_products_and_statement(tmp_path: Path) -> None:
    async with HttpWorld(tmp_path) as world:
        await world.order("r1")
        found: Any = (await world.ask("GET", "/v1/balance")).json
        assert found == {"agent": "A1", "posted": 100_000, "held": 10_500, "available": 89_500}
        sold = (await world.ask("GET", "/v1/products")).json["products"]
        assert [(one["code"], one["price"]) for one in sold] == [("S5", 5_500), ("S10", 10_500)]
        (line,) = (await world.ask("GET", "/v1/statement?limit=5")).json["lines"]
        assert (line["kind"], line["amount"], line["balance"]) == ("deposit", 100_000, 100_000)


async def test_a_ticket_is_asked_for(tmp_path: Path) -> None:
    async with HttpWorld(tmp_path) as world:
        found = await world.ask("POST", "/v1/tickets", {"amount": 50_000})
        assert found.status == 201, found.body
        ticket = found.json
        assert ticket["asked"] == 50_000 and 50_000 < ticket["amount"] < 51_000
        assert ticket["pay_to"] == [{"bank": "bank", "account": "", "holder": ""}]
        again = await world.ask("POST", "/v1/tickets", {"amount": 50_000})
        assert (again.status, again.json) == (200, ticket | {"repeated": True})
        found = await world.ask("POST", "/v1/tickets", {"amount": 50_000, "bank": "nobody"})
        assert (found.status, found.code) == (422, "UNKNOWN_BANK")
        assert (await world.ask("POST", "/v1/tickets", {"amount": 0})).code == "BAD_FIELD"


async def test_an_agent_complains(tmp_path: Path) -> None:
    async with HttpWorld(tmp_path) as world:
        wrong = {"client_reference": "r1", "words": "pulsa belum masuk"}
        found = await world.ask("POST", "/v1/complaints", wrong)
        assert (found.status, found.code) == (404, "NOT_FOUND")
        await world.order("r1")
        found = await world.ask("POST", "/v1/complaints", wrong)
        assert (found.status, found.json["state"]) == (201, "OPEN")
        again = await world.ask("POST", "/v1/complaints", wrong)
        assert (again.status, again.json) == (200, found.json | {"repeated": True})


async def test_rows_of_a_bank_pay_tickets(tmp_path: Path) -> None:
    local = (network("127.0.0.0/8"),)
    async with HttpWorld(tmp_path, 'bank_accounts = ["mutasi", "K9"]\n', deposit=0) as world:
        world.doors.accounts["MUTASI"] = TestAccount("A2", "MUTASI", networks=local)
        world.doors.accounts["K9"] = TestAccount("A2", "K9")
        amount = (await world.ask("POST", "/v1/tickets", {"amount": 50_000})).json["amount"]
        day = "2026-11-22"
        rows = [
            {"day": day, "amount": amount, "description": "TRF"},
            {"day": day, "amount": 7, "description": "BUNGA"},
            {"day": day, "amount": -5_000, "description": "ADM"},
        ]
        record = {"bank": "bank", "rows": rows}
        for member in ("K1", "K9"):  # one is not named, the other may come from anywhere
            found = await world.ask("POST", "/v1/bank-rows", record, member=member)
            assert (found.status, found.code) == (403, "NOT_FOR_THIS_ACCOUNT")
        first = (await world.ask("POST", "/v1/bank-rows", record, member="MUTASI")).json
        assert (first["added"], first["known"], first["debits"]) == (3, 0, 1)
        assert [(one["agent"], one["amount"]) for one in first["paid"]] == [("A1", amount)]
        assert [one["description"] for one in first["unmatched"]] == ["BUNGA"]
        again = (await world.ask("POST", "/v1/bank-rows", record, member="MUTASI")).json
        assert (again["added"], again["known"], again["paid"]) == (0, 3, [])
        assert (await world.ask("GET", "/v1/balance")).json["posted"] == amount
        bad = {"bank": "bank", "rows": [{"day": "2026-13-01", "amount": 5}]}
        found = await world.ask("POST", "/v1/bank-rows", bad, member="MUTASI")
        assert (found.status, found.code) == (422, "BAD_ROWS")
        found = await world.ask("POST", "/v1/bank-rows", record | {"bank": "x"}, member="MUTASI")
        assert (found.status, found.code) == (422, "UNKNOWN_BANK")


async def test_an_archived_order_is_its_reference_s_for_ever(tmp_path: Path) -> None:
    async with HttpWorld(tmp_path) as world:
        first = (await world.order("r1")).json
        await world.ask("POST", "/v1/orders/r1/cancel")
        world.store.run_inline(
            lambda db: (
                messages.delivered(db, 1, now_ms=world.clock.now_ms())
                and db.execute_sql(
                    "UPDATE outgoing SET state = 'DELIVERED', finished_at = created_at"
                )
            )
        )
        await world.clock.pass_by(200 * 86_400)
        await world.order("r2")  # what is newest stays
        await world.ask("POST", "/v1/orders/r2/cancel")
        done = await Archivist(world.context, world.archives).now()
        assert done.moved == 1, done
        assert [one.id for one in world.store.read_inline(lambda db: orders.listed(db))] == [2]
        shown = await world.ask("GET", "/v1/orders/r1")
        assert shown.status == 200
        assert shown.json == {
            **{key: value for key, value in first.items() if key != "repeated"},
            "state": "CANCELLED",
            "final": True,
            "reason": "CANCELLED",
            "finished_at": START_MS,
        }
        again = await world.order("r1")
        assert (again.status, again.json) == (200, shown.json | {"repeated": True})
        other = await world.order("r1", product="S5")
        assert (other.status, other.code) == (409, "REFERENCE_REUSED")
        found = await world.ask("POST", "/v1/orders/r1/cancel")
        assert (found.status, found.json["state"]) == (200, "CANCELLED")
        wrong = {"client_reference": "r1", "words": "dulu tidak masuk"}
        assert (await world.ask("POST", "/v1/complaints", wrong)).status == 201


async def test_no_order_costs_more_than_its_program_pays(tmp_path: Path) -> None:
    async with HttpWorld(tmp_path) as world:
        record = {"client_reference": "r1", "product": "S10", "destination": "081200000012"}
        body = json.dumps(record | {"max_price": 10_499}).encode()
        sent = world.signed("POST", "/v1/orders", body)
        found = await world.send("POST", "/v1/orders", body, sent)
        assert (found.status, found.code) == (422, "TOO_DEAR")
        assert (await world.send("POST", "/v1/orders", body, sent)).code == "NONCE_REUSED"
        assert (await world.order("r1", max_price=10_500)).status == 201
        # An order keeps its price, whatever its product costs by now.
        world.store.run_inline(lambda db: db.execute_sql("UPDATE product SET price = 11000"))
        again = await world.order("r1", max_price=10_500)
        assert (again.status, again.json["price"]) == (200, 10_500)
        found = await world.order("r2", destination="081200000013", max_price=10_500)
        assert (found.status, found.code) == (422, "TOO_DEAR")
