"""The arguments of the calls about who agents are, as `control_arguments.py` has those of others.

A record that holds a secret does not show it when it is printed.
"""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from pulsarack.daemon.control_values import PRINTABLE, SECRET, Name

Channel = Literal["sms", "whatsapp", "xmpp"]
Address = Annotated[str, Meta(min_length=1, max_length=300, pattern=PRINTABLE)]
Pin = Annotated[str, Meta(max_length=32, pattern=PRINTABLE), SECRET]
Member = Annotated[str, Meta(min_length=1, max_length=64, pattern=PRINTABLE)]
SecretText = Annotated[str, Meta(min_length=1, max_length=200, pattern=PRINTABLE), SECRET]
Networks = Annotated[list[Annotated[str, Meta(max_length=60, pattern=PRINTABLE)]], Meta()]
Url = Annotated[str, Meta(max_length=500, pattern=PRINTABLE)]
Dialect = Annotated[str, Meta(max_length=32, pattern=PRINTABLE)]
SecretName = Literal["key", "pin", "password", "report_secret"]


class PinSet(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """pin.set: `brought_along` from another server, so that it may be a simple one."""

    agent: Name
    pin: Pin
    who: Name
    brought_along: bool = False

    def __repr__(self) -> str:
        """Without the PIN."""
        return f"PinSet(agent={self.agent!r})"


class PinByAgent(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """pin.reset, pin.unlock."""

    agent: Name
    who: Name


class AgentAccess(Struct, frozen=True, forbid_unknown_fields=True):
    """agent.access: PIN, senders and accounts of an agent, and what was done about them."""

    agent: Name


class SenderAdd(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """sender.add."""

    agent: Name
    channel: Channel
    address: Address
    who: Name


class SenderRemove(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """sender.remove."""

    channel: Channel
    address: Address
    who: Name


class OfAgent(Struct, frozen=True, forbid_unknown_fields=True):
    """sender.list, account.list: of one agent if it is named."""

    agent: Name | None = None


class AccountNew(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """account.new: a native one without a key gets one, which the answer tells once."""

    member: Member
    agent: Name
    kind: Literal["native", "trade"]
    who: Name
    key: SecretText | None = None
    pin: SecretText | None = None
    password: SecretText | None = None
    report_secret: SecretText | None = None
    may_be_unsigned: bool = False
    networks: Networks = []
    report_url: Url = ""
    report_dialect: Dialect = ""

    def __repr__(self) -> str:
        """Without the secrets."""
        return f"AccountNew(member={self.member!r}, agent={self.agent!r})"


class AccountByMember(Struct, frozen=True, forbid_unknown_fields=True):
    """account.show."""

    member: Member


class AccountActive(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """account.active: let it order, or no more."""

    member: Member
    active: bool
    who: Name


class AccountSecret(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """account.secret: without `value` one is drawn, which the answer tells once."""

    member: Member
    which: SecretName
    who: Name
    value: SecretText | None = None
    remove: bool = False

    def __repr__(self) -> str:
        """Without the secret."""
        return f"AccountSecret(member={self.member!r}, which={self.which!r})"


class AccountNetworks(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """account.networks: all of them; none: from everywhere."""

    member: Member
    networks: Networks
    who: Name


class AccountReport(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """account.report: an empty URL: nowhere."""

    member: Member
    url: Url
    who: Name
    dialect: Dialect | None = None


ARGUMENTS: dict[str, type[Struct]] = {
    "pin.set": PinSet,
    "pin.reset": PinByAgent,
    "pin.unlock": PinByAgent,
    "agent.access": AgentAccess,
    "sender.add": SenderAdd,
    "sender.remove": SenderRemove,
    "sender.list": OfAgent,
    "account.new": AccountNew,
    "account.list": OfAgent,
    "account.show": AccountByMember,
    "account.active": AccountActive,
    "account.secret": AccountSecret,
    "account.networks": AccountNetworks,
    "account.report": AccountReport,
}
