"""The closed sets of words a recipe may use.

They are the vocabulary of the recipe file: the same spelling in TOML, in the code
and in what the command line prints.
"""

from enum import StrEnum

from pulsarack.ussd.outcome import Reason


class Channel(StrEnum):
    """The way a text came, or is to come."""

    USSD = "ussd"
    SMS = "sms"


class ReplyKind(StrEnum):
    """What a text of the operator is about."""

    SUCCESS = "success"
    FAILURE = "failure"
    PROCESS = "process"
    STOCK = "stock"
    STOCK_IN = "stock_in"
    HISTORY = "history"
    PROMPT = "prompt"
    IGNORE = "ignore"


class Purpose(StrEnum):
    """What a script of a recipe is for."""

    TOP_UP = "top_up"
    STOCK = "stock"
    HISTORY = "history"


class StepAction(StrEnum):
    """What one step of a script does."""

    USSD = "ussd"
    REPLY = "reply"
    SMS = "sms"


# The reasons an operator can state. The others of Reason are our own observations
# (silence, a lost modem) and no wording can mean them.
STATED_REASONS: tuple[Reason, ...] = (
    Reason.WRONG_NUMBER,
    Reason.NUMBER_INACTIVE,
    Reason.REPEATED_TOO_SOON,
    Reason.FORMAT_REJECTED,
    Reason.INSUFFICIENT_STOCK,
    Reason.WRONG_CHIP_PIN,
    Reason.CHIP_BARRED,
    Reason.LIMIT_REACHED,
    Reason.OPERATOR_BUSY,
)
