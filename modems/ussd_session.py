"""Dialling USSD strings over one conversation.

A request is written in the encoding that the model is known to take. If the modem
refuses it before anything can have left, the next encoding of the profile is tried,
and the one that is accepted is remembered.

An old session spoils a new request: the network may repeat its menu (or answer the
request before last), or take the new request for the answer to an old question. So
before the first request, since whoever used the modem before may have died in the
middle of a dialogue, and after a session that was left open or ended by silence, the
old session is cancelled; what comes within a moment of the cancelling is taken for late
and reported as such. If the cancelling is not answered nothing is dialled.
"""

import asyncio
from collections.abc import Callable

from pulsarack.modems import refusal
from pulsarack.modems.alarm import Alarm
from pulsarack.modems.at import cusd
from pulsarack.modems.at.cusd import UssdEncoding
from pulsarack.modems.at.events import AtCommand, Response
from pulsarack.modems.at.results import Final
from pulsarack.modems.at.ussd_request import (
    Settles,
    UssdRequest,
    as_answer,
    nothing_settles,
)
from pulsarack.modems.conversation import Conversation, Ended
from pulsarack.modems.errors import ModemSilent, NotAModem, PortGone
from pulsarack.modems.profile import Profile, Profiles
from pulsarack.modems.results import Gone, Refused, Silence, UssdAnswer, UssdResult
from pulsarack.ussd.status import UssdStatus

CANCEL = AtCommand("AT+CUSD=2")
CANCEL_SETTLE_SECONDS = 0.5
# How long an answered request still waits for the final result of its AT command.
FINAL_SECONDS = 2.0
_NOT_TRIED = Refused("no encoding to try", None, left=False)


