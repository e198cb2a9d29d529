"""Reading how a modem stands with the network: the makers' forms, and forms made up."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulsarack.modems.at import operators, registration, service, signal
from pulsarack.modems.at.operators import HeardNetwork, Selection
from pulsarack.modems.at.registration import RegistrationReport as Report


@pytest.mark.parametrize(
    ("line", "report"),
    [
        ("+CREG: 0,1", Report("+CREG", 0, 1)),
        ("+CREG: 5", Report("+CREG", None, 5)),
        ("+CREG:002,001", Report("+CREG", 2, 1)),
        ("+CREG: 2,1,5E25,605F", Report("+CREG", 2, 1, 0x5E25, 0x605F)),
        ("+CREG: 1,5E25,605F", Report("+CREG", None, 1, 0x5E25, 0x605F)),
        ('+CREG: 2,5,"502","404736D",2', Report("+CREG", 2, 5, 0x502, 0x404736D, 2)),
        ('+CREG: 5,"0502","0404736D",2', Report("+CREG", None, 5, 0x502, 0x404736D, 2)),
        # An area of decimal digits alone is no state.
        ("+CREG: 1,0001,0010,0", Report("+CREG", None, 1, 1, 16, 0)),
        ("+CREG: 2,10,ebbd,f025", Report("+CREG", 2, 10, 0xEBBD, 0xF025)),
        ("+CREG: 2,0,00,0", Report("+CREG", 2, 0)),
        ("+CREG: 2,,", Report("+CREG", None, 2)),
        ('+CREG: 2,1,"5E', Report("+CREG", 2, 1)),
        ("+CREG: 2,1,  0 5, 2715", Report("+CREG", 2, 1, None, 0x2715)),
        ('+CREG: 2,1,"","605F"', Report("+CREG", 2, 1, None, 0x605F)),
        ("+CREG: 2,1,000B,2816, B, C2816", Report("+CREG", 2, 1, 0xB, 0x2816)),
        ('+CGREG: 1,"1422","00000142",3,"00"', Report("+CGREG", None, 1, 0x1422, 0x142, 3)),
        ("+CEREG: 1, 2, 0001, 00000100, 7", Report("+CEREG", 1, 2, 1, 0x100, 7)),
        ("+CEREG: 2,1, 1F00, 20 ,79D903 ,7", Report("+CEREG", 2, 1, 0x1F00, 0x79D903, 7)),
        ('+CEREG: 4,1,"00A1","0B001",7,,,"0101"', Report("+CEREG", 4, 1, 0xA1, 0xB001, 7)),
        ("+C5GREG: 1,1F00,79D903,11,6,ABCDEF", Report("+C5GREG", None, 1, 0x1F00, 0x79D903, 11)),
    ],
)
def test_registration(line: str, report: Report) -> None:
    assert registration.parse_report(line) == report


@pytest.mark.parametrize(
    "line", ["+CREG:", "+CREG: x", "+CREG: (0-2)", '+CREG: "1"', "OK", "+CSQ: 1"]
)
def test_no_registration(line: str) -> None:
    assert registration.parse_report(line) is None


def test_names_of_states_and_technologies() -> None:
    assert Report("+CREG", 0, 3).state_name == "DENIED"
    assert Report("+CREG", 0, 14).state_name == "UNKNOWN"
    assert Report("+CREG", 0, 1, act=7).technology == "LTE"
    assert Report("+CREG", 0, 1, act=15).technology == "act 15"
    assert Report("+CREG", 0, 1).technology is None


@st.composite
def reports(draw: st.DrawFn) -> tuple[Report, str]:
    """A report, and the line a modem could write for it."""
    family = draw(st.sampled_from(["+CREG", "+CGREG", "+CEREG", "+C5GREG"]))
    mode = draw(st.one_of(st.none(), st.integers(0, 5)))
    state = draw(st.integers(0, 11))
    placed = draw(st.booleans())
    lac, ci, act = None, None, None
    fields = [str(state)] if mode is None else [str(mode), str(state)]
    if placed:
        lac, ci = draw(st.integers(1, 0xFFFF)), draw(st.integers(0x100, 0xFFFFFFF))
        act = draw(st.one_of(st.none(), st.integers(0, 13)))
        digits = draw(st.sampled_from(["04X", "04x"]))
        quote = draw(st.sampled_from(["", '"']))
        fields += [f"{quote}{lac:{digits}}{quote}", f"{quote}{ci:{digits}}{quote}"]
        fields += [] if act is None else [str(act)]
    blank, comma = draw(st.sampled_from(["", " "])), draw(st.sampled_from([",", ", ", " ,"]))
    return Report(family, mode, state, lac, ci, act), f"{family}:{blank}{comma.join(fields)}"


@given(reports())
def test_every_form_of_registration_is_read(one: tuple[Report, str]) -> None:
    report, line = one
    assert registration.parse_report(line) == report


def net(
    plmn: str, long: str | None = None, short: str | None = None, state: int = 1, act: int = 0
) -> HeardNetwork:
    return HeardNetwork(state, long, short, plmn, act)


@pytest.mark.parametrize(
    ("lines", "networks"),
    [
        (
            ['+COPS: (2,"TELKOMSEL","T-SEL","51010",2),(3,"XL","XL","51011"),,(0-4),(0-2)'],
            [net("51010", "TELKOMSEL", "T-SEL", 2, 2), net("51011", "XL", "XL", 3)],
        ),
        (
            ['+COPS: (1,"A","","510010"),2),(1,"B, Inc.",,"51001",7),,(0, 1,)'],
            [net("510010", "A", None, act=2), net("51001", "B, Inc.", act=7)],
        ),
        (
            ['+COPS: (1,"A",,"51001",0),', '(1,"B",,"51089",0)'],
            [net("51001", "A"), net("51089", "B")],
        ),
        (
            ['+COPS: (1,"A","A","51001",0)', '+COPS: (1,"B","B","51089",0)'],
            [net("51001", "A", "A"), net("51089", "B", "B")],
        ),
        (["+COPS: (1,some net,,51001,2)"], [net("51001", "some net", act=2)]),
        (
            ['+COPS: (1,"00410042","00410042","00350031003000300031",7)'],
            [net("51001", "AB", "AB", act=7)],
        ),
        (["+COPS: (0,1,2,3,4),(0,1,2)"], []),
        (["+COPS: "], []),
    ],
)
def test_scans(lines: list[str], networks: list[HeardNetwork]) -> None:
    assert list(operators.parse_scan(lines)) == networks


def test_how_a_network_is_shown() -> None:
    assert net("51010", "TELKOMSEL", "T-SEL", 2, 2).shown == "51010 TELKOMSEL (UMTS, in use)"
    assert net("51011", state=3).shown == "51011 (GSM, forbidden)"


NAMES = st.one_of(
    st.none(), st.text(alphabet="AZaz .-&,()0", min_size=1, max_size=16).map(str.strip)
)


@given(
    st.lists(
        st.builds(
            HeardNetwork,
            st.integers(0, 3),
            NAMES.map(lambda name: name or None),
            NAMES.map(lambda name: name or None),
            st.from_regex(r"[0-9]{5,6}", fullmatch=True),
            st.integers(0, 13),
        ),
        max_size=8,
    ),
    st.sampled_from(["", ",,(0,1,3,4),(0-2)", ",,(0-4),", ","]),
    st.booleans(),
)
def test_every_scan_is_read(networks: list[HeardNetwork], tail: str, early: bool) -> None:
    records = []
    for one in networks:
        names = f'{one.state},"{one.long_name or ""}","{one.short_name or ""}"'
        behind = ")," if early else ","
        records.append(f'({names},"{one.plmn}"{behind}{one.act})')
    assert list(operators.parse_scan([f"+COPS: {','.join(records)}{tail}"])) == networks


@pytest.mark.parametrize(
    ("line", "selection"),
    [
        ("+COPS: 0", Selection(0)),
        ('+COPS: 0,0,"TELKOMSEL",2', Selection(0, 0, "TELKOMSEL", 2)),
        ('+COPS: 1,2,"51010"', Selection(1, 2, "51010", None)),
        ('+COPS: 0,0,"00410042",7', Selection(0, 0, "AB", 7)),
        ("+COPS: 0,2,51010,2", Selection(0, 2, "51010", 2)),
        ('+COPS: 0,0,"",0', Selection(0, 0, None, 0)),
        ("+COPS: (0-4)", None),
        ("+CSQ: 1,2", None),
    ],
)
def test_selection(line: str, selection: Selection | None) -> None:
    assert operators.parse_selection(line) == selection


def test_signal() -> None:
    read = signal.parse_quality("+CSQ: 21,99")
    assert read is not None
    assert (read.rssi, read.ber, read.dbm) == (21, None, -71)
    assert signal.parse_quality("+CSQ:99,99") == signal.SignalQuality(None, None)
    assert signal.parse_quality("^RSSI:14") == signal.SignalQuality(14, None)
    assert signal.parse_quality("+CSQ: (0-31,99)") is None
    extended = signal.parse_extended("+CESQ: 99,99,255,255,20,80")
    assert extended is not None
    assert (extended.dbm, extended.ratio_db) == (-61.0, -10.0)
    umts, gsm = (
        signal.parse_extended(f"+CESQ: {values}")
        for values in ("99,99,95,40,255,255", "10,6,255,255,255,255")
    )
    assert umts is not None and (umts.dbm, umts.ratio_db) == (-26.0, -4.5)
    assert gsm is not None and (gsm.dbm, gsm.ratio_db) == (-101.0, None)
    intel = signal.parse_extended("+XCESQ: 0,99,99,255,255,19,46,-32")
    assert intel is not None and intel.rssnr == -32
    assert signal.parse_extended("+CESQ: 99,99,255") is None
    newer = signal.parse_extended("+CESQ: 99,99,255,255,20,80,255,255,255")
    assert newer is not None and (newer.dbm, newer.rssnr) == (-61.0, None)
    lte = signal.parse_huawei('^HCSQ: "LTE",30,19,66,0')
    assert lte == signal.HuaweiQuality("LTE", (30, 19, 66, 0))
    assert lte.dbm == -91.0
    none = signal.parse_huawei("^HCSQ:NOSERVICE")
    assert none is not None and not none.served and none.dbm is None


def test_words_of_makers() -> None:
    for line in ("^SYSINFO:2,3,0,5,1,,4", '^SYSINFOEX:2,3,0,1,,5,"WCDMA",4,"HSDPA"'):
        read = service.parse_system(line)
        assert read == service.SystemInformation(2, 3, 0, 5, 1, 4)
        assert read.card_valid
    assert service.parse_system("^SYSINFO:") is None
    assert service.parse_network('+ZDONR: "XL",510,11,"CS_PS","ROAM_OFF"') == (
        service.ServingNetwork("XL", 510, 11, "CS_PS", "ROAM_OFF")
    )
    assert service.parse_radio('+ZPASR: "UMTS"') == service.ServingRadio("UMTS", None)
    assert service.parse_radio('+BEARTYPE: "UMTS","CS_PS"') == service.ServingRadio("UMTS", "CS_PS")
    assert service.parse_radio("OK") is None
