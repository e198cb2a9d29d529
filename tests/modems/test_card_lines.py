"""Reading what a modem says of its card, its stores, its messages and its abilities."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulsarack.modems import identity
from pulsarack.modems.at import abilities, message_lines, numbers, sim_state, stores
from pulsarack.modems.at.message_lines import Header, Listed, StoredAt
from pulsarack.modems.at.sim_state import CardBlocked, Tries
from pulsarack.modems.at.stores import Store


@pytest.mark.parametrize(
    ("line", "state"),
    [
        ("+CPIN: READY", "READY"),
        ('+CPIN: "SIM PIN"', "SIM PIN"),
        ("+CPIN:SIM PUK2", "SIM PUK2"),
        ("   PH-NET PIN", "PH-NET PIN"),
        ("^CPIN: READY,,10,3,10,3", "READY"),
        ("+CPIN: ", None),
        ("+CSQ: 1,2", None),
    ],
)
def test_pin_states(line: str, state: str | None) -> None:
    assert sim_state.parse_pin_state(line) == state


@pytest.mark.parametrize(
    ("line", "out"),
    [
        ("+CPIN: NOT INSERTED", True),
        ("+CPIN: SIM REMOVED", True),
        ("+CPIN: READY", False),
        ("+QUSIM: 0", True),
        ("+QUSIM: 1", False),
        ("+WIND: 0", True),
        ('+WIND: 10,"SM",1', False),
        ("^SIMST:255", True),
        ("^SIMST: 255", True),
        ("^SIMST: 1", False),
        ("#QSS: 0", True),
        ("#QSS: 3", False),
        ("+QSIMSTAT: 1,0", True),
        ("+CSMINS: 1,1", False),
        ("RING", False),
    ],
)
def test_card_out(line: str, out: bool) -> None:
    assert sim_state.is_card_out(line) is out


@pytest.mark.parametrize(
    ("line", "tries"),
    [
        ("+UPINCNT: 2,3,10,9", Tries(2, 10, 3, 9)),
        ("^CPIN: SIM PIN,,10,1,10,3", Tries(1, 10, 3, 10)),
        ('+QPINC: "SC",3,10', Tries(3, 10)),
        ('+QPINC: "P2",3,10', None),
        ("+CPINR: SIM PIN,2,3", Tries(2)),
        ("+CPINR: SIM PUK,9,10", Tries(puk=9)),
        ('+CSIM: 8,"000063C2"', Tries(2)),
        ('+CSIM:4,"63CA"', Tries(10)),
        ('+CSIM: 4, "6300"', None),
        ("+CSIM: 4,63C2", None),
        ("OK", None),
    ],
)
def test_tries(line: str, tries: Tries | None) -> None:
    assert sim_state.parse_tries(line) == tries


def test_a_blocked_card() -> None:
    with pytest.raises(CardBlocked):
        sim_state.parse_tries('+CSIM: 4,"6983"')


def test_telits_card() -> None:
    assert sim_state.parse_card("#QSS: 0,1") == "inserted"
    assert sim_state.parse_card("#QSS: 0,7") is None


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ('+CPMS: "SM",3,30,"SM",3,30,"ME",0,50', [Store("SM", 3, 30)] * 2 + [Store("ME", 0, 50)]),
        ('+CPMS: "MT", 0, 100', [Store("MT", 0, 100)]),
        ("+CPMS: 3,30,3,30", [Store("", 3, 30)] * 2),
        ("+CPMS: SM,3,30", [Store("SM", 3, 30)]),
        ("+CPMS: ,,,,,,,,", []),
        ('+CPMS: "SM",x,30,"ME",1,50', [Store("ME", 1, 50)]),
        ("+CPMS: ", []),
    ],
)
def test_stores(line: str, found: list[Store]) -> None:
    assert list(stores.parse_stores(line)) == found


def test_a_full_store() -> None:
    assert Store("SM", 30, 30).full
    assert not Store("SM", 0, 0).full


@pytest.mark.parametrize(
    ("line", "choices"),
    [
        ('+CPMS: ("SM","ME"),("SM"),("SM")', [("SM", "ME"), ("SM",), ("SM",)]),
        ('+CPMS: (("SM","BM"),("SM"))', [("SM", "BM"), ("SM",)]),
        ('+CPMS: "SM","SM"', [("SM",), ("SM",)]),
        ("+CPMS: (),,(  )", [(), (), ()]),
        ('+CPMS: (ME", "SR"), ("ME")', [("ME", "SR"), ("ME",)]),
        ("+CPMS:", []),
    ],
)
def test_store_choices(line: str, choices: list[tuple[str, ...]]) -> None:
    assert list(stores.parse_choices(line)) == choices


@pytest.mark.parametrize(
    ("line", "header"),
    [
        ("+CMGL: 3,1,,24", Header(3, 1, 24)),
        ("+CMGL: 3,1,24", Header(3, 1, 24)),
        ('+CMGL: 3,0,"Mum",24', Header(3, 0, 24)),
        ("+CMGR: 0,,23", Header(None, 0, 23)),
        ("+CMGR: 0,23", Header(None, 0, 23)),
        ("+CMGR: ,,27", Header(None, None, 27)),
        ("+CMGR: 4,1,,151", Header(4, 1, 151)),
        ("+CMT: ,30", Header(None, None, 30)),
        ('+CMT: "Mum",30', Header(None, None, 30)),
        ("+CDS: 25", Header(None, None, 25)),
        ("+CDS: ,25", Header(None, None, 25)),
        ('+CMGL: 3,"REC READ","+62812",,"26/11/29,20:00:00+28"', Header(3, None, None)),
        ('+CMGR: "REC READ","+62812",,"26/11/29,20:00:00+28"', Header(None, None, None)),
        ('+CMT: "+62812",,"26/11/29,20:00:00+28"', None),
        ("+CMGL: x,1,,24", None),
        ("+CMGL:", None),
        ("0791", None),
    ],
)
def test_headers(line: str, header: Header | None) -> None:
    assert message_lines.parse_header(line) == header


def test_what_is_listed() -> None:
    lines = ["+CMGL: 1,1,,24", "0791", "+CMGL: 2,1,,24", "+CMGL: 3,0,,24", " 07AB ", "pad"]
    lines += ["+CMGL: 4,0,,24", "+XYZZY: 1", "", "07AC", "+CMGL: 5,0,,24", "07=1", "pad"]
    lines += ["+CMGL: 6,0,,24", "+CMGL: x,0,,24", "07AD"]
    assert message_lines.parse_listed(lines) == [
        Listed(Header(1, 1, 24), "0791"),
        Listed(Header(2, 1, 24), None),
        Listed(Header(3, 0, 24), "07AB"),
        Listed(Header(4, 0, 24), "07AC"),
        Listed(Header(5, 0, 24), "07=1"),
        Listed(Header(6, 0, 24), None),
    ]
    glued = ["+CMGR: 1,,24 07916163838428F9040B91"]
    assert message_lines.parse_listed(glued) == [
        Listed(Header(None, 1, 24), "07916163838428F9040B91")
    ]
    assert message_lines.parse_listed(["+CMGR: 0,,24"]) == [Listed(Header(None, 0, 24), None)]


@given(
    st.lists(
        st.tuples(
            st.integers(0, 999),
            st.integers(0, 3),
            st.sampled_from(["", ",", ',""', ',"Mum"']),
            st.binary(min_size=1, max_size=40),
        ),
        max_size=6,
    )
)
def test_every_listing_is_read(messages: list[tuple[int, int, str, bytes]]) -> None:
    lines: list[str] = []
    for index, status, alpha, pdu in messages:
        lines += [f"+CMGL: {index},{status}{alpha},{len(pdu)}", pdu.hex().upper()]
    assert message_lines.parse_listed(lines) == [
        Listed(Header(index, status, len(pdu)), pdu.hex().upper())
        for index, status, _, pdu in messages
    ]


@pytest.mark.parametrize(
    ("line", "place"),
    [
        ('+CMTI: "SM",5', StoredAt("SM", 5)),
        ("+CMTI: 0,111", StoredAt("0", 111)),
        ('+CMTI: "SM",-1', StoredAt("SM", None)),
        ('+CDSI: "SR",0', StoredAt("SR", 0)),
        ("+CMTI: ,7", StoredAt("", 7)),
        ("+CMTI: ", None),
        ("+CMT: ,3", None),
    ],
)
def test_places(line: str, place: StoredAt | None) -> None:
    assert message_lines.parse_place(line) == place


def test_references() -> None:
    said = ("+CMGS: 43", "+CMGS: 1,", "+CMGS:", "+CMGS: 4711", "OK")
    assert [message_lines.parse_reference(line) for line in said] == [43, 1, None, None, None]


def test_numbers() -> None:
    lines = (
        '+CNUM: "Line 1","+62812000000012",145',
        "+CNUM: Line 1,+62812000000012,145",
        '+CNUM: "",+62812000000012",145',
        '+CNUM: "","002B00360032003800310032",145',
        '+CNUM: "","",145',
        "+CNUM: ,,145",
        "OK",
    )
    whole = "+62812000000012"
    assert numbers.parse_own_numbers(lines) == (whole, whole, whole, "+62812")
    assert numbers.parse_centre('+CSCA: "+62811000000",145') == numbers.Centre("+62811000000", 145)
    assert numbers.parse_centre("+CSCA: 002B00360032003800310031,145") == (
        numbers.Centre("+62811", 145)
    )
    assert numbers.parse_centre('+CSCA: "",145') == numbers.Centre("", 145)
    assert numbers.parse_centre('+CSCA: "none",145') is None
    assert numbers.parse_centre("OK") is None


def test_abilities() -> None:
    read = abilities.parse_indications("+CNMI: (0-2),(0,1,3),(0,2),(0),(0,1)")
    assert read is not None
    assert read.allow("2,1,0,0,0")
    assert not read.allow("2,2,0,0,0")
    assert not read.allow("2,1,0,1,0")
    assert abilities.parse_indications("OK") is None
    untold = abilities.parse_indications("+CNMI: (0-2),,,(0)")
    assert untold is not None and untold.allow("2,1,0,0,0")
    assert abilities.parse_function("+CFUN: 1,0") == 1
    assert abilities.parse_charsets('+CSCS: ("GSM","UCS2")') == ("GSM", "UCS2")
    assert abilities.parse_charsets('+CSCS: "IRA"') == ("IRA",)
    assert abilities.parse_commands(["&C", "+CUSD", "AT+CMGS", '+CLAC: "+CSQ"']) == (
        "&C",
        "+CUSD",
        "+CMGS",
        "+CSQ",
    )


def test_labels_and_revisions() -> None:
    lines = ("Manufacturer: huawei", "Model: E160", "IMEI: 351596030000000", "+GCAP: +CGSM", "144")
    assert identity.parse_labels(lines) == {
        "manufacturer": "huawei",
        "model": "E160",
        "imei": "351596030000000",
        "+gcap": "+CGSM",
    }
    assert identity.parse_revision(("V 08.62", "24-07-09", "RM-520")) == "V 08.62 24-07-09 RM-520"
    assert identity.parse_revision(("+CGMR: BD_1.0",)) == "BD_1.0"
