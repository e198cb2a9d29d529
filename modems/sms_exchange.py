"""Sending, reading and deleting SMS over one conversation, in PDU mode (27.005).

Sending has two steps with a caller's step between them: the command asks for the
prompt, the caller makes his note durable, and only then the body is written. Before
the body nothing can have left, whatever the modem says.
"""

from collections.abc import Awaitable, Callable, Sequence

from pulsarack.modems import refusal, sms
from pulsarack.modems.at.events import AtCommand, Expired, PromptSeen, Response
from pulsarack.modems.at.results import Final, FinalKind
from pulsarack.modems.conversation import Conversation
from pulsarack.modems.errors import ModemRefused, ModemSilent, NotAModem, PortGone
from pulsarack.modems.profile import Profile
from pulsarack.modems.results import (
    Gone,
    IncomingSms,
    MessageUnreadable,
    Refused,
    Silence,
    SmsResult,
    SmsSent,
)

LIST_ALL = AtCommand("AT+CMGL=4", expects=("+CMGL:",))
DIRECT_MESSAGES_MAX = 64
UNREADABLE_REMEMBERED_MAX = 1024


class SmsExchange:
    """The SMS side of one modem."""

    def __init__(
        self,
        conversation: Conversation,
        profile: Profile,
        on_unreadable: Callable[[MessageUnreadable], None],
    ) -> None:
        self.profile = profile
        self._conversation = conversation
        self._on_unreadable = on_unreadable
        self._direct: list[str] = []
        self._reported: set[str] = set()
        self._unreadable_once: set[str] = set()

    async def send(
        self,
        to: str,
        text: str,
        within_seconds: float,
        before_body: Callable[[], Awaitable[None]],
    ) -> SmsResult:
        """Send one part; the time counts from the writing of the body."""
        try:
            parts = sms.encode_submit(to, text)
        except ValueError as error:
            return Refused(str(error), None, left=False)
        if len(parts) != 1:
            return Refused(f"the text needs {len(parts)} messages, one is sent", None, left=False)
        command = AtCommand(f"AT+CMGS={parts[0].length}", expects=("+CMGS:",), prompted=True)
        try:
            event = await self._conversation.exchange(command, self.profile.prompt_seconds)
        except PortGone:
            return Gone(left=False)
        except (ModemSilent, NotAModem):
            return Silence(left=False)
        if isinstance(event, PromptSeen):
            return await self._send_body(parts[0], within_seconds, before_body)
        self._conversation.escape()
        if isinstance(event, Response):
            return _refused(event.final, left=False)
        return Silence(left=False)

    async def _send_body(
        self, part: sms.SubmitPdu, within_seconds: float, before_body: Callable[[], Awaitable[None]]
    ) -> SmsResult:
        try:
            await before_body()
        except BaseException:
            self._conversation.escape()
            raise
        if not self._conversation.awaits_body:
            return Refused("the modem left its prompt by itself", None, left=False)
        try:
            event = await self._conversation.send_body(part.hex, within_seconds)
        except PortGone:
            return Gone(left=True)
        return _sent(event)

    async def read(self) -> list[IncomingSms]:
        """All messages, stored ones and those that came directly; nothing is deleted.

        What came directly is kept here until `delete` names it, as the card keeps the others.
        """
        response = await self._conversation.run(LIST_ALL, self.profile.slow_seconds)
        if not response.final.ok:
            raise ModemRefused(LIST_ALL.name, str(response.final))
        found = sms.read_list(response.lines)
        direct = [sms.decode(pdu, None) for pdu in self._direct]
        self._direct = [one.pdu for one in direct if isinstance(one, sms.Part)]
        found += direct
        for one in found:
            if isinstance(one, sms.Undecodable):
                self._report(one)
        return sms.join(one for one in found if isinstance(one, sms.Part))

    async def delete(self, indices: Sequence[int], direct: Sequence[str] = ()) -> None:
        """Delete stored messages, and those that came directly by their PDUs.

        One that is not there is no error.
        """
        for pdu in direct:
            if pdu in self._direct:
                self._direct.remove(pdu)
        for index in indices:
            command = AtCommand(f"AT+CMGD={index}")
            response = await self._conversation.run(command, self.profile.slow_seconds)
            missing = response.final.kind is FinalKind.CMS and response.final.code == 321
            if not response.final.ok and not missing:
                raise ModemRefused(command.name, str(response.final))

    def came_directly(self, line: str) -> None:
        """A +CMT with its PDU: the modem stored it nowhere, so it is kept here."""
        _, _, pdu = line.partition("\n")
        if pdu and len(self._direct) < DIRECT_MESSAGES_MAX:
            self._direct.append(pdu.strip())

    def _report(self, one: sms.Undecodable) -> None:
        """Tell of a stored message when it was unreadable twice: the line may have been noisy."""
        mark = sms.fingerprint([one.pdu])
        if mark in self._reported or len(self._reported) >= UNREADABLE_REMEMBERED_MAX:
            return
        if one.index is not None and mark not in self._unreadable_once:
            if len(self._unreadable_once) < UNREADABLE_REMEMBERED_MAX:
                self._unreadable_once.add(mark)
            return
        self._reported.add(mark)
        self._on_unreadable(MessageUnreadable(one.index, one.reason, one.pdu))


def _sent(event: Response | PromptSeen | Expired) -> SmsResult:
    if isinstance(event, PromptSeen):
        return Silence(left=True)
    reference = _reference(event.lines)
    if isinstance(event, Expired):
        # The reference alone proves that the network took it; only the OK was lost.
        return Silence(left=True) if reference is None else SmsSent(reference)
    if event.final.ok:
        return SmsSent(reference or 0)
    return _refused(event.final, left=refusal.sms_left(event.final))


def _reference(lines: tuple[str, ...]) -> int | None:
    for line in lines:
        if line.startswith("+CMGS:"):
            digits = line.removeprefix("+CMGS:").split(",", 1)[0].strip()
            if digits.isascii() and digits.isdecimal() and len(digits) <= 3:
                return int(digits)
    return None


def _refused(final: Final, left: bool) -> Refused:
    return Refused(str(final), final.code, left)
