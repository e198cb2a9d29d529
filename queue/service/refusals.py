"""Refusals of other rooms as answers: one table from their code to a wording.

Their own message is for admins and programs, in English; an agent reads what to do.
"""

from typing import Final

from pulsarack.queue.service.asked import Answer
from pulsarack.queue.validation import Refusal, RefusalCode
from pulsarack.queue.wordings.shipped import Value, Values, shipped

KEYS: Final[dict[RefusalCode, str]] = {
    RefusalCode.UNKNOWN_AGENT: "agent_inactive",
    RefusalCode.UNKNOWN_PRODUCT: "product_unknown",
    RefusalCode.BAD_NUMBER: "number_bad",
    RefusalCode.FOREIGN_NUMBER: "number_foreign",
    RefusalCode.UNKNOWN_PREFIX: "prefix_unknown",
    RefusalCode.WRONG_OPERATOR: "wrong_operator",
    RefusalCode.INSUFFICIENT_DEPOSIT: "balance_too_small",
    RefusalCode.REPEATED: "order_repeated",
    RefusalCode.REFERENCE_REUSED: "reference_reused",
    RefusalCode.BELOW_COST: "below_cost",
    RefusalCode.BAD_AMOUNT: "amount_bad",
    RefusalCode.NOT_A_DOWNLINE: "not_a_downline",
    RefusalCode.STOPPED: "downline_stopped",
    RefusalCode.INSUFFICIENT_COMMISSION: "commission_too_small",
    RefusalCode.BAD_NAME: "name_bad",
    RefusalCode.UNKNOWN_BANK: "bank_unknown",
    RefusalCode.TICKETS_FULL: "tickets_full",
    RefusalCode.TOO_MANY_TICKETS: "tickets_too_many",
    RefusalCode.SAME_AGENT: "same_agent",
    RefusalCode.NOT_FOUND: "order_not_found",
    RefusalCode.BAD_SENDER: "sender_refused",
    RefusalCode.SENDER_TAKEN: "sender_refused",
    RefusalCode.TOO_MANY_SENDERS: "senders_too_many",
    RefusalCode.BAD_URL: "account_refused",
    RefusalCode.BAD_NETWORK: "account_refused",
    RefusalCode.WEAK_PIN: "weak_pin",
}


def answer(refusal: Refusal, **variables: Value) -> Answer:
    """The answer to a refusal, if its wording can be filled with what the command knows."""
    key = KEYS.get(refusal.code, "refused")
    given: Values = {**variables, "cause": refusal.message}
    if not set(shipped().wordings[key].variables) <= given.keys():
        key = "refused"
    return Answer(key, given)
