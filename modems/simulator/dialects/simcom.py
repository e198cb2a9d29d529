"""SIMCom. SIM800: plain text, +CUSD: 4 for every failure, and a doubled CR now and then. SIM7600:
plain requests, and answers in UCS2 hex however plain they are.
"""

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
    pin_tries_command="+SPIC",
    pin_tries_line="+SPIC: {pin},3,10,10",
    indication_modes=(0, 1, 2, 3),
    boot_lines=(
        BootLine(1.0, "+CPIN: READY"),
        BootLine(4.0, '+CIEV: 10,"51010","SIMULATED","SIMULATED", 0, 0'),
        BootLine(5.0, "Call Ready"),
        BootLine(6.0, "SMS Ready"),
    ),
    deaf_until_first_line=True,
    storm=("+CIEV: 10,1", "+CREG: 1", '*PSUTTZ: 2026,11,22,7,5,0,"+28",0'),
    extra_commands={"+CLTS": (), "+CIURC": (), "+CNETLIGHT": ()},
)

SIM7600 = Dialect(
    name="simcom-sim7600",
    manufacturer="SIMCOM INCORPORATED",
    model="SIMCOM_SIM7600E-H",
    revision="+CGMR: LE20B04SIM7600M22",
    information=("Manufacturer: SIMCOM INCORPORATED", "Model: SIMCOM_SIM7600E-H"),
    iccid_command="+CICCID",
    iccid_line="+ICCID: {iccid}",
    memories=("SM", "ME", "MT"),
    capacity=40,
    default_charset="IRA",
    charsets=("IRA", "GSM", "UCS2"),
    ussd_answers_ucs2=True,
    tells_locked_iccid=True,
    pin_tries_command="+SPIC",
    pin_tries_line="+SPIC: {pin},10,3,10",
    boot_lines=(
        BootLine(1.0, "RDY"),
        BootLine(2.0, "+CPIN: READY"),
        BootLine(5.0, "SMS DONE"),
        BootLine(6.0, "PB DONE"),
    ),
    busy_seconds=5.0,
    registers_after=6.0,
    leaves_bus_on_reset=15.0,
    storm=("+CREG: 1", "+CGEV: EPS PDN ACT 1", "PB DONE"),
    extra_commands={"+CNMP": (), "+CNSMOD": ("+CNSMOD: 0,8",)},
)
