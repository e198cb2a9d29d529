"""What the commands rely on in the daemon's answers, checked where an answer comes in.

What listens at the socket may be a daemon of another version, or no daemon of ours at all.
So an answer is compared with the table below before a command sees it: what is written
here can be taken for granted there. A key with a question mark may be missing or null; more
keys than these are no fault; a call that the table does not name answers an object. How
values are shown is not decided here: formats.py shows whatever it is given.
"""

import json
from collections.abc import Mapping
from typing import Any

# Ours are no deeper than 12; what is far deeper ends programs that walk through it.
DEPTH_LIMIT = 40

_ORDER = {"id": int, "state": str}
_ERROR = {"code": str, "message": str, "remedy": str}
_READING = {"at?": int, "stock?": int}
_EVIDENCE = {
    "at?": int,
    "kind": object,
    "detail": object,
    "matched?": [object],
    "text?": {"text": object},
    "stock?": {"readings?": [_READING]},
}
_ATTEMPT = {
    "claimed_at?": int,
    "committed_at?": int,
    "closed_at?": int,
    "routing?": [(str, {"reasons?": [object]})],
    "exchanges?": [{"at?": int}],
    "evidence?": [_EVIDENCE],
    "readings?": [_READING],
}
_FOUND = {"orders": [_ORDER | {"evidence": [_EVIDENCE]}]}
_DISCREPANCY: dict[str, Any] = {"span": [{}], "clearings": [{}]}
_CREDIT = {"id": int, "state": str, "agent": str, "amount": int}
_TICKET: dict[str, Any] = {"id": int, "state": str, "agent": str, "amount": int, "accounts": [{}]}

_WORDING: dict[str, Any] = {"text": str, "size": int, "parts": int}

