"""What an upline does about those below: register, list, let order, mark up.

A new agent is bound to his telephone at once, so that he can write; his PIN comes from an admin.
Nothing of it happens if the number is somebody's already.
"""

from peewee import Database

from pulsarack.queue.agents import Agent
from pulsarack.queue.identity import pins, senders
from pulsarack.queue.identity.addresses import normal_address
from pulsarack.queue.network import markups, tree
from pulsarack.queue.network.markups import Markup
from pulsarack.queue.order_text.commands import (
    ListDownlines,
    RegisterDownline,
    ResetPin,
    SetActive,
    SetMarkup,
    ShowMarkups,
)
from pulsarack.queue.service import look, people, refusals
from pulsarack.queue.service.asked import Answer, Asked
from pulsarack.queue.validation import Refusal
from pulsarack.queue.wordings.shipped import Values
from pulsarack.queue.wordings.template import CUT, rupiah

SMS = "sms"
ALL = "*"
MOST_SHOWN = 50


def register(db: Database, command: RegisterDownline, asked: Asked) -> Answer:
    """A new agent below the sender."""
    given: Values = {"number": look.shown(command.number), "channel": SMS}
    address = normal_address(SMS, command.number)
    if isinstance(address, Refusal):
        return Answer("sender_refused", given)
    owner = senders.bound_to(db, SMS, address)
    if owner is not None:
        own = people.downline(db, owner.agent, asked)
        # Whose it is, only his uplines learn.
        taken = Answer("sender_refused", given)
        return taken if isinstance(own, Answer) else Answer("downline_known", _known(own, given))
    made = tree.register(
        db,
        asked.agent,
        name=command.name,
        town=command.town,
        number=command.number,
        markup=command.markup,
        now_ms=asked.received_at,
        prefix=asked.settings.code_prefix,
    )
    if isinstance(made, Refusal):
        return refusals.answer(
            made, destination=look.shown(command.number), amount=command.markup or 0
        )
    bound = senders.bind(db, SMS, address, made.code, by=asked.agent.code, now_ms=asked.received_at)
    assert not isinstance(bound, Refusal), "it was free a statement ago"
    more: Values = {"number": given["number"], "markup": command.markup or 0}
    return Answer("downline_registered", {**people.named(made), **more})


def _known(agent: Agent, given: Values) -> Values:
    return {**people.named(agent), **given}


def listed(db: Database, command: ListDownlines, asked: Asked) -> Answer:
    """The agents right below the sender, or right below one of his."""
    above = asked.agent.code
    if command.below is not None:
        below = people.downline(db, command.below, asked)
        if isinstance(below, Answer):
            return below
        above = below.code
    found = tree.downlines(db, above)
    if not found:
        return Answer("downlines_none")
    lines = [_line(db, one) for one in found[:MOST_SHOWN]]
    if len(found) > MOST_SHOWN:
        lines.append(CUT)
    return Answer("downlines", {"count": len(found), "list": lines})


def _line(db: Database, agent: Agent) -> str:
    off = "" if agent.active else " (off)"
    return f"{agent.code} {agent.name} {rupiah(look.balance(db, agent.code))}{off}"


def set_active(db: Database, command: SetActive, asked: Asked) -> Answer:
    """Let a downline order, or no more."""
    below = people.downline(db, command.downline, asked)
    if isinstance(below, Answer):
        return below
    found = tree.set_active(db, asked.agent, below.code, command.active)
    if isinstance(found, Refusal):
        return refusals.answer(found, downline=below.code)
    return Answer("downline_on" if command.active else "downline_off", people.named(found))


def reset_pin(db: Database, command: ResetPin, asked: Asked) -> Answer:
    """A new PIN for a downline: the front desk has checked it and made its hash."""
    if not asked.settings.upline_resets_pin or asked.new_pin_hash is None:
        return Answer("not_here")
    below = people.downline(db, command.downline, asked)
    if isinstance(below, Answer):
        return below
    own, now_ms = asked.agent.code, asked.received_at
    pins.put(db, below.code, asked.new_pin_hash, by=own, now_ms=now_ms)
    return Answer("downline_pin_set", people.named(below))


def set_markup(db: Database, command: SetMarkup, asked: Asked) -> Answer:
    """What downlines pay more."""
    downline, product = command.downline, command.product and command.product.upper()
    if downline is not None:
        below = people.downline(db, downline, asked)
        if isinstance(below, Answer):
            return below
        downline = below.code
    amount = _amount(db, command, downline, product, asked)
    made = (
        amount
        if isinstance(amount, Refusal)
        else markups.put(db, asked.agent, amount, downline=downline, product=product)
    )
    shown: Values = {"downline": downline or ALL, "product": product or ALL}
    if isinstance(made, Refusal):
        wanted = command.amount if command.price is None else command.price
        return refusals.answer(made, **shown, amount=wanted or 0, example="CH")
    return Answer("markup_set", {**shown, "markup": made.amount})


def _amount(
    db: Database, command: SetMarkup, downline: str | None, product: str | None, asked: Asked
) -> int | Refusal:
    if command.price is None or product is None:
        return command.amount or 0
    return markups.to_reach(db, asked.agent, command.price, product, downline=downline)


def show_markups(db: Database, _command: ShowMarkups, asked: Asked) -> Answer:
    """The mark-ups that the sender has set."""
    found = markups.of(db, asked.agent.code)
    if not found:
        return Answer("markups_none")
    return Answer("markups", {"list": [_rule(one) for one in found]})


def _rule(rule: Markup) -> str:
    what = [one for one in (rule.downline, rule.product) if one is not None]
    return f"{' '.join(what) or ALL}={rupiah(rule.amount)}"
