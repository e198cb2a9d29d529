"""The front desk: where every text of an agent arrives, whatever channel it came over.

    seen before? -> whose is it? -> too old? -> what does it say? -> is the PIN right? -> do it

The last step is one transaction: the message is kept (without its PIN), what it asks is done, and
the answer is written into the outbox. Before it nothing is written, so a message that was not
taken is still its channel's, who brings it again; after it the same message is known by its id and
does nothing more. A message that makes the daemon stumble is kept and answered, too, or its
channel would bring it for ever.

Whoever is not known learns nothing: one answer for all strangers, and not often. An agent whose
texts are no orders, one after the other, is a program that answers ours, and hears no more either.
"""

import asyncio
import random
import re
import traceback
from collections.abc import AsyncIterator, Callable, Container, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Protocol

from peewee import Database

from pulsarack.daemon.channels import sealing
from pulsarack.daemon.channels.patience import Patience
from pulsarack.daemon.channels.sealing import Sealed
from pulsarack.daemon.context import MS, Context
from pulsarack.daemon.derived import Derived
from pulsarack.daemon.errors import Busy
from pulsarack.daemon.identity import pin_rule
from pulsarack.daemon.identity.pin_check import PinVerdict
from pulsarack.daemon.ordering import Ordering
from pulsarack.daemon.pressure import Pressure
from pulsarack.daemon.store_errors import StoreError
from pulsarack.queue import agents, products
from pulsarack.queue.agents import Agent
from pulsarack.queue.identity import senders
from pulsarack.queue.order_text import reading
from pulsarack.queue.order_text.commands import HiddenPin
from pulsarack.queue.order_text.grammar import Vocabulary
from pulsarack.queue.order_text.masking import HIDDEN
from pulsarack.queue.order_text.misread import Misread
from pulsarack.queue.order_text.reading import Reading
from pulsarack.queue.post import inbound, outgoing
from pulsarack.queue.post.inbound import Letter
from pulsarack.queue.post.outgoing import Kind, Text
from pulsarack.queue.service import misread, service
from pulsarack.queue.service.asked import Answer, Asked, Settings
from pulsarack.queue.wordings import render

_PIN_ANSWERS = {
    PinVerdict.WRONG: "wrong_pin",
    PinVerdict.LOCKED: "pin_locked",
    PinVerdict.NONE_SET: "no_pin_set",
    PinVerdict.SLOW_DOWN: "slow_down",
    PinVerdict.MISSING: "pin_missing",
}
# Longer than a text is on its way a sender's clock may be wrong; and a day's figures are looked for
# an hour around it.
_LATE_MS = 3_600_000
_MAYBE_PIN = re.compile(r"[0-9]{4,8}")
STRANGER = "unknown_sender"
FAULT = "failed"
_UNREAD = "(not kept: it could not be read)"


class Pins(Protocol):
    """What the desk needs of `daemon/identity/pin_check.py`."""

    async def verify(self, agent: str, pin: HiddenPin | None, sender: str) -> PinVerdict: ...
    async def hash(self, pin: HiddenPin) -> str: ...


class Strangers(Protocol):
    """What it needs of `daemon/identity/strangers.py`."""

    def may_answer(self, channel: str, address: str) -> bool: ...


@dataclass(frozen=True, slots=True)
class Received:
    """What became of a message: the name of its answer; whether it had been taken before."""

    outcome: str
    repeated: bool


class _ShutOut(Exception):
    """The sender was an agent's when his text was read, and is not any more."""


@dataclass(frozen=True, slots=True)
class _Looked:
    outcome: str | None
    agent: Agent | None
    products: Container[str]


