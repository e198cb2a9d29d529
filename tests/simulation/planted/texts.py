"""Bugs in what agents write and in what they are told."""

import asyncio
import itertools
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

from peewee import Database

from pulsarack.daemon.channels.front_desk import FrontDesk
from pulsarack.daemon.channels.sms.letters import Letters
from pulsarack.daemon.channels.sms.reception import Stage
from pulsarack.daemon.identity.pin_check import PinCheck, PinVerdict
from pulsarack.queue.deposits import transfers
from pulsarack.queue.deposits.transfers import BalanceTransfer
from pulsarack.queue.network import commissions
from pulsarack.queue.post import inbound, outgoing, results
from pulsarack.queue.post.inbound import Letter
from pulsarack.queue.post.outgoing import Kind, State, Text
from pulsarack.queue.rows import scalar
from tests.simulation.planted.plants import bug, put


@bug("An agent's text is deleted from the SIM before it is kept.", "P1")
def text_deleted_before_it_is_kept(patches: ExitStack) -> None:
    async def look(self: Letters, letters: Any, *, in_a_sale: bool) -> None:
        for message in letters:
            if self._reception.stage(self._id(message)) is Stage.UNKNOWN:
                await self._delete(message)
                self.hand_in(message)

    put(patches, Letters, "look", look)


def _forget_messages(patches: ExitStack) -> None:
    """No message is known again; each is kept under an id of its own."""
    numbers = itertools.count()

    def add(db: Database, letter: Letter, **rest: Any) -> int | None:
        if known(db, letter.channel, letter.message_id) is not None:
            letter = replace(letter, message_id=f"{letter.message_id}/{next(numbers)}")
        return old(db, letter, **rest)

    known = put(patches, inbound, "outcome_of", lambda *args: None)
    old = put(patches, inbound, "add", add)


@bug("A message that its channel brings again is carried out again.", "P1", "P2")
def message_brought_again_done_again(patches: ExitStack) -> None:
    _forget_messages(patches)


@bug("A repeated message exchanges commission once more.", "P3")
def commission_exchanged_at_each_repeat(patches: ExitStack) -> None:
    def exchange(db: Database, agent: str, amount: int | None, **rest: Any) -> Any:
        if ":" not in rest["exchange_id"]:
            return old(db, agent, amount, **rest)  # not asked for by text
        for number in range(2):
            again = f"{rest['exchange_id']}:{number}"
            found = old(db, agent, amount, **{**rest, "exchange_id": again})
        return found

    old = put(patches, commissions, "exchange", exchange)


@bug("The answer is written behind the transaction that takes the message.", "P6")
def answer_lost_at_a_crash(patches: ExitStack) -> None:
    def answer(self: FrontDesk, db: Database, *rest: Any) -> None:
        async def later() -> None:
            await self._context.clock.sleep(1.0)
            await self._context.store.write(lambda db: old(self, db, *rest))

        asyncio.get_running_loop().call_soon(
            lambda: _unawaited.append(asyncio.ensure_future(later()))
        )

    old = put(patches, FrontDesk, "_answer", answer)


_unawaited: list["asyncio.Future[None]"] = []


@bug("What is about to be sent is written down as sent.", "P6")
def noted_as_sent_before_it_left(patches: ExitStack) -> None:
    def begin(db: Database, outgoing_id: int, **rest: Any) -> Any:
        begun = old(db, outgoing_id, **rest)
        if begun is not None:
            outgoing.arrived(db, outgoing_id, State.SENT, None, now_ms=0)
        return begun

    old = put(patches, outgoing, "begin", begin)


@bug("A result goes by SMS, whatever channel the order came over.", "P6")
def result_on_the_wrong_channel(patches: ExitStack) -> None:
    def post(db: Database, text: Text, *, now_ms: int) -> int | None:
        number = scalar(
            db, "SELECT address FROM sender WHERE channel = 'sms' AND agent = ?", (text.agent,)
        )
        if text.kind is Kind.RESULT and number is not None:
            text = replace(text, channel="sms", address=number, sender="")
        return old(db, text, now_ms=now_ms)

    old = put(patches, outgoing, "put", post)


@bug("The result of an order by text is never told.", "P6")
def result_never_told(patches: ExitStack) -> None:
    def post(db: Database, order: Any, *rest: Any, **more: Any) -> None:
        if order.id % 5:
            old(db, order, *rest, **more)

    old = put(patches, results, "post", post)


@bug("A result that cannot be told on its channel is dropped.", "P6")
def no_other_way(patches: ExitStack) -> None:
    put(patches, outgoing, "_by_sms", lambda *args: False)


@bug("A wrong PIN is as good as the right one.", "P1")
def wrong_pin_accepted(patches: ExitStack) -> None:
    async def verify(self: PinCheck, *args: Any) -> PinVerdict:
        found = await old(self, *args)
        return PinVerdict.RIGHT if found is PinVerdict.WRONG else found

    old = put(patches, PinCheck, "verify", verify)


@bug("A transfer that was made today is made again by the same text.", "P3")
def transfer_repeated(patches: ExitStack) -> None:
    def book(db: Database, one: BalanceTransfer) -> BalanceTransfer:
        while known(db, one) is not None:
            one = replace(one, repeat_index=one.repeat_index + 1)
        return old(db, one)

    known = put(patches, transfers, "_by_natural_key", lambda *args: None)
    old = put(patches, transfers, "_book", book)


@bug("Messages are kept with the PIN that stands in them.", "P7")
def pin_kept_with_the_message(patches: ExitStack) -> None:
    def add(db: Database, letter: Letter, *, masked: str, **rest: Any) -> int | None:
        return old(db, letter, masked=letter.text, **rest)

    old = put(patches, inbound, "add", add)
