"""What a modem says it can do, and what its profile wants that it does not list."""

import pytest

from pulsarack.modems.errors import ModemRefused
from pulsarack.modems.survey import Survey
from tests.modems.world import IDENTIFY, Reply, World

ERROR = b"\r\nERROR\r\n"
ASKED = ("CUSD=?", "CSCS=?", "CPMS=?", "CNMI=?", "CSCA?", "CNUM", "CESQ")


def said(line: str) -> bytes:
    return f"\r\n{line}\r\n\r\nOK\r\n".encode()


async def surveyed(kind: str, answers: dict[str, bytes], maker: tuple[str, ...] = ()) -> Survey:
    script: list[tuple[str, Reply]] = []
    for name in (*ASKED, *maker):
        pattern = rf"AT\+{name}" if name in ASKED else f"AT{name}"
        script.append((pattern.replace("?", r"\?").replace("^", r"\^"), answers.get(name, ERROR)))
        if name == "CUSD=?" and name not in answers:
            script.append((r"AT\+CLAC", answers.get("CLAC", ERROR)))
    world = World([*IDENTIFY[kind], *script])
    await world.run(world.modem.identify())
    survey: Survey = await world.run(world.modem.survey())
    world.check()
    return survey


async def test_a_modem_that_tells_nothing_lacks_nothing() -> None:
    assert await surveyed("wavecom", {}) == Survey()


async def test_a_modem_that_has_all() -> None:
    survey = await surveyed(
        "wavecom",
        {
            "CUSD=?": said("+CUSD: (0-2)"),
            "CSCS=?": said('+CSCS: ("GSM","UCS2")'),
            "CPMS=?": said('+CPMS: (("SM","BM","SR"),("SM"))'),
            "CNMI=?": said("+CNMI: (0-2),(0-3),(0,2),(0),(0,1)"),
            "CSCA?": said('+CSCA: "+62811000000",145'),
            "CNUM": said('+CNUM: "","+62812000000012",145'),
            "CESQ": said("+CESQ: 40,0,255,255,255,255"),
        },
    )
    assert survey.lacks == ()
    assert (survey.ussd, survey.message_stores) == (True, ("SM", "BM", "SR"))
    assert (survey.service_centre, survey.own_numbers) == ("+62811000000", ("+62812000000012",))
    assert survey.power_dbm == -71.0


async def test_what_is_missing_is_said_with_a_remedy() -> None:
    survey = await surveyed(
        "wavecom",
        {
            "CLAC": said("&C\r\n+CMGS\r\n+CSQ"),
            "CSCS=?": said('+CSCS: "IRA"'),
            "CPMS=?": said('+CPMS: ("ME"),("ME"),("ME")'),
            "CNMI=?": said("+CNMI: (3),(0-3),(0),(0),(0)"),
            "CSCA?": said('+CSCA: "",145'),
        },
    )
    assert survey.ussd is False
    assert [lack.what for lack in survey.lacks] == [
        "it does not know USSD (AT+CUSD)",
        "it does not list the charset GSM of its profile",
        "it does not list the message store SM of its profile",
        "it lists no form of AT+CNMI that its profile knows",
        "no service centre is set, so that no text can be sent",
    ]
    assert all(lack.remedy for lack in survey.lacks)


async def test_what_it_hears() -> None:
    heard = b'\r\n+COPS: (3,"A","A","51001",7),\r\n(1,"B",,"51002",2),,(0-4),(0-2)\r\n\r\nOK\r\n'
    script: list[tuple[str, Reply]] = [
        (r"AT\+COPS=\?", (90.0, heard)),
        (r"AT\+COPS=\?", b"\r\n+CME ERROR: 3\r\n"),
    ]
    world = World([*IDENTIFY["wavecom"], *script])
    await world.run(world.modem.identify())
    found = await world.run(world.modem.scan_networks())
    assert [one.shown for one in found] == ["51001 A (LTE, forbidden)", "51002 B (UMTS, available)"]
    with pytest.raises(ModemRefused):
        await world.run(world.modem.scan_networks())
    world.check()


@pytest.mark.parametrize(
    ("answers", "radio", "card", "power"),
    [
        ({"^HCSQ?": said('^HCSQ: "LTE",30,19,66,0')}, "LTE", None, -91.0),
        ({"^SYSINFO": said("^SYSINFO:2,3,0,5,1")}, None, "valid", None),
        (
            {"^SYSINFOEX": said('^SYSINFOEX:0,0,0,255,,0,"NO SERVICE"')},
            None,
            "not valid (255)",
            None,
        ),
    ],
)
async def test_the_makers_own_words(
    answers: dict[str, bytes], radio: str | None, card: str | None, power: float | None
) -> None:
    survey = await surveyed("huawei", answers, ("^HCSQ?", "^SYSINFOEX", "^SYSINFO"))
    assert (survey.radio, survey.card, survey.power_dbm) == (radio, card, power)
