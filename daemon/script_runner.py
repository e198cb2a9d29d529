"""Carrying a dialogue out on a modem: the machine says what, this does it.

Before an action that the recipe marks as the point of no return, `before_commit` is
awaited: it must have made the intention durable when it returns, or raise, and then
nothing is sent. For a USSD step that is right before the command line is written; for
an SMS right between the modem's prompt and the message.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from pulsarack.modems.driver import Driver
from pulsarack.modems.results import Gone, Refused, Silence, SmsSent, UssdAnswer
from pulsarack.modems.timing import Clock
from pulsarack.ussd.dialogue import (
    Action,
    Answer,
    AwaitText,
    Dial,
    Dialogue,
    Finished,
    NoAnswer,
    Screen,
    SendText,
    Sent,
    TextIn,
)
from pulsarack.ussd.outcome import Reason
from pulsarack.ussd.status import UssdStatus


class AlreadyDecided(Exception):
    """The attempt was decided by something else while the dialogue ran."""


class Recorder(Protocol):
    """Who writes down what was said. Texts are masked."""

    def said(self, kind: str, text: str) -> None:
        """We said this."""

    def heard(self, kind: str, text: str, status: UssdStatus | None) -> None:
        """We heard this, or (kind 'nothing') why we heard nothing."""

    def sent(self, message: SmsSent) -> None:
        """The network took an SMS of which a delivery report was asked."""


WaitForText = Callable[[float], Awaitable[TextIn | None]]
"""Wait until a monotonic instant for the next text of the operator; None if none came."""


@dataclass(slots=True)
class Runner:
    """Runs one dialogue to its end."""

    modem: Driver
    clock: Clock
    recorder: Recorder
    before_commit: Callable[[], Awaitable[None]]
    wait_for_text: WaitForText
    mask: Callable[[str], str]
    heard_at: float = float("-inf")  # when the last screen came
    _until: float = 0.0

    async def run(self, dialogue: Dialogue) -> Finished:
        """Carry out every action; an open session is left to the caller to cancel."""
        action: Action = dialogue.start()
        while not isinstance(action, Finished):
            action = dialogue.receive(await self._perform(dialogue, action))
        return action

    async def _perform(
        self, dialogue: Dialogue, action: Dial | Answer | SendText | AwaitText
    ) -> Screen | TextIn | Sent | NoAnswer:
        if isinstance(action, AwaitText):
            if not action.continued:
                self._until = self.clock.monotonic() + action.within_seconds
            text = await self.wait_for_text(self._until)
            return text or self._nothing(NoAnswer(left=True, why=Reason.NO_REPLY))
        if isinstance(action, SendText):
            return await self._send_text(action)
        self.recorder.said("ussd", action.text.masked)
        if action.commits:
            await self.before_commit()
        ask = self.modem.dial_ussd if isinstance(action, Dial) else self.modem.answer_ussd
        result = await ask(action.text.plain, action.within_seconds, dialogue.settled_by)
        if isinstance(result, UssdAnswer):
            self.heard_at = result.at
            self.recorder.heard("ussd", self.mask(result.text), result.status)
            return Screen(result.status, result.text)
        return self._nothing(_no_answer(result))

    async def _send_text(self, action: SendText) -> Sent | NoAnswer:
        self.recorder.said("sms", f"to {action.to}: {action.text.masked}")

        async def before_body() -> None:
            if action.commits:
                await self.before_commit()

        result = await self.modem.send_sms(
            action.to,
            action.text.plain,
            action.within_seconds,
            before_body,
            delivery_report=action.delivery_report,
        )
        if isinstance(result, SmsSent):
            if action.delivery_report:
                self.recorder.sent(result)
            return Sent()
        return self._nothing(_no_answer(result))

    def _nothing(self, nothing: NoAnswer) -> NoAnswer:
        sent = "it may have left" if nothing.left else "it did not leave"
        self.recorder.heard("nothing", f"{nothing.why.value}, {sent}", None)
        return nothing


def _no_answer(result: Refused | Silence | Gone) -> NoAnswer:
    match result:
        case Refused(left=left, code=code):
            # 27.007 9.2.1: 30 no network service, 31 network timeout, 32 emergency calls only;
            # 27.005 3.2.5: 331 no network service, 332 network timeout.
            network = code in (30, 31, 32, 331, 332)
            return NoAnswer(left, Reason.NO_NETWORK if network else Reason.MODEM_REFUSED)
        case Silence(left=left):
            return NoAnswer(left, Reason.NO_REPLY)
        case Gone(left=left):
            return NoAnswer(left, Reason.MODEM_LOST)
