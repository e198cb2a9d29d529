"""Where accounts of programs are made and their secrets changed: what comes here is not sealed yet.

A key that nobody brought along is drawn here and told once. What an agent's programs already
sign with at another server is taken as it is. A program's password that its owner changes by a
text must show the old one.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from peewee import Database

from pulsarack.daemon.context import Context
from pulsarack.daemon.identity.doorkeeper import purpose
from pulsarack.daemon.identity.secret_box import SealBroken, SecretBox
from pulsarack.daemon.secrets import Secret
from pulsarack.queue.identity import accounts, networks
from pulsarack.queue.identity.accounts import Account, Swap
from pulsarack.queue.order_text.commands import HiddenPin
from pulsarack.queue.validation import Refusal, RefusalCode

KEY_OCTETS = 32


@dataclass(frozen=True, slots=True)
class NewAccount:
    """What is wished for; `secrets` by their names (accounts.SECRETS)."""

    member: str
    agent: str
    kind: str
    secrets: Mapping[str, Secret]
    may_be_unsigned: bool = False
    networks: Sequence[str] = ()
    report_url: str = ""
    report_dialect: str = ""


class AccountDesk:
    """One for the daemon."""

    def __init__(self, context: Context, box: SecretBox, rng: random.Random) -> None:
        self._context = context
        self._box = box
        self._rng = rng

    async def make(self, wish: NewAccount, *, by: str) -> Secret | Refusal | None:
        """Make an account; a native one's new key, if none was brought along."""
        drawn = self._draw() if wish.kind == "native" and "key" not in wish.secrets else None
        given = dict(wish.secrets) | ({"key": drawn} if drawn else {})
        listed = networks.listed(list(wish.networks))
        if isinstance(listed, Refusal):
            return listed
        if not accounts.is_member(wish.member):
            return _bad("that is not a member id", "up to 64 letters, digits and . _ @ -")
        now_ms = self._context.clock.now_ms()
        sealed = {which: self._seal(wish.member, which, one) for which, one in given.items()}
        account = Account(
            member=wish.member,
            agent=wish.agent,
            kind=wish.kind,
            key=sealed.get("key"),
            pin=sealed.get("pin"),
            password=sealed.get("password"),
            report_secret=sealed.get("report_secret"),
            may_be_unsigned=int(wish.may_be_unsigned),
            networks=listed,
            report_url="",
            report_dialect="",
            active=1,
            created_at=now_ms,
        )

        def job(db: Database) -> Refusal | None:
            refused = accounts.check_report(wish.report_url, wish.report_dialect, by_admin=True)
            refused = refused or accounts.add(db, account, by=by, now_ms=now_ms)
            if refused or not (wish.report_url or wish.report_dialect):
                return refused
            return accounts.put_report(
                db,
                account,
                wish.report_url,
                wish.report_dialect,
                by=by,
                by_admin=True,
                now_ms=now_ms,
            )

        return await self._context.store.write(job) or drawn

    async def put_secret(
        self, account: Account, which: str, secret: Secret | None, *, by: str
    ) -> Secret | Refusal:
        """Give an account another secret; None draws one. The one that it has now."""
        new = secret or self._draw()
        sealed = self._seal(account.member, which, new)
        now_ms = self._context.clock.now_ms()
        refused = await self._context.store.write(
            lambda db: accounts.put_secret(db, account, which, sealed, by=by, now_ms=now_ms)
        )
        return refused or new

    async def new_passwords(
        self, agent: str, old: HiddenPin, new: HiddenPin
    ) -> tuple[Swap, ...] | Refusal:
        """Another password, sealed, for each of an agent's programs that has the old one.

        For the text of an agent who has shown his PIN; `accounts.swap_passwords` stores them.
        """
        if not accounts.is_secret(new.reveal()):
            return _bad("that is not a password", "4 to 64 letters, digits and signs, no blanks")
        sealed = Secret(new.reveal())
        swaps = tuple(
            Swap(one.member, one.password, self._seal(one.member, "password", sealed))
            for one in await self._context.store.read(lambda db: accounts.of_agent(db, agent))
            if one.password is not None and self._has_password(one, old)
        )
        return swaps or _bad("the old password is another one", "ask the server's admin")

    def _has_password(self, account: Account, old: HiddenPin) -> bool:
        if account.password is None:
            return False
        try:
            held = self._box.open(purpose(account.member, "password"), account.password)
        except SealBroken:
            return False
        return held == Secret(old.reveal())

    def _draw(self) -> Secret:
        return Secret(self._rng.randbytes(KEY_OCTETS).hex())

    def _seal(self, member: str, which: str, secret: Secret) -> str:
        return self._box.seal(purpose(member, which), secret.reveal())


def _bad(what: str, remedy: str) -> Refusal:
    return Refusal(RefusalCode.BAD_ACCOUNT, what, remedy)
