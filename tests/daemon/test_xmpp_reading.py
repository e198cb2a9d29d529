"""What message stanzas mean, without a connection: tables of what comes, good and bad."""

import hashlib
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulsarack.daemon.channels import incoming
from pulsarack.daemon.channels.carrier import SentKind, Standing
from pulsarack.daemon.channels.incoming import BODY_LIMIT, Incoming, Passed
from pulsarack.daemon.channels.marks import Marks
from pulsarack.daemon.channels.retry import MISCONFIGURED_SECONDS, pause_seconds
from pulsarack.daemon.channels.xmpp import endings
from pulsarack.daemon.channels.xmpp.handled import Handled
from pulsarack.daemon.channels.xmpp.reading import (
    Report,
    jid_of,
    read,
)
from pulsarack.queue.wordings import shipped

OWN = "server@pulsa.test"
NOW = 1_795_331_100_000  # 2026-11-22T07:05:00Z
LIMIT = 300_000
MARKS = Marks([b"key"])
TEXT = "S5.081200000001.1234 R#abc1"


def stanza(
    inner: str = f"<body>{TEXT}</body>",
    *,
    sender: str | None = "agen1@pulsa.test/toko",
    stanza_id: str | None = "order-0001",
    kind: str | None = "chat",
) -> ElementTree.Element:
    given = {"from": sender, "id": stanza_id, "type": kind, "to": OWN}
    element = ElementTree.Element(
        "{jabber:client}message", {key: value for key, value in given.items() if value is not None}
    )
    whole = ElementTree.fromstring(f"<x xmlns='jabber:client'>{inner}</x>")
    element.extend(list(whole))
    return element


def what(
    element: ElementTree.Element, now_ms: int = NOW, marks: Marks = MARKS
) -> Incoming | Report | Passed:
    return read(element, OWN, marks, now_ms=now_ms, limit_ms=LIMIT)


def letter(element: ElementTree.Element, now_ms: int = NOW) -> Incoming:
    found = what(element, now_ms)
    assert isinstance(found, Incoming)
    return found


def delay(stamp: str) -> str:
    return f"<body>{TEXT}</body><delay xmlns='urn:xmpp:delay' stamp='{stamp}' from='pulsa.test'/>"


def test_a_chat_message_is_a_letter() -> None:
    found = letter(stanza(f"<body>\n {TEXT} </body>", sender="Agen1@PULSA.test/Toko"))
    assert found.refusal is None
    assert found.letter.channel == "xmpp"
    assert found.letter.sender == "agen1@pulsa.test"
    assert found.letter.answer_to == "agen1@pulsa.test/Toko"
    assert found.letter.receiver == OWN
    assert found.letter.text == TEXT
    assert found.letter.sent_at is None
    assert 1 <= len(found.letter.message_id) <= 200


@pytest.mark.parametrize("kind", ["chat", "normal", None])
def test_a_message_may_leave_its_type_out(kind: str | None) -> None:
    assert letter(stanza(kind=kind)).refusal is None


@pytest.mark.parametrize(
    ("element", "name", "odd"),
    [
        (stanza(kind="groupchat"), "xmpp_groupchat", True),
        (stanza(kind="headline"), "xmpp_headline", True),
        (stanza(sender=f"{OWN}/other"), "xmpp_own", False),
        (stanza(sender=None), "xmpp_no_sender", True),
        (stanza(sender="@@"), "xmpp_no_sender", True),
        (stanza(sender="x" * 4000 + "@pulsa.test"), "xmpp_no_sender", True),
        (stanza(sender="pulsa.test"), "xmpp_no_sender", False),
        (stanza(""), "xmpp_no_body", False),
        (stanza("<body> \n </body>"), "xmpp_no_body", False),
        (stanza("<composing xmlns='http://jabber.org/protocol/chatstates'/>"), "xmpp_no_body", 0),
        (stanza("<body xmlns='other'>S5</body>"), "xmpp_no_body", False),
        (stanza(kind="error"), "xmpp_error_about_nothing", True),
        (stanza("<error/>", kind="error", stanza_id=None), "xmpp_error_about_nothing", True),
        (
            stanza(
                "<received xmlns='urn:xmpp:carbons:2'><forwarded xmlns='urn:xmpp:forward:0'>"
                "<message xmlns='jabber:client'><body>S5</body></message></forwarded></received>",
                sender=OWN,
            ),
            "xmpp_own",
            False,
        ),
    ],
)
def test_what_is_no_letter_has_a_name(element: ElementTree.Element, name: str, odd: bool) -> None:
    assert what(element) == Passed(name, odd=bool(odd))


