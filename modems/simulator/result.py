"""How a command ends, and the numbers of the errors it may end with (27.007 9.2, 27.005 3.2.5)."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Done:
    """Information lines, then OK.

    without_ok: the information is the final result (Wavecom's +CPIN); carries_message: a bad line
    may damage it.
    """

    lines: tuple[str, ...] = ()
    without_ok: bool = False
    carries_message: bool = False


@dataclass(frozen=True)
class EquipmentError:
    """+CME ERROR, ERROR or its words, as AT+CMEE says. code None: always a bare ERROR."""

    code: int | None = None


@dataclass(frozen=True)
class ServiceError:
    """+CMS ERROR, whatever AT+CMEE says: message commands have their own codes."""

    code: int


@dataclass(frozen=True)
class Unknown:
    """The model does not know the command."""


@dataclass(frozen=True)
class Later:
    """The result comes when the network or the TE has done its part."""


Result = Done | EquipmentError | ServiceError | Unknown | Later

NOT_ALLOWED, SIM_MISSING, SIM_PIN_NEEDED, SIM_PUK_NEEDED, SIM_NOT_READY = 3, 10, 11, 12, 14
WRONG_PASSWORD, INVALID_INDEX, NO_NETWORK, BAD_PARAMETER = 16, 21, 30, 50
INIT_IN_PROGRESS, UNKNOWN_ERROR = 515, 100

CMS_NOT_SUPPORTED, CMS_INVALID_PDU, CMS_SIM_MISSING, CMS_SIM_BUSY = 303, 304, 310, 314
CMS_INVALID_INDEX, CMS_NO_NETWORK, CMS_NETWORK_TIMEOUT, CMS_UNKNOWN = 321, 331, 332, 500

WORDS = {
    NOT_ALLOWED: "operation not allowed",
    SIM_MISSING: "SIM not inserted",
    SIM_PIN_NEEDED: "SIM PIN required",
    SIM_PUK_NEEDED: "SIM PUK required",
    SIM_NOT_READY: "SIM busy",
    WRONG_PASSWORD: "incorrect password",
    INVALID_INDEX: "invalid index",
    NO_NETWORK: "no network service",
    BAD_PARAMETER: "Incorrect parameters",
    UNKNOWN_ERROR: "unknown",
}


def error_line(result: EquipmentError | ServiceError, report_level: int) -> str:
    """The final result of a failed command under a level of AT+CMEE (0, 1 or 2)."""
    if isinstance(result, ServiceError):
        return f"+CMS ERROR: {result.code}"
    if result.code is None or (report_level == 0 and result.code != INIT_IN_PROGRESS):
        return "ERROR"
    if report_level == 2 and result.code in WORDS:
        return f"+CME ERROR: {WORDS[result.code]}"
    return f"+CME ERROR: {result.code}"
