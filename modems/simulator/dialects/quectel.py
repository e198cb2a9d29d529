"""Quectel. M35: its character set is UCS2 from the start, and so is every string it shows. EC25:
strings follow AT+CSCS; messages cannot be had for seconds after the card is ready.
"""

from pulsarack.modems.simulator.dialect import BootLine, Dialect

M35 = Dialect(
    name="quectel-m35",
    manufacturer="Quectel_Ltd",
    model="Quectel_M35",
    revision="Revision: M35FAR02A01",
    information=("Quectel_Ltd", "Quectel_M35", "Revision: M35FAR02A01"),
    iccid_command="+QCCID",
    iccid_line="{iccid}",
    memories=("SM", "ME", "MT"),
    capacity=30,
    default_charset="UCS2",
    charsets=("GSM", "IRA", "UCS2", "HEX", "PCCP437", "8859-1"),
    unknown_code=100,
    boot_lines=(
        BootLine(0.1, "RDY"),
        BootLine(0.3, "+CFUN: 1"),
        BootLine(2.0, "+CPIN: READY"),
        BootLine(5.0, "Call Ready"),
    ),
    storm=("+CREG: 1", "+QNITZ: 26/11/22,07:05:00+28,0", "+CSQN: 20,0"),
    extra_commands={"+QINDI": (), "+QCFG": ()},
)

EC25 = Dialect(
    name="quectel-ec25",
    manufacturer="Quectel",
    model="EC25",
    revision="EC25EFAR06A06M4G",
    information=("Quectel", "EC25", "Revision: EC25EFAR06A06M4G"),
    iccid_command="+QCCID",
    iccid_line="+QCCID: {iccid}",
    memories=("SM", "ME", "MT"),
    capacity=40,
    charsets=("GSM", "IRA", "UCS2"),
    tells_locked_iccid=True,
    pin_tries_command="+QPINC",
    pin_tries_line='+QPINC: "SC",{pin},10',
    boot_lines=(
        BootLine(0.2, "RDY"),
        BootLine(0.4, "+CFUN: 1"),
        BootLine(2.0, "+CPIN: READY"),
        BootLine(2.2, "+QUSIM: 1"),
        BootLine(5.5, "+QIND: SMS DONE"),
        BootLine(6.0, "+QIND: PB DONE"),
    ),
    busy_seconds=5.5,
    registers_after=6.0,
    leaves_bus_on_reset=12.0,
    storm=('+QIND: "csq",20,99', "+CREG: 1", "+QIND: PB DONE"),
    extra_commands={"+QURCCFG": (), "+QCFG": ()},
)
