"""ZTE MF190: it takes its time for the card's messages, says so, and knows AT+CNMI mode 1 only."""

from pulsarack.modems.simulator.dialect import BootLine, Dialect

MF190 = Dialect(
    name="zte-mf190",
    manufacturer="ZTE CORPORATION",
    model="MF190",
    revision="BD_MF190V1.0.0B05",
    information=("Manufacturer: ZTE CORPORATION", "Model: MF190", "Revision: BD_MF190V1.0.0B05"),
    iccid_command="+ICCID",
    iccid_line="ICCID: {iccid}",
    memories=("SM", "ME", "SR"),
    capacity=20,
    charsets=("GSM", "IRA", "UCS2"),
    tells_locked_iccid=True,
    pin_tries_command="+ZPINPUK",
    pin_tries_line="+ZPINPUK: {pin},10",
    indication_modes=(0, 1),
    boot_lines=(BootLine(1.0, "+ZUSIMR:2"), BootLine(4.0, "+ZUSIMR:2")),
    busy_seconds=5.0,
    leaves_bus_on_reset=9.0,
    chatter=('+ZDONR: "SIMULATED",510,10,"CS_PS","ROAM_OFF"', '+ZPASR: "UMTS"'),
    chatter_seconds=45.0,
    storm=('+ZPASR: "UMTS"', "+ZUSIMR:2", "+CREG: 1"),
    extra_commands={
        "+ZOPRT": (),
        "+ZPAS": ('+BEARTYPE: "UMTS","CS_PS"',),
        "+ZCDRUN": (),  # whether it comes as a CD-ROM at first
    },
)
