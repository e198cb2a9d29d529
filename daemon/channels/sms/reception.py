"""Where the chips hand in what agents write to them, so that no chip waits for the front desk.

A text stays on its SIM until the front desk has it for good. So each is handed in by a task of
its own, and the chip's next look at its SIM takes off what was kept meanwhile. If the front desk
is busy or fails, it is asked again, ever more seldom; only so many texts of a chip are in hand
at once, the others wait where they lie. A text at which the front desk fails again and again for
another reason than its database is given up: it would fill the SIM until no operator's report
finds room. A crash forgets what was in hand; the texts are read again, and the front desk knows
those that it has.
"""

import asyncio
import traceback
from collections.abc import Awaitable, Callable
from enum import Enum, auto

from pulsarack.daemon import log as logging
from pulsarack.daemon.channels.marks import Marks
from pulsarack.daemon.errors import DaemonError
from pulsarack.daemon.pressure import Pressure
from pulsarack.modems.timing import Clock
from pulsarack.queue.post.inbound import Letter

AT_ONCE = 32
OF_A_CHIP = 8
ANSWERED_SECONDS = 120.0
PAUSES_SECONDS = (5.0, 15.0, 60.0, 300.0)
FAULTS_MOST = 8
REMEMBERED = 4096

Receive = Callable[[Letter], Awaitable[object]]


class Stage(Enum):
    """Where a text stands."""

    UNKNOWN = auto()  # never handed in, as far as this daemon knows
    IN_HAND = auto()
    KEPT = auto()  # the front desk has it: it may leave the SIM
    GIVEN_UP = auto()


class Reception:
    """One for the whole daemon; closed until there is a front desk."""

    def __init__(self, clock: Clock, log: logging.Logger) -> None:
        self._clock = clock
        self._log = log
        self._receive: Receive | None = None
        self._pressure: Pressure | None = None
        self.marks = Marks()
        self._stages: dict[str, Stage] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._in_hand: dict[str, int] = {}  # by chip

    def open(
        self, receive: Receive, pressure: Pressure | None = None, marks: Marks | None = None
    ) -> None:
        """Hand in here from now on; `receive` returns when it has a text for good.

        `marks`: what texts are known again by.
        """
        self._receive, self._pressure, self.marks = receive, pressure, marks or Marks()

    def close(self) -> None:
        """The daemon ends: what is in hand stays on its SIM."""
        for task in self._tasks:
            task.cancel()
        self._receive = None

    @property
    def is_open(self) -> bool:
        """Whether there is a front desk."""
        return self._receive is not None

    def stage(self, message_id: str) -> Stage:
        """Where a text stands."""
        return self._stages.get(message_id, Stage.UNKNOWN)

    def hand_in(self, letter: Letter, done: Callable[[], None], *, urgent: bool = False) -> bool:
        """Begin to hand a text in; `done` is called when it has been. False: too many are.

        `urgent`: it lies on no SIM, so it is taken in any case.
        """
        chip = letter.receiver
        held = self._in_hand.get(chip, 0)
        if not urgent and (held >= OF_A_CHIP or sum(self._in_hand.values()) >= AT_ONCE):
            return False
        self._forget_oldest()
        self._in_hand[chip] = held + 1
        self._stages[letter.message_id] = Stage.IN_HAND
        task = asyncio.create_task(self._hand_in(letter, done), name=f"text to {chip}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return True

    def forget(self, message_id: str) -> None:
        """It has left its SIM."""
        if self._stages.get(message_id) is not Stage.IN_HAND:
            self._stages.pop(message_id, None)

    def refused(self, kind: str, **fields: object) -> None:
        """Count what was not read as a text to us, and say so."""
        if self._pressure is not None:
            self._pressure.refused(kind, **fields)

    async def _hand_in(self, letter: Letter, done: Callable[[], None]) -> None:
        try:
            self._stages[letter.message_id] = await self._until_kept(letter)
        finally:
            self._in_hand[letter.receiver] -= 1
        done()

    async def _until_kept(self, letter: Letter) -> Stage:
        failures = faults = 0
        while self._receive is not None:
            try:
                async with asyncio.timeout(ANSWERED_SECONDS):
                    await self._receive(letter)
            except (DaemonError, TimeoutError) as error:
                self.refused("sms.not_received", chip=letter.receiver, why=type(error).__name__)
            except Exception as error:  # noqa: BLE001 - whatever it is, the text must not be lost
                faults += 1
                self._tell_fault(error, letter.receiver)
            else:
                return Stage.KEPT
            if faults >= FAULTS_MOST:
                self.refused("sms.given_up", chip=letter.receiver)
                return Stage.GIVEN_UP
            await self._clock.sleep(PAUSES_SECONDS[min(failures, len(PAUSES_SECONDS) - 1)])
            failures += 1
        return Stage.IN_HAND

    def _tell_fault(self, error: Exception, chip: str) -> None:
        """Say where it was and no more: its words may quote the text, and with it a PIN."""
        frame = traceback.extract_tb(error.__traceback__)[-1]
        place = f"{frame.filename.rsplit('/', 1)[-1]}:{frame.lineno}"
        self._log.error("sms.front_desk_fault", chip=chip, why=type(error).__name__, place=place)
        self.refused("sms.not_received", chip=chip, why="a fault of the daemon")

    def _forget_oldest(self) -> None:
        """Bounded: a chip that left with kept texts on it may never come back."""
        while len(self._stages) >= REMEMBERED:
            done = (key for key, stage in self._stages.items() if stage is not Stage.IN_HAND)
            oldest = next(done, None)
            if oldest is None:
                return
            del self._stages[oldest]
