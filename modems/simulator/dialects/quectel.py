"""Quectel M35: its character set is UCS2 from the start, and so is every string it shows."""

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
