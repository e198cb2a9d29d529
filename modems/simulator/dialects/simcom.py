"""SIMCom SIM800: plain text, +CUSD: 4 for every failure, and a doubled CR now and then."""

from pulsarack.modems.simulator.dialect import BootLine, Dialect

SIM800 = Dialect(
    name="simcom-sim800",
    manufacturer="SIMCOM_Ltd",
    model="SIMCOM_SIM800",
    revision="Revision:1418B05SIM800L24",
    information=("SIM800 R14.18",),
    iccid_command="+CCID",
    iccid_line="{iccid}",
    memories=("SM", "ME", "SM_P", "ME_P", "MT"),
    capacity=15,
    default_charset="IRA",
    charsets=("IRA", "GSM", "UCS2", "HEX", "PCCP", "PCDN", "8859-1"),
    ussd_failure_is_cusd_4=True,
    unknown_code=100,
    line_end="\r\r\n",
    lines_with_one_cr=("+CUSD", "+CMTI", "+CMT", "+CDS"),
    indication_modes=(0, 1, 2, 3),
    boot_lines=(
        BootLine(1.0, "+CPIN: READY"),
        BootLine(4.0, '+CIEV: 10,"51010","SIMULATED","SIMULATED", 0, 0'),
        BootLine(5.0, "Call Ready"),
        BootLine(6.0, "SMS Ready"),
    ),
    deaf_until_first_line=True,
    storm=("+CIEV: 10,1", "+CREG: 1", '*PSUTTZ: 2026,11,22,7,5,0,"+28",0'),
    extra_commands={"+CLTS": (), "+CIURC": ()},
)
