"""Whatever is wrong with a request has a name, a counter, a line without secrets, and harms nobody.

One table of requests that are wrong in one thing each; what cannot be said in such a row
(slowness, floods) follows below it.
"""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulsarack.daemon.channels.http import json_body, signing, wire
from pulsarack.daemon.channels.http.refusals import HttpRefusal
from pulsarack.queue import orders
from tests.daemon.channels.http_world import (
    KEY,
    START_MS,
    Answer,
    HttpWorld,
    TestAccount,
    network,
)

FAST = "requests_per_second = 1000\nburst = 1000\n"
SETTINGS = "body_octets = 2048\nheader_octets = 1024\nheaders = 20\n"
NOW = START_MS // 1000
ORDER = b'{"client_reference":"r1","product":"S10","destination":"081200000012"}'
SECRET_WORD = "738291"  # stands for a PIN that a caller puts where none belongs


def signed(world: HttpWorld, body: bytes, **wrong: Any) -> dict[str, str]:
    """Headers of an order that is wrong in one thing."""
    return world.signed("POST", "/v1/orders", body, **wrong)


def but(headers: dict[str, str], **changed: str | None) -> dict[str, str]:
    """The same headers but for some."""
    names = {key.replace("_", "-"): value for key, value in changed.items()}
    kept = {key: value for key, value in headers.items() if key not in names}
    return kept | {key: value for key, value in names.items() if value is not None}


Make = Callable[[HttpWorld], tuple[str, str, bytes, dict[str, str]]]


def order(body: bytes = ORDER, **wrong: Any) -> Make:
    return lambda world: ("POST", "/v1/orders", body, signed(world, body, **wrong))


def headers(**changed: str | None) -> Make:
    return lambda world: ("POST", "/v1/orders", ORDER, but(signed(world, ORDER), **changed))


def get(target: str, asked: str | None = None) -> Make:
    return lambda world: ("GET", asked or target, b"", world.signed("GET", target))


def field(name: str, value: str) -> bytes:
    """An order with one field as it is written here."""
    found = {"client_reference": '"r1"', "product": '"S10"', "destination": '"081200000012"'}
    found[name] = value
    return ("{" + ",".join(f'"{key}":{text}' for key, text in found.items()) + "}").encode()


