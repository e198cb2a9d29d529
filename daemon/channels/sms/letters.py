"""Agents' texts on one chip: which they are, and how they leave its SIM.

A text is an agent's if the chip takes orders, its sender is a telephone number, and the recipe
does not name it as one of the operator's. It is handed in at the reception and deleted when it is
kept; a look at the SIM deletes only a few, so that a flood of them holds up no sale.

A text that the network brings again is the same text if it bears the same stamp: the service
centre sets that once, when it takes a text (23.040 9.2.3.11), to the second. All else about it may
differ then: the centre that hands it over, and whether more are waiting there. Who writes the same
again has another stamp, unless he does so within a second: then he is answered once.

What a person wrote may hold a PIN. So what is not handed in (it is not whole, or the chip takes
no orders) is kept without it.
"""

import contextlib
import re
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime

from pulsarack.daemon.channels.sms.reception import Reception, Stage
from pulsarack.modems.results import IncomingSms
from pulsarack.queue.order_text.masking import suspicious
from pulsarack.queue.post.inbound import Letter
from pulsarack.ussd.recipe import Recipe

CHANNEL = "sms"
# How many texts a look takes off the SIM: when the chip is free, and while an order waits there.
DELETED_A_LOOK, DELETED_IN_A_SALE = 8, 2
# ITU-T E.164: 15 digits at most; what is shorter than this is a service, not a telephone.
_TELEPHONE = re.compile(r"[0-9]{8,15}")

Delete = Callable[[IncomingSms], Awaitable[bool]]


class Letters:
    """The agents' texts of one chip while it is plugged in.

    `delete` takes one off the SIM; `give_up` keeps one as unparsed; `come_back` is called when
    there is something to take off.
    """

    def __init__(
        self,
        reception: Reception,
        iccid: str,
        recipe: Recipe,
        *,
        receives: bool,
        delete: Delete,
        give_up: Callable[[IncomingSms], Awaitable[None]],
        come_back: Callable[[], None],
    ) -> None:
        self._reception = reception
        self._iccid = iccid
        self._recipe = recipe
        self._receives = receives
        self._delete = delete
        self._give_up = give_up
        self._come_back = come_back

    def are_among(self, messages: Sequence[IncomingSms]) -> list[IncomingSms]:
        """Those that are agents' texts."""
        if not (self._receives and self._reception.is_open):
            return []
        return [one for one in messages if one.complete and self._is_of_a_person(one)]

    def words(self, message: IncomingSms) -> str:
        """What is kept of a text that is not handed in: what it lacks in front, and no PIN."""
        person = self._is_of_a_person(message)
        if message.complete:
            return suspicious(message.text) if person else message.text
        if not (person and self._receives):
            return f"(incomplete: {message.missing}) {message.text}"
        self._reception.refused("sms.incomplete", chip=self._iccid)
        return f"(incomplete: {message.missing}; what a person wrote is not kept)"

    async def look(self, letters: Sequence[IncomingSms], *, in_a_sale: bool) -> None:
        """Take off what was kept, and hand in what is new."""
        room = DELETED_IN_A_SALE if in_a_sale else DELETED_A_LOOK
        kept = []
        for message in letters:
            stage = self._reception.stage(self._id(message))
            if stage is Stage.UNKNOWN:
                self.hand_in(message)
            elif stage is not Stage.IN_HAND:
                kept.append((message, stage))
        if len(kept) > room:
            self._come_back()
        for message, stage in kept[:room]:
            await self._take_off(message, given_up=stage is Stage.GIVEN_UP)

    def hand_in(self, message: IncomingSms) -> None:
        """Begin to hand one in, unless it is being; one that lies on no SIM in any case."""
        if self._reception.stage(self._id(message)) is not Stage.UNKNOWN:
            return
        letter = Letter(
            channel=CHANNEL,
            message_id=self._id(message),
            sender=self._address(message.sender),
            receiver=self._iccid,
            text=message.text,
            sent_at=sent_at((message,)),
            former_ids=self._former_ids(message),
        )
        self._reception.hand_in(letter, self._come_back, urgent=bool(message.direct))

    async def _take_off(self, message: IncomingSms, *, given_up: bool) -> None:
        if given_up:
            await self._give_up(message)
        if await self._delete(message):
            self._reception.forget(self._id(message))

    def _id(self, message: IncomingSms) -> str:
        return f"{self._iccid}:{self._reception.marks.of(*self._told_by(message))}"

    def _former_ids(self, message: IncomingSms) -> tuple[str, ...]:
        """What a text was called with an older key; and by its whole PDU, as the version before
        knew it: either may have left it on the SIM."""
        marks = self._reception.marks.former(*self._told_by(message))
        return tuple(f"{self._iccid}:{mark}" for mark in (*marks, message.fingerprint))

    def _told_by(self, message: IncomingSms) -> tuple[str, ...]:
        """What is equal in two copies of a text, and in no two texts."""
        if not message.sent_at_text:
            return (message.fingerprint,)
        return self._address(message.sender), message.sent_at_text, message.text

    def _is_of_a_person(self, message: IncomingSms) -> bool:
        # Whoever buys texts in bulk may give any name, also one of digits; a number he may not.
        number = not message.named and _TELEPHONE.fullmatch(message.sender)
        return bool(number) and not self._recipe.believes(message.sender)

    def _address(self, sender: str) -> str:
        return self._recipe.numbering.read(sender) or sender


def sent_at(messages: Sequence[IncomingSms]) -> int | None:
    """When the service centre took a text, milliseconds UTC; None if it does not say."""
    stamps = []
    for one in messages:
        with contextlib.suppress(ValueError):
            stamp = datetime.fromisoformat(one.sent_at_text)
            if stamp.tzinfo is not None:
                stamps.append(round(stamp.timestamp() * 1000))
    return min(stamps, default=None)