SHAPES: Mapping[str, Any] = {
    "config.reload": {"changed": [str], "restart": [{"key": str, "why": str}]},
    "config.show": {"config": {}},
    "order.new": _ORDER,
    "order.new_many": {"orders": [{"order?": _ORDER, "error?": _ERROR}]},
    "order.cancel": _ORDER,
    "order.resolve": _ORDER,
    "order.reverse": _ORDER | {"owing?": [{"agent": str, "amount": int}]},
    "order.acknowledge": _ORDER,
    "order.list": {"orders": [_ORDER]},
    "order.undecided": _FOUND,
    "order.refuted": _FOUND,
    "order.show": {
        "order": _ORDER,
        "history?": [{}],
        "attempts?": [_ATTEMPT],
        "transfers?": [{}],
        "messages?": [{}],
    },
    "archive.list": {"archives": [{}]},
    "backup.now": {"made": bool, "folder": str, "bytes?": int, "newest_order?": int},
    "backup.reopen": {"agents": [str]},
    "archive.now": {"moved": int, "failed": [{}], "more": bool},
    "chip.list": {"chips": [{}]},
    "chip.show": {"readings?": [{}], "attempts?": [{}]},
    "schedule.list": {"jobs": [{"name": str}]},
    "schedule.run": {"said": str},
    "report.day": {"day": str, "complete": bool, "lines": [{}], "total": {}},
    "chip.channel": {"receives": bool, "answers": bool},
    "modem.list": {"modems": [{}]},
    "rack.show": {"slots": [{"slot": str}]},
    "modem.at": {"lines": [str], "final": str, "ok": bool},
    "modem.acts": {"acts": [{}]},
    "modem.trace": {"at": int, "way": str, "text": str},
    "agent.list": {"agents": [{}]},
    "agent.access": {"senders": [{}], "accounts": [{}], "events": [{}]},
    "sender.list": {"senders": [{}]},
    "account.list": {"accounts": [{}]},
    "pin.reset": {"pin": str},
    "agent.tree": {"agents": [{"depth": int, "code": str}]},
    "price.list": {"prices": [{}]},
    "price.explain": {
        "sold": bool,
        "remains": int,
        "cost": int,
        "price": int,
        "shares": [{"agent": str, "amount": int}],
    },
    "markup.list": {"markups": [{}]},
    "commission.list": {"commissions": [{}]},
    "commission.exchange": {"amount": int, "left": int, "repeated": bool},
    "agent.credit": _CREDIT,
    "agent.statement": {"lines": [{}], "unreadable?": [str]},
    "agent.recap": {"day": str, "orders": int, "spent": int, "held": int, "earned": int}
    | {"lines": [{}]},
    "credit.list": {"requests": [_CREDIT]},
    "credit.confirm": _CREDIT,
    "credit.refuse": _CREDIT,
    "ticket.new": _TICKET | {"repeated": bool},
    "ticket.show": _TICKET | {"row?": {}},
    "ticket.cancel": _TICKET,
    "ticket.list": {"tickets": [{}]},
    "bank.list": {"banks": [{"name": str, "form": {}}], "latest_day": str},
    "bank.import": {"added": int, "known": int, "debits": int, "paid": [{}], "unmatched": [{}]},
    "bank.rows": {"rows": [{}]},
    "bank.assign": {"id": int, "agent": str, "amount": int},
    "complaint.list": {"complaints": [{}]},
    "complaint.answer": {"id": int, "state": str, "agent": str, "order_id": int},
    "product.list": {"products": [{}]},
    "product.import": {"added": int, "changed": int},
    "prefix.list": {"prefixes": [{}]},
    "route.explain": {"chips": [{}]},
    "unparsed.list": {"replies": [{}]},
    "discrepancies.list": {"discrepancies": [{}]},
    "discrepancies.show": _DISCREPANCY,
    "discrepancies.clear": _DISCREPANCY | {"repeated": bool},
    "ledger.accounts": {"accounts": [{}]},
    "ledger.statement": {"lines": [{}]},
    "ledger.trial_balance": {"assets": [{}]},
    "messages.follow": {"id": int, "order": int},
    "wording.list": {"wordings": [{"changed": bool}]},
    "wording.show": {"key": str, "when": str, "texts": [{}], "variables": [{}]},
    "wording.set": _WORDING,
    "wording.reset": {"changed": bool, "template": str},
    "wording.try": _WORDING,
    "admin.list": {"admins": [{"login": str, "role": str, "holds": bool}]},
    "admin.whoami": {"uid": int, "login": str, "role": str, "why": str, "may": [str]},
    "admin.role": {"login": str, "role?": str, "before?": str, "group?": str, "let_in?": bool},
    "admin.log": {"acts": [{"id": int, "at": int, "outcome": str, "arguments": {}}]},
}


def misfit(call: str, result: Any) -> str | None:
    """What is wrong with the result (or the event) of a call, in words; None if nothing is."""
    if _too_deep(result, DEPTH_LIMIT):
        return "it holds brackets in brackets without end"
    try:
        json.dumps(result, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return "it holds halves of characters"
    place = _misfit(result, SHAPES.get(call, {}), "")
    return None if place is None else f"{place or 'it'} is missing or of another kind"


def _misfit(value: Any, shape: Any, place: str) -> str | None:
    """The place of the first thing that does not fit."""
    if isinstance(shape, dict):
        return _of_object(value, shape, place)
    if isinstance(shape, list):
        if not isinstance(value, list):
            return place
        found = (_misfit(one, shape[0], f"{place}[{n}]") for n, one in enumerate(value))
        return next((one for one in found if one is not None), None)
    if isinstance(shape, tuple):
        return place if all(_misfit(value, one, place) is not None for one in shape) else None
    if shape is int and isinstance(value, bool):
        return place
    return None if isinstance(value, shape) else place


def _of_object(value: Any, shape: Mapping[str, Any], place: str) -> str | None:
    if not isinstance(value, dict):
        return place
    for name, inner in shape.items():
        key = name.rstrip("?")
        if key != name and value.get(key) is None:
            continue
        there = f"{place}.{key}" if place else key
        found = _misfit(value[key], inner, there) if key in value else there
        if found is not None:
            return found
    return None


def _too_deep(value: Any, left: int) -> bool:
    if isinstance(value, dict):
        value = value.values()
    elif not isinstance(value, list):
        return False
    return left == 0 or any(_too_deep(one, left - 1) for one in value)
