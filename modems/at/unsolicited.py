"""Which lines a modem says without having been asked (unsolicited result codes).

Told apart from the answer to the command in flight by two rules: a line that begins
with a prefix the command expects belongs to the command; any other line that begins
as one of these does not. Huawei's own notices all begin with a circumflex.
"""

_PREFIXES = (
    "+CMTI:",
    "+CMT:",
    "+CDSI:",
    "+CDS:",
    "+CBM:",
    "+CUSD:",
    "+CREG:",
    "+CGREG:",
    "+CEREG:",
    "+C5GREG:",
    "+CIEV:",
    "+CRING:",
    "+CLIP:",
    "+CCWA:",
    "+CLCC:",
    "+CNAP:",
    "+RXDTMF:",
    "+CSSI:",
    "+CSSU:",
    "+CGEV:",
    "+CTZV:",
    "+CTZE:",
    "+CTZDST:",
    "+CPIN:",
    "+CFUN:",
    "+CALA:",
    "+CKEV:",
    "+CCED:",
    "+WIND:",
    "+QIND:",
    "+QUSIM:",
    "+QNWINFO:",
    "+QSIMSTAT:",
    "+CSMINS:",
    "+QSTK:",
    "+STKPRO:",
    "+XCESQ:",
    "+ZDONR:",
    "+ZPASR:",
    "+ZUSIMR:",
    "+SPN:",
    "#QSS:",
    "*PSUTTZ:",
    "*PSNWID:",
    "*EMRDY:",
    "*EPEV",
    "+UU",
    "+QIURC:",
    "+ZEND",
    "#ECAM:",
    "#NITZ:",
    "#STN:",
    "SRING:",
    "DST:",
    "HANGUP:",
    "^",
    "_OSIGQ:",
)
_WHOLE = frozenset(
    {
        "RING",
        "RDY",
        "NO CARRIER",
        "NO ANSWER",
        "NO DIALTONE",
        "BUSY",
        "Call Ready",
        "SMS Ready",
        "PB Ready",
        "PB DONE",
        "SMS DONE",
        "START",
        "POWERED DOWN",
        "NORMAL POWER DOWN",
        "UNDER-VOLTAGE WARNNING",
        "UNDER-VOLTAGE WARNING",
        "UNDER-VOLTAGE POWER DOWN",
        "OVER-VOLTAGE WARNNING",
        "OVER-VOLTAGE WARNING",
        "OVER-VOLTAGE POWER DOWN",
    }
)


def is_notice(line: str) -> bool:
    """Whether a line with a prefix of its own is a known unsolicited result."""
    return line.startswith(_PREFIXES)


def is_unsolicited(line: str) -> bool:
    """Whether a stripped line is a known unsolicited result of any form."""
    return line in _WHOLE or is_notice(line)
