"""Sending, reading and deleting SMS over one conversation, in PDU mode (27.005).

Sending has two steps with a caller's step between them: the command asks for the
prompt, the caller makes his note durable, and only then the body is written. Before
the body nothing can have left, whatever the modem says. A text of several parts has left
with its first one.

AT+CNMA is never sent: without AT+CSMS=1 no modem awaits it (27.005 3.4.4), and several
refuse it. AT+CSMP is never sent either: PDUs need none, and some modems forget their
service centre by it.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

from pulsarack.modems import refusal, sms
from pulsarack.modems.at.events import AtCommand, Expired, PromptSeen, Response
from pulsarack.modems.at.message_lines import parse_reference
from pulsarack.modems.at.results import Final, FinalKind
from pulsarack.modems.conversation import Conversation
from pulsarack.modems.errors import ModemSilent, NotAModem, PortGone
from pulsarack.modems.profile import Profile
from pulsarack.modems.results import (
    DeliveryReport,
    Gone,
    IncomingSms,
    MessageUnreadable,
    ModemEvent,
    Refused,
    Silence,
    SmsResult,
    SmsSent,
    StorageFull,
)
from pulsarack.modems.sms_storage import SmsStorage

DIRECT_MESSAGES_MAX = 64
UNREADABLE_REMEMBERED_MAX = 1024
# <ds> of AT+CNMI (27.005 3.4.1): 1 as +CDS, 2 stored and told by +CDSI.
REPORTS_DIRECTLY, REPORTS_STORED = "1", "2"


class SmsExchange:
    """The SMS side of one modem."""

    def __init__(
        self,
        conversation: Conversation,
        profile: Profile,
        on_event: Callable[[ModemEvent], None],
    ) -> None:
        self._conversation = conversation
        self._on_event = on_event
        self._storage = SmsStorage(conversation, profile, on_event)
        self._direct: list[str] = []
        self._reported: set[str] = set()
        self._unreadable_once: set[str] = set()
        self._reference = conversation.clock.now_ms() // 1000
        self._reports_asked = False

    @property
    def profile(self) -> Profile:
        """The modem's profile."""
        return self._storage.profile

    @profile.setter
    def profile(self, profile: Profile) -> None:
        self._storage.profile = profile

    # -- sending --------------------------------------------------------------

    async def send(
        self,
        to: str,
        text: str,
        within_seconds: float,
        before_body: Callable[[], Awaitable[None]],
        *,
        delivery_report: bool = False,
        valid_hours: int = sms.ORDER_VALID_HOURS,
    ) -> SmsResult:
        """Send a text, in as many parts as it needs.

        within_seconds counts for each part from the writing of its body; before_body is
        awaited once, before the first. delivery_report: what becomes of it is told by a
        `DeliveryReport`, if the modem and the network can. valid_hours: how long the service
        centre tries to hand it over.
        """
        self._reference += 1
        try:
            parts = sms.encode_submit(
                to,
                text,
                reference=self._reference & 0xFF,
                status_report=delivery_report,
                valid_hours=valid_hours,
            )
        except ValueError as error:
            return Refused(str(error), None, left=False)
        try:
            if delivery_report:
                await self.ask_for_reports()
        except PortGone:
            return Gone(left=False)
        except (ModemSilent, NotAModem):
            return Silence(left=False)
        references: list[int] = []
        for part in parts:
            note = _nothing if references else before_body
            result = await self._send_part(part, within_seconds, note)
            if not isinstance(result, SmsSent):
                return replace(result, left=True) if references else result
            references.append(result.reference)
        return SmsSent(references[0], tuple(references[1:]))

    async def _send_part(
        self, part: sms.SubmitPdu, within_seconds: float, before_body: Callable[[], Awaitable[None]]
    ) -> SmsResult:
        command = AtCommand(f"AT+CMGS={part.length}", expects=("+CMGS:",), prompted=True)
        try:
            event = await self._conversation.exchange(command, self.profile.prompt_seconds)
        except PortGone:
            return Gone(left=False)
        except (ModemSilent, NotAModem):
            return Silence(left=False)
        if isinstance(event, PromptSeen):
            return await self._send_body(part, within_seconds, before_body)
        self._conversation.escape()
        if isinstance(event, Response):
            return self._refused(event.final, left=False)
        return Silence(left=False)

    async def _send_body(
        self, part: sms.SubmitPdu, within_seconds: float, before_body: Callable[[], Awaitable[None]]
    ) -> SmsResult:
        try:
            if self.profile.prompt_pause_seconds:
                await self._conversation.clock.sleep(self.profile.prompt_pause_seconds)
            await before_body()
        except BaseException:
            self._conversation.escape()
            raise
        if not self._conversation.awaits_body:
            return Refused("the modem left its prompt by itself", None, left=False)
        try:
            event = await self._conversation.send_body(
                part.hex, within_seconds, self.profile.body_pause_seconds
            )
        except PortGone:
            return Gone(left=True)
        return self._sent(event)

    def _sent(self, event: Response | PromptSeen | Expired) -> SmsResult:
        if isinstance(event, PromptSeen):
            return Silence(left=True)
        reference = _reference(event.lines)
        if isinstance(event, Expired):
            # The reference alone proves that the network took it; only the OK was lost.
            return Silence(left=True) if reference is None else SmsSent(reference)
        if event.final.ok:
            return SmsSent(reference or 0)
        return self._refused(event.final, left=refusal.sms_left(event.final))

    def _refused(self, final: Final, left: bool) -> Refused:
        if final.kind is FinalKind.CMS and final.code == 322:
            self._on_event(StorageFull(final.said))
        return Refused(str(final), final.code, left)

    async def ask_for_reports(self) -> None:
        """Let the modem hand over status reports, once a life; one that refuses is polled."""
        if self._reports_asked:
            return
        asked = AtCommand("AT+CNMI?", expects=("+CNMI:",))
        response = await self._conversation.run(asked, self.profile.command_seconds)
        fields = [one.strip() for one in (response.with_prefix("+CNMI:") or [""])[-1].split(",")]
        if response.final.ok and len(fields) >= 4 and fields[3] == "0":
            for way in (REPORTS_DIRECTLY, REPORTS_STORED):
                form = ",".join([*fields[:3], way, *fields[4:]])
                command = AtCommand(f"AT+CNMI={form}")
                if (await self._conversation.run(command, self.profile.command_seconds)).final.ok:
                    break
        self._reports_asked = True

    # -- reading --------------------------------------------------------------

    async def read(self) -> list[IncomingSms]:
        """All messages, stored ones and those that came directly; nothing is deleted.

        What came directly is kept here until `delete` names it, as the card keeps the others.
        Status reports become events; one that is stored is told of until it is deleted.
        """
        found = await self._storage.read()
        direct = [sms.decode(pdu, None) for pdu in self._direct]
        self._direct = [one.pdu for one in direct if isinstance(one, sms.Part)]
        found += direct
        for one in found:
            if isinstance(one, sms.Undecodable):
                self._report(one)
            elif isinstance(one, DeliveryReport):
                self._on_event(one)
        return sms.join(one for one in found if isinstance(one, sms.Part))

    async def delete(self, indices: Sequence[int], direct: Sequence[str] = ()) -> None:
        """Delete stored messages, and those that came directly by their PDUs.

        One that is not there is no error.
        """
        for pdu in direct:
            if pdu in self._direct:
                self._direct.remove(pdu)
        for index in indices:
            await self._storage.delete(index)

    def announced(self, line: str) -> None:
        """A +CMTI or +CDSI: a message lies there."""
        self._storage.announced(line)

    def came_directly(self, line: str) -> None:
        """A +CMT or +CDS with its PDU: the modem stored it nowhere, so it is kept here."""
        _, _, pdu = line.partition("\n")
        pdu = pdu.strip().upper()
        if not pdu:
            return
        if line.startswith("+CDS:"):
            read = sms.decode(pdu, None)
            if isinstance(read, DeliveryReport):
                self._on_event(read)
                return
        if len(self._direct) < DIRECT_MESSAGES_MAX:
            self._direct.append(pdu)
        else:
            reason = f"more than {DIRECT_MESSAGES_MAX} messages came at once"
            self._on_event(MessageUnreadable(None, reason, pdu))

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
        self._on_event(MessageUnreadable(one.index, one.reason, one.pdu))


async def _nothing() -> None:
    return


def _reference(lines: tuple[str, ...]) -> int | None:
    return next((one for line in lines if (one := parse_reference(line)) is not None), None)
