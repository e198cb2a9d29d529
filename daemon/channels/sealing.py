"""New secrets in agents' texts, made fit for the database before the transaction that stores them.

Hashing a PIN takes long and sealing needs the master key, so neither belongs into a job of the
store. What is refused here is refused before anything is written.
"""

from dataclasses import dataclass
from typing import Protocol

from pulsarack.daemon.identity.hash_pool import PoolFull
from pulsarack.daemon.identity.pepper import PepperError
from pulsarack.queue.identity import pins
from pulsarack.queue.identity.accounts import Swap
from pulsarack.queue.order_text.commands import (
    ChangeNetworkPassword,
    ChangePin,
    HiddenPin,
    ResetPin,
)
from pulsarack.queue.order_text.reading import Reading
from pulsarack.queue.service.asked import Answer
from pulsarack.queue.validation import Refusal


class Hashes(Protocol):
    """What is needed of `daemon/identity/pin_check.py`."""

    async def hash(self, pin: HiddenPin) -> str: ...


class Accounts(Protocol):
    """What is needed of `daemon/identity/account_desk.py`."""

    async def new_passwords(
        self, agent: str, old: HiddenPin, new: HiddenPin
    ) -> tuple[Swap, ...] | Refusal: ...


@dataclass(frozen=True, slots=True)
class Sealed:
    """What a text's new secrets have become."""

    pin_hash: str | None = None
    passwords: tuple[Swap, ...] = ()


async def seal(read: Reading, agent: str, hashes: Hashes, accounts: Accounts) -> Sealed | Answer:
    """The new secrets of a text whose PIN was right, or the answer that refuses them."""
    command = read.commands[0]
    try:
        if isinstance(command, ChangePin | ResetPin):
            old = read.pin if isinstance(command, ChangePin) else None
            if pins.check_new(command.new_pin, old) is not None:
                return Answer("weak_pin")
            return Sealed(pin_hash=await hashes.hash(command.new_pin))
        if isinstance(command, ChangeNetworkPassword):
            swaps = await accounts.new_passwords(agent, command.old, command.new)
            if isinstance(swaps, Refusal):
                return Answer("network_password_refused")
            return Sealed(passwords=swaps)
    except PoolFull:
        return Answer("slow_down")
    except PepperError:
        return Answer("not_here")
    return Sealed()
