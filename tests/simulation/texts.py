"""Agents who write: orders, tickets, transfers, PINs, over SMS and chat, until they are answered.

Whoever hears nothing for some minutes writes the same again. An answer is known by what it names:
a chat says which message it answers, a telephone does not. Now and then somebody mistypes his
PIN; whoever does not know which of two PINs is his tries both; one that is locked is unlocked by
the admin.
"""

import asyncio
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random

from pulsarack.daemon.channels.carrier import Parcel
from pulsarack.modems.simulator.telephones import Heard
from tests.simulation.auditor import Wish
from tests.simulation.bank import Bank
from tests.simulation.crashes import CrashPoint
from tests.simulation.plan import CUSTOMERS, PlannedOrder
from tests.simulation.texts_plan import (
    SMS,
    TICKET_RUPIAH,
    TRANSFER_RUPIAH,
    Said,
    Writer,
    new_pin,
)
from tests.simulation.world import World

WHO = "boss"
TRIES = 4
PATIENCE_SECONDS = (90.0, 700.0)
SEVERAL = 0.2
# Far more than one text's way to the service centre may take longer than another's.
EQUAL_TEXTS_APART_SECONDS = 30.0
# How often the daemon dies of a text, and after how many points at most.
DIES = 0.04
DEATHS = (
    (CrashPoint.AWAIT, 150),
    (CrashPoint.BEFORE_COMMIT, 5),
    (CrashPoint.AFTER_COMMIT, 5),
    (CrashPoint.BODY_BYTE, 60),
)
# Numbers to which nobody orders but whoever mistypes his PIN.
MISTYPED = "9"
_RESULT = re.compile(r"(?:R#\S+ )?Transaksi .*Trx#(\d+)$", re.S)
_ACCEPTED = re.compile(r"(?:R#\S+ )?Trx#(\d+) (\S+) ke (\S+) (?:sedang diproses|sdh pernah)")
_TICKET = re.compile(r"Tiket #(\d+): transfer TEPAT Rp([\d.]+) ")
_WRONG, _LOCKED = "PIN salah", "PIN terkunci"
_GENERAL = (
    _WRONG,
    _LOCKED,
    "Terlalu banyak",
    "Pesan Anda terlambat",
    "Saldo tidak cukup",
    "Maaf, server",
    "Akun Anda tidak aktif",
    "Komisi tidak cukup",
)
_LATER = ("Terlalu banyak", "Pesan Anda terlambat", "Maaf, server")


@dataclass(eq=False)
class _Question:
    """A text that waits for its answer; `names`: what the answer must name."""

    id: str | None
    names: tuple[str, ...]
    answer: "asyncio.Future[str]" = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )


