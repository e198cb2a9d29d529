"""Orders in texts: one or several, by product code or by denomination and the number's prefix.

What a text leaves open is found out or asked back, never guessed: a denomination that several
products of the number's operator have is refused with their codes. A repeat is answered with
the first order as it stands, and with what to write for one more.
"""

from dataclasses import replace

from peewee import Database

from pulsarack.queue import intake, prefixes, products, request
from pulsarack.queue.intake import Accepted, Origin, Repeated
from pulsarack.queue.network import pricing
from pulsarack.queue.order_text.commands import PlaceOrder
from pulsarack.queue.products import Product
from pulsarack.queue.request import Request
from pulsarack.queue.service import look, refusals
from pulsarack.queue.service.asked import Answer, Asked
from pulsarack.queue.validation import (
    AIRTIME,
    METER,
    Refusal,
    RefusalCode,
    normalise_destination,
    show_destination,
)
from pulsarack.queue.wordings.shipped import Values

THOUSAND = 1000
PRICES = "CH"
MOST_REPEATS = 98


def place(db: Database, command: PlaceOrder, asked: Asked) -> Answer:
    """Accept an order, or say why not and what to write instead."""
    answer = _place(db, command, asked)
    # For a line among several: what was typed, where the answer says nothing better.
    typed: Values = {
        "product": str(command.product or command.denomination or "-"),
        "destination": look.shown(command.destination),
    }
    return replace(answer, variables={**typed, **answer.variables})


def _place(db: Database, command: PlaceOrder, asked: Asked) -> Answer:
    code = command.product if command.product is not None else _by_denomination(db, command)
    if isinstance(code, Answer):
        return code
    wanted = request.of_fields(code, command.destination, command.repeat_index)
    if isinstance(wanted, Refusal):
        return refusals.answer(wanted)
    found = intake.accept(db, wanted, _origin(command, asked))
    if isinstance(found, Refusal):
        return _refused(db, wanted, found, command, asked)
    if isinstance(found, Repeated):
        return Answer("order_past", look.facts(db, found.past, asked))
    return _accepted(db, found, asked)


def _accepted(db: Database, accepted: Accepted, asked: Asked) -> Answer:
    order = accepted.order
    facts = look.facts(db, order, asked)
    if accepted.repeated:
        return Answer("order_same_reference", facts)
    more: Values = {
        "agent": asked.agent.code,
        "name": asked.agent.name,
        "denomination": order.denomination * THOUSAND,
        "balance_before": look.balance(db, asked.agent.code) + order.price,
    }
    return Answer("order_accepted", {**facts, **more}, orders=(order,))


def _origin(command: PlaceOrder, asked: Asked) -> Origin:
    return Origin(
        agent=asked.agent.code,
        channel=asked.channel,
        text=asked.text,
        client_reference=asked.client_reference,
        received_at=asked.received_at,
        local_day=asked.local_day,
        time_limit_seconds=asked.settings.time_limit_seconds,
        address=asked.address,
        receiver=asked.receiver,
        reply_number=command.reply_number,
    )


def _by_denomination(db: Database, command: PlaceOrder) -> str | Answer:
    """The only product of that face value that the number's operator has."""
    assert command.denomination is not None, "a product or a denomination"
    number = normalise_destination(command.destination)
    if isinstance(number, Refusal):
        return refusals.answer(number, destination=command.destination)
    operator = prefixes.operator_of(db, number)
    if operator is None:
        return Answer("prefix_unknown", {"destination": show_destination(number)})
    sold = _sold(db, operator)
    fitting = [one.code for one in sold if one.denomination == command.denomination]
    if len(fitting) == 1:
        return fitting[0]
    variables: Values = {
        "denomination": command.denomination * THOUSAND,
        "destination": show_destination(number),
        "operator": operator,
        "list": fitting or _codes(sold),
    }
    return Answer("several_products_for_number" if fitting else "no_product_for_number", variables)


def _sold(db: Database, operator: str) -> list[Product]:
    return [one for one in products.every(db) if one.active and one.operator == operator]


def _codes(sold: list[Product]) -> list[str]:
    """What there is to choose; nothing is a dash, and not the end of a sentence."""
    return [one.code for one in sold] or ["-"]


def _refused(
    db: Database, wanted: Request, refusal: Refusal, command: PlaceOrder, asked: Asked
) -> Answer:
    product = products.find(db, wanted.product)
    kind = product.kind if product else AIRTIME
    number = normalise_destination(wanted.destination, kind)
    if isinstance(number, Refusal):
        if kind == METER:
            return Answer("meter_bad", {"destination": look.shown(wanted.destination)})
        return refusals.answer(refusal, destination=wanted.destination)
    if refusal.code is RefusalCode.REPEATED:
        return _repeated(db, wanted, number, _origin(command, asked), asked)
    operator = prefixes.operator_of(db, number) or ""
    return refusals.answer(
        refusal,
        reference=look.reference(asked),
        product=wanted.product,
        destination=show_destination(number),
        operator=operator,
        list=_codes(_sold(db, operator)),
        price=0 if product is None else pricing.offer(db, asked.agent, product).price,
        balance=look.balance(db, asked.agent.code),
        example=PRICES,
    )


def _repeated(db: Database, wanted: Request, number: str, origin: Origin, asked: Asked) -> Answer:
    """The first one as it stands, and how to order one more."""
    first = intake.equal_order(db, wanted, number, origin)
    assert first is not None, "it was refused for its sake a statement ago"
    example = look.again(wanted.product, number, _last(db, wanted, number, origin))
    return Answer("order_repeated", {**look.facts(db, first, asked), "example": example})


def _last(db: Database, wanted: Request, number: str, origin: Origin) -> int:
    """The highest counter of that day: one more is behind it."""
    last = wanted.repeat_index
    while last < MOST_REPEATS:
        one_more = wanted._replace(repeat_index=last + 1)
        if intake.equal_order(db, one_more, number, origin) is None:
            break
        last += 1
    return last
