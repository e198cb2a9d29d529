"""What programs ask for, whatever they speak: place an order, look one up, the balance, prices.

The native API and the dialects come here with an account that the door has let in. Everything is
read and written in the turn of the account's agent. A look-up never creates an order, however
old its reference is.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from peewee import Database

from pulsarack.daemon.channels.http.parts import Account, Parts
from pulsarack.daemon.config_deposits import BankSection, ticket_terms
from pulsarack.daemon.context import Context
from pulsarack.ledger import accounts, books
from pulsarack.ledger.books import Balance
from pulsarack.queue import agents, archive, complaints, orders, outcome, products
from pulsarack.queue.archive import PastOrder
from pulsarack.queue.complaints import Opened
from pulsarack.queue.deposits import tickets
from pulsarack.queue.deposits.tickets import Given, Ticket
from pulsarack.queue.errors import IllegalMove
from pulsarack.queue.intake import Repeated
from pulsarack.queue.intake_many import Answer, Wanted
from pulsarack.queue.orders import Order
from pulsarack.queue.products import Product
from pulsarack.queue.reports import statement
from pulsarack.queue.reports.statement import StatementLine
from pulsarack.queue.request import Request
from pulsarack.queue.state import OPEN
from pulsarack.queue.validation import Refusal, normalise_destination, show_destination

CHANNEL = "http"


@dataclass(frozen=True, slots=True)
class OrderStanding:
    """An order as it stands. `price` and the times are None if an archive cannot be read."""

    id: int
    client_reference: str | None
    state: str
    product: str
    destination: str  # as people write it
    repeat_index: int
    price: int | None
    reason: str | None
    serial_number: str | None
    received_at: int | None
    finished_at: int | None

    @property
    def final(self) -> bool:
        """Whether it is decided; a success may be reversed all the same."""
        return self.state not in OPEN


@dataclass(frozen=True, slots=True)
class Placed:
    """An order that was accepted now, or before under the same reference."""

    order: OrderStanding
    repeated: bool


class NotQueued(Exception):
    """The order cannot be cancelled any more; holds it as it stands."""

    def __init__(self, order: OrderStanding) -> None:
        super().__init__(order.state)
        self.order = order


class Desk:
    """Serves accounts that were let in."""

    def __init__(self, context: Context, parts: Parts) -> None:
        self._context = context
        self._parts = parts

    async def place(
        self,
        account: Account,
        request: Request,
        *,
        reference: str,
        reply_number: str | None = None,
        dialect: str = "",
        text: str | None = None,
        most_price: int | None = None,
        first: Callable[[Database], None] | None = None,
    ) -> Placed | Refusal:
        """Accept an order, or answer with the one of its reference; durable when it returns.

        `reply_number` is the buyer's, who is told too; `text` is what is kept of the request,
        without secrets. A new order that costs more than `most_price` is refused (TOO_DEAR).
        `first` is done in the same transaction, before the order.
        """
        wanted = wanted_of(request, reference, reply_number, most_price)
        if isinstance(wanted, Refusal):
            return wanted
        if text is not None:
            wanted = wanted._replace(text=text)
        common = self._parts.ordering.origin(
            account.agent, CHANNEL, "", address=account.member, dialect=dialect
        )
        found = await self._parts.ordering.place(request, wanted.origin(common), first=first)
        return await self._placed(found)

    async def place_many(
        self, account: Account, wanted: Sequence[Wanted]
    ) -> list[Placed | Refusal | Exception]:
        """The same of many, each in its place, where what `place` would raise may stand, too."""
        common = self._parts.ordering.origin(account.agent, CHANNEL, "", address=account.member)
        answers = await self._parts.ordering.place_many(wanted, common, lambda _db, _order: None)
        found: list[Placed | Refusal | Exception] = []
        for one in answers:
            try:
                found.append(one if isinstance(one, Exception) else await self._placed(one[0]))
            except Exception as error:  # noqa: BLE001 - who placed the others shall hear of them
                found.append(error)
        return found

    async def _placed(self, found: Answer) -> Placed | Refusal:
        if isinstance(found, Refusal):
            return found
        if isinstance(found, Repeated):
            return Placed(await self._past(found.past), repeated=True)
        return Placed(standing(found.order), found.repeated)

    async def find(self, account: Account, reference: str) -> OrderStanding | None:
        """The order that the agent gave this reference to, whenever that was."""

        def job(db: Database) -> Order | PastOrder | None:
            live = orders.by_reference(db, account.agent, reference)
            return live or archive.by_reference(db, account.agent, reference)

        found = await self._context.store.read_for(account.agent, job)
        if isinstance(found, PastOrder):
            return await self._past(found)
        return None if found is None else standing(found)

    async def look_up(self, account: Account, reference: str) -> OrderStanding | None:
        """The same for whoever takes "there is none" for a failure: it is said only when the orders
        that were under way when he asked are written."""
        found = await self.find(account, reference)
        if found is None:
            await self._context.store.write_for(account.agent, lambda _db: None)
            found = await self.find(account, reference)
        return found

    async def newest(
        self, account: Account, *, state: str | None, limit: int
    ) -> list[OrderStanding]:
        """The agent's newest orders that are not archived."""
        found = await self._context.store.read_for(
            account.agent,
            lambda db: orders.listed(db, state=state, agent=account.agent, limit=limit),
        )
        return [standing(one) for one in found]

    async def cancel(self, account: Account, reference: str) -> OrderStanding | None:
        """Cancel an order that is still queued; raises NotQueued. None: there is none."""
        found = await self.find(account, reference)
        if found is None or found.state == "CANCELLED":
            return found
        now_ms = self._context.clock.now_ms()
        try:
            await self._context.store.write_for(
                account.agent, lambda db: outcome.cancel(db, found.id, now_ms=now_ms)
            )
        except (IllegalMove, LookupError):
            raise NotQueued(found) from None
        return standing(await self._context.announce(found.id))

    async def balance(self, account: Account) -> Balance:
        """The agent's deposit."""
        found = await self._context.store.read_for(
            account.agent, lambda db: books.balance(db, accounts.agent(account.agent))
        )
        if found is None:
            raise LookupError(f"agent {account.agent} has no deposit account")
        return found

    async def products(self, account: Account) -> list[tuple[Product, int]]:
        """What is sold at present, each with the agent's price."""

        def job(db: Database) -> list[tuple[Product, int]]:
            agent = agents.find(db, account.agent)
            if agent is None:
                return []
            price_of = self._parts.price_of
            return [(one, price_of(db, agent, one)) for one in products.every(db) if one.active]

        return await self._context.store.read_for(account.agent, job)

    async def ticket(
        self, account: Account, amount: int, bank: str | None = None
    ) -> Given | Refusal:
        """A deposit ticket for so many rupiah, or the open one that there is for them."""
        now_ms, terms = self._context.clock.now_ms(), ticket_terms(self._context.config)
        return await self._context.store.write_for(
            account.agent,
            lambda db: tickets.ask(
                db,
                account.agent,
                amount,
                bank=bank,
                rng=self._parts.rng,
                now_ms=now_ms,
                terms=terms,
            ),
        )

    def banks_of(self, ticket: Ticket) -> list[BankSection]:
        """Into which of our accounts a ticket can be paid."""
        banks = self._context.config.banks
        return [one for one in banks if ticket.bank in ("", one.name)]

    async def complain(
        self, account: Account, reference: str, words: str
    ) -> Opened | Refusal | None:
        """Say that something is wrong with an order; None: there is none of that reference."""
        found = await self.find(account, reference)
        if found is None:
            return None
        order_id, now_ms = found.id, self._context.clock.now_ms()
        return await self._context.store.write_for(
            account.agent,
            lambda db: complaints.open(
                db, account.agent, order_id, words, channel=CHANNEL, now_ms=now_ms
            ),
        )

    async def statement(self, account: Account, limit: int) -> list[StatementLine]:
        """The newest movements of the deposit that are not archived, newest first."""
        return await self._context.store.read_for(
            account.agent, lambda db: statement.newest(db, account.agent, limit)
        )

    async def of_id(self, order_id: int) -> OrderStanding | None:
        """An order by our own number; for reports."""

        def job(db: Database) -> Order | PastOrder | None:
            return orders.find(db, order_id) or archive.find(db, order_id)

        found = await self._context.store.read(job)
        if isinstance(found, PastOrder):
            return await self._past(found)
        return None if found is None else standing(found)

    async def _past(self, past: PastOrder) -> OrderStanding:
        row = await self._parts.past.row(past)
        return OrderStanding(
            id=past.id,
            client_reference=past.client_reference,
            state=past.state,
            product=past.product,
            destination=show_destination(past.destination),
            repeat_index=past.repeat_index,
            price=row.get("price"),
            reason=row.get("reason"),
            serial_number=past.serial_number,
            received_at=row.get("received_at"),
            finished_at=past.finished_at,
        )


def wanted_of(
    request: Request, reference: str, reply_number: str | None, most_price: int | None
) -> Wanted | Refusal:
    """An order as the queue takes it, if the buyer's number is one."""
    if reply_number is not None:
        buyer = normalise_destination(reply_number)
        if isinstance(buyer, Refusal):
            return buyer
        reply_number = buyer
    shown = f"{request.product}.{request.repeat_index}.{request.destination}"
    return Wanted(request, shown, reference, reply_number, most_price)


def standing(order: Order) -> OrderStanding:
    """A row of the database as it is shown."""
    return OrderStanding(
        id=order.id,
        client_reference=order.client_reference,
        state=order.state,
        product=order.product,
        destination=show_destination(order.destination),
        repeat_index=order.repeat_index,
        price=order.price,
        reason=order.reason,
        serial_number=order.serial_number,
        received_at=order.received_at,
        finished_at=order.finished_at,
    )
