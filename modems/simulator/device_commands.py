"""Commands about the modem itself, its SIM's identity and its place in the network (27.007)."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from pulsarack.modems.simulator.line import Command, Form
from pulsarack.modems.simulator.result import (
    BAD_PARAMETER,
    SIM_MISSING,
    WRONG_PASSWORD,
    Done,
    EquipmentError,
    Result,
    Unknown,
)
from pulsarack.modems.simulator.ussd_text import to_ucs2_hex

if TYPE_CHECKING:
    from pulsarack.modems.simulator.modem import Modem

ICCID_COMMANDS = frozenset({"+CCID", "^ICCID", "+QCCID", "+ICCID", "+CICCID", "#CCID"})
EF_ICCID = "12258"
NUMERIC = 2
PLMN_DIGITS = 5
AREA, CELL = 0x23A1, 0x01C3D4E5


def _fixed(read: Callable[["Modem"], str | None]) -> Callable[["Modem", Command], Result]:
    """A command that only tells one line, or ERROR if the model has none."""

    def handler(modem: "Modem", command: Command) -> Result:
        if command.form is Form.TEST:
            return Done()
        line = read(modem)
        return EquipmentError() if line is None else Done((line,))

    return handler


def _accept(modem: "Modem", command: Command) -> Result:
    return Done()


def _echo(modem: "Modem", command: Command) -> Result:
    modem.wire.echo = command.number != 0
    return Done()


def _to_defaults(modem: "Modem", command: Command) -> Result:
    modem.wire.echo, modem.wire.report_level = True, 0
    modem.settings = type(modem.settings)(modem.dialect.default_charset)
    return Done()


def _information(modem: "Modem", command: Command) -> Result:
    return Done((*modem.dialect.information, f"IMEI: {modem.imei}"))


def _report_level(modem: "Modem", command: Command) -> Result:
    if command.form is Form.READ:
        return Done((f"+CMEE: {modem.wire.report_level}",))
    if command.form is Form.TEST:
        return Done(("+CMEE: (0-2)",))
    level = command.whole(0, 0)
    if level is None or level > 2:
        return EquipmentError(BAD_PARAMETER)
    modem.wire.report_level = level
    return Done()


def _charset(modem: "Modem", command: Command) -> Result:
    if command.form is Form.READ:
        return Done((f'+CSCS: "{modem.settings.charset}"',))
    if command.form is Form.TEST:
        names = ",".join(f'"{name}"' for name in modem.dialect.charsets)
        return Done((f"+CSCS: ({names})",))
    charset = command.text(0)
    if charset not in modem.dialect.charsets:
        return EquipmentError(BAD_PARAMETER)
    modem.settings.charset = charset
    return Done()


def _iccid(modem: "Modem", command: Command) -> Result:
    return Done((modem.dialect.iccid_line.format(iccid=modem.iccid),))


def _restricted_sim_access(modem: "Modem", command: Command) -> Result:
    """READ BINARY of EF ICCID is the one access that matters here (27.007 8.18)."""
    if command.form is not Form.SET:
        return Done()
    if command.text(0) == "176" and command.text(1) == EF_ICCID:
        return Done((f'+CRSM: 144,0,"{modem.card.swapped_iccid()}"',))
    return Done(("+CRSM: 106,130",))  # file not found (ETSI 102.221 10.2.1.5)


def _sim_pin(modem: "Modem", command: Command) -> Result:
    if not modem.card_in and command.form is not Form.TEST:
        return EquipmentError(SIM_MISSING)
    state = modem.card.pin_state
    if command.form is Form.READ:
        return Done((f"+CPIN: {state}",), without_ok=modem.dialect.cpin_without_ok)
    if command.form is Form.TEST:
        return Done()
    if state == "READY":
        return EquipmentError(3)
    if not modem.card.unlock(command.text(0) or ""):
        return EquipmentError(WRONG_PASSWORD)
    modem.later(modem.dialect.registers_after, modem.register)
    return Done()


def pin_tries(modem: "Modem", command: Command) -> Result:
    """How often the SIM PIN may still be tried; every maker has a command of his own."""
    line = modem.dialect.pin_tries_line.format(pin=modem.card.pin_tries_left)
    return Done((line,))


def _signal(modem: "Modem", command: Command) -> Result:
    if command.form is Form.TEST:
        return Done(("+CSQ: (0-31,99),(0-7,99)",))
    level = 16 + modem.rng.randrange(8) if modem.registered else 99
    return Done((f"+CSQ: {level},{0 if modem.registered else 99}",))


def _registration(modem: "Modem", command: Command) -> Result:
    if command.form is Form.TEST:
        return Done((f"{command.name}: (0-2)",))
    if command.form is Form.READ:
        state = 1 if modem.registered else 2
        reports = modem.settings.registration_reports
        place = f',"{AREA:04X}","{CELL:08X}",2' if modem.registered and reports == 2 else ""
        return Done((f"{command.name}: {reports},{state}{place}",))
    modem.settings.registration_reports = command.whole(0, 0) or 0
    return Done()


def _packet_registration(modem: "Modem", command: Command) -> Result:
    """Packet service is there where the network is (27.007 10.1.20)."""
    if command.form is Form.TEST:
        return Done(("+CGREG: (0-2)",))
    if command.form is Form.READ:
        state = 1 if modem.registered else 2
        return Done((f"+CGREG: {modem.settings.packet_registration_reports},{state}",))
    modem.settings.packet_registration_reports = command.whole(0, 0) or 0
    return Done()


def _operator(modem: "Modem", command: Command) -> Result:
    """AT+COPS=3,<format> chooses how the next answers name the network (27.007 7.3)."""
    if command.form is not Form.READ:
        form = command.whole(1)
        if command.form is Form.SET and form is not None:
            if form > NUMERIC:
                return EquipmentError(BAD_PARAMETER)
            modem.settings.operator_format = form
        return Done()
    if not modem.registered:
        return Done(("+COPS: 0",))
    form = modem.settings.operator_format
    if form == NUMERIC:
        # The home network: the first digits of the IMSI (23.003 2.2), two for the MNC here.
        name = modem.card.chip.imsi[:PLMN_DIGITS]
    else:
        name = modem.network.name_for(modem)
        if modem.settings.charset == "UCS2":
            name = to_ucs2_hex(name)
    return Done((f'+COPS: 0,{form},"{name}"',))


def _functionality(modem: "Modem", command: Command) -> Result:
    if command.form is Form.READ:
        return Done((f"+CFUN: {modem.settings.functionality}",))
    if command.form is Form.TEST:
        return Done(("+CFUN: (0,1,4),(0,1)",))
    level = command.whole(0, 1)
    if level is None:
        return EquipmentError(BAD_PARAMETER)
    if command.whole(1, 0) == 1:
        modem.later(0.3, modem.restart)
        return Done()
    if level == modem.settings.functionality:
        return Done()  # already so: a Wavecom takes an SMS in the same second
    modem.settings.functionality = level
    if level != 1:
        modem.registered = False
    else:
        if modem.dialect.busy_code == 515:
            modem.be_busy()
        modem.later(modem.dialect.registers_after, modem.register)
    return Done()


def _huawei_chatter(modem: "Modem", command: Command) -> Result:
    if modem.dialect.chatter_off != command.name:
        return Unknown()
    if command.form is Form.SET:
        modem.settings.chatty = command.whole(0, 0) != 0
    return Done()


HANDLERS: Mapping[str, Callable[["Modem", Command], Result]] = {
    "E": _echo,
    "I": _information,
    "Z": _to_defaults,
    "&F": _to_defaults,
    **dict.fromkeys(("V", "Q", "S", "H", "X", "&C", "&D", "&W", "&K"), _accept),
    **dict.fromkeys(("+CSMS", "+CMMS", "+CLIP", "+IFC", "+IPR", "+ICF"), _accept),
    **dict.fromkeys(("+CGMI", "+GMI"), _fixed(lambda modem: modem.dialect.manufacturer)),
    **dict.fromkeys(("+CGMM", "+GMM"), _fixed(lambda modem: modem.dialect.model)),
    **dict.fromkeys(("+CGMR", "+GMR"), _fixed(lambda modem: modem.dialect.revision)),
    **dict.fromkeys(("+CGSN", "+GSN"), _fixed(lambda modem: modem.imei)),
    "+GCAP": _fixed(lambda modem: "+GCAP: +CGSM,+FCLASS"),
    "+CIMI": _fixed(lambda modem: modem.card.chip.imsi),
    **dict.fromkeys(sorted(ICCID_COMMANDS), _iccid),
    "+CRSM": _restricted_sim_access,
    "+CMEE": _report_level,
    "+CSCS": _charset,
    "+CPIN": _sim_pin,
    "+CSQ": _signal,
    "+CREG": _registration,
    "+CGREG": _packet_registration,
    "+COPS": _operator,
    "+CFUN": _functionality,
    "^CURC": _huawei_chatter,
}
