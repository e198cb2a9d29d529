"""AT+CUSD and Huawei's AT^USSDMODE (27.007 7.15)."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from pulsarack.modems.simulator.dialect import UssdSpelling
from pulsarack.modems.simulator.line import Command, Form
from pulsarack.modems.simulator.result import BAD_PARAMETER, Done, EquipmentError, Result, Unknown

if TYPE_CHECKING:
    from pulsarack.modems.simulator.modem import Modem


def _ussd(modem: "Modem", command: Command) -> Result:
    if command.form is Form.TEST:
        return Done(("+CUSD: (0-2)",))
    if command.form is Form.READ:
        return Done((f"+CUSD: {int(modem.settings.ussd_reports)}",))
    what = command.whole(0, 0)
    if what == 2:
        return modem.ussd.cancel()
    if what not in (0, 1):
        return EquipmentError(BAD_PARAMETER)
    modem.settings.ussd_reports = what == 1
    text = command.text(1)
    return Done() if text is None else modem.ussd.send(text)


def _ussd_mode(modem: "Modem", command: Command) -> Result:
    if modem.dialect.ussd_spelling is not UssdSpelling.PACKED:
        return Unknown()
    if command.form is Form.TEST:
        return Done(("^USSDMODE: (0-1)",))
    if command.form is Form.READ:
        return Done((f"^USSDMODE: {0 if modem.settings.ussd_plain else 1}",))
    modem.settings.ussd_plain = command.whole(0, 1) == 0
    return Done()


HANDLERS: Mapping[str, Callable[["Modem", Command], Result]] = {
    "+CUSD": _ussd,
    "^USSDMODE": _ussd_mode,
}