WRONG: list[tuple[str, Make, int, str]] = [
    ("unsigned", lambda _: ("POST", "/v1/orders", ORDER, {}), 401, "UNSIGNED"),
    ("no nonce", headers(Pulsarack_Nonce=None), 401, "UNSIGNED"),
    ("short nonce", headers(Pulsarack_Nonce="x"), 401, "BAD_SIGNATURE"),
    ("signature in capitals", headers(Pulsarack_Signature="A" * 64), 401, "BAD_SIGNATURE"),
    ("another signature", headers(Pulsarack_Signature="0" * 64), 401, "BAD_SIGNATURE"),
    ("time in words", headers(Pulsarack_Timestamp="now"), 401, "BAD_SIGNATURE"),
    ("time with a sign", headers(Pulsarack_Timestamp=f"+{NOW}"), 401, "BAD_SIGNATURE"),
    ("digits of Arabia", headers(Pulsarack_Timestamp="١٢٣"), 401, "BAD_SIGNATURE"),
    ("another time", headers(Pulsarack_Timestamp=str(NOW + 1)), 401, "BAD_SIGNATURE"),
    ("another nonce", headers(Pulsarack_Nonce="other-nonce"), 401, "BAD_SIGNATURE"),
    ("unknown key", order(member="NOBODY"), 401, "BAD_SIGNATURE"),
    ("wrong secret", order(key="guess"), 401, "BAD_SIGNATURE"),
    ("secret of nobody", order(member="K3"), 401, "BAD_SIGNATURE"),
    ("another body", lambda w: ("POST", "/v1/orders", ORDER + b" ", signed(w, ORDER)), 401,
     "BAD_SIGNATURE"),
    ("another path", get("/v1/orders/r1", "/v1/orders/r2"), 401, "BAD_SIGNATURE"),
    ("another query", get("/v1/orders?limit=1", "/v1/orders?limit=2"), 401, "BAD_SIGNATURE"),
    ("another method", lambda w: ("POST", "/v1/orders", b"", w.signed("GET", "/v1/orders")), 401,
     "BAD_SIGNATURE"),
    ("too late", order(at=NOW - 301), 401, "TOO_LATE"),
    ("too early", order(at=NOW + 301), 401, "TOO_EARLY"),
    ("from elsewhere", lambda w: ("GET", "/v1/balance", b"",
     w.signed("GET", "/v1/balance", member="K2")), 403, "ADDRESS_NOT_ALLOWED"),
    ("no path", get("/v2/orders"), 404, "NO_SUCH_PATH"),
    ("no method", lambda w: ("DELETE", "/v1/orders", b"", {}), 405, "BAD_METHOD"),
    ("another method of no path", lambda w: ("PUT", "/v1/balance", b"", {}), 405, "BAD_METHOD"),
    ("long reference", get("/v1/orders/" + "r" * 65), 400, "BAD_PATH"),
    ("control character", get("/v1/orders/r%0A1"), 400, "BAD_PATH"),
    ("zero", get("/v1/orders/r%001"), 400, "BAD_PATH"),
    ("no UTF-8 in the path", get("/v1/orders/%ff%fe"), 404, "NOT_FOUND"),
    ("query twice", get("/v1/orders?limit=1&limit=2"), 400, "BAD_QUERY"),
    ("unknown query", get("/v1/orders?page=1"), 400, "BAD_QUERY"),
    ("query out of bounds", get("/v1/orders?limit=0"), 400, "BAD_QUERY"),
    ("query that is no number", get("/v1/orders?limit=1e3"), 400, "BAD_QUERY"),
    ("no such state", get("/v1/orders?state=DONE"), 400, "BAD_QUERY"),
    ("too large", order(b'{"client_reference":"' + b"r" * 3000 + b'"}'), 413, "BODY_TOO_LARGE"),
    ("no content type", headers(Content_Type="text/plain"), 415, "BAD_CONTENT_TYPE"),
    ("a form", headers(Content_Type="application/x-www-form-urlencoded"), 415, "BAD_CONTENT_TYPE"),
    ("foreign charset", headers(Content_Type="application/json; charset=latin-1"), 415,
     "FOREIGN_CHARSET"),
    ("compressed", headers(Content_Encoding="gzip"), 415, "BAD_CONTENT_TYPE"),
    ("no JSON", order(b"client_reference=r1"), 400, "BAD_JSON"),
    ("half of JSON", order(ORDER[:-1]), 400, "BAD_JSON"),
    ("two objects", order(ORDER + ORDER), 400, "BAD_JSON"),
    ("a list", order(b"[1]"), 400, "BAD_FIELD"),
    ("no UTF-8", order(field("client_reference", '"\xff"').replace("\xff".encode(), b"\xff")),
     400, "BAD_JSON"),
    ("UTF-16", order(ORDER.decode().encode("utf-16")), 400, "BAD_JSON"),
    ("half a character", order(field("client_reference", r'"\ud800"')), 400, "BAD_JSON"),
    ("a key twice", order(b'{"product":"S5",' + ORDER[1:]), 400, "BAD_JSON"),
    ("deep", order(b"[" * 2000), 400, "BAD_FIELD"),
    ("deep in a field", order(field("product", "[" * 900 + "]" * 900)), 400, "BAD_FIELD"),
    ("unknown field", order(field("pin", f'"{SECRET_WORD}"')), 400, "BAD_FIELD"),
    ("a secret for a name", order(b'{"%s":1}' % SECRET_WORD.encode()), 400, "BAD_FIELD"),
    ("a secret in the query", get(f"/v1/orders?{SECRET_WORD}=1&{SECRET_WORD}=2"), 400, "BAD_QUERY"),
    ("missing field", order(b'{"client_reference":"r1"}'), 400, "BAD_FIELD"),
    ("a number for a text", order(field("destination", "81200000012")), 400, "BAD_FIELD"),
    ("a huge number", order(field("repeat_index", "9" * 1500)), 400, "BAD_FIELD"),
    ("a fraction", order(field("repeat_index", "1.5")), 400, "BAD_FIELD"),
    ("out of all range", order(field("repeat_index", "1e400")), 400, "BAD_FIELD"),
    ("not a number", order(field("repeat_index", "NaN")), 400, "BAD_JSON"),
    ("true", order(field("repeat_index", "true")), 400, "BAD_FIELD"),
    ("out of bounds", order(field("repeat_index", "100")), 400, "BAD_FIELD"),
    ("empty reference", order(field("client_reference", '""')), 400, "BAD_FIELD"),
    ("long reference", order(field("client_reference", f'"{"r" * 65}"')), 400, "BAD_FIELD"),
    ("line end in a reference", order(field("client_reference", r'"r\n1"')), 400, "BAD_FIELD"),
    ("product with a quote", order(field("product", "\"S10'\"")), 400, "BAD_FIELD"),
]  # fmt: skip


