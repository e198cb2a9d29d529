"""Agents' programs: the native API and two dialects of the trade, spoken as their clients do.

A program sends its request until it is answered, always with the same reference, so that a kill
in between costs nothing. It comes from an address of its own, and its account takes no other.
"""

import asyncio
import base64
import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlencode

import aiohttp

from pulsarack.daemon.channels.http import signing
from pulsarack.daemon.clock import WallClock, new_id
from pulsarack.daemon.demo.heard import Heard
from pulsarack.daemon.demo.line import PENANCE_SECONDS, Answer
from pulsarack.daemon.demo.network import Member
from pulsarack.daemon.demo.wishes import REFUSED, WRONG_SECRET, Wish
from pulsarack.daemon.secrets import Secret

PASSWORD = "kata-sandi-program"
REPORT_SECRET = "rahasia-laporan-agen"
# Real seconds.
_AGAIN_SECONDS = 0.1
_REQUEST_SECONDS = 10.0
_SERVER_ERROR = 500
_SLOW_DOWN = 429

LookUp = Callable[[str, str], Awaitable[int | None]]


def member_of(member: Member, kind: str) -> str:
    """The account of an agent for one way of speaking."""
    return f"{member.code}-{kind}"


def address_of(member: Member) -> str:
    """Where an agent's programs call from."""
    return f"127.0.1.{member.place}"


@dataclass(frozen=True, slots=True)
class Replied:
    """What the server answered."""

    status: int
    body: str


class Program(ABC):
    """What all three do alike."""

    kind = ""

    def __init__(
        self, member: Member, base: str, clock: WallClock, heard: Heard, look_up: LookUp
    ) -> None:
        """base: the daemon's URL; look_up: the order of an agent's reference, which these
        dialects do not tell."""
        self.member = member
        self.account = member_of(member, self.kind)
        self.base = base
        self.clock = clock
        self._heard = heard
        self._look_up = look_up
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """Hang up."""
        if self._session is not None:
            await self._session.close()

    async def ask(self, wish: Wish) -> Answer:
        """Send an order until it is answered, and once more if it is to come twice."""
        answer = await self._place(wish)
        if wish.again and await self._place(wish) != answer:
            self._heard.complain(f"text {wish.reference}", "again: another answer")
        if answer.refusal == WRONG_SECRET:
            await self.clock.sleep(PENANCE_SECONDS)
        return answer

    @abstractmethod
    async def ticket(self, amount: int) -> int:
        """Ask for a ticket; the rupiah to be paid in."""

    @abstractmethod
    async def _place(self, wish: Wish) -> Answer:
        """One order; the dialect's."""

    async def _found(self, wish: Wish) -> Answer:
        number = await self._look_up(self.member.code, wish.reference)
        if number is None:
            self._heard.complain(f"text {wish.reference}", "it was accepted, and is not there")
        return Answer(order=number)

    async def send(
        self, method: str, make: Callable[[], tuple[str, bytes, dict[str, str]]]
    ) -> Replied:
        """Send until there is an answer that says something; `make`: target, body, headers."""
        if self._session is None:
            connector = aiohttp.TCPConnector(local_addr=(address_of(self.member), 0))
            timeout = aiohttp.ClientTimeout(total=_REQUEST_SECONDS)
            self._session = aiohttp.ClientSession(connector=connector, timeout=timeout)
        while True:
            target, body, headers = make()
            try:
                async with self._session.request(
                    method, self.base + target, data=body or None, headers=headers
                ) as answer:
                    told = Replied(answer.status, await answer.text())
                if told.status < _SERVER_ERROR and told.status != _SLOW_DOWN:
                    return told
            except (aiohttp.ClientError, TimeoutError):
                pass
            self._heard.sent_again += 1
            await asyncio.sleep(_AGAIN_SECONDS)


