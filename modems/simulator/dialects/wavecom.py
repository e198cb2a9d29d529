"""Wavecom MULTIBAND: an old serial modem. No OK after +CPIN, one message store, 515 after start."""

from pulsarack.modems.simulator.dialect import BootLine, Dialect

WAVECOM = Dialect(
    name="wavecom",
    manufacturer=" WAVECOM MODEM",
    model=" MULTIBAND  900E  1800",
    revision=None,
    information=(" WAVECOM MODEM", " MULTIBAND  900E  1800"),
    iccid_command="+CCID",
    iccid_line='+CCID: "{iccid}"',
    memories=("SM",),
    capacity=50,
    charsets=("GSM", "PCCP437", "CUSTOM", "HEX"),
    ussd_dcs=0,
    ussd_failure_is_cusd_4=True,
    cpin_without_ok=True,
    pin_tries_command="+CPINC",
    pin_tries_line="+CPINC: {pin},3,10,10",
    most_memories_set=2,
    boot_lines=(BootLine(0.2, "+WIND: 1"), BootLine(6.0, "+WIND: 4"), BootLine(8.0, "+WIND: 7")),
    busy_seconds=6.0,
    busy_code=515,
    registers_after=8.0,
    storm=("+WIND: 5,1", "+WIND: 2", "+WIND: 6,1", "+CREG: 1"),
    extra_commands={"+WIND": ("+WIND: 0",), "+WOPEN": ()},
)
