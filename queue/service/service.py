"""Carrying out what agents ask for: one small function a command, in one table.

Each runs in the caller's transaction and changes nothing when it refuses. Several orders in one
message are carried out one by one, in the order in which they stand, and answered in one text.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final

from peewee import Database

from pulsarack.queue.order_text import commands as said
from pulsarack.queue.order_text.commands import Command
from pulsarack.queue.service import (
    complaining,
    downlines,
    look,
    money,
    ordering,
    profile,
    queries,
    several,
)
from pulsarack.queue.service.asked import Answer, Asked
from pulsarack.queue.wordings import render

CarryOut = Callable[[Database, Any, Asked], Answer]

COMMANDS: Final[dict[type[Any], CarryOut]] = {
    said.PlaceOrder: ordering.place,
    said.CancelOrder: queries.cancel,
    said.ShowOrder: queries.show_order,
    said.LastOrders: queries.last_orders,
    said.Complain: complaining.complain,
    said.ShowBalance: queries.show_balance,
    said.ShowPrices: queries.show_prices,
    said.ShowOutOfStock: queries.show_out_of_stock,
    said.AskTicket: money.ask_ticket,
    said.TransferBalance: money.transfer,
    said.PullBalance: money.pull,
    said.ExchangeCommission: money.exchange,
    said.ShowStatement: queries.show_statement,
    said.ShowRecap: queries.show_recap,
    said.RegisterDownline: downlines.register,
    said.ListDownlines: downlines.listed,
    said.SetActive: downlines.set_active,
    said.SetMarkup: downlines.set_markup,
    said.ShowMarkups: downlines.show_markups,
    said.ChangePin: profile.change_pin,
    said.ResetPin: downlines.reset_pin,
    said.ChangeName: profile.change_name,
    said.AddSender: profile.add_sender,
    said.RemoveSender: profile.remove_sender,
    said.ListSenders: profile.list_senders,
    said.SetReportUrl: profile.set_report_url,
    said.SetNetworkAddress: profile.set_network_address,
    said.ChangeNetworkPassword: profile.change_network_password,
    said.Help: queries.show_help,
}


def carry_out(db: Database, command: Command, asked: Asked) -> Answer:
    """Carry one command out, or refuse it; to be run as one transaction."""
    if not asked.agent.active:
        return Answer("agent_inactive")
    carry = COMMANDS.get(type(command))
    return Answer("not_here") if carry is None else carry(db, command, asked)


def answer_all(db: Database, commands: Sequence[Command], asked: Asked) -> tuple[Answer, ...]:
    """Carry out all that a message asks for."""
    if len(commands) > 1 and asked.client_reference is not None:
        return (Answer("reference_for_several", {"reference": f"R#{asked.client_reference}"}),)
    return tuple(carry_out(db, command, asked) for command in commands)


def words(db: Database, answers: Sequence[Answer], asked: Asked) -> str:
    """The answers as one text in the agent's language, as long as its channel bears."""
    answer = answers[0] if len(answers) == 1 else several.together(db, answers, asked)
    room = render.room_of(asked.channel)
    reference = look.reference(asked)
    if reference and "reference" not in answer.variables:
        room -= len(reference) + 1
    text = render.render(db, answer.key, asked.language, answer.variables, room=room)
    # Whoever gave a reference finds his answer by it, whatever the answer is.
    return text if reference in text else f"{reference} {text}"