@pytest.mark.parametrize(
    ("inner", "refusal"),
    [
        (delay("2026-11-22T07:04:00Z"), None),
        (delay("2026-11-22T14:04:00+07:00"), None),
        (delay("2026-11-22T07:00:00.001Z"), None),
        (delay("2026-11-22T06:59:59Z"), "too_old"),
        (delay("1970-01-01T00:00:00Z"), "too_old"),
        (delay("0001-01-01T00:00:00Z"), "too_old"),
        (delay("2099-01-01T00:00:00Z"), None),  # another's clock; it has come now
        (delay("2026-11-22T07:04:00"), "too_old"),  # of no zone: nobody knows
        (delay("20261122T07:04:00Z"), None),
        (delay("yesterday"), "too_old"),
        (delay(""), "too_old"),
        (delay("2026-11-22T07:04:00Z" + "0" * 1000), "too_old"),
        (
            delay("2026-11-22T07:04:00Z") + "<delay xmlns='urn:xmpp:delay'"
            " stamp='2026-11-22T01:00:00Z'/>",
            "too_old",
        ),
        ("<body>x</body><replace xmlns='urn:xmpp:message-correct:0' id='a'/>", "corrected"),
        ("<body>x</body><encryption xmlns='urn:xmpp:eme:0'/>", "only_text"),
        ("<body>x</body><encrypted xmlns='eu.siacs.conversations.axolotl'/>", "only_text"),
        ("<body>x</body><x xmlns='jabber:x:encrypted'>abc</x>", "only_text"),
        (f"<body>{'x' * BODY_LIMIT}</body>", None),
        (f"<body>{'x' * (BODY_LIMIT + 1)}</body>", "too_long"),
    ],
)
def test_what_is_not_obeyed_is_refused_by_name(inner: str, refusal: str | None) -> None:
    found = letter(stanza(inner))
    assert found.refusal == refusal
    assert len(found.letter.text) <= BODY_LIMIT
    assert found.letter.sent_at is None or found.letter.sent_at <= NOW


@pytest.mark.parametrize(
    ("element", "report"),
    [
        (
            stanza(
                "<body>x</body><error type='cancel'>"
                "<text xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'>no</text>"
                "<service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>",
                kind="error",
            ),
            Report("agen1@pulsa.test/toko", "order-0001", "service-unavailable"),
        ),
        (
            stanza("<error><odd xmlns='x'/></error>", kind="error"),
            Report("agen1@pulsa.test/toko", "order-0001", "undefined-condition"),
        ),
        (
            stanza("<received xmlns='urn:xmpp:receipts' id='pulsarack-7-1'/>"),
            Report("agen1@pulsa.test/toko", "pulsarack-7-1", None),
        ),
    ],
)
def test_reports_about_our_messages(element: ElementTree.Element, report: Report) -> None:
    assert what(element) == report


def test_a_report_counts_only_from_who_got_the_message() -> None:
    honest = what(stanza("<received xmlns='urn:xmpp:receipts' id='pulsarack-7-1'/>"))
    forged = what(
        stanza("<received xmlns='urn:xmpp:receipts' id='pulsarack-7-1'/>", sender="x@evil.test/y")
    )
    assert isinstance(honest, Report)
    assert isinstance(forged, Report)
    assert honest.provider_id == "agen1@pulsa.test pulsarack-7-1"
    assert forged.provider_id != honest.provider_id