class FrontDesk:
    """One for all channels."""

    def __init__(
        self,
        context: Context,
        ordering: Ordering,
        pins: Pins,
        strangers: Strangers,
        pressure: Pressure,
        ring: Callable[[str], None],
        rng: random.Random,
        settings: Derived[Settings],
        accounts: sealing.Accounts,
    ) -> None:
        self._context = context
        self._ordering = ordering
        self._pins = pins
        self._strangers = strangers
        self._pressure = pressure
        self._ring = ring
        self._rng = rng
        self._settings = settings
        self._accounts = accounts
        self._patience = Patience(context.clock)
        self._grammar = Derived(context.config, lambda config: config.texts.grammar())
        self._in_hand: dict[tuple[str, str], asyncio.Event] = {}

    async def receive(self, letter: Letter) -> Received:
        """Take a message and do what it asks.

        All of it is on disk when this returns, and the answer waits in the outbox. Raises Busy or
        StoreError if nothing was taken: then the channel keeps the message.
        """
        async with self._alone(letter):
            looked = await self._look(letter)
            if looked.outcome is not None:
                return Received(looked.outcome, repeated=True)
            try:
                return await self._attend(letter, looked)
            except (Busy, StoreError):
                raise
            except _ShutOut:
                return await self._turn_away(letter)
            except Exception as error:  # noqa: BLE001 - it would come for ever
                self._tell_fault(letter, error)
                return await self._say(
                    letter, looked.agent, Answer(FAULT), self._after_fault(letter)
                )

    async def refuse(
        self, letter: Letter, key: str, values: Mapping[str, str | int] | None = None
    ) -> Received:
        """Keep a message that its channel found not to be read as an order, and answer so."""
        async with self._alone(letter):
            looked = await self._look(letter)
            if looked.outcome is not None:
                return Received(looked.outcome, repeated=True)
            if looked.agent is None:
                return await self._turn_away(letter)
            said = Answer(key, values or {})
            return await self._refused(letter, looked.agent, said, self._masked(letter))

    @asynccontextmanager
    async def _alone(self, letter: Letter) -> AsyncIterator[None]:
        """A message that comes twice at once is taken once: a wrong PIN in it is one wrong try."""
        key = (letter.channel, letter.message_id)
        while (first := self._in_hand.get(key)) is not None:
            await first.wait()
        self._in_hand[key] = mine = asyncio.Event()
        try:
            yield
        finally:
            del self._in_hand[key]
            mine.set()

    async def _attend(self, letter: Letter, looked: _Looked) -> Received:
        agent = looked.agent
        if agent is None:
            return await self._turn_away(letter)
        if self._too_old(letter):
            return await self._refused(letter, agent, Answer("too_old"), self._masked(letter))
        needed = pin_rule.pin_needed(self._context.config.agents, letter.channel, None)
        read = reading.read(
            letter.text, self._grammar(), Vocabulary(looked.products), pin_expected=needed
        )
        if isinstance(read, Misread):
            return await self._refused(
                letter, agent, misread.answer(read, agent.language), read.masked
            )
        wrong = await self._check_pin(letter, agent, read)
        if wrong is not None:
            return await self._refused(letter, agent, wrong, read.masked)
        return await self._carry_out(letter, agent, read)

    async def _check_pin(self, letter: Letter, agent: Agent, read: Reading) -> Answer | None:
        """What is wrong with the PIN; None if it is right, or nobody asks for it."""
        settings = self._context.config.agents
        needed = any(
            pin_rule.pin_needed(settings, letter.channel, command) for command in read.commands
        )
        if read.pin is None and not needed:
            return None
        who = f"{letter.channel}:{letter.sender}"
        verdict = await self._pins.verify(agent.code, read.pin, who)
        if verdict is PinVerdict.RIGHT:
            return None
        return Answer(_PIN_ANSWERS[verdict])

    async def _carry_out(self, letter: Letter, agent: Agent, read: Reading) -> Received:
        sealed = await sealing.seal(read, agent.code, self._pins, self._accounts)
        if isinstance(sealed, Answer):
            return await self._refused(letter, agent, sealed, read.masked)
        asked = self._asked(letter, agent, read, sealed)

        def job(db: Database) -> tuple[str | None, tuple[Answer, ...]]:
            # Comparing a PIN takes time, in which an admin may have shut him out.
            if _whose(db, letter) != agent.code:
                raise _ShutOut
            kept = inbound.add(
                db,
                letter,
                agent=agent.code,
                masked=read.masked,
                outcome="",
                now_ms=asked.received_at,
            )
            if kept is None:
                return None, ()
            answers = service.answer_all(db, read.commands, replace(asked, inbound_id=kept))
            outcome = answers[0].key
            inbound.conclude(db, kept, outcome)
            words = service.words(db, answers, asked)
            self._answer(db, letter, agent.code, words, kept, asked.received_at)
            return outcome, answers

        self._patience.was_read(letter.channel, letter.sender)
        # In its agent's turn: who sends one text does not wait for who sends a thousand.
        outcome, answers = await self._context.store.write_for(agent.code, job)
        for answer in answers:
            self._ordering.tell_accepted(answer.orders)
            for order in answer.cancelled:
                await self._context.announce(order.id)
        if any(answer.noticed for answer in answers):
            self._context.events.noticed()
        return self._ended(letter, outcome)

    def _asked(self, letter: Letter, agent: Agent, read: Reading, sealed: Sealed) -> Asked:
        return Asked(
            agent=agent,
            channel=letter.channel,
            sender=letter.sender,
            address=letter.answer_to or letter.sender,
            receiver=letter.receiver,
            text=read.masked,
            inbound_id=None,
            received_at=self._context.clock.now_ms(),
            local_day=self._day_of(letter),
            rng=self._rng,
            settings=self._settings(),
            client_reference=read.reference,
            new_pin_hash=sealed.pin_hash,
            new_passwords=sealed.passwords,
        )

    async def _turn_away(self, letter: Letter) -> Received:
        """Somebody who is not known, or not any more."""
        self._count(STRANGER, letter)
        if not self._strangers.may_answer(letter.channel, letter.sender):
            return await self._say(letter, None, None, self._masked(letter))
        return await self._say(letter, None, Answer(STRANGER), self._masked(letter))

    async def _refused(self, letter: Letter, agent: Agent, said: Answer, masked: str) -> Received:
        self._count(said.key, letter)
        quiet = not self._patience.may_answer(letter.channel, letter.sender)
        if quiet:
            self._count("no_more_answers", letter)
        return await self._say(letter, agent, said, masked, quiet=quiet)

    async def _say(
        self,
        letter: Letter,
        agent: Agent | None,
        said: Answer | None,
        masked: str,
        *,
        quiet: bool = False,
    ) -> Received:
        """Keep a message that is not carried out, and answer it unless we are `quiet`."""
        now_ms = self._context.clock.now_ms()
        outcome = STRANGER if said is None else said.key
        code = agent.code if agent is not None else None
        language = agent.language if agent is not None else "id"
        # A stranger learns nothing, not even that his reference was read; and a text at which the
        # reading may have stumbled is not read again.
        named = agent is not None and outcome != FAULT
        reference = self._reference(letter) if named else ""
        room = render.room_of(letter.channel) - len(reference)

        def job(db: Database) -> str | None:
            kept = inbound.add(
                db, letter, agent=code, masked=masked, outcome=outcome, now_ms=now_ms
            )
            if kept is None:
                return None
            if said is not None and not quiet:
                words = render.render(db, said.key, language, said.variables, room=room)
                self._answer(db, letter, code, f"{reference}{words}", kept, now_ms)
            return outcome

        turn = code if code is not None else f"{letter.channel} strangers"
        return self._ended(letter, await self._context.store.write_for(turn, job))

    def _answer(
        self,
        db: Database,
        letter: Letter,
        agent: str | None,
        words: str,
        inbound_id: int,
        now_ms: int,
    ) -> None:
        text = Text(
            channel=letter.channel,
            address=letter.answer_to or letter.sender,
            kind=Kind.ANSWER,
            text=words,
            agent=agent,
            sender=letter.receiver,
            inbound_id=inbound_id,
        )
        outgoing.put(db, text, now_ms=now_ms)

    def _ended(self, letter: Letter, outcome: str | None) -> Received:
        self._ring(letter.channel)
        if outcome is None:
            return Received("", repeated=True)  # taken meanwhile by its twin
        self._context.measures.heard[(letter.channel, outcome)] += 1
        self._context.log.debug("desk.received", channel=letter.channel, outcome=outcome)
        return Received(outcome, repeated=False)

    async def _look(self, letter: Letter) -> _Looked:
        """All that is to be known before a message is read."""

        def job(db: Database) -> _Looked:
            outcome = inbound.outcome_of(db, letter.channel, letter.message_id, *letter.former_ids)
            code = _whose(db, letter)
            agent = agents.find(db, code) if code is not None else None
            known = frozenset(one.code for one in products.every(db)) if agent else frozenset()
            return _Looked(outcome, agent, known)

        return await self._context.store.read_for(f"{letter.channel}:{letter.sender}", job)

    def _day_of(self, letter: Letter) -> str:
        """The day on which it was sent, if it came late: another way it came on that day, too."""
        now_ms = self._context.clock.now_ms()
        sent_at = now_ms if letter.sent_at is None else letter.sent_at
        return self._context.day_of(min(now_ms, max(sent_at, now_ms - _LATE_MS)))

    def _too_old(self, letter: Letter) -> bool:
        oldest = round(self._context.config.channels.oldest_seconds * MS)
        return letter.sent_at is not None and letter.sent_at < self._context.clock.now_ms() - oldest

    def _masked(self, letter: Letter) -> str:
        """The text of a message that is not carried out: whatever could be a PIN is masked."""
        return reading.read(letter.text, self._grammar(), Vocabulary(frozenset())).masked

    def _reference(self, letter: Letter) -> str:
        """`R#ref ` of a message that is not carried out, "" without: its sender finds by it
        which of his messages was refused. What may be the PIN in a wrong place is not told."""
        read = reading.read(letter.text, self._grammar(), Vocabulary(frozenset()))
        found = read.reference or ""
        has_pin = HIDDEN in read.masked.replace(f"R#{HIDDEN}", "")
        return f"R#{found} " if found and (has_pin or not _MAYBE_PIN.fullmatch(found)) else ""

    def _after_fault(self, letter: Letter) -> str:
        """The same of a text at which the reading itself may have stumbled."""
        try:
            return self._masked(letter)
        except Exception:  # noqa: BLE001 - it is told already
            return _UNREAD

    def _tell_fault(self, letter: Letter, error: Exception) -> None:
        """Say where it was, without the error's words: they may quote the text and its PIN."""
        self._context.log.error(
            "desk.fault",
            channel=letter.channel,
            message=letter.message_id,
            why=type(error).__name__,
            place="".join(traceback.format_tb(error.__traceback__)[-5:]),
        )

    def _count(self, key: str, letter: Letter) -> None:
        self._pressure.refused(f"text.{key}", channel=letter.channel)


def _whose(db: Database, letter: Letter) -> str | None:
    """The agent who writes, if he may."""
    found = senders.find_any(db, letter.channel, (letter.sender, *letter.aliases))
    return None if found is None else found.agent
