"""A line: one agent on one channel, as the agent sees it. Here those over which texts go.

An agent writes one text, waits for its answer, and only then writes the next, as people do;
results come in between, whenever they come. How a text is sent, and sent again, is the
channel's.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from pulsarack.daemon.clock import WallClock
from pulsarack.daemon.demo.errors import DemoError
from pulsarack.daemon.demo.heard import Heard, Told
from pulsarack.daemon.demo.network import Member
from pulsarack.daemon.demo.phrases import Phrasebook, Said
from pulsarack.daemon.demo.wishes import MESSAGE, REFERENCE, REFUSED, WRONG_SECRET, Wish

FINAL_KEYS = {
    "order_succeeded": "SUCCEEDED",
    "order_failed": "FAILED",
    "order_cancelled": "CANCELLED",
    "order_reversed": "REVERSED",
}
ACCEPTED_KEYS = ("order_accepted", "order_same_reference")
# Virtual seconds. Who was wrong is not listened to for two or four.
PENANCE_SECONDS = 6.0
# How long an agent waits for an answer before it gives the server up.
PATIENCE_SECONDS = 4000.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a wish: an order, or a kind of refusal."""

    order: int | None = None
    refusal: str | None = None


class Line(Protocol):
    """An agent on a channel."""

    async def ask(self, wish: Wish) -> Answer:
        """Send a wish until it is answered, as often as it says."""

    async def ticket(self, amount: int) -> int:
        """Ask for a ticket; the rupiah to be paid in."""


@dataclass(frozen=True, slots=True)
class Sending:
    """A text on its way: `send` may be called again, and is the same message then."""

    send: Callable[[], Awaitable[None]]


class Sender(Protocol):
    """How a channel takes a text from an agent."""

    def message(self, text: str) -> Sending:
        """A new message."""


class TextLine:
    """An agent that writes texts."""

    def __init__(
        self,
        member: Member,
        kind: str,
        sender: Sender,
        heard: Heard,
        clock: WallClock,
        again_seconds: float | None = None,
    ) -> None:
        """again_seconds: virtual ones after which a message that has no answer is sent again,
        as the same; None on a channel that keeps what it took."""
        self._member = member
        self._kind = kind
        self._sender = sender
        self._heard = heard
        self._clock = clock
        self._again_seconds = again_seconds
        self._phrases = Phrasebook(member.language)
        self._said: asyncio.Queue[Said] = asyncio.Queue()
        self._one_at_a_time = asyncio.Lock()

    def hear(self, text: str) -> None:
        """The channel brings a text of the server."""
        said = self._phrases.read(text)
        state = FINAL_KEYS.get(said.key)
        if state is not None:
            told = Told(self._member.code, self._kind, state)
            self._heard.result(said.reference, told)
        else:
            if not said.key:
                self._heard.complain(f"{self._kind} {self._member.code}", f"told {text!r}")
            self._said.put_nowait(said)

    async def ask(self, wish: Wish) -> Answer:
        """Write an order and wait for the answer, or the mistake that was drawn."""
        member = self._member
        wrong = wish.typed.refusal == WRONG_SECRET
        text = wish.text(member.wrong_pin if wrong else member.pin)
        async with self._one_at_a_time:
            said = await self._write(text, wish.reference, twice=wish.again == MESSAGE)
            if wrong:
                await self._clock.sleep(PENANCE_SECONDS)
            if wish.again == REFERENCE:
                again = await self._write(text, wish.reference, twice=False)
                # After a kill it may be the first answer, told once more.
                if not {said.key, again.key} <= set(ACCEPTED_KEYS):
                    self._heard.complain(f"text {wish.reference}", f"again: {again.key}")
                elif again.number("trxid") != said.number("trxid"):
                    self._heard.complain(f"text {wish.reference}", "again: another order")
        if said.key in ACCEPTED_KEYS:
            return Answer(order=said.number("trxid"))
        return Answer(refusal=WRONG_SECRET if said.key == "wrong_pin" else REFUSED)

    async def ticket(self, amount: int) -> int:
        """TIKET."""
        async with self._one_at_a_time:
            said = await self._write(f"TIKET.{amount}.{self._member.pin}", "", twice=False)
        if said.key != "ticket":
            what = f"answered by {said.key}" if said.key else "not answered"
            raise DemoError(f"a ticket asked for by {self._kind} was {what}", "read daemon.log")
        return said.number("jumlah")

    async def command(self, text: str) -> Said:
        """Any other text, its PIN appended."""
        async with self._one_at_a_time:
            return await self._write(f"{text}.{self._member.pin}", "", twice=True)

    async def _write(self, text: str, reference: str, *, twice: bool) -> Said:
        """Send one message, perhaps twice, and wait for what answers it."""
        while not self._said.empty():
            self._said.get_nowait()
        sending = self._sender.message(text)
        await sending.send()
        if twice:
            await sending.send()
        deadline = self._clock.monotonic() + PATIENCE_SECONDS
        while (left := deadline - self._clock.monotonic()) > 0:
            wait = min(left, self._again_seconds or left) / self._clock.speed
            try:
                said = await asyncio.wait_for(self._said.get(), wait)
            except TimeoutError:
                if self._again_seconds is not None:
                    self._heard.sent_again += 1
                    await sending.send()
                continue
            # An answer to another text is no answer; refusals name no reference.
            if said.reference in ("", reference) and said.key not in _NOTICES:
                return said
        self._heard.complain(f"{self._kind} {self._member.code}", f"{reference} was not answered")
        return Said("", {})


# What is told without being asked.
_NOTICES = ("credited", "transfer_received")
