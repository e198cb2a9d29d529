"""The door of the HTTP channel: an account with its secrets opened, and who must wait.

A member that is not known, one that is off and one whose agent is off are all None, after the
same work; what is said to a program must be the same, too, as of a wrong signature. Who was
wrong waits (slowness.py), by member and by where it comes from: a stranger who guesses at a
member slows down himself and not the agent.
"""

from dataclasses import dataclass, field

from pulsarack.daemon.context import Context
from pulsarack.daemon.identity.secret_box import SealBroken, SecretBox
from pulsarack.daemon.identity.slowness import Slowness
from pulsarack.daemon.pressure import Pressure
from pulsarack.daemon.secrets import Secret
from pulsarack.queue.identity import accounts, networks
from pulsarack.queue.identity.accounts import Account
from pulsarack.queue.identity.networks import Network

_LONGEST_MEMBER = 64


@dataclass(frozen=True, slots=True)
class ApiAccount:
    """An account as its requests are checked: nothing of it is written anywhere."""

    agent: str
    member: str
    kind: str
    key: Secret | None
    pin: Secret | None
    password: Secret | None
    report_secret: Secret | None
    may_be_unsigned: bool
    networks: tuple[Network, ...] = field(repr=False)
    report_url: str
    report_dialect: str


class Doorkeeper:
    """One for the HTTP channel."""

    def __init__(self, context: Context, box: SecretBox, pressure: Pressure) -> None:
        self._context = context
        self._box = box
        self._pressure = pressure
        self._slowness = Slowness(context.clock.monotonic)
        self._nobody = nobody(box)

    async def account(self, member: str) -> ApiAccount | None:
        """The account of a member id in whatever case, if its requests are taken at all."""
        if not accounts.is_member(member):
            return None
        found = await self._context.store.read(lambda db: accounts.open_for_orders(db, member))
        if found is None:
            opened(self._box, self._nobody)
            return None
        try:
            return opened(self._box, found)
        except SealBroken as error:
            # What the start has checked was altered since; to the program it is a stranger.
            self._context.log.error("account.unreadable", member=found.member, why=str(error))
            return None

    def may_try(self, member: str, address: str) -> bool:
        """Whether a request is looked at now; False was counted."""
        if self._slowness.may_try(_name(member, address)):
            return True
        self._pressure.refused("API_SLOW_DOWN", address=address)
        return False

    def wrong(self, member: str, address: str) -> None:
        """Its signature, PIN or password was wrong, or there is no such member."""
        self._slowness.was_wrong(_name(member, address))
        self._pressure.refused("API_WRONG", address=address)


def nobody(box: SecretBox) -> Account:
    """An account that is opened in place of one that is not there, as that takes time."""
    sealed = box.seal(purpose("", "key"), "nobody") if box.can_seal else None
    return Account("", "", "trade", sealed, None, None, None, 0, "", "", "", 0, 0)


def purpose(member: str, which: str) -> str:
    """What a secret of an account is sealed for."""
    return f"account {member.upper()} {which}"


def opened(box: SecretBox, account: Account) -> ApiAccount:
    """An account with its secrets; raises SealBroken."""

    def secret(which: str) -> Secret | None:
        sealed = getattr(account, which)
        return None if sealed is None else box.open(purpose(account.member, which), sealed)

    return ApiAccount(
        agent=account.agent,
        member=account.member,
        kind=account.kind,
        key=secret("key"),
        pin=secret("pin"),
        password=secret("password"),
        report_secret=secret("report_secret"),
        may_be_unsigned=bool(account.may_be_unsigned),
        networks=networks.parse(account.networks),
        report_url=account.report_url,
        report_dialect=account.report_dialect,
    )


def _name(member: str, address: str) -> str:
    return f"{member.upper()[:_LONGEST_MEMBER]} {networks.neighbourhood(address)}"
