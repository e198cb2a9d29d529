"""Huawei sticks: USSD as packed hex, and lines of their own in the middle of everything.

The E1550 gives OK first and takes no cancel without a session; the E173 holds the port until the
answer is there.
"""

from dataclasses import replace

from pulsarack.modems.simulator.dialect import Dialect, Order, UssdSpelling

E1550 = Dialect(
    name="huawei-e1550",
    manufacturer="huawei",
    model="E1550",
    revision="11.608.09.01.21",
    information=("Manufacturer: huawei", "Model: E1550", "Revision: 11.608.09.01.21"),
    iccid_command="^ICCID",
    iccid_line="^ICCID: {iccid}",
    memories=("SM", "ME"),
    capacity=20,
    ussd_spelling=UssdSpelling.PACKED,
    cancel_without_session_fails=True,
    pin_tries_command="^CPIN",
    pin_tries_line="^CPIN: SIM PIN,{pin},10,{pin},10,3",
    unknown_command="COMMAND NOT SUPPORT",
    indication_modes=(0, 1),
    full_notice='^SMMEMFULL: "SM"',
    leaves_bus_on_reset=9.0,
    chatter=("^RSSI:18", "^BOOT:26417135,0,0,0,20", "^MODE:3,3", "^RSSI:99"),
    chatter_off="^CURC",
    storm=("^RSSI:18", "^BOOT:20952548,0,0,0,72", "^RSSI:99", "^MODE:5,4", "^DSFLOWRPT:0,0,0"),
    extra_commands={
        "^SYSINFO": ("^SYSINFO:2,3,0,3,1",),
        "^CVOICE": (),
        "^U2DIAG": (),
        "^PORTSEL": (),  # which of its ports tells of calls and messages; there is one here
    },
)

E173 = replace(
    E1550,
    name="huawei-e173",
    model="E173",
    revision="11.126.85.00.209",
    information=("Manufacturer: huawei", "Model: E173", "Revision: 11.126.85.00.209"),
    ussd_order=Order.ANSWER_FIRST,
    plain_refusal=304,
    cancel_without_session_fails=False,
)
