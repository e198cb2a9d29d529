"""The calls about who agents are: PINs, senders, accounts of programs.

A PIN or a key that was drawn here stands in the answer of that call, and nowhere else ever.
"""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from peewee import Database

from pulsarack.daemon.calls.office import Office, not_found, refused
from pulsarack.daemon.control_identity import (
    AccountActive,
    AccountByMember,
    AccountNetworks,
    AccountNew,
    AccountReport,
    AccountSecret,
    AgentAccess,
    OfAgent,
    PinByAgent,
    PinSet,
    SenderAdd,
    SenderRemove,
)
from pulsarack.daemon.control_protocol import CallError, Calls, Peer
from pulsarack.daemon.identity.account_desk import NewAccount
from pulsarack.daemon.identity.identity import Identity
from pulsarack.daemon.secrets import Secret
from pulsarack.queue import agents
from pulsarack.queue.identity import accounts, events, pins, senders
from pulsarack.queue.identity.accounts import SECRETS, Account
from pulsarack.queue.order_text.commands import HiddenPin
from pulsarack.queue.validation import Refusal

EVENTS_SHOWN = 20
_SEE_AGENTS = "see: pulsarack agent list"
_SEE_SENDERS = "see: pulsarack sender list"
_SEE_ACCOUNTS = "see: pulsarack account list"


