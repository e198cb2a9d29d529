"""What all dialects do alike: let the caller in by PIN and password, order, look up, and word it.

A dialect is a thin layer of names over this. A status check never creates an order. The same
reference is the same order for ever, answered as it stands.
"""

from dataclasses import dataclass, replace

from pulsarack.daemon.channels.http.desk import Desk, OrderStanding, Placed
from pulsarack.daemon.channels.http.dialects import parameters
from pulsarack.daemon.channels.http.dialects.vocabulary import Vocabulary, rupiah
from pulsarack.daemon.channels.http.door import Door
from pulsarack.daemon.channels.http.parts import Account
from pulsarack.daemon.channels.http.refusals import HttpRefusal, Why
from pulsarack.daemon.channels.http.routes import Call
from pulsarack.queue import request
from pulsarack.queue.validation import (
    REFERENCE_LIMIT,
    Refusal,
    RefusalCode,
    any_destination,
)

REPEATS_MOST = 99
AMOUNT_DIGITS_MOST = 12
_WRONG = "the member, its PIN, its password or the signature is wrong"


@dataclass(frozen=True, slots=True)
class Wanted:
    """An order as a dialect asks for it."""

    product: str
    destination: str
    reference: str
    repeat_index: int = 1
    most_price: int | None = None  # what the caller pays at most, rupiah


class Clerk:
    """Serves one dialect."""

    def __init__(self, door: Door, desk: Desk, vocabulary: Vocabulary) -> None:
        self.door = door
        self.desk = desk
        self.vocabulary = vocabulary

    # --- letting in ---

    def wrong(self, call: Call, member: str) -> HttpRefusal:
        """The refusal of whoever did not know the secrets: the same words for every kind."""
        return self.door.wrong(call, member, Why.BAD_SIGNATURE, _WRONG)

    async def by_password(
        self, call: Call, member: str, *, pin: str | None, password: str | None
    ) -> Account:
        """Let in who gives PIN and password in clear, if the account may; raises HttpRefusal."""
        account = await self.door.find(call, member)
        right = parameters.same(pin, account.pin if account else None)
        right &= parameters.same(password, account.password if account else None)
        if account is None or not right or not account.may_be_unsigned:
            raise self.wrong(call, member)
        self.door.enter(call, account)
        return account

    # --- orders ---

    async def order(self, account: Account, wanted: Wanted) -> Placed | Refusal:
        """Accept an order, or answer with the one of its reference."""
        found = await self._place(account, wanted)
        if isinstance(found, Refusal) and found.code is RefusalCode.REFERENCE_REUSED:
            # Whoever gives no counter may have ordered where they are given out for him.
            first = await self.desk.find(account, wanted.reference)
            if first is not None and wanted.repeat_index == 1:
                return _as_first(first, wanted)
        return found

    async def _place(self, account: Account, wanted: Wanted) -> Placed | Refusal:
        asked = request.of_fields(wanted.product, wanted.destination, wanted.repeat_index)
        if isinstance(asked, Refusal):
            return asked
        return await self.desk.place(
            account,
            asked,
            reference=wanted.reference,
            dialect=self.vocabulary.name,
            most_price=wanted.most_price,
        )

    async def order_again(self, account: Account, wanted: Wanted) -> Placed | Refusal:
        """As `order`, for dialects that have no counter: a further reference is a further order.

        The first of its reference is looked for before, since its counter is not the caller's.
        """
        for index in range(1, REPEATS_MOST + 1):
            first = await self.desk.find(account, wanted.reference)
            if first is not None:
                return _as_first(first, wanted)
            further = replace(wanted, repeat_index=index)
            found = await self._place(account, further)
            again = (RefusalCode.REPEATED, RefusalCode.REFERENCE_REUSED)
            if not isinstance(found, Refusal) or found.code not in again:
                return found
        return found

    # --- words ---

    async def values(self, account: Account, order: OrderStanding | None) -> dict[str, object]:
        """The variables of the texts: the account's balance, and an order as it stands."""
        balance = await self.desk.balance(account)
        found: dict[str, object] = {
            "agent": account.agent,
            "name": account.agent,
            "balance": rupiah(balance.available),
            "held": rupiah(balance.held),
        }
        if order is not None:
            before = None if order.price is None else balance.available + order.price
            found |= of_order(order, self.vocabulary) | {"before": rupiah(before)}
        return found

    async def of_refusal(self, account: Account, refusal: Refusal, wanted: Wanted) -> str:
        """The text of a request that became no order."""
        values = await self.values(account, None)
        return self.vocabulary.text("refused", values | of_wanted(wanted, refusal, self.vocabulary))

    async def of_standing(self, account: Account, order: OrderStanding, *, placed: bool) -> str:
        """The text of an order as it stands; `placed`: it was accepted just now."""
        name = "placed" if placed else order.state
        return self.vocabulary.text(name, await self.values(account, order))


def of_order(order: OrderStanding, vocabulary: Vocabulary) -> dict[str, object]:
    """The variables that an order has."""
    counter = f"{order.repeat_index}." if order.repeat_index > 1 else ""
    return {
        "id": str(order.id),
        "product": order.product,
        "destination": f"{counter}{order.destination}",
        "number": order.destination,
        "reference": order.client_reference or "-",
        "price": rupiah(order.price),
        "serial_number": order.serial_number or "-",
        "reason": vocabulary.word(order.reason),
        "repeat_index": str(order.repeat_index),
    }


def of_wanted(wanted: Wanted, refusal: Refusal, vocabulary: Vocabulary) -> dict[str, object]:
    """The variables of a request that became no order."""
    counter = f"{wanted.repeat_index}." if wanted.repeat_index > 1 else ""
    return {
        "product": wanted.product.upper()[:16],
        "destination": f"{counter}{wanted.destination[:24]}",
        "number": wanted.destination[:24],
        "reference": wanted.reference,
        "reason": vocabulary.word(refusal.code.value),
    }


def status_of(refusal: HttpRefusal) -> int:
    """The status of a refusal whose code stands in the body: what says nothing about the order
    keeps its own, so that a program asks again."""
    return refusal.status if refusal.in_doubt else 200


def reference(given: str) -> str:
    """A caller's reference, if it has the form of one; raises HttpRefusal."""
    if not 1 <= len(given) <= REFERENCE_LIMIT or not given.isprintable():
        message = f"the reference does not have 1 to {REFERENCE_LIMIT} characters"
        raise HttpRefusal(Why.BAD_FIELD, message, "give a shorter one")
    return given


def most_price(given: str | None) -> int | None:
    """What the caller pays at most; nothing and 0 are no limit; raises HttpRefusal."""
    return (whole(given, "the highest price") if given else 0) or None


def whole(text: str, what: str) -> int:
    """Whole rupiah; raises HttpRefusal."""
    if not text.isascii() or not text.isdigit() or len(text) > AMOUNT_DIGITS_MOST:
        raise HttpRefusal(Why.BAD_FIELD, f"{what} is not whole rupiah")
    return int(text)


def _as_first(first: OrderStanding, wanted: Wanted) -> Placed | Refusal:
    # Read as intake reads them, so that every spelling of a number is the same number.
    numbers = {any_destination(one) for one in (first.destination, wanted.destination)}
    if first.product == wanted.product.upper() and len(numbers) == 1:
        return Placed(first, repeated=True)
    return Refusal(
        RefusalCode.REFERENCE_REUSED,
        f"the reference belongs to order {first.id}",
        "give every order a reference of its own",
    )