async def one(world: HttpWorld, make: Make) -> Answer:
    method, target, body, sent = make(world)
    return await world.send(method, target, body, sent)


async def test_the_table_of_wrong_requests(tmp_path: Path) -> None:
    async with HttpWorld(tmp_path, SETTINGS + FAST) as world:
        world.doors.accounts["K2"] = TestAccount(member="K2", networks=(network("192.0.2.0/24"),))
        world.doors.accounts["K3"] = TestAccount(member="K3", key=None)
        for name, make, status, code in WRONG:
            before = world.refused().get(f"HTTP_{code}", 0)
            found = await one(world, make)
            assert (found.status, found.code) == (status, code), (name, found.body)
            assert found.headers["Content-Type"] == "application/json", name
            assert (found.headers["Server"], found.headers["Cache-Control"]) == (
                "pulsarack",
                "no-store",
            )
            counted = world.refused().get(f"HTTP_{code}", 0) - before
            assert counted == (code != "NOT_FOUND"), name
            world.doors.wrongs.clear()
        assert world.store.read_inline(lambda db: orders.listed(db)) == []
        assert (await world.order("r1")).status == 201  # and it serves as before
        told = {line["kind"] for line in world.lines("pressure.refused")}
        assert told == {f"HTTP_{code}" for _, _, _, code in WRONG if code != "NOT_FOUND"}
        for secret in (KEY, SECRET_WORD, "guess", "?limit", "r1"):
            assert secret not in world.log.getvalue(), secret


async def test_a_request_is_let_in_once(tmp_path: Path) -> None:
    async with HttpWorld(tmp_path) as world:
        sent = signed(world, ORDER)
        assert (await world.send("POST", "/v1/orders", ORDER, sent)).status == 201
        found = await world.send("POST", "/v1/orders", ORDER, sent)
        assert (found.status, found.code) == (401, "NONCE_REUSED")
        assert world.refused() == {"HTTP_NONCE_REUSED": 1}
        # What is signed with the same nonce but says something else is no better.
        other = ORDER.replace(b"r1", b"r2")
        sent = signed(world, other, nonce=sent[signing.NONCE])
        found = await world.send("POST", "/v1/orders", other, sent)
        assert (found.status, found.code) == (401, "NONCE_REUSED")


async def test_unknown_and_wrong_look_the_same(tmp_path: Path) -> None:
    async with HttpWorld(tmp_path) as world:
        unknown = await one(world, order(member="NOBODY"))
        wrong = await one(world, order(key="guess"))
        assert unknown.body == wrong.body
        assert world.doors.wrongs == [("NOBODY", "127.0.0.1"), ("K1", "127.0.0.1")]


