"""What an agent can ask for in a text, one frozen record a command.

The grammar (`reading.py`) makes them from a text, the service (`queue/service/`) carries them out.
Nothing in them is checked against the database yet. A PIN is in none of them: it stands beside
them in the `Reading`, so that they may be logged and stored. Amounts are rupiah.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PlaceOrder:
    """Top a number up: by product code, or by denomination (thousands) and the number's prefix.

    Exactly one of `product` (in upper case) and `denomination` is there. `reply_number` is the
    buyer's in E.164 digits, who is told the result too (a token for a meter). The destination is
    as it was typed, without what grouped it: the product decides whether it is a telephone.
    """

    product: str | None
    denomination: int | None
    destination: str
    repeat_index: int = 1
    reply_number: str | None = None


@dataclass(frozen=True, slots=True)
class CancelOrder:
    """Cancel the newest order to that number that no chip has begun."""

    destination: str


@dataclass(frozen=True, slots=True)
class ShowOrder:
    """How the newest order to that number stands; of a day of this month, if one is named."""

    destination: str
    day: int | None = None


@dataclass(frozen=True, slots=True)
class LastOrders:
    """The newest orders."""

    count: int | None = None


@dataclass(frozen=True, slots=True)
class Complain:
    """Something is wrong with the newest order to that number, or with that order."""

    about: str
    words: str = ""


@dataclass(frozen=True, slots=True)
class ShowBalance:
    """The deposit, and what is still in process."""

    downline: str | None = None


@dataclass(frozen=True, slots=True)
class ShowPrices:
    """Prices of a product, or of all whose code begins so; None: of an operator's groups."""

    product: str | None = None


@dataclass(frozen=True, slots=True)
class ShowOutOfStock:
    """What cannot be sold at present."""


@dataclass(frozen=True, slots=True)
class AskTicket:
    """A deposit ticket: how much is to be paid in, and over which bank."""

    amount: int
    bank: str | None = None


@dataclass(frozen=True, slots=True)
class TransferBalance:
    """Balance from the sender to his downline (or to anybody of the network, if allowed)."""

    to: str
    amount: int
    repeat_index: int = 1


@dataclass(frozen=True, slots=True)
class PullBalance:
    """Balance back from a downline."""

    downline: str
    amount: int
    repeat_index: int = 1


@dataclass(frozen=True, slots=True)
class ExchangeCommission:
    """Commission into deposit; None: all of it."""

    amount: int | None = None


@dataclass(frozen=True, slots=True)
class ShowStatement:
    """The newest movements of the deposit (mutasi); of a day of this month, if one is named."""

    day: int | None = None
    count: int | None = None


@dataclass(frozen=True, slots=True)
class ShowRecap:
    """A day's orders in one line (rekap); today's, if no day of this month is named."""

    day: int | None = None


@dataclass(frozen=True, slots=True)
class RegisterDownline:
    """A new agent below the sender; `markup` is what he pays more, `number` his telephone."""

    name: str
    town: str
    number: str
    markup: int | None = None


@dataclass(frozen=True, slots=True)
class ListDownlines:
    """The agents right below the sender, or below one of his."""

    below: str | None = None


@dataclass(frozen=True, slots=True)
class SetActive:
    """Let a downline order, or no more."""

    downline: str
    active: bool


@dataclass(frozen=True, slots=True)
class SetMarkup:
    """What downlines pay more: all of them or one, for all products or one.

    With `price` instead of `amount`: so much more that the downline pays this price.
    """

    amount: int | None
    downline: str | None = None
    product: str | None = None
    price: int | None = None


@dataclass(frozen=True, slots=True)
class ShowMarkups:
    """The mark-ups that the sender has set."""


@dataclass(frozen=True, slots=True)
class ChangePin:
    """Another PIN; the one of before is the Reading's. The new one hides itself."""

    new_pin: "HiddenPin"


@dataclass(frozen=True, slots=True)
class ResetPin:
    """A new PIN for a downline who has forgotten his, or has none yet; it hides itself."""

    downline: str
    new_pin: "HiddenPin"


@dataclass(frozen=True, slots=True)
class ChangeName:
    """Another name."""

    name: str


@dataclass(frozen=True, slots=True)
class AddSender:
    """Order from another address of a channel ("sms", "whatsapp", "xmpp") too."""

    channel: str
    address: str


@dataclass(frozen=True, slots=True)
class RemoveSender:
    """Order no more from that address."""

    channel: str
    address: str


@dataclass(frozen=True, slots=True)
class ListSenders:
    """The addresses that may order in the sender's name."""


@dataclass(frozen=True, slots=True)
class SetReportUrl:
    """Where results of orders over HTTP are reported to."""

    url: str


@dataclass(frozen=True, slots=True)
class SetNetworkAddress:
    """From which address the agent's programs may call."""

    address: str


@dataclass(frozen=True, slots=True)
class ChangeNetworkPassword:
    """Another password of the agent's programs (PASSIP); both hide themselves."""

    old: "HiddenPin"
    new: "HiddenPin"


@dataclass(frozen=True, slots=True)
class Help:
    """How to write orders."""


class HiddenPin:
    """A PIN or a password that no log, error or row shows by accident."""

    __slots__ = ("_digits",)

    def __init__(self, digits: str) -> None:
        self._digits = digits

    def reveal(self) -> str:
        """The digits themselves; only for hashing and comparing."""
        return self._digits

    def __repr__(self) -> str:
        return "****"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, HiddenPin) and other._digits == self._digits

    def __hash__(self) -> int:
        return hash((HiddenPin, self._digits))


Command = (
    PlaceOrder
    | CancelOrder
    | ShowOrder
    | LastOrders
    | Complain
    | ShowBalance
    | ShowPrices
    | ShowOutOfStock
    | AskTicket
    | TransferBalance
    | PullBalance
    | ExchangeCommission
    | ShowStatement
    | ShowRecap
    | RegisterDownline
    | ListDownlines
    | SetActive
    | SetMarkup
    | ShowMarkups
    | ChangePin
    | ResetPin
    | ChangeName
    | AddSender
    | RemoveSender
    | ListSenders
    | SetReportUrl
    | SetNetworkAddress
    | ChangeNetworkPassword
    | Help
)
