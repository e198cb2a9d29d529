"""The server with the daemon's own doorkeeper: sealed keys, durable nonces, slowness."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from pulsarack.daemon.identity.account_desk import NewAccount
from pulsarack.daemon.identity.doorkeeper import ApiAccount, Doorkeeper
from pulsarack.daemon.identity.identity import Identity
from pulsarack.daemon.secrets import Secret
from tests.daemon.channels.http_world import KEY, HttpWorld
from tests.daemon.identity_world import CHEAP, credentials


@asynccontextmanager
async def guarded(directory: Path) -> AsyncIterator[tuple[HttpWorld, Identity]]:
    """A server whose accounts lie in the database."""
    world = HttpWorld(directory)
    identity = await Identity.open(
        world.context,
        credentials(directory),
        world.pressure,
        rng=random.Random(1),
        cost=CHEAP,
        threads=False,
    )
    world.doors.real = identity.doorkeeper
    try:
        async with world:
            yield world, identity
    finally:
        identity.close()


def account(member: str = "K1", kind: str = "native", **more: object) -> NewAccount:
    """An account with a key that it brought along."""
    return NewAccount(member, "A1", kind, {"key": Secret(KEY)}, **more)  # type: ignore[arg-type]


async def test_an_account_of_the_database_orders(tmp_path: Path) -> None:
    async with guarded(tmp_path) as (world, identity):
        assert (await world.order("r1")).code == "BAD_SIGNATURE"
        await world.clock.pass_by(60)
        assert await identity.accounts.make(account(), by="admin") is None
        assert (await world.order("r1")).status == 201
        assert await identity.accounts.make(account("T1", "trade"), by="admin") is None
        found = await world.ask("GET", "/v1/balance", member="T1")
        assert (found.status, found.code) == (403, "NOT_FOR_THIS_ACCOUNT")
        await identity.accounts.make(account("K9", networks=("192.0.2.0/24",)), by="admin")
        found = await world.ask("GET", "/v1/balance", member="K9")
        assert (found.status, found.code) == (403, "ADDRESS_NOT_ALLOWED")
        assert KEY not in world.log.getvalue()


async def test_no_restart_makes_an_old_request_good(tmp_path: Path) -> None:
    body = b'{"client_reference":"r1","product":"S10","destination":"081200000012"}'
    async with guarded(tmp_path) as (world, identity):
        await identity.accounts.make(account(), by="admin")
        sent = world.signed("POST", "/v1/orders", body)
        assert (await world.send("POST", "/v1/orders", body, sent)).status == 201
    async with guarded(tmp_path) as (world, _):
        found = await world.send("POST", "/v1/orders", body, sent)
        assert (found.status, found.code) == (401, "NONCE_REUSED")
        sent = world.signed("POST", "/v1/orders", body, nonce="a-new-nonce")
        found = await world.send("POST", "/v1/orders", body, sent)
        assert (found.status, found.json["repeated"]) == (200, True)
        # As long as its stamp is good the nonce is kept; then the stamp is not good any more.
        for seconds, code in ((299, "NONCE_REUSED"), (2, "TOO_LATE")):
            await world.clock.pass_by(seconds)
            assert (await world.send("POST", "/v1/orders", body, sent)).code == code


async def test_who_guesses_waits(tmp_path: Path) -> None:
    async with guarded(tmp_path) as (world, identity):
        await identity.accounts.make(account(), by="admin")
        codes = [(await world.ask("GET", "/v1/balance", key="guess")).code for _ in range(30)]
        assert codes[0] == "BAD_SIGNATURE" and codes[-1] == "TOO_MANY_FAILURES"
        refused = world.refused()
        assert refused["HTTP_TOO_MANY_FAILURES"] + refused["HTTP_BAD_SIGNATURE"] == 30
        await world.clock.pass_by(3600)
        assert (await world.ask("GET", "/v1/balance")).status == 200


async def test_who_guesses_many_times_at_once_guesses_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_up = Doorkeeper.account

    async def slowly(self: Doorkeeper, member: str) -> ApiAccount | None:
        await asyncio.sleep(0.05)  # as on a real disk; meanwhile all the others come in
        return await looked_up(self, member)

    monkeypatch.setattr(Doorkeeper, "account", slowly)
    async with guarded(tmp_path) as (world, identity):
        await identity.accounts.make(account(), by="admin")
        asked = (world.ask("GET", "/v1/balance", key=f"guess {n}") for n in range(12))
        codes = sorted(one.code for one in await asyncio.gather(*asked))
        assert codes == ["BAD_SIGNATURE"] + ["TOO_MANY_FAILURES"] * 11
