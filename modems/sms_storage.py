"""The messages that a modem stores: listing them, reading them one by one, deleting them.

AT+CMGL lists everything at once, and hangs some modems. When it brings no answer in its
time, messages are read one by one with AT+CMGR for the rest of this modem's life; when
that is silent too, `StorageHung` says that only a reset helps. Right after a message was
announced some modems say that they hold none, so an empty list is then asked for once
more. Nothing is deleted here unless the caller says so, but for status reports in the
store of their own ("SR"), which are told of first.

Sources: 3GPP TS 27.005 sections 3.2.2 (AT+CPMS), 3.4.1 (+CMTI, +CDSI), 3.4.2 (AT+CMGL),
3.5.3 (AT+CMGR), 3.5.4 (AT+CMGD).
"""

from collections.abc import Callable, Iterable
from dataclasses import replace

from pulsarack.modems import sms
from pulsarack.modems.at.events import AtCommand, Response
from pulsarack.modems.at.message_lines import parse_place
from pulsarack.modems.at.results import Final, FinalKind
from pulsarack.modems.at.stores import parse_stores
from pulsarack.modems.conversation import Conversation
from pulsarack.modems.errors import ModemRefused, ModemSilent, NotAModem, StorageHung
from pulsarack.modems.profile import Profile
from pulsarack.modems.results import DeliveryReport, ListingHung, ModemEvent

LIST_ALL = AtCommand("AT+CMGL=4", expects=("+CMGL:",))
ASK_STORAGE = AtCommand("AT+CPMS?", expects=("+CPMS:",))
STATUS_REPORT_STORE = "SR"
# How long a modem may need between announcing a message and knowing of it.
ANNOUNCED_EARLY_SECONDS = 0.5
# No card has room for more; a modem that says so is not believed.
INDICES_MAX = 255
ANNOUNCED_MAX = 64


class SmsStorage:
    """The message store of one modem, as its profile names it."""

    def __init__(
        self,
        conversation: Conversation,
        profile: Profile,
        on_event: Callable[[ModemEvent], None],
    ) -> None:
        self.profile = profile
        self._conversation = conversation
        self._on_event = on_event
        self._listing_hangs = False
        self._announced: set[int] = set()
        self._status_reports: set[int] = set()

    def announced(self, line: str) -> None:
        """A +CMTI or +CDSI. An index of -1 means somewhere: the list will show it."""
        place = parse_place(line)
        if place is None or len(self._announced) + len(self._status_reports) >= ANNOUNCED_MAX:
            return
        store, index = place.store.upper(), -1 if place.index is None else place.index
        known = 0 <= index <= INDICES_MAX
        if store != STATUS_REPORT_STORE or store == self.profile.sms_store:
            self._announced.add(index if known else -1)
        elif known:
            self._status_reports.add(index)

    async def read(self) -> list[sms.Decoded]:
        """Everything that is stored; StorageHung, ModemRefused and their kin."""
        await self._read_status_reports()
        announced, self._announced = self._announced, set()
        found = await self._read_all(announced)
        if announced and not found:
            await self._conversation.clock.sleep(ANNOUNCED_EARLY_SECONDS)
            found = await self._read_all(announced)
        return found

    async def delete(self, index: int) -> None:
        """Delete one; one that is not there is no error."""
        command = AtCommand(f"AT+CMGD={index}")
        response = await self._run(command)
        if not response.final.ok and not _is_missing(response.final):
            raise ModemRefused(command.name, str(response.final))

    async def _read_all(self, announced: Iterable[int]) -> list[sms.Decoded]:
        if not self._listing_hangs:
            try:
                response = await self._run(LIST_ALL)
            except ModemSilent as error:
                if error.command != LIST_ALL.name:
                    raise  # it answers nothing at all
                self._listing_hangs = True
                self._on_event(ListingHung(self.profile.slow_seconds))
            else:
                if not response.final.ok:
                    raise ModemRefused(LIST_ALL.name, str(response.final))
                return sms.read_list(response.lines)
        return await self._read_each(announced)

    async def _read_each(self, announced: Iterable[int]) -> list[sms.Decoded]:
        """One by one: the announced first, then from the start until all are found."""
        try:
            used, total = _room(await self._run(ASK_STORAGE))
            found: list[sms.Decoded] = []
            first = sorted(index for index in announced if index >= 0)
            for index in dict.fromkeys([*first, *range(total + 1)]):
                if len(found) >= max(used, len(first)):
                    break
                found += await self._read_one(index)
            return found
        except ModemSilent as error:
            raise StorageHung(error.command) from None
        except NotAModem:  # it spoke AT before the listing
            raise StorageHung("AT") from None

    async def _read_one(self, index: int) -> list[sms.Decoded]:
        command = AtCommand(f"AT+CMGR={index}", expects=("+CMGR:",))
        response = await self._run(command)
        if response.final.ok:
            return sms.read_list(response.lines, index)
        if _is_missing(response.final):
            return []
        raise ModemRefused(command.name, str(response.final))

    async def _read_status_reports(self) -> None:
        """Those in the store of their own, told of and deleted; the other store comes back."""
        if not self._status_reports:
            return
        waiting, self._status_reports = sorted(self._status_reports), set()
        selected = await self._select(STATUS_REPORT_STORE)
        if not selected.final.ok:
            return
        try:
            for index in waiting:
                for one in await self._read_one(index):
                    if isinstance(one, DeliveryReport):
                        self._on_event(replace(one, index=None))
                await self.delete(index)
        finally:
            back = await self._select(self.profile.sms_store)
        if not back.final.ok:
            raise ModemRefused("AT+CPMS", str(back.final))

    async def _select(self, store: str) -> Response:
        return await self._run(AtCommand(f'AT+CPMS="{store}"', expects=("+CPMS:",)))

    async def _run(self, command: AtCommand) -> Response:
        return await self._conversation.run(command, self.profile.slow_seconds)


def _room(response: Response) -> tuple[int, int]:
    """<used1> and <total1>; a modem that does not tell is searched to the end."""
    for line in response.lines:
        for store in parse_stores(line)[:1]:
            return store.used, min(store.total, INDICES_MAX)
    return INDICES_MAX + 1, INDICES_MAX


def _is_missing(final: Final) -> bool:
    """Invalid index: 321 by 27.005 3.2.5, 21 by 27.007 9.2.1."""
    if final.kind is FinalKind.CMS:
        return final.code == 321
    return final.kind is FinalKind.CME and final.code == 21