class Native(Program):
    """Signed JSON."""

    kind = "native"

    async def _place(self, wish: Wish) -> Answer:
        counter, _, number = wish.number.rpartition(".")
        order = {
            "client_reference": wish.reference,
            "product": wish.product,
            "destination": number,
            "repeat_index": int(counter or 1),
        }
        wrong = wish.typed.refusal == WRONG_SECRET
        told = await self._call("POST", "/v1/orders", order, wrong=wrong)
        if told.status in (200, 201):
            return Answer(order=json.loads(told.body)["id"])
        return Answer(refusal=WRONG_SECRET if told.status == 401 else REFUSED)

    async def ticket(self, amount: int) -> int:
        """A ticket."""
        told = await self._call("POST", "/v1/tickets", {"amount": amount})
        return int(json.loads(told.body)["amount"])

    async def _call(
        self, method: str, target: str, record: dict[str, Any], *, wrong: bool = False
    ) -> Replied:
        body = json.dumps(record).encode()
        secret = Secret(self.member.key + ("x" if wrong else ""))

        def make() -> tuple[str, bytes, dict[str, str]]:
            # Signed anew each time: a nonce is good once.
            headers = signing.headers(
                self.account, secret, method, target, body,
                timestamp=self.clock.now_ms() // 1000, nonce=new_id(),
            )  # fmt: skip
            return target, body, {**headers, "Content-Type": "application/json"}

        return await self.send(method, make)


class OtomaX(Program):
    """A signed URL, and a line of text."""

    kind = "otomax"

    async def _place(self, wish: Wish) -> Answer:
        wrong = wish.typed.refusal == WRONG_SECRET
        pin = self.member.wrong_pin if wrong else self.member.pin
        fields = [wish.product, wish.number, wish.reference]
        text = "|".join(["OtomaX", self.account, *fields, pin, PASSWORD])
        told = await self._get(
            "/trx",
            {"product": fields[0], "dest": fields[1], "refID": fields[2], "sign": _sha1(text)},
        )
        code = parse_qs(told.body)["status"][0]
        if code in ("1", "2", "20"):
            return await self._found(wish)
        if wish.typed.refusal is None and await self._look_up(self.member.code, wish.reference):
            return await self._found(wish)  # it has failed meanwhile
        return Answer(refusal=WRONG_SECRET if wrong else REFUSED)

    async def ticket(self, amount: int) -> int:
        """A ticket."""
        text = f"OtomaX|ticket|{self.account}|{self.member.pin}|{PASSWORD}|{amount}"
        told = await self._get("/ticket", {"amount": str(amount), "sign": _sha1(text)})
        return int("".join(filter(str.isdigit, told.body.split("Rp.")[1])))

    async def _get(self, path: str, query: dict[str, str]) -> Replied:
        target = f"{path}?{urlencode({'memberID': self.account, **query})}"
        return await self.send("GET", lambda: (target, b"", {}))


class Digiflazz(Program):
    """JSON with an MD5 signature."""

    kind = "digiflazz"

    async def _place(self, wish: Wish) -> Answer:
        wrong = wish.typed.refusal == WRONG_SECRET
        told = await self._post(
            "transaction",
            {
                "buyer_sku_code": wish.product,
                "customer_no": wish.number,
                "ref_id": wish.reference,
                "sign": self._sign(wish.reference, wrong=wrong),
            },
        )
        code = json.loads(told.body)["data"]["rc"]
        if code in ("00", "03"):
            return await self._found(wish)
        if wish.typed.refusal is None and await self._look_up(self.member.code, wish.reference):
            return await self._found(wish)
        return Answer(refusal=WRONG_SECRET if code == "41" else REFUSED)

    async def ticket(self, amount: int) -> int:
        """A ticket."""
        told = await self._post("deposit", {"amount": amount, "sign": self._sign("deposit")})
        return int(json.loads(told.body)["data"]["amount"])

    def _sign(self, what: str, *, wrong: bool = False) -> str:
        key = self.member.key + ("x" if wrong else "")
        text = f"{self.account}{key}{what}"
        return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()

    async def _post(self, name: str, record: dict[str, Any]) -> Replied:
        body = json.dumps({"username": self.account, **record}).encode()
        headers = {"Content-Type": "application/json"}
        return await self.send("POST", lambda: (f"/digiflazz/v1/{name}", body, headers))


PROGRAMS: dict[str, type[Program]] = {one.kind: one for one in (Native, OtomaX, Digiflazz)}


def _sha1(text: str) -> str:
    digest = hashlib.sha1(text.encode(), usedforsecurity=False).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")
