"""The sentences of the load-wallet operators, whose failures are worded alike.

The success and stock texts follow field texts of foreign operators (dealer, amount with the cost
in brackets, destination, new stock, reference); the failures are unverified.
"""

from pulsarack.modems.simulator.operators.exchange import Refusal

FAILURES = {
    Refusal.WRONG_NUMBER: "Sorry, {number} is not a valid number.",
    Refusal.NUMBER_INACTIVE: "Sorry, {number} is inactive.",
    Refusal.INSUFFICIENT_STOCK: "Sorry, your Load Wallet Balance is insufficient.",
    Refusal.WRONG_CHIP_PIN: "Sorry, invalid PIN.",
    Refusal.REPEATED_TOO_SOON: (
        "Sorry, you have just loaded the same amount to {number}. Please try again after 5 mins."
    ),
    Refusal.OPERATOR_BUSY: "Sorry, the system is busy. Please try again later.",
    Refusal.LIMIT_REACHED: "Sorry, daily limit reached.",
    Refusal.CHIP_BARRED: "Sorry, your account is barred.",
    Refusal.FORMAT_REJECTED: "Sorry, invalid amount.",
    Refusal.LOST: "",
}