async def test_who_fails_often_is_not_looked_at(tmp_path: Path) -> None:
    async with HttpWorld(tmp_path) as world:
        for _ in range(10):
            await one(world, order(key="guess"))
        found = await one(world, order())
        assert (found.status, found.code) == (429, "TOO_MANY_FAILURES")
        assert int(found.headers["Retry-After"]) > 0


async def test_an_account_has_its_rate(tmp_path: Path) -> None:
    async with HttpWorld(tmp_path, "requests_per_second = 2\nburst = 3\n") as world:
        world.doors.accounts["K2"] = TestAccount(agent="A2", member="K2")
        answers = [await world.ask("GET", "/v1/balance") for _ in range(4)]
        assert [one.status for one in answers] == [200, 200, 200, 429]
        assert answers[3].code == "TOO_MANY_REQUESTS"
        assert answers[3].headers["Retry-After"] == "1"
        assert (await world.ask("GET", "/v1/balance", member="K2")).status == 200
        await world.clock.pass_by(0.5)
        assert (await world.ask("GET", "/v1/balance")).status == 200
        assert world.refused() == {"HTTP_TOO_MANY_REQUESTS": 1}


@pytest.mark.parametrize(
    ("peer_is_trusted", "header", "address"),
    [
        (False, "203.0.113.9", "127.0.0.1"),
        (True, "203.0.113.9", "203.0.113.9"),
        (True, "198.51.100.1, 203.0.113.9, 127.0.0.1", "203.0.113.9"),
        (True, "198.51.100.1, unknown", "127.0.0.1"),
        (True, "", "127.0.0.1"),
        (True, "::ffff:203.0.113.9", "203.0.113.9"),
    ],
)
async def test_whom_a_proxy_asks_for(
    tmp_path: Path, peer_is_trusted: bool, header: str, address: str
) -> None:
    settings = 'trusted_proxies = ["127.0.0.0/8"]\n' if peer_is_trusted else ""
    async with HttpWorld(tmp_path, settings) as world:
        sent = world.signed("GET", "/v1/balance") | {"X-Forwarded-For": header}
        await world.send("GET", "/v1/balance", headers=sent)
        assert world.lines("http.request")[-1]["address"] == address


async def test_an_account_is_bound_to_its_addresses(tmp_path: Path) -> None:
    async with HttpWorld(tmp_path, 'trusted_proxies = ["127.0.0.1"]\n') as world:
        world.doors.accounts["K1"] = TestAccount(networks=(network("203.0.113.0/24"),))
        for asked_for, status in (("203.0.113.9", 200), ("203.0.114.9", 403), ("::1", 403)):
            sent = world.signed("GET", "/v1/balance") | {"X-Forwarded-For": asked_for}
            assert (await world.send("GET", "/v1/balance", headers=sent)).status == status


async def test_the_text_that_is_signed_is_as_documented(tmp_path: Path) -> None:
    empty = hashlib.sha256(b"").hexdigest()
    text = signing.text_to_sign("get", "/v1/orders?limit=1", b"", 1_795_331_100, "nonce-0001")
    assert text.decode() == (
        f"PULSARACK-HMAC-SHA256\nGET\n/v1/orders?limit=1\n{empty}\n1795331100\nnonce-0001"
    )


@given(st.binary(max_size=200) | st.text().map(lambda text: f'{{"words":"{text}"}}'.encode()))
def test_no_octets_break_the_reader(octets: bytes) -> None:
    for kind in (wire.NewOrder, wire.NewComplaint):
        try:
            found = json_body.decode(octets, kind)
        except HttpRefusal as refusal:
            assert refusal.code in ("BAD_JSON", "BAD_FIELD")
        else:
            assert isinstance(found, kind)
