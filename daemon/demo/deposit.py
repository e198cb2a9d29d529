"""How an agent's deposit is raised in a rehearsal: as in the trade, by a ticket and the bank's row.

There is no shorter way in: without a row of a bank it takes two admins.
"""

from typing import Any, Protocol


class Calling(Protocol):
    """A client of the control socket, as far as it is used here."""

    async def call(self, name: str, /, **args: Any) -> Any:
        """One call; its answer."""


async def pay_in(link: Calling, agent: str, amount: int) -> int:
    """Pay in some rupiah over the first of our banks; what the deposit is raised by.

    That is a little more than was asked. May be repeated until it has been done.
    """
    ticket = await link.call("ticket.new", agent=agent, amount=amount)
    row = {"day": ticket["first_day"], "amount": ticket["amount"], "description": f"FROM {agent}"}
    bank = ticket["accounts"][0]["bank"]
    await link.call("bank.import", bank=bank, rows=[row])
    return int(ticket["amount"])
