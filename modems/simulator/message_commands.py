"""SMS in PDU mode: sending, the stored messages, and how new ones are told (27.005)."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from pulsarack.modems.simulator.absence import nothing
from pulsarack.modems.simulator.line import Command, Form
from pulsarack.modems.simulator.menu_weather import MenuFault
from pulsarack.modems.simulator.pdu import PduError, read_submit, tpdu_length
from pulsarack.modems.simulator.result import (
    CMS_INVALID_INDEX,
    CMS_INVALID_PDU,
    CMS_NETWORK_TIMEOUT,
    CMS_NO_NETWORK,
    CMS_NOT_SUPPORTED,
    CMS_UNKNOWN,
    Done,
    EquipmentError,
    Later,
    Result,
    ServiceError,
)

if TYPE_CHECKING:
    from pulsarack.modems.simulator.modem import Modem

ALL_MESSAGES = 4
LONGEST_TPDU = 164  # 23.040 9.2.2.2
# How long a modem waits for the acknowledgement of an SMS before it gives up.
ACKNOWLEDGED_SECONDS = 30.0


def _format(modem: "Modem", command: Command) -> Result:
    if command.form is Form.READ:
        return Done((f"+CMGF: {0 if modem.settings.pdu_mode else 1}",))
    if command.form is Form.TEST:
        return Done(("+CMGF: (0,1)",))
    modem.settings.pdu_mode = command.whole(0, 0) == 0
    return Done()


def _indications(modem: "Modem", command: Command) -> Result:
    modes = modem.dialect.indication_modes
    if command.form is Form.TEST:
        # What is advertised is not what is taken: the refused modes stand here too.
        return Done(("+CNMI: (0,1,2,3),(0,1,2,3),(0,2,3),(0,1,2),(0,1)",))
    if command.form is Form.READ:
        mode, delivery, reports = modem.settings.indication
        return Done((f"+CNMI: {mode},{delivery},0,{reports},0",))
    asked_mode, asked_delivery = command.whole(0, 0), command.whole(1, 0)
    asked_reports = command.whole(3, 0)
    if (
        modem.quirks.no_indications
        or asked_mode not in modes
        or asked_delivery not in (0, 1, 2, 3)
        or asked_reports not in (0, 1, 2)
    ):
        return ServiceError(CMS_NOT_SUPPORTED)
    modem.settings.indication = (asked_mode, asked_delivery, asked_reports)
    return Done()


def _storage(modem: "Modem", command: Command) -> Result:
    dialect = modem.dialect
    places = dialect.most_memories_set
    if command.form is Form.TEST:
        names = ",".join(f'"{name}"' for name in dialect.memories)
        return Done((f"+CPMS: {','.join([f'({names})'] * places)}",))
    count = f"{len(modem.card.messages)},{modem.card.capacity}"
    if command.form is Form.READ:
        one = f'"{modem.settings.memory}",{count}'
        return Done((f"+CPMS: {','.join([one] * places)}",))
    if len(command.arguments) > places:
        return EquipmentError()
    if any(name not in dialect.memories for name in command.arguments):
        return ServiceError(CMS_NOT_SUPPORTED)
    modem.settings.memory = command.text(0) or dialect.memories[0]
    return Done((f"+CPMS: {','.join([count] * places)}",))


def _list(modem: "Modem", command: Command) -> Result:
    if command.form is Form.TEST:
        return Done(("+CMGL: (0-4)",))
    wanted = command.whole(0, 0)
    if not modem.settings.pdu_mode or wanted is None or wanted > ALL_MESSAGES:
        return ServiceError(CMS_NOT_SUPPORTED)
    modem.settings.told_full = False
    modem.settings.listings += 1
    if _listing_hangs(modem):
        # It never ends by itself; whatever is written next ends it without a word.
        modem.wire.concluder(abort=nothing)
        return Later()
    lines: list[str] = []
    for slot, message in sorted(modem.card.messages.items()):
        if wanted in (message.status, ALL_MESSAGES):
            length = tpdu_length(message.pdu)
            lines += [f"+CMGL: {slot},{message.status},,{length}", message.pdu]
            message.status = 1
    if lines:
        modem.chatter()
    return Done(tuple(lines), carries_message=True)


def _listing_hangs(modem: "Modem") -> bool:
    listings = modem.quirks.listings
    return listings is not None and modem.settings.listings > listings


def _read(modem: "Modem", command: Command) -> Result:
    if modem.quirks.reading_hangs and _listing_hangs(modem):
        modem.wire.concluder(abort=nothing)
        return Later()
    slot = command.whole(0)
    message = modem.card.messages.get(slot) if slot is not None else None
    if not modem.settings.pdu_mode:
        return ServiceError(CMS_NOT_SUPPORTED)
    if message is None:
        return ServiceError(CMS_INVALID_INDEX)
    status, message.status = message.status, 1
    head = f"+CMGR: {status},,{tpdu_length(message.pdu)}"
    return Done((head, message.pdu), carries_message=True)


def _delete(modem: "Modem", command: Command) -> Result:
    messages = modem.card.messages
    if command.form is Form.TEST:
        slots = ",".join(str(slot) for slot in sorted(messages))
        return Done((f"+CMGD: ({slots}),(0-4)",))
    slot, flag = command.whole(0), command.whole(1, 0)
    if slot is None or flag is None or flag > ALL_MESSAGES:
        return ServiceError(CMS_INVALID_INDEX)
    if flag == 0:
        if not 1 <= slot <= modem.card.capacity:
            return ServiceError(CMS_INVALID_INDEX)
        messages.pop(slot, None)
    for one in [one for one, message in messages.items() if flag == 4 or (flag and message.status)]:
        del messages[one]
    # There is room again for what the service centre kept.
    modem.later(1.0, lambda: modem.network.retry(modem))
    return Done()


def _send(modem: "Modem", command: Command) -> Result:
    length = command.whole(0)
    if command.form is Form.TEST:
        return Done()
    if not modem.settings.pdu_mode or length is None:
        return ServiceError(CMS_NOT_SUPPORTED)
    if not 1 <= length <= LONGEST_TPDU:
        return ServiceError(CMS_INVALID_PDU)

    fault = modem.network.text_fault(modem) if modem.registered else None
    if fault is MenuFault.REFUSED:
        return ServiceError(CMS_UNKNOWN)

    def body(pdu: str | None) -> Result:
        return Done() if pdu is None else _submit(modem, pdu, length, fault)

    modem.wire.ask_body(body)
    return Later()


def _submit(modem: "Modem", pdu: str, length: int, fault: MenuFault | None) -> Result:
    try:
        submit = read_submit(pdu, length)
    except PduError:
        return ServiceError(CMS_INVALID_PDU)
    if not modem.registered:
        return ServiceError(CMS_NO_NETWORK)
    conclude = modem.wire.concluder()

    def accepted() -> None:
        if modem.out_of_coverage:
            # The acknowledgement found nobody, whatever the service centre did.
            modem.later(ACKNOWLEDGED_SECONDS, lambda: conclude(ServiceError(CMS_NETWORK_TIMEOUT)))
            return
        reference = (modem.settings.message_reference + 1) % 256
        modem.settings.message_reference = reference
        conclude(Done((f"+CMGS: {reference}",)))
        if submit.report_wanted:
            modem.network.report_delivery(modem, submit.to, reference)

    modem.network.submit(modem, submit, accepted, fault)
    return Later()


def _service_centre(modem: "Modem", command: Command) -> Result:
    return Done(('+CSCA: "+62811000000",145',)) if command.form is Form.READ else Done()


HANDLERS: Mapping[str, Callable[["Modem", Command], Result]] = {
    "+CMGF": _format,
    "+CNMI": _indications,
    "+CPMS": _storage,
    "+CMGL": _list,
    "+CMGR": _read,
    "+CMGD": _delete,
    "+CMGS": _send,
    "+CSCA": _service_centre,
}
