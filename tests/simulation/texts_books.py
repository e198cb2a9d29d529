"""The auditor's books of what agents wrote, and of what they were told on their channels.

A text that was written is taken once, whatever the channel does to it; what it asks for is done at
most once a text, and nothing is done that nobody asked for with a PIN of his. Its answer and every
result reach the agent on the channel that he wrote on, or by SMS when their time there was over.
"""

import re
from collections import Counter
from collections.abc import Callable
from typing import Any

from tests.simulation.texts_plan import SMS, SOCKET, Writer

Row = tuple[Any, ...]
_REFUSED = ("misread", "wrong_pin", "pin_", "slow_down", "too_old", "weak_pin", "failed")
_TRANSFER = "SELECT kind, sender, receiver, amount, repeat_index FROM balance_transfer"
_EXCHANGE = re.compile(r"commission:([^:]+):exchange:(\w+):(\d+)")


class TextBooks:
    """One for a whole history. `rows` asks the database, `find` takes what is broken."""

    def __init__(self, rows: Callable[..., list[Row]], find: Callable[[str, str], None]) -> None:
        self._rows = rows
        self._find = find
        self.writers: dict[str, Writer] = {}
        self.secrets: set[str] = set()
        self.fell_back = 0
        self.clock_set = False
        self.let_go = False  # messages of so long ago are not kept
        self._written: dict[tuple[str, str], str] = {}  # by channel and id: whose
        self._by_sms: Counter[str] = Counter()  # texts by telephone
        self._wished: Counter[Row] = Counter()
        self._promised: set[Row] = set()
        self._heard: Counter[tuple[str, str, str]] = Counter()
        self._parcels: dict[tuple[str, int], int] = {}

    @property
    def _there(self) -> bool:
        return bool(self.writers)

    def join(self, writer: Writer) -> None:
        """Somebody who writes."""
        self.writers[writer.agent] = writer
        self.secrets.add(writer.pin)

    def wrote(self, writer: Writer, message_id: str | None) -> None:
        """A text was handed to its channel; `message_id` is there if the channel names it."""
        if message_id is None:
            self._by_sms[writer.number] += 1
        else:
            self._written[writer.way, message_id] = writer.agent

    def wished(self, *what: object) -> None:
        """An agent asks for something besides an order, with a PIN of his."""
        self._wished[what] += 1

    def promised(self, *what: object) -> None:
        """He was answered that it is done."""
        if what not in self._wished:
            self._find("P1", f"{what} was answered, and never asked for")
        self._promised.add(what)

    def heard(self, channel: str, address: str, text: str) -> None:
        """A text reached somebody."""
        self._heard[channel, address.partition("/")[0], text] += 1
        for secret in self.secrets:
            if secret in text:
                self._find("P7", f"a PIN is told over {channel}")

    def left(self, channel: str, outgoing: int) -> None:
        """A text leaves. One that left before may be known to have arrived while this is under way:
        then the two cross, and nothing is wrong."""
        if self._rows("SELECT 1 FROM outgoing WHERE id = ? AND state = 'DELIVERED'", (outgoing,)):
            self._find("P6", f"{outgoing} left over {channel} again although it had been delivered")

    def parcel(self, channel: str, outgoing: int, message: int | None) -> None:
        """It bore these ids: a result comes again under the same id."""
        if message is not None:
            known = self._parcels.setdefault((channel, message), outgoing)
            if known != outgoing:
                self._find("P6", f"result {message} came over {channel} as {known} and {outgoing}")

    def result(self, agent: str, channel: str, order: int, text: str) -> int | None:
        """A result reached an agent over a channel; the id of the message that it is."""
        rows = self._rows("SELECT id FROM message WHERE order_id = ? AND text = ?", (order, text))
        if not rows:
            self._find("P6", f"order {order}: {agent} was told {text!r}, which no result says")
            return None
        ((message,),) = rows
        way = self.writers[agent].way if agent in self.writers else SOCKET
        if channel != way and not (channel == SMS and self._given_up(way, message)):
            self._find("P6", f"order {order} came over {way}, its result over {channel}")
        elif channel != way:
            self.fell_back += 1
        return int(message)

    def _given_up(self, way: str, message: int) -> bool:
        return bool(
            self._rows(
                "SELECT 1 FROM outgoing WHERE channel = ? AND message_id = ?"
                " AND state IN ('EXPIRED', 'REFUSED')",
                (way, message),
            )
        )

    def drew(self, transfer: str, amount: int) -> str | None:
        """Whose exchange of commission by text a transfer in the ledger is."""
        found = _EXCHANGE.fullmatch(transfer)
        if found is None:
            return None
        agent, channel, number = found.groups()
        if ("exchange", agent, amount) not in self._wished:
            return None
        rows = self._rows(
            "SELECT agent FROM inbound WHERE id = ? AND channel = ?", (int(number), channel)
        )
        return agent if self.let_go or rows == [(agent,)] else None

    def moved(self) -> Counter[str]:
        """What transfers by text brought each agent, or took from him."""
        found: Counter[str] = Counter()
        if not self._there:
            return found
        for _, sender, receiver, amount, _ in (rows := self._rows(_TRANSFER)):
            found[receiver] += amount
            found[sender] -= amount
        for row, count in Counter(rows).items():
            if count > self._most(row):
                self._find("P3", f"{row} moved {count} times, asked for {self._wished[row]} times")
        return found

    def _most(self, what: Row) -> int:
        return self._wished[what]

    def look(self) -> None:
        """Check what holds at every instant."""
        if not self._there:
            return
        whose = {one.address: one.agent for one in self.writers.values()}
        for channel, message, sender, agent in self._rows(
            "SELECT channel, message_id, sender, agent FROM inbound"
        ):
            written = channel == SMS or self._written.get((channel, message)) == whose.get(sender)
            # Whoever was turned off is a stranger.
            if not written or agent not in (None, whose.get(sender)):
                self._find("P1", f"{message} of {sender} over {channel} is {agent}'s")
        done = Counter(self._rows("SELECT 'exchange', debit, amount FROM transfer WHERE id GLOB"
                                  " 'commission:*:exchange:*:*'"))  # fmt: skip
        for (kind, account, amount), count in done.items():
            what = (kind, account.rsplit(":", 1)[-1], amount)
            if count > self._times(what):
                self._find("P3", f"{what}: done {count} times")
        asked = self._rows(
            "SELECT 'ticket', agent, asked, count(*) FROM ticket"
            " WHERE asked BETWEEN 3000000 AND 3100000 GROUP BY 3"
        )
        for *ticket, count in asked:
            if count > self._times(tuple(ticket)):
                self._find("P1", f"{ticket}: {count} tickets")
        for what in self._promised:
            if what[0] in ("SEND", "PULL") and what not in self._rows(_TRANSFER):
                self._find("P1", f"{what} was answered, and is not there")

    def _times(self, what: Row) -> int:
        """How often it may have been done: a network may send a text twice as two texts."""
        sms = self.writers[str(what[1])].way == SMS
        return self._wished[what] * (2 if sms else 1)

    def all_taken(self) -> bool:
        """Whether every text that was written has arrived."""
        return not self._missing()

    def _missing(self) -> list[str]:
        taken = set(self._rows("SELECT channel, message_id FROM inbound"))
        missing = [message for key in self._written if key not in taken for message in key[1:]]
        if not self._by_sms:
            return missing
        kept = Counter(
            sender.removeprefix("+")
            for (sender,) in self._rows(
                "SELECT sender FROM inbound WHERE channel = 'sms'"
                " UNION ALL SELECT sender FROM unparsed WHERE channel = 'sms'"
            )
        )
        return missing + [f"texts of {one}" for one in self._by_sms - kept]

    def quiet(self) -> None:
        """Check what must hold when nothing is on its way any more."""
        if not self._there or self.let_go:
            return
        self.look()
        for one in self._missing():
            self._find("P1", f"{one} was written, and never taken")
        unanswered = self._rows(
            "SELECT channel, message_id, outcome FROM inbound AS i WHERE agent IS NOT NULL"
            " AND NOT EXISTS"
            " (SELECT 1 FROM outgoing WHERE inbound_id = i.id)"
        )
        # Whoever writes nothing but what is refused hears no more after a while.
        unanswered = [row for row in unanswered if not row[2].startswith(_REFUSED)]
        if unanswered:
            self._find("P6", f"never answered: {unanswered}")
        waits = {"answer": "answer_seconds", "result": "result_seconds"}
        for row in self._rows(
            "SELECT id, channel, address, text, state, kind, tries FROM outgoing"
        ):
            _, channel, address, text, state, kind, _ = row
            if state in ("SENT", "DELIVERED"):
                if not self._heard[channel, address.partition("/")[0], text]:
                    self._find("P6", f"nobody heard {row}")
            elif state == "WAITING" or kind not in waits:
                self._find("P6", f"{row} is still to be sent")

    def lost(self, order: int) -> bool:
        """Whether an order's result was given up everywhere, since the clock was set ahead."""
        states = self._rows(
            "SELECT state FROM outgoing WHERE order_id = ? AND kind = 'result'", (order,)
        )
        over = all(state in ("EXPIRED", "REFUSED") for (state,) in states)
        return self.clock_set and bool(states) and over
