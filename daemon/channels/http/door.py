"""Who may come in: signatures, addresses, rates, and how often one may fail.

A caller learns nothing of accounts that are not his: an unknown key and a wrong signature are
refused in the same words and take the same time, and only who has proved to know the secret is
told that his address is not allowed. A nonce counts as used when the request is let in, durably,
so that no repeat of its octets is let in again, not after a restart either.

Who is wrong often is refused for a while before a secret is looked at (the doorkeeper counts).
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

from peewee import Database

from pulsarack.daemon.channels.http import addresses, signing
from pulsarack.daemon.channels.http.limits import Buckets, Places
from pulsarack.daemon.channels.http.parts import Account, Parts
from pulsarack.daemon.channels.http.refusals import HttpRefusal, Why
from pulsarack.daemon.channels.http.routes import Call
from pulsarack.daemon.context import MS, Context
from pulsarack.daemon.outside import CALLER
from pulsarack.queue.identity import accounts

NATIVE = "native"
_WAIT_SECONDS = 60
_WRONG = "there is no such key, or the signature is not its secret's"


@dataclass(frozen=True, slots=True)
class Verified:
    """Who has signed; `use_nonce` is done in a transaction, and raises HttpRefusal for a repeat."""

    account: Account
    use_nonce: Callable[[Database], None]


class Door:
    """Lets calls in."""

    def __init__(self, context: Context, parts: Parts) -> None:
        settings = context.config.http
        self._clock = context.clock
        self._store = context.store
        self._settings = settings
        self._doorkeeper = parts.doorkeeper
        self._rates = Buckets(settings.requests_per_second, settings.burst)
        self._places = Places(settings.in_flight, settings.in_flight_per_account)

    async def signed(self, call: Call) -> Account:
        """The account that signed a call natively, let in; raises HttpRefusal."""
        verified = await self.verified(call)
        await self.use_nonce(verified)
        return verified.account

    async def use_nonce(self, verified: Verified) -> None:
        """Use the nonce in a transaction of its own; raises HttpRefusal for a repeat."""
        await self._store.write_for(verified.account.agent, verified.use_nonce)

    async def verified(self, call: Call) -> Verified:
        """The same, its nonce still to be used: in the transaction that does what was asked for.

        A repeat cannot have been let in before that transaction; it saves one of its own.
        """
        signed = signing.read(call.request.headers)
        window = self._settings.clock_window_seconds
        signing.check_time(signed, now_ms=self._clock.now_ms(), window_seconds=window)
        account = await self.find(call, signed.key)
        text = signing.text_to_sign(
            call.request.method, call.target, call.body, signed.timestamp, signed.nonce
        )
        secret = account.key if account else None
        if not signing.is_right(signed, secret, text) or account is None:
            raise self.wrong(call, signed.key, Why.BAD_SIGNATURE, _WRONG)
        self.enter(call, account)
        if account.kind != NATIVE:
            raise HttpRefusal(Why.NOT_FOR_THIS_ACCOUNT, "this account is for a dialect")
        member, now_ms, window_ms = account.member, self._clock.now_ms(), round(window * MS)

        def use_nonce(db: Database) -> None:
            if not accounts.use_nonce(db, member, signed.nonce, now_ms, window_ms):
                raise HttpRefusal(Why.NONCE_REUSED, "a request with this nonce was let in before")

        return Verified(account, use_nonce)

    async def find(self, call: Call, member: str) -> Account | None:
        """The account of a name, not let in yet; raises HttpRefusal after many wrong secrets."""
        self._check_pause(call, member)
        found = await self._doorkeeper.account(member)
        # Many may have come in meanwhile: once one of them was wrong, none is compared any more.
        self._check_pause(call, member)
        return found

    def _check_pause(self, call: Call, member: str) -> None:
        if not self._doorkeeper.may_try(member, call.address):
            message = "too many requests were wrong"
            raise HttpRefusal(Why.TOO_MANY_FAILURES, message, retry_after=_WAIT_SECONDS)

    def wrong(self, call: Call, member: str, why: Why, message: str) -> HttpRefusal:
        """Note that the caller did not know a secret; the refusal to raise."""
        self._doorkeeper.wrong(member, call.address)
        return HttpRefusal(why, message)

    def enter(self, call: Call, account: Account) -> None:
        """Let in who has proved to be the account; raises HttpRefusal.

        Every call that enters is given back by `leave`, which the server does.
        """
        call.account = account
        self._check_address(call, account)
        self._check_rate(self._rates.take(account.member, self._clock.monotonic()))
        if not self._places.enter(account.member):
            raise self._no_place()
        call.leave = self._leaver(account.member)
        # Whatever connection it came over: from here on the agent has one turn.
        CALLER.set(f"http agent {account.agent}")

    def enter_more(self, call: Call, account: Account, requests: int) -> None:
        """Let in a call that stands for so many requests, after `enter`; raises HttpRefusal."""
        if not self._places.enter_more(account.member, requests - 1):
            raise self._no_place()
        call.leave = self._leaver(account.member, requests)
        now = self._clock.monotonic()
        self._check_rate(self._rates.take_more(account.member, now, requests - 1))

    def _check_rate(self, wait: float) -> None:
        if wait:
            raise HttpRefusal(
                Why.TOO_MANY_REQUESTS,
                f"an account may send {self._settings.requests_per_second} requests a second",
                retry_after=math.ceil(wait),
            )

    def _no_place(self) -> HttpRefusal:
        message = "too many requests of this account are being answered"
        return HttpRefusal(Why.TOO_MANY_REQUESTS, message, retry_after=1)

    def _leaver(self, member: str, places: int = 1) -> Callable[[], None]:
        return lambda: self._places.leave(member, places)

    def _check_address(self, call: Call, account: Account) -> None:
        allowed = addresses.networks(account.networks)
        address = addresses.parse(call.address)
        if allowed and (address is None or not addresses.is_in(address, allowed)):
            message = f"this account may not call from {call.address}"
            raise HttpRefusal(Why.ADDRESS_NOT_ALLOWED, message)
