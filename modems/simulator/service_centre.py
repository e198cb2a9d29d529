"""The service centre: stamps each SMS, and keeps it until its modem is there and has room for it.

A text is on its way for a moment, is stamped when the centre takes it, and is handed over at once
unless the weather holds it back. A second delivery is the same PDU again, or a text of its own
with a later stamp, as networks do both.
"""

from collections import deque
from dataclasses import dataclass
from random import Random

from pulsarack.modems.simulator.operators.exchange import local_time
from pulsarack.modems.simulator.pdu import deliver_pdus, status_report_pdu
from pulsarack.modems.simulator.scheduler import Scheduler
from pulsarack.modems.simulator.sms_weather import Fate, SmsWeather
from pulsarack.modems.simulator.terminal import Receiver


@dataclass
class Box:
    """What waits for one chip. receiver: the modem it is in, None before the first one."""

    rng: Random
    waiting: deque[str]
    reference: int = 0
    receiver: Receiver | None = None


class ServiceCentre:
    """One for all operators; seconds: how long a text usually takes, (least, most)."""

    def __init__(
        self, scheduler: Scheduler, seconds: tuple[float, float], weather: SmsWeather
    ) -> None:
        self._scheduler = scheduler
        self._seconds = seconds
        self._weather = weather
        self._boxes: dict[str, Box] = {}

    def open(self, iccid: str, rng: Random) -> None:
        """Begin to take texts for a chip."""
        self._boxes[iccid] = Box(rng, deque())

    def join(self, iccid: str, receiver: Receiver) -> None:
        """Say which modem a chip is in."""
        self._boxes[iccid].receiver = receiver

    def send(self, iccid: str, sender: str, text: str, after: float) -> None:
        """A text to a chip, handed in so many seconds from now."""
        latency = self._boxes[iccid].rng.uniform(*self._seconds)
        fate = self._weather.draw(iccid)
        self._scheduler.call_later(
            latency + after + fate.before, lambda: self._take(iccid, sender, text, fate)
        )

    def report(self, iccid: str, to: str, reference: int, after: float, status: int = 0) -> None:
        """Tell a chip, so many seconds from now, what became of its text (TP-ST)."""
        sent = local_time(self._scheduler.now())

        def tell() -> None:
            done = local_time(self._scheduler.now())
            self._hand_over(iccid, [status_report_pdu(reference, to, sent, done, status)])

        self._scheduler.call_later(after, tell)

    def flush(self, iccid: str) -> None:
        """Hand over what waits for a chip, as far as its modem takes it."""
        box = self._boxes[iccid]
        receiver, waiting = box.receiver, box.waiting
        while (
            waiting
            and receiver is not None
            and receiver.reachable
            and receiver.message_arrived(waiting[0])
        ):
            waiting.popleft()

    def _take(self, iccid: str, sender: str, text: str, fate: Fate) -> None:
        pdus = self._weather.arrange(iccid, self._stamped(iccid, sender, text))
        if fate.held:
            self._scheduler.call_later(fate.held, lambda: self._hand_over(iccid, pdus))
        else:
            self._hand_over(iccid, pdus)
        if fate.copy_after is None:
            return

        def again() -> None:
            same = fate.copy_stamp_kept
            self._hand_over(iccid, pdus if same else self._stamped(iccid, sender, text))

        self._scheduler.call_later(fate.held + fate.copy_after, again)

    def _stamped(self, iccid: str, sender: str, text: str) -> list[str]:
        box = self._boxes[iccid]
        box.reference += 1
        return deliver_pdus(sender, text, local_time(self._scheduler.now()), box.reference)

    def _hand_over(self, iccid: str, pdus: list[str]) -> None:
        self._boxes[iccid].waiting.extend(pdus)
        self.flush(iccid)