def test_every_refusal_has_its_words() -> None:
    keys = {incoming.TOO_OLD, incoming.TOO_LONG, incoming.ONLY_TEXT, incoming.CORRECTED}
    assert keys <= set(shipped.shipped().wordings)
    assert letter(stanza(f"<body>{'x' * (BODY_LIMIT + 1)}</body>")).values == {"batas": BODY_LIMIT}


def ids(*elements: tuple[ElementTree.Element, int]) -> int:
    return len({letter(element, now).letter.message_id for element, now in elements})


def test_a_redelivered_message_is_known_by_its_id() -> None:
    late = NOW + 60_000
    assert ids((stanza(), NOW), (stanza(delay("2026-11-22T07:05:00Z")), late)) == 1
    # Another resource of the same account, after its program has connected again.
    assert ids((stanza(), NOW), (stanza(sender="agen1@pulsa.test/new"), late)) == 1


def test_a_message_that_was_taken_with_an_older_key_or_before_there_were_keys() -> None:
    """Each version and each key knows what those before it have called a message."""
    keyed = [Marks(), Marks([b"old"]), Marks([b"new", b"old"])]
    found = [what(stanza(), marks=marks) for marks in keyed]
    names = [
        (one.letter.message_id, *one.letter.former_ids)
        for one in found
        if isinstance(one, Incoming)
    ]
    assert len(set(names[2])) == 3 and names[2][1:] == names[1] and names[1][1:] == names[0]
    parts = ("agen1@pulsa.test", "order-0001", TEXT, "")
    plain = "".join(f"{len(part)}:{part}" for part in parts).encode()
    assert names[0] == (hashlib.sha256(plain).hexdigest(),)  # as the first version made it


def test_different_messages_are_not_taken_for_each_other() -> None:
    other = "<body>S10.081200000001.1234</body>"
    assert ids((stanza(), NOW), (stanza(stanza_id="order-0002"), NOW)) == 2
    assert ids((stanza(), NOW), (stanza(other), NOW)) == 2
    assert ids((stanza(), NOW), (stanza(sender="agen2@pulsa.test/toko"), NOW)) == 2
    # Short ids are counters that begin anew; who has none asks twice.
    for short in ("1", None):
        one = stanza(stanza_id=short)
        assert ids((one, NOW), (one, NOW + 60_000)) == 2
        assert ids((one, NOW), (one, NOW)) == 1


@given(st.text(max_size=50), st.text(max_size=20), st.text(max_size=20))
def test_nothing_that_a_stanza_holds_breaks_the_reading(
    sender: str, stanza_id: str, stamp: str
) -> None:
    element = stanza(sender=sender, stanza_id=stanza_id)
    ElementTree.SubElement(element, "{urn:xmpp:delay}delay", {"stamp": stamp})
    assert isinstance(what(element), Incoming | Passed)


@pytest.mark.parametrize("text", ["", "a@b@c", "a b@c", None, "x" * 5000, "@pulsa.test", "a@"])
def test_what_is_no_address(text: str | None) -> None:
    found = jid_of(text)
    assert found is None or not found.user or found.bare


def test_one_open_stanza_holds_the_count_back() -> None:
    handled = Handled()
    first, second = handled.begin(), handled.begin()
    handled.pass_over()
    assert handled.count == 0
    handled.end(second)
    assert (handled.count, handled.waiting) == (0, 1)
    handled.end(first)
    assert (handled.count, handled.waiting) == (3, 0)


def test_who_is_at_fault_decides_how_soon_it_is_tried() -> None:
    pauses = [pause_seconds(Standing.DOWN, failures) for failures in (0, 1, 2, 3, 10, 1000)]
    assert pauses == [1.0, 1.0, 2.0, 4.0, 60.0, 60.0]
    assert pause_seconds(Standing.MISCONFIGURED, 1) == MISCONFIGURED_SECONDS
    assert endings.of_stream_error("conflict").standing is Standing.MISCONFIGURED
    assert endings.of_stream_error("system-shutdown").standing is Standing.DOWN
    assert endings.of_bounce("item-not-found") is SentKind.NEVER
    assert endings.of_bounce("service-unavailable") is SentKind.LATER
