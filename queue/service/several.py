"""The answers to several orders of one message as one answer: a line each, cut where it must be."""

from collections.abc import Sequence
from typing import Final

from peewee import Database

from pulsarack.queue.service import look
from pulsarack.queue.service.asked import Answer, Asked
from pulsarack.queue.wordings import render
from pulsarack.queue.wordings.shipped import Values, shipped


def together(db: Database, answers: Sequence[Answer], asked: Asked) -> Answer:
    """How many were accepted, and what became of each, those refused first: they need a look."""
    accepted = [one for one in answers if one.orders]
    refused = [one for one in answers if not one.orders]
    lines = [_line(db, one, asked) for one in (*refused, *accepted)]
    variables: Values = {
        "count": len(answers),
        "succeeded": len(accepted),
        "failed": len(refused),
        "list": lines,
        "balance": look.balance(db, asked.agent.code),
    }
    orders = tuple(order for one in answers for order in one.orders)
    return Answer("several_orders", variables, orders=orders)


_OTHER: Final = "short_other"


def _line(db: Database, answer: Answer, asked: Asked) -> str:
    variables: Values = {"product": "", "destination": "", **answer.variables}
    if answer.orders:
        return render.render(db, "one_of_several_accepted", asked.language, variables)
    key = f"short_{answer.key}"
    key = key if key in shipped().wordings else _OTHER
    cause = render.render(db, key, asked.language, answer.variables)
    return render.render(
        db, "one_of_several_refused", asked.language, {**variables, "cause": cause}
    )
