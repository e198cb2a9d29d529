"""Telit HE910: the answer to a USSD request comes before its OK, the port blocked meanwhile."""

from pulsarack.modems.simulator.dialect import BootLine, Dialect, Order

HE910 = Dialect(
    name="telit-he910",
    manufacturer="Telit",
    model="HE910-D",
    revision="12.00.004",
    information=("HE910-D",),
    iccid_command="#CCID",
    iccid_line="#CCID: {iccid}",
    memories=("SM", "ME"),
    capacity=30,
    default_charset="IRA",
    charsets=("GSM", "IRA", "8859-1", "PCCP437", "UCS2", "HEX"),
    ussd_order=Order.ANSWER_FIRST,
    cancel_without_session_fails=True,
    pin_tries_command="#PCT",
    pin_tries_line="#PCT: {pin}",
    unknown_code=100,
    boot_lines=(BootLine(3.0, "#QSS: 1"),),
    busy_seconds=3.0,
    leaves_bus_on_reset=10.0,
    storm=("+CREG: 1", "#QSS: 3"),
    extra_commands={"#QSS": (), "+WS46": ()},
)
