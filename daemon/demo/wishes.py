"""What the agents of a demonstration of the channels want: orders and mistakes, each on a line.

A line is one agent on one channel. Some messages come twice (the network delivers them again, or
a program sends its request again), some are written again with the same reference, some have a
wrong PIN or cannot be carried out. An agent errs in its PIN twice at most, since the third locks
it; programs err in their signature as seldom.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from random import Random

from pulsarack.daemon.demo import workload
from pulsarack.daemon.demo.network import SELLERS
from pulsarack.daemon.demo.workload import Shop, Typed

TEXT_KINDS = ("sms", "whatsapp", "xmpp")
HTTP_KINDS = ("native", "otomax", "digiflazz")
# What must be refused, and how; everything else is accepted.
WRONG_SECRET, REFUSED = "WRONG_SECRET", "REFUSED"
# What comes again: the very message, or its reference in a message of its own.
MESSAGE, REFERENCE = "message", "reference"

_AGAIN_SHARE = 0.2
_WRONG_MOST = 2
_ORDERS_PER_MISTAKE = 8
_LEAST_MISTAKES = 6
_FORMS = ("{product}.{number}.{pin}", "{product} {number} {pin}", "{product}*{number}#{pin}")


@dataclass(frozen=True, slots=True)
class Wish:
    """One message; `typed.text` is the order as `S10.2.0812...`, without a secret."""

    typed: Typed
    kind: str
    form: str
    again: str = ""

    @property
    def reference(self) -> str:
        """The agent's own reference."""
        return self.typed.client_reference

    @property
    def product(self) -> str:
        """The code."""
        return self.typed.text.split(".")[0]

    @property
    def number(self) -> str:
        """The destination, with the counter in front if there is one."""
        return self.typed.text.partition(".")[2]

    def text(self, pin: str) -> str:
        """As an agent types it."""
        typed = self.form.format(product=self.product, number=self.number, pin=pin)
        return f"{typed} R#{self.reference}"


def draw(rng: Random, count: int, shops: Sequence[Shop], kinds: Sequence[str]) -> list[Wish]:
    """`count` orders over those kinds of lines, and some to be refused among them."""
    agents = [member.code for member in SELLERS]
    orders = [one for one in workload.draw(rng, count, shops, agents=agents) if one.refusal is None]
    wishes = [_order(rng, one, kinds) for one in orders]
    wrong: Counter[tuple[str, bool]] = Counter()
    for number in range(max(_LEAST_MISTAKES, count // _ORDERS_PER_MISTAKE)):
        place = rng.randrange(len(wishes) + 1)
        # Each kind of line has its share, however few there are.
        kind = kinds[number % len(kinds)]
        wishes.insert(place, _mistake(rng, rng.choice(orders), number, kind, wrong))
    return wishes


def _order(rng: Random, typed: Typed, kinds: Sequence[str]) -> Wish:
    counted = typed.text.count(".") > 1
    # There a further order of the day has no counter: whichever came first would be the first.
    kind = rng.choice([kind for kind in kinds if not (counted and kind == "digiflazz")])
    form = _FORMS[0] if counted else rng.choice(_FORMS)
    again = rng.choice((MESSAGE, REFERENCE)) if rng.random() < _AGAIN_SHARE else ""
    return Wish(typed, kind, form, again)


def _mistake(
    rng: Random, like: Typed, number: int, kind: str, wrong: Counter[tuple[str, bool]]
) -> Wish:
    reference = f"{like.agent}-X{number}"
    code, destination = like.text.split(".")[0], like.text.split(".")[-1]
    texts = kind in TEXT_KINDS
    if number // 3 % 2 == 0 and wrong[like.agent, texts] < _WRONG_MOST:
        wrong[like.agent, texts] += 1
        typed = replace(like, client_reference=reference, refusal=WRONG_SECRET)
        return Wish(typed, kind, _FORMS[0])
    text = rng.choice(
        [
            f"{code}.{destination[:6]}",
            f"{code[0]}7.{destination}",
            f"{code}.0831{destination[4:]}",
        ]
    )
    return Wish(Typed(like.agent, text, reference, REFUSED), kind, _FORMS[0])
