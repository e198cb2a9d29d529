"""Who agents are, put together: keys, PINs, accounts, strangers; opened before anything works.

The start is refused when something in the database needs a master key that is not given: with
another pepper every PIN of every agent would be wrong, and three texts later locked. Secrets
that an older key sealed are sealed anew; a PIN follows when it is next right, since only then
it is known.
"""

import random
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from peewee import Database

from pulsarack.daemon.admins.witness import Witnessed
from pulsarack.daemon.context import Context
from pulsarack.daemon.identity import pepper
from pulsarack.daemon.identity.account_desk import AccountDesk
from pulsarack.daemon.identity.doorkeeper import Doorkeeper, purpose
from pulsarack.daemon.identity.hash_pool import HashPool
from pulsarack.daemon.identity.pepper import Masters
from pulsarack.daemon.identity.pin_check import PinCheck
from pulsarack.daemon.identity.pin_hash import Cost, PinHash
from pulsarack.daemon.identity.secret_box import SealBroken, SecretBox
from pulsarack.daemon.identity.strangers import Strangers
from pulsarack.daemon.outside import Outside
from pulsarack.daemon.pressure import Pressure
from pulsarack.queue.identity import accounts, pins
from pulsarack.queue.identity.accounts import SECRETS, Account


@dataclass(frozen=True, slots=True)
class Identity:
    """The parts that channels and calls use."""

    masters: Masters
    box: SecretBox
    pins: PinCheck
    doorkeeper: Doorkeeper
    strangers: Strangers
    accounts: AccountDesk
    _pool: HashPool

    @classmethod
    async def open(
        cls,
        context: Context,
        environ: Mapping[str, str],
        pressure: Pressure,
        *,
        rng: random.Random,
        cost: Cost | None = None,
        threads: bool = True,
    ) -> "Identity":
        """Read the keys and compare them with the database; raises PepperError."""
        masters = pepper.load(context.config.agents.pepper_file, environ)
        lost = [name for name in context.config.agents.lost_keys if masters.find(name) is None]
        if lost:
            await _forget(context, lost)
        await context.store.read(lambda db: check(db, masters))
        box = SecretBox(masters)
        await context.store.write(lambda db: seal_anew(db, box))
        hashes, pool = PinHash(masters, cost or Cost()), HashPool(threads=threads)
        async with pool.place():
            await pool.run(hashes.warm_up)
        pressure.watch(lambda: {"pins_waiting": pool.inside})
        # What an admin's call has them write is recorded as his.
        witnessed = replace(context, store=Witnessed(context.store))
        return cls(
            masters,
            box,
            PinCheck(witnessed, hashes, pool, pressure, rng),
            # What programs ask waits behind the daemon's own jobs, in turn.
            Doorkeeper(replace(context, store=Outside(context.store)), box, pressure),
            Strangers(context.config, context.clock, pressure),
            AccountDesk(witnessed, box, rng),
            pool,
        )

    def close(self) -> None:
        """End the threads."""
        self._pool.close()


async def _forget(context: Context, lost: list[str]) -> None:
    now_ms = context.clock.now_ms()

    def job(db: Database) -> tuple[int, int]:
        of_pins = sum(pins.forget(db, one, by="lost_keys", now_ms=now_ms) for one in lost)
        of_secrets = sum(accounts.forget(db, one, by="lost_keys", now_ms=now_ms) for one in lost)
        return of_pins, of_secrets

    of_pins, of_secrets = await context.store.write(job)
    if of_pins or of_secrets:
        remedy = "pulsarack agent pin reset, and pulsarack account secret"
        context.log.warning("identity.lost", pins_gone=of_pins, gone=of_secrets, remedy=remedy)


def check(db: Database, masters: Masters) -> None:
    """Whether every PIN and every secret has its key; raises PepperError."""
    masters.check(pins.masters(db), accounts.masters(db, pins.MASTER_DIGITS))


def seal_anew(db: Database, box: SecretBox) -> int:
    """Seal with the newest key what an older one sealed; how many accounts."""
    done = 0
    for account in accounts.every(db):
        sealed = {which: getattr(account, which) for which in SECRETS}
        if any(text and box.is_stale(text) for text in sealed.values()):
            # One that cannot be opened stays as it is: its own requests will say so.
            with suppress(SealBroken):
                accounts.reseal(db, _sealed(box, account), account)
                done += 1
    return done


def _sealed(box: SecretBox, account: Account) -> Account:
    anew: dict[str, Any] = {}
    for which in SECRETS:
        text = getattr(account, which)
        if text:
            wanted = purpose(account.member, which)
            anew[which] = box.seal(wanted, box.open(wanted, text).reveal())
    return replace(account, **anew)