class IdentityCalls:
    """Answers what is asked about who agents are."""

    def __init__(self, office: Office) -> None:
        self._office = office
        self._context = office.context

    def register(self, calls: Calls) -> None:
        """Add the calls to the registry."""
        calls.add("pin.set", self.pin_set)
        calls.add("pin.reset", self.pin_reset)
        calls.add("pin.unlock", self.pin_unlock)
        calls.add("agent.access", self.agent_access)
        calls.add("sender.add", self.sender_add)
        calls.add("sender.remove", self.sender_remove)
        calls.add("sender.list", self.sender_list)
        calls.add("account.new", self.account_new)
        calls.add("account.list", self.account_list)
        calls.add("account.show", self.account_show)
        calls.add("account.active", self.account_active)
        calls.add("account.secret", self.account_secret)
        calls.add("account.networks", self.account_networks)
        calls.add("account.report", self.account_report)

    # --- PINs ---

    async def pin_set(self, args: PinSet, _peer: Peer) -> dict[str, Any]:
        """Give an agent a PIN."""
        new = HiddenPin(args.pin)
        _must(
            await self._identity.pins.put_new(
                args.agent, new, by=args.who, brought_along=args.brought_along
            )
        )
        return {}

    async def pin_reset(self, args: PinByAgent, _peer: Peer) -> dict[str, Any]:
        """Give an agent a random PIN, which the answer tells."""
        new = await self._identity.pins.reset(args.agent, by=args.who)
        if isinstance(new, Refusal):
            raise refused(new)
        return {"agent": args.agent, "pin": new.reveal()}

    async def pin_unlock(self, args: PinByAgent, _peer: Peer) -> dict[str, Any]:
        """Let an agent's PIN be tried again."""
        now_ms = self._context.clock.now_ms()

        def job(db: Database) -> bool:
            self._find_agent(db, args.agent)
            return pins.unlock(db, args.agent, by=args.who, now_ms=now_ms)

        unlocked = await self._context.store.write(job)
        self._context.log.info("agent.pin_unlocked", agent=args.agent, by=args.who)
        return {"unlocked": unlocked}

    async def agent_access(self, args: AgentAccess, _peer: Peer) -> dict[str, Any]:
        """PIN, senders and accounts of an agent, and what was done about them lately."""

        def job(db: Database) -> dict[str, Any]:
            self._find_agent(db, args.agent)
            pin = pins.state(db, args.agent)
            return {
                "agent": args.agent,
                "pin": "none" if pin is None or pin.hash is None else "set",
                "pin_set_at": pin.set_at if pin else None,
                "wrong_tries": pin.tries if pin else 0,
                "locked": pin.locked if pin else False,
                "senders": [asdict(one) for one in senders.of_agent(db, args.agent)],
                "accounts": [_row(one) for one in accounts.of_agent(db, args.agent)],
                "events": [one._asdict() for one in events.of_agent(db, args.agent, EVENTS_SHOWN)],
            }

        return await self._context.store.read(job)

    # --- senders ---

    async def sender_add(self, args: SenderAdd, _peer: Peer) -> dict[str, Any]:
        """Let an agent order from an address."""
        now_ms = self._context.clock.now_ms()
        found = await self._context.store.write(
            lambda db: senders.bind(
                db, args.channel, args.address, args.agent, by=args.who, now_ms=now_ms
            )
        )
        if isinstance(found, Refusal):
            raise refused(found)
        return asdict(found)

    async def sender_remove(self, args: SenderRemove, _peer: Peer) -> dict[str, Any]:
        """Let nobody order from an address any more."""
        now_ms = self._context.clock.now_ms()
        found = await self._context.store.write(
            lambda db: senders.unbind(db, args.channel, args.address, by=args.who, now_ms=now_ms)
        )
        if isinstance(found, Refusal):
            raise refused(found)
        if not found:
            raise not_found("sender", args.address[:80], _SEE_SENDERS)
        return {}

    async def sender_list(self, args: OfAgent, _peer: Peer) -> dict[str, Any]:
        """The addresses that agents order from."""
        agent = args.agent

        def job(db: Database) -> list[senders.Sender]:
            return senders.every(db) if agent is None else senders.of_agent(db, agent)

        return {"senders": [asdict(one) for one in await self._context.store.read(job)]}

    # --- accounts ---

    async def account_new(self, args: AccountNew, _peer: Peer) -> dict[str, Any]:
        """Make an account for an agent's programs."""
        given = {which: getattr(args, which) for which in SECRETS}
        wish = NewAccount(
            member=args.member,
            agent=args.agent,
            kind=args.kind,
            secrets={which: Secret(text) for which, text in given.items() if text is not None},
            may_be_unsigned=args.may_be_unsigned,
            networks=args.networks,
            report_url=args.report_url,
            report_dialect=args.report_dialect,
        )
        made = await self._identity.accounts.make(wish, by=args.who)
        if isinstance(made, Refusal):
            raise refused(made)
        found = await self._account(args.member)
        return _row(found) | ({"made_key": made.reveal()} if made else {})

    async def account_list(self, args: OfAgent, _peer: Peer) -> dict[str, Any]:
        """All accounts, without their secrets."""
        agent = args.agent

        def job(db: Database) -> list[Account]:
            return accounts.every(db) if agent is None else accounts.of_agent(db, agent)

        return {"accounts": [_row(one) for one in await self._context.store.read(job)]}

    async def account_show(self, args: AccountByMember, _peer: Peer) -> dict[str, Any]:
        """One account; of its secrets only which there are."""
        return _row(await self._account(args.member))

    async def account_active(self, args: AccountActive, _peer: Peer) -> dict[str, Any]:
        """Let an account order, or no more."""
        now_ms = self._context.clock.now_ms()

        def job(db: Database, account: Account) -> None:
            accounts.set_active(db, account, args.active, by=args.who, now_ms=now_ms)

        return await self._change(args.member, job)

    async def account_secret(self, args: AccountSecret, _peer: Peer) -> dict[str, Any]:
        """Give an account another secret, or take one away."""
        if args.remove:
            now_ms = self._context.clock.now_ms()

            def job(db: Database, account: Account) -> Refusal | None:
                return accounts.put_secret(
                    db, account, args.which, None, by=args.who, now_ms=now_ms
                )

            return await self._change(args.member, job)
        account = await self._account(args.member)
        given = None if args.value is None else Secret(args.value)
        new = await self._identity.accounts.put_secret(account, args.which, given, by=args.who)
        if isinstance(new, Refusal):
            raise refused(new)
        shown = {"made_secret": new.reveal()} if args.value is None else {}
        return _row(await self._account(args.member)) | shown

    async def account_networks(self, args: AccountNetworks, _peer: Peer) -> dict[str, Any]:
        """Say where an account may call from."""
        now_ms = self._context.clock.now_ms()

        def job(db: Database, account: Account) -> Refusal | None:
            return accounts.put_networks(db, account, args.networks, by=args.who, now_ms=now_ms)

        return await self._change(args.member, job)

    async def account_report(self, args: AccountReport, _peer: Peer) -> dict[str, Any]:
        """Say where an account's results are reported to."""
        now_ms = self._context.clock.now_ms()

        def job(db: Database, account: Account) -> Refusal | None:
            dialect = account.report_dialect if args.dialect is None else args.dialect
            return accounts.put_report(
                db, account, args.url, dialect, by=args.who, by_admin=True, now_ms=now_ms
            )

        return await self._change(args.member, job)

    # --- helpers ---

    @property
    def _identity(self) -> Identity:
        if self._office.identity is None:
            raise CallError("NOT_READY", "the daemon has no keys for secrets", "start it anew")
        return self._office.identity

    def _find_agent(self, db: Database, code: str) -> None:
        if agents.find(db, code) is None:
            raise not_found("agent", code[:40], _SEE_AGENTS)

    async def _account(self, member: str) -> Account:
        found = await self._context.store.read(lambda db: accounts.find(db, member))
        if found is None:
            raise not_found("account", member, _SEE_ACCOUNTS)
        return found

    async def _change(
        self, member: str, change: Callable[[Database, Account], Refusal | None]
    ) -> dict[str, Any]:
        """Change an account in one transaction; the account as it is then."""

        def job(db: Database) -> Account | Refusal | None:
            account = accounts.find(db, member)
            if account is None:
                return None
            return change(db, account) or accounts.find(db, member)

        found = await self._context.store.write(job)
        if found is None:
            raise not_found("account", member, _SEE_ACCOUNTS)
        if isinstance(found, Refusal):
            raise refused(found)
        return _row(found)


def _must(refusal: Refusal | None) -> None:
    if refusal is not None:
        raise refused(refusal)


def _row(account: Account) -> dict[str, Any]:
    """An account as it is shown."""
    return {
        "member": account.member,
        "agent": account.agent,
        "kind": account.kind,
        "active": bool(account.active),
        "secrets": [which for which in SECRETS if getattr(account, which)],
        "may_be_unsigned": bool(account.may_be_unsigned),
        "networks": account.networks.split(),
        "report_url": account.report_url,
        "report_dialect": account.report_dialect,
        "created_at": account.created_at,
    }