class Texts:
    """All who write in a world."""

    def __init__(self, world: World, bank: Bank) -> None:
        self._world = world
        self._bank = bank
        self._books = world.auditor.texts
        self._rng = Random(f"writers/{world.plan.seed}")
        self.met: Counter[str] = Counter()
        self._pins: dict[str, list[str]] = {}  # what may be an agent's, the likeliest first
        self._asked: dict[str, list[_Question]] = {}
        self._sent: dict[tuple[str, str], float] = {}  # when a telephone sent a text last
        self._changing: dict[str, asyncio.Lock] = {}
        for writer in world.plan.texts.writers:
            self._pins[writer.agent] = [writer.pin]
            self._asked[writer.agent] = []
            self._changing[writer.agent] = asyncio.Lock()
        self._by_address = {
            address: writer
            for writer in world.plan.texts.writers
            for address in (writer.address, writer.number)
        }
        world.simulation.telephones.listen(self._heard_by_telephone)
        world.leave_chat = lambda channel, parcel: self._books.left(channel, parcel.id)
        world.hear_chat = self._heard_in_chat

    async def set_up(self) -> None:
        """The admin gives them their PINs and binds their addresses."""
        for writer in self._world.plan.texts.writers:
            insist = self._world.insist
            await insist("pin.set", agent=writer.agent, pin=writer.pin, who=WHO)
            for channel, address in ((SMS, writer.number), (writer.way, writer.address)):
                await insist(
                    "sender.add", agent=writer.agent, channel=channel, address=address, who=WHO
                )
            self._books.join(writer)

    def writes(self, agent: str) -> bool:
        """Whether an agent orders by text."""
        return agent in self._pins

    # --- orders ---

    async def order(self, planned: PlannedOrder) -> int | None:
        """Order by text; the order's id, if the answer names it."""
        writer = self._writer(planned.agent)
        if planned.reference is None and self._rng.random() < SEVERAL:
            return await self._several(writer, planned)
        wish = Wish(planned.product, "62" + planned.destination[1:])
        counter = f"{planned.repeat_index}." if planned.repeat_index > 1 else ""
        body = f"{planned.product}.{counter}{planned.destination}"
        reference = f" R#{planned.reference}" if planned.reference else ""
        self.met["second time today"] += planned.repeat_index > 1
        said = await self._ask(
            writer,
            body,
            (planned.product, planned.destination),
            lambda: self._wished(writer, planned.reference, wish),
            behind=reference,
        )
        found = _ACCEPTED.match(said or "")
        return int(found[1]) if found else None

    def _wished(self, writer: Writer, reference: str | None, wish: Wish) -> None:
        # A network may deliver a text once more with another stamp: that is another text.
        times = 2 if writer.way == SMS else 1
        self._world.auditor.wished(writer.agent, reference, wish, times)

    async def _several(self, writer: Writer, planned: PlannedOrder) -> None:
        other = planned.destination[:-2] + self._rng.choice(CUSTOMERS)
        if other == planned.destination:
            other = planned.destination[:-2] + "18"
        both = (planned.destination, other)
        wishes = [Wish(planned.product, "62" + one[1:]) for one in both]

        def wished() -> None:
            for wish in wishes:
                self._wished(writer, None, wish)

        body = ".".join(f"{planned.product}.{one}" for one in both)
        said = await self._ask(writer, body, (), wished)
        self.met["several orders"] += 1
        for wish in wishes:
            if said and f"{wish.product}.0{wish.destination[2:]} OK" in said:
                self._must_be_there(writer.agent, wish)

    def _must_be_there(self, agent: str, wish: Wish) -> None:
        found = self._world.auditor.history(
            f"SELECT 1 FROM orders WHERE agent = '{agent}' AND product = '{wish.product}'"
            f" AND destination = '{wish.destination}'"
        )
        if not found:
            self._world.auditor.find("P1", f"{agent} was answered OK, {wish} is not there")

    async def cancel(self, planned: PlannedOrder) -> None:
        """Cancel by text, if it is not too late."""
        writer = self._writer(planned.agent)
        await self._ask(writer, f"BTL.{planned.destination}", (planned.destination,), _nothing)

    # --- what else is written ---

    async def say(self, said: Said) -> None:
        """One of the other texts at its time."""
        await asyncio.sleep(said.at)
        writer = self._world.plan.texts.writers[said.writer]
        acts = {
            "ticket": self._ticket,
            "transfer": self._transfer,
            "pull": self._transfer,
            "exchange": self._exchange,
            "pin": self._change_pin,
            "balance": self._balance,
            "wrong pin": self._mistype,
            "thrice wrong": self._mistype,
        }
        await acts[said.kind](writer, said)

    async def _ticket(self, writer: Writer, said: Said) -> None:
        amount = TICKET_RUPIAH + said.amount * 1000
        what = ("ticket", writer.agent, amount)
        answer = await self._ask(
            writer, f"TIKET.{amount}", ("Tiket #",), lambda: self._books.wished(*what)
        )
        found = _TICKET.match(answer or "")
        exact = int(found[2].replace(".", "")) if found else 0
        # The answer to another one may come so late that it looks like this one's.
        if found and amount <= exact < amount + 1000:
            self.met["ticket"] += 1
            await self._bank.pay_by_ticket(writer.agent, int(found[1]), exact, said.amount)

    async def _transfer(self, writer: Writer, said: Said) -> None:
        amount = TRANSFER_RUPIAH + said.amount
        pulls, counter = said.kind == "pull", said.amount % 3 + 1
        sender, receiver = writer.agent, said.other
        if pulls:
            sender, receiver = receiver, sender
        what = ("PULL" if pulls else "SEND", sender, receiver, amount, counter)
        number = f"#{counter}" if counter > 1 else ""
        word, done = ("TARIK", "ditarik dari") if pulls else ("T", "BERHASIL")
        for _ in range(self._rng.choice((1, 2))):  # or he asks once more whether it was done
            answer = await self._ask(
                writer,
                f"{word}.{said.other}.{amount}",
                (said.other,),
                lambda: self._books.wished(*what),
                behind=number,
            )
            # The answer to another one may come so late that it looks like this one's.
            of_this = answer is not None and f"Rp{amount:,} ".replace(",", ".") in answer
            if of_this and answer and (done in answer or "sudah pernah hari ini" in answer):
                self.met[said.kind] += 1
                self.met["transfer repeated"] += "sudah pernah" in answer
                self._books.promised(*what)

    async def _exchange(self, writer: Writer, said: Said) -> None:
        amount = 10 + said.amount
        what = ("exchange", writer.agent, amount)
        for _ in range(3 if self._world.plan.network else 1):  # until there is so much
            answer = await self._ask(
                writer, f"TK.{amount}", ("Komisi Rp",), lambda: self._books.wished(*what)
            )
            if answer and answer.startswith("Komisi Rp"):
                self.met["exchange"] += 1
                return
            await asyncio.sleep(self._rng.uniform(0.1, 0.4) * self._world.plan.seconds)

    async def _balance(self, writer: Writer, _said: Said) -> None:
        await self._ask(writer, "S", (f"({writer.agent}). Saldo",), _nothing)

    async def _change_pin(self, writer: Writer, _said: Said) -> None:
        async with self._changing[writer.agent]:
            if len(self._pins[writer.agent]) > 1:
                return
            new = new_pin(self._rng)
            self._books.secrets.add(new)
            old = self._pins[writer.agent][0]
            answer = await self._ask(
                writer,
                f"GP.{old}.{new}",
                ("PIN sudah diganti",),
                # From now on it may be either.
                lambda: self._pins.update({writer.agent: [old, new]}),
                pin="",
                tries=1,
            )
            if answer and "sudah diganti" in answer:
                self._pins[writer.agent] = [new]
                self.met["PIN changed"] += 1

    async def _mistype(self, writer: Writer, said: Said) -> None:
        """With a PIN that is not his, or not any more, nothing is done."""
        ordered = [one for one in self._world.plan.orders if one.agent == writer.agent]
        order = ordered[0] if ordered else self._world.plan.orders[0]
        destination = f"{order.destination[:-2]}{MISTYPED}{said.amount % 10}"
        for _ in range(3 if said.kind.startswith("thrice") else 1):
            wrong = new_pin(self._rng)
            self._books.secrets.add(wrong)
            question = self._write(writer, f"{order.product}.{destination}.{wrong}", (destination,))
            answer = await self._answer(writer, question)
            self.met["wrong PIN"] += bool(answer and answer.startswith(_WRONG))
            if answer and answer.startswith(_LOCKED):
                await self._unlock(writer)

    # --- writing and hearing ---

    async def _ask(
        self,
        writer: Writer,
        body: str,
        names: tuple[str, ...],
        wished: Callable[[], None],
        *,
        behind: str = "",
        pin: str | None = None,
        tries: int = TRIES,
    ) -> str | None:
        """Write until there is an answer that is none of the PIN's; None if there never was."""
        for _ in range(tries):
            mine = self._pins[writer.agent]
            used = mine[0] if pin is None else pin
            wished()
            text = f"{body}.{used}{behind}" if used else body + behind
            question = self._write(writer, text, names)
            answer = await self._answer(writer, question)
            if answer is None or answer.startswith(_LATER):
                await asyncio.sleep(self._rng.uniform(1, 60))
            elif answer.startswith(_LOCKED):
                await self._unlock(writer)
            elif answer.startswith(_WRONG):
                self.met["not this PIN"] += 1
                mine = self._pins[writer.agent]
                if len(mine) > 1 and mine[0] == used:
                    self._pins[writer.agent] = mine[::-1]
            else:
                return answer
        self.met["never answered"] += 1
        return None

    def _write(self, writer: Writer, text: str, names: tuple[str, ...]) -> _Question:
        world = self._world
        world.trace("writes", writer.agent, text)
        if self._rng.random() < DIES and not world.chat.calm:
            # Somewhere between here and the end of the answer.
            point, most = self._rng.choice(DEATHS)
            world.armed.arm(point, 1 + self._rng.randrange(most))
        self.met[f"text by {'sms' if writer.way == SMS else 'chat'}"] += 1
        message_id = None
        if writer.way == SMS:
            chip = self._rng.choice(world.plan.rack.modems).chip
            self._books.wrote(writer, None)
            after = self._until_it_may_be_sent(writer, text)
            world.simulation.telephones.send(writer.number, chip.iccid, text, after)
        else:
            message_id = world.chat.write(writer.address, text).id
            self._books.wrote(writer, message_id)
        question = _Question(message_id, names)
        self._asked[writer.agent].append(question)
        return question

    def _until_it_may_be_sent(self, writer: Writer, text: str) -> float:
        """A telephone sends equal texts one after the other, each with a stamp of its own."""
        now, key = asyncio.get_running_loop().time(), (writer.number, text)
        at = max(now, self._sent.get(key, -EQUAL_TEXTS_APART_SECONDS) + EQUAL_TEXTS_APART_SECONDS)
        self._sent[key] = at
        return at - now

    async def _answer(self, writer: Writer, question: _Question) -> str | None:
        patience = self._rng.uniform(*PATIENCE_SECONDS)
        await asyncio.wait([question.answer], timeout=patience)
        self._asked[writer.agent].remove(question)
        return question.answer.result() if question.answer.done() else None

    async def _unlock(self, writer: Writer) -> None:
        self.met["locked"] += 1
        await self._world.insist("pin.unlock", agent=writer.agent, who=WHO)

    def _heard_by_telephone(self, heard: Heard) -> None:
        self._hear(SMS, heard.number, heard.text, None)

    def _heard_in_chat(self, channel: str, parcel: Parcel) -> None:
        self._books.parcel(channel, parcel.id, parcel.message_id)
        self._hear(channel, parcel.address, parcel.text, parcel.answers)

    def _hear(self, channel: str, address: str, text: str, answers: str | None) -> None:
        self._world.trace("heard", address, text)
        self._books.heard(channel, address, text)
        writer = self._by_address.get(address.partition("/")[0])
        if writer is None:
            return  # a stranger
        result = _RESULT.match(text)
        if result:
            order = int(result[1])
            message = self._books.result(writer.agent, channel, order, text)
            if message is not None:
                self._world.auditor.was_told(writer.agent, message, order, text)
            return
        self._read_answer(writer, text)
        for question in self._asked[writer.agent]:
            if not question.answer.done() and _answers(question, text, answers):
                question.answer.set_result(text)
                return

    def _read_answer(self, writer: Writer, text: str) -> None:
        """Whatever it answers: an order that is named as accepted must be there."""
        found = _ACCEPTED.match(text)
        if found is None:
            return
        order, product, destination = found.groups()
        reference = re.match(r"R#(\S+) ", text)
        wish = Wish(product, "62" + destination[1:])
        self._world.auditor.acknowledged(
            writer.agent, reference[1] if reference else None, wish, int(order)
        )

    def _writer(self, agent: str) -> Writer:
        return next(one for one in self._world.plan.texts.writers if one.agent == agent)


def _answers(question: _Question, text: str, answers: str | None) -> bool:
    if answers is not None and question.id is not None:
        return answers == question.id
    return text.startswith(_GENERAL) or all(name in text for name in question.names)


def _nothing() -> None:
    """What is asked for changes nothing."""


def day_of(now_ms: int) -> str:
    """The day in Jakarta, as the bank has it."""
    return (datetime.fromtimestamp(now_ms / 1000, UTC) + timedelta(hours=7)).date().isoformat()