class UssdSession:
    """The USSD side of one modem."""

    def __init__(
        self,
        conversation: Conversation,
        profiles: Profiles,
        on_arrived: Callable[[UssdAnswer], None],
    ) -> None:
        self.profile: Profile = profiles.generic
        self.kind = ""  # model and firmware, for what is learnt
        self._conversation = conversation
        self._clock = conversation.clock
        self._profiles = profiles
        self._on_arrived = on_arrived
        self._open = False
        self._doubtful = True
        self._hint = UssdEncoding.PLAIN
        self._set_up: UssdEncoding | None = None  # what the modem was told to expect
        self._request: UssdRequest | None = None
        self._settled_by, self._copy_until = "", 0.0
        self._ended: asyncio.Future[None] | None = None
        self._alarm = Alarm(self._clock, self._ring)

    async def dial(
        self, text: str, within_seconds: float, settles: Settles = nothing_settles
    ) -> UssdResult:
        """Begin a session; the time counts from the writing of the request."""
        if self._open or self._doubtful:
            failed = await self._end_old()
            if failed is not None:
                return failed
        return await self._ask(text, within_seconds, settles)

    async def answer(
        self, text: str, within_seconds: float, settles: Settles = nothing_settles
    ) -> UssdResult:
        """Answer the open session's question; without one nothing is written."""
        if not self._open:
            return Refused("no USSD session is open any more", None, left=False)
        return await self._ask(text, within_seconds, settles)

    async def cancel(self) -> None:
        """End the session, if there is one."""
        await self._end_old()

    async def _end_old(self) -> Silence | Gone | None:
        """Cancel; None if there is surely no session now. An ERROR means there was none."""
        try:
            await self._conversation.run(CANCEL, self.profile.command_seconds)
        except PortGone:
            return Gone(left=False)
        except (ModemSilent, NotAModem):
            self._doubtful = True
            return Silence(left=False)
        await self._clock.sleep(CANCEL_SETTLE_SECONDS)
        self._open = False
        self._doubtful = False
        return None

    def notice(self, line: str) -> None:
        """A +CUSD line came: it belongs to the open request, or to nobody."""
        if self._is_second_copy(line):
            return
        if self._request is not None and self._request.result is None:
            self._request.arrived(line, self._clock.monotonic())
            self._check()
            return
        read = cusd.parse(line)
        if read is None:
            return
        answer = as_answer(read, self._hint)
        asks = isinstance(answer, UssdAnswer) and answer.status is UssdStatus.ACTION_REQUIRED
        self._open = False
        self._doubtful = self._doubtful or asks
        if isinstance(answer, UssdAnswer):
            self._on_arrived(answer)

    def _is_second_copy(self, line: str) -> bool:
        """Whether this is the answer that settled the last request, once more and at once.

        Networks send an answer twice now and then, and nobody waited for it to pass.
        """
        return line == self._settled_by and self._clock.monotonic() < self._copy_until

    def stray(self, final: Final) -> None:
        """An error came that answers no command."""
        if self._request is not None:
            self._request.failed_later(final)
            self._check()

    def port_gone(self) -> None:
        """Wake whoever waits for an answer."""
        self._alarm.stop()
        self._finish()

    async def _ask(self, text: str, within_seconds: float, settles: Settles) -> UssdResult:
        try:
            await self._conversation.ready()
        except PortGone:
            return Gone(left=False)
        except (ModemSilent, NotAModem):
            return Silence(left=False)
        deadline = self._clock.monotonic() + within_seconds
        refused: UssdResult = _NOT_TRIED
        for encoding in self._profiles.encodings(self.profile, self.kind):
            try:
                content = cusd.encode(text, encoding)
            except ValueError:
                refused = Refused(f"the text cannot be sent as {encoding.value}", None, left=False)
                continue
            failed = None if encoding is self._set_up else await self._switch_to(encoding)
            if failed is not None:
                return failed
            local = self._error_is_local(encoding)
            request = UssdRequest(deadline, encoding, local, settles)
            refused = await self._carry_out(content, request)
            self._learn(encoding, request)
            if request.copy_until is not None:
                self._settled_by, self._copy_until = request.settled_by, request.copy_until
            if not self._may_try_another(request, refused):
                break
            if self._profiles.learned.get(self.kind) is encoding:
                self._profiles.learned.forget(self.kind)
        self._remember(refused)
        return refused

    async def _switch_to(self, encoding: UssdEncoding) -> Silence | Gone | None:
        """Tell the modem which encoding comes; the start has set up the profile's first."""
        if encoding is not (self._set_up or self.profile.ussd_encodings[0]):
            before = self.profile.ussd_before.get(encoding)
            try:
                if before:
                    await self._conversation.run(AtCommand(before), self.profile.command_seconds)
            except PortGone:
                return Gone(left=False)
            except (ModemSilent, NotAModem):
                return Silence(left=False)
        self._set_up = encoding
        return None

    async def _carry_out(self, content: str, request: UssdRequest) -> UssdResult:
        command = AtCommand(
            f'AT+CUSD=1,"{content}",{cusd.DCS_LANGUAGE_UNSPECIFIED}', shown="AT+CUSD=1,..."
        )
        self._ended = ended = asyncio.get_running_loop().create_future()
        self._request = request
        self._doubtful = True
        self._open = False
        self._alarm.set(request.deadline)
        try:
            self._conversation.begin(command, request.deadline, self._command_ended)
            await ended
        except PortGone:
            pass
        except asyncio.CancelledError:
            self._conversation.escape()
            raise
        finally:
            self._alarm.set(None)
            self._request = self._ended = None
        return request.result or Gone(left=True)

    def _command_ended(self, event: Ended) -> None:
        if self._request is not None:
            self._request.ended(event.final if isinstance(event, Response) else None)
            self._check()

    def _check(self) -> None:
        """Look at the request: wake its waiter, or see to its next deadline."""
        request = self._request
        if request is None:
            return
        if request.result is None:
            self._alarm.set(request.deadline)
        elif request.command_ended:
            self._finish()
        else:
            self._alarm.set(None)
            self._conversation.hasten(FINAL_SECONDS)

    def _ring(self) -> None:
        if self._request is not None:
            self._request.expire(self._clock.monotonic())
            self._check()

    def _finish(self) -> None:
        if self._ended is not None and not self._ended.done():
            self._ended.set_result(None)

    def _error_is_local(self, encoding: UssdEncoding) -> bool:
        """A plain ERROR refuses the encoding only while that is not known to work."""
        known = self._profiles.learned.get(self.kind) is encoding
        return self.profile.error_refuses_encoding and not known

    def _may_try_another(self, request: UssdRequest, result: UssdResult) -> bool:
        final = request.rejected_by
        if final is None or not isinstance(result, Refused) or result.left:
            return False
        return refusal.is_unreadable(final, self.profile.error_refuses_encoding)

    def _learn(self, encoding: UssdEncoding, request: UssdRequest) -> None:
        self._hint = encoding
        if isinstance(request.result, UssdAnswer):
            self._profiles.learned.learn(self.kind, encoding)

    def _remember(self, result: UssdResult) -> None:
        if isinstance(result, UssdAnswer):
            self._open = result.status is UssdStatus.ACTION_REQUIRED
            self._doubtful = False
        elif isinstance(result, Refused) and not result.left:
            self._open = self._doubtful = False
        else:
            self._open, self._doubtful = False, True
