"""Writing down what was said and heard during an attempt.

Lines are gathered and written together with the next thing that must be durable, or
at the end: a transcript is for people, and its loss in a crash decides nothing.
"""

from peewee import Database

from pulsarack.daemon.context import Context
from pulsarack.daemon.deliveries import Deliveries
from pulsarack.modems.results import SmsSent
from pulsarack.queue import attempts
from pulsarack.queue.attempts import Exchange
from pulsarack.ussd.status import UssdStatus


class AttemptRecorder:
    """The transcript of one attempt. Texts come masked."""

    def __init__(self, context: Context, attempt_id: int, deliveries: Deliveries) -> None:
        self._context = context
        self._attempt_id = attempt_id
        self._deliveries = deliveries
        self._lines: list[Exchange] = []
        self.last_heard = ""

    def said(self, kind: str, text: str) -> None:
        """We said this."""
        self._lines.append(Exchange(self._context.clock.now_ms(), "out", kind, text, None))

    def heard(self, kind: str, text: str, status: UssdStatus | None) -> None:
        """We heard this, or why we heard nothing."""
        self.last_heard = text if kind != "nothing" else ""
        self._lines.append(Exchange(self._context.clock.now_ms(), "in", kind, text, status))

    def sent(self, message: SmsSent) -> None:
        """The network took an SMS; what becomes of it is told later, by these references."""
        references = (message.reference, *message.more)
        for reference in references:
            self._deliveries.expect(reference, self._attempt_id)
        text = f"taken by the network, reference {', '.join(map(str, references))}"
        self._lines.append(Exchange(self._context.clock.now_ms(), "in", "sent", text, None))

    async def flush(self) -> None:
        """Write what was gathered, with nothing else."""
        if self._lines:
            await self._context.store.write(self.write)
            self.written()

    def write(self, db: Database) -> None:
        """Write what was gathered, as a part of a job; call `written` when it is stored."""
        attempts.record_exchange(db, self._attempt_id, *self._lines)

    def written(self) -> None:
        """What was gathered is stored."""
        self._lines.clear()
