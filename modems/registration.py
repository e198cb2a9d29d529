"""What +CREG, +COPS and +CEER mean for a chip: where it stands, and what to do if it cannot sell.

The lines themselves are read in at/registration.py and at/operators.py.
"""

from pulsarack.modems.at.operators import parse_selection
from pulsarack.modems.at.registration import parse_report
from pulsarack.modems.results import NetworkPlace, Registration

OPERATOR_CHARACTERS_MAX = 40
REASON_CHARACTERS_MAX = 120

# 6 and 7: for texts only; 9 and 10: calls fall back not by preference. All are registered.
_STATES = {
    **{state.value: state for state in Registration},
    6: Registration.HOME,
    7: Registration.ROAMING,
    9: Registration.HOME,
    10: Registration.ROAMING,
}
_WORDS = {
    Registration.NOT_REGISTERED: "the modem is not looking for a network",
    Registration.SEARCHING: "no network was found",
    Registration.DENIED: "the network denies the chip",
    Registration.UNKNOWN: "the modem does not know how it stands",
}
_REMEDIES = {
    Registration.NOT_REGISTERED: "check that the radio is on (AT+CFUN?) and the chip is seated",
    Registration.SEARCHING: "check antenna and place; the model may lack this network's bands",
    Registration.DENIED: "the chip may be expired or barred; look at it in a phone",
    Registration.UNKNOWN: "check antenna and chip",
}


def parse_registration(line: str) -> NetworkPlace | None:
    """One line of +CREG or its kin; None if it holds no <stat>."""
    report = parse_report(line)
    if report is None:
        return None
    state = _STATES.get(report.state, Registration.UNKNOWN)
    return NetworkPlace(state, _known(report.lac), _known(report.ci), report.technology or "", "")


def parse_operator(lines: tuple[str, ...]) -> tuple[int | None, str]:
    """<mode> and the operator's name of AT+COPS?."""
    for line in lines:
        selection = parse_selection(line)
        if selection is not None:
            return selection.mode, _printable(selection.name or "")[:OPERATOR_CHARACTERS_MAX]
    return None, ""


def parse_reason(lines: tuple[str, ...]) -> str:
    """What AT+CEER says (27.007 6.10), fit for a line of text; empty if nothing."""
    said = " ".join(line.partition(":")[2] or line for line in lines)
    return _printable(said.replace('"', " "))[:REASON_CHARACTERS_MAX]


def explain(state: Registration, reason: str = "") -> str:
    """Why there is no network, in words, and what to do."""
    words = _WORDS.get(state, "it is registered")
    said = f" (the modem says: {reason})" if reason else ""
    return f"no network: {words}{said}; {_REMEDIES.get(state, 'wait')}"


def _known(number: int | None) -> int | None:
    """An area or a cell; all bits set say that it is not known (24.008 10.5.1.3)."""
    return None if number in (0xFFFF, 0xFFFFFFF, 0xFFFFFFFF) else number


def _printable(text: str) -> str:
    shown = "".join(char if char.isprintable() else " " for char in text)
    return " ".join(shown.split())
