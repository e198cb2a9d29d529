"""Which function answers which command, and what a modem that is not ready yet answers instead."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from pulsarack.modems.simulator import device_commands, message_commands, ussd_commands
from pulsarack.modems.simulator.line import EXTENDED, Command, Form
from pulsarack.modems.simulator.result import (
    CMS_SIM_BUSY,
    CMS_SIM_MISSING,
    INIT_IN_PROGRESS,
    SIM_MISSING,
    SIM_PIN_NEEDED,
    SIM_PUK_NEEDED,
    EquipmentError,
    Result,
    ServiceError,
)

if TYPE_CHECKING:
    from pulsarack.modems.simulator.modem import Modem

Handler = Callable[["Modem", Command], Result]

HANDLERS: Mapping[str, Handler] = {
    **device_commands.HANDLERS,
    **message_commands.HANDLERS,
    **ussd_commands.HANDLERS,
}

# Commands that need nothing but the modem itself.
DURING_INIT = frozenset({"+CGMI", "+CGMM", "+CGMR", "+CGSN", "+GCAP", "+CMEE", "+CFUN"})
WITHOUT_SIM = DURING_INIT | {
    "+GMI",
    "+GMM",
    "+GMR",
    "+GSN",
    "+CSQ",
    "+CREG",
    "+COPS",
    "+CSCS",
    "+CPIN",
}


def find_handler(modem: "Modem", command: Command) -> Handler | None:
    """The function for a command as things stand, or None if the model does not know it."""
    handler = HANDLERS.get(command.name)
    if command.name == modem.dialect.pin_tries_command:
        handler = device_commands.pin_tries
    if handler is None or not _is_of_this_model(modem, command):
        return None
    return _not_ready(modem, command) or handler


def _is_of_this_model(modem: "Modem", command: Command) -> bool:
    return command.name not in device_commands.ICCID_COMMANDS or (
        command.name == modem.dialect.iccid_command
    )


def _not_ready(modem: "Modem", command: Command) -> Handler | None:
    if command.name[0] not in EXTENDED:
        return None
    about_messages = command.name.startswith("+CMG") or command.name in ("+CPMS", "+CNMI")
    if modem.initialising:
        code = modem.dialect.busy_code
        if code == INIT_IN_PROGRESS:
            if command.name not in DURING_INIT:
                return _always(EquipmentError(code))
        elif about_messages:
            return _always(ServiceError(CMS_SIM_BUSY))
        elif command.name not in WITHOUT_SIM or command.name == "+CPIN":
            return _always(EquipmentError(code))
    asks = command.form is Form.TEST
    if not modem.card_in and not asks and (command.name not in WITHOUT_SIM):
        return _always(
            ServiceError(CMS_SIM_MISSING) if about_messages else EquipmentError(SIM_MISSING)
        )
    locked = modem.card.pin_state
    if locked != "READY" and not asks and not _goes_while_locked(modem, command):
        return _always(EquipmentError(SIM_PIN_NEEDED if locked == "SIM PIN" else SIM_PUK_NEEDED))
    return None


def _goes_while_locked(modem: "Modem", command: Command) -> bool:
    dialect = modem.dialect
    if command.name in (dialect.iccid_command, "+CRSM"):
        return dialect.tells_locked_iccid
    return command.name in WITHOUT_SIM or command.name == dialect.pin_tries_command


def _always(result: Result) -> Handler:
    return lambda modem, command: result
