"""What an agent changes about himself: PIN, name, the addresses he writes and calls from."""

from peewee import Database

from pulsarack.queue import agents
from pulsarack.queue.identity import accounts, pins, senders
from pulsarack.queue.order_text.commands import (
    AddSender,
    ChangeName,
    ChangeNetworkPassword,
    ChangePin,
    ListSenders,
    RemoveSender,
    SetNetworkAddress,
    SetReportUrl,
)
from pulsarack.queue.service import notices, refusals
from pulsarack.queue.service.asked import Answer, Asked
from pulsarack.queue.validation import Refusal
from pulsarack.queue.wordings.shipped import Values

NAME_LIMIT = 60
_SHOWN = 100


def change_pin(db: Database, _command: ChangePin, asked: Asked) -> Answer:
    """Another PIN: the front desk has checked it and made its hash."""
    own, now_ms = asked.agent.code, asked.received_at
    if asked.new_pin_hash is None:
        return Answer("not_here")
    pins.put(db, own, asked.new_pin_hash, by=own, now_ms=now_ms)
    notices.warn(db, asked, "notice_pin_changed", asked.channel, asked.sender)
    return Answer("pin_changed", noticed=True)


def change_network_password(db: Database, _command: ChangeNetworkPassword, asked: Asked) -> Answer:
    """Another password for the agent's programs: the front desk has sealed it."""
    own, now_ms = asked.agent.code, asked.received_at
    if not asked.new_passwords:
        return Answer("not_here")
    changed = accounts.swap_passwords(db, own, asked.new_passwords, now_ms=now_ms)
    return Answer("network_password_set" if changed else "network_password_refused")


def change_name(db: Database, command: ChangeName, asked: Asked) -> Answer:
    """Another name."""
    name = " ".join(command.name.split())
    if not 1 <= len(name) <= NAME_LIMIT or not name.isprintable():
        return Answer("name_bad")
    agents.rename(db, asked.agent.code, name)
    return Answer("name_changed", {"name": name})


def add_sender(db: Database, command: AddSender, asked: Asked) -> Answer:
    """Order from another address too."""
    own = asked.agent.code
    bound = senders.bind(
        db, command.channel, command.address, own, by=own, now_ms=asked.received_at
    )
    if isinstance(bound, Refusal):
        return refusals.answer(bound, **_address(command.channel, command.address))
    notices.warn(db, asked, "notice_sender_added", bound.channel, bound.address)
    return Answer("sender_added", _address(bound.channel, bound.address), noticed=True)


def remove_sender(db: Database, command: RemoveSender, asked: Asked) -> Answer:
    """Order no more from an address."""
    own, given = asked.agent.code, _address(command.channel, command.address)
    notices.warn_of_removal(db, asked, command.channel, command.address)
    gone = senders.unbind(
        db, command.channel, command.address, by=own, now_ms=asked.received_at, agent=own
    )
    if isinstance(gone, Refusal):
        return refusals.answer(gone, **given)
    return Answer("sender_removed" if gone else "sender_unknown", given, noticed=True)


def list_senders(db: Database, _command: ListSenders, asked: Asked) -> Answer:
    """The addresses that may order in the agent's name."""
    found = senders.of_agent(db, asked.agent.code)
    if not found:
        return Answer("senders_none")
    return Answer("senders", {"list": [f"{one.channel} {one.address}" for one in found]})


def set_report_url(db: Database, command: SetReportUrl, asked: Asked) -> Answer:
    """Where results of orders over HTTP are reported to."""
    found = accounts.report_to(db, asked.agent.code, command.url, now_ms=asked.received_at)
    return _of_accounts("report_url_set", command.url, found)


def set_network_address(db: Database, command: SetNetworkAddress, asked: Asked) -> Answer:
    """From which address the agent's programs may call."""
    found = accounts.call_from(db, asked.agent.code, command.address, now_ms=asked.received_at)
    return _of_accounts("network_address_set", command.address, found)


def _of_accounts(key: str, given: str, found: int | Refusal) -> Answer:
    shown: Values = {"number": given[:_SHOWN]}
    if isinstance(found, Refusal):
        return refusals.answer(found, **shown)
    return Answer(key if found else "no_account", shown)


def _address(channel: str, address: str) -> dict[str, str]:
    return {"channel": channel, "number": address[:_SHOWN]}
