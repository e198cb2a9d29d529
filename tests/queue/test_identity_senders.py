"""Senders: one form of an address a channel, one agent an address, nothing told to strangers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from slixmpp import JID

from pulsarack.queue.identity import events, senders
from pulsarack.queue.identity.addresses import CHANNELS, normal_address
from pulsarack.queue.identity.senders import Sender
from pulsarack.queue.rows import execute
from pulsarack.queue.validation import Refusal, RefusalCode
from tests.queue.world import World

FORMS = [
    ("sms", "081200000012", "6281200000012"),
    ("sms", "+62 812-0000-0012", "6281200000012"),
    ("sms", "6281200000012", "6281200000012"),
    ("sms", "+60 12-345 6789", "60123456789"),
    ("whatsapp", "6281200000012", "6281200000012"),
    ("whatsapp", "081200000012", "6281200000012"),
    ("whatsapp", "60123456789", "60123456789"),
    ("whatsapp", "ID.13491208655302741918", "ID.13491208655302741918"),
    ("whatsapp", "ID.ENT.a1B2", "ID.ENT.a1B2"),
    ("xmpp", "Kios.1@Example.COM", "kios.1@example.com"),
    ("xmpp", "kios@example.com/phone/x", "kios@example.com"),
    ("xmpp", "kios@example.com.", "kios@example.com"),
    ("xmpp", "kios@localhost", "kios@localhost"),
]
NOT = [
    ("sms", "TELKOMSEL"), ("sms", "777"), ("sms", "60123456789"), ("sms", ""), ("sms", "+"),
    ("sms", "ID.13491208655302741918"), ("sms", "+62" + "8" * 40), ("sms", "+0000000000"),
    ("sms", "081200000012\n"), ("sms", "\ud800"), ("sms", "٠٨١٢٠٠٠٠٠٠١٢"),
    ("whatsapp", "id.134"), ("whatsapp", "ID."), ("whatsapp", "ID.a b"), ("whatsapp", "1"),
    ("whatsapp", "ID." + "a" * 200), ("whatsapp", "kios@example.com"),
    ("xmpp", "example.com"), ("xmpp", "@example.com"), ("xmpp", "kios@"), ("xmpp", "a b@x.y"),
    ("xmpp", "a@b@c"), ("xmpp", "kiоs@example.com"), ("xmpp", "k@exämple.com"), ("xmpp", "k@-x.y"),
    ("xmpp", "k@x..y"), ("xmpp", "k@[::1]"), ("xmpp", "a'b@x.y"), ("xmpp", "a<b@x.y"),
    ("xmpp", "k@x.y\n"), ("xmpp", "k\x00@x.y"), ("xmpp", "k@" + "a." * 140 + "y"),
    ("xmpp", "k" * 200 + "@x.y"), ("xmpp", "k@x.y/" + "r" * 300), ("xmpp", "\ud800@x.y"),
    ("http", "081200000012"),
]  # fmt: skip


@pytest.mark.parametrize(("channel", "typed", "kept"), FORMS)
def test_an_address_has_one_form(channel: str, typed: str, kept: str) -> None:
    assert normal_address(channel, typed) == kept
    assert normal_address(channel, f"+{kept}" if channel == "sms" else kept) == kept


@pytest.mark.parametrize(("channel", "typed"), NOT)
def test_what_is_no_address_is_refused(channel: str, typed: str) -> None:
    refused = normal_address(channel, typed)
    assert isinstance(refused, Refusal)
    assert refused.code is RefusalCode.BAD_SENDER
    assert refused.remedy


@given(st.sampled_from(CHANNELS), st.text(max_size=40))
def test_any_text_is_an_address_or_a_refusal(channel: str, text: str) -> None:
    found = normal_address(channel, text)
    if isinstance(found, str):
        assert normal_address(channel, f"+{found}" if channel == "sms" else found) == found


_PART = st.text(
    st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="\"&'/:<>@"),
    min_size=1,
    max_size=20,
)


@given(_PART, st.from_regex(r"[A-Za-z0-9]{1,9}(\.[A-Za-z][A-Za-z0-9-]{0,5}[a-z])?", fullmatch=True))
def test_a_jid_is_folded_as_xmpp_does_it(local: str, domain: str) -> None:
    assert normal_address("xmpp", f"{local}@{domain}/R") == JID(f"{local}@{domain}/R").bare


def bind(world: World, address: str = "081200000012", agent: str = "A1") -> Sender | Refusal:
    return world.run(
        lambda db: senders.bind(db, "sms", address, agent, by="admin", now_ms=world.now)
    )


def find(world: World, address: str, channel: str = "sms") -> Sender | None:
    return world.run(lambda db: senders.find(db, channel, address))


def refusal(found: object) -> RefusalCode:
    assert isinstance(found, Refusal)
    return found.code


def test_a_sender_is_found_in_every_spelling_on_its_own_channel(shop: World) -> None:
    made = bind(shop)
    assert made == Sender("sms", "6281200000012", "A1", shop.now, "admin")
    for typed in ("081200000012", "+6281200000012", "62812 0000 0012"):
        assert find(shop, typed) == made
    assert find(shop, "081200000012", "whatsapp") is None
    assert bind(shop) == made
    assert shop.run(senders.every) == [made] == shop.run(lambda db: senders.of_agent(db, "A1"))


def test_every_stranger_looks_the_same(shop: World) -> None:
    shop.agent("A2")
    bind(shop, "081200000013", "A2")
    shop.run(lambda db: execute(db, "UPDATE agent SET active = 0 WHERE code = 'A2'"))
    for typed in ("081200000013", "081200000099", "TELKOMSEL", "", "\x00"):
        assert find(shop, typed) is None


def test_an_address_belongs_to_one_agent_and_nobody_learns_to_whom(shop: World) -> None:
    shop.agent("A2")
    bind(shop)
    refused = bind(shop, agent="A2")
    assert refusal(refused) is RefusalCode.SENDER_TAKEN
    assert "A1" not in repr(refused)
    assert refusal(bind(shop, "TELKOMSEL")) is RefusalCode.BAD_SENDER
    assert refusal(bind(shop, agent="NOBODY")) is RefusalCode.UNKNOWN_AGENT


def test_an_agent_has_so_many_addresses_at_most(shop: World) -> None:
    for number in range(senders.SENDERS_MOST):
        assert isinstance(bind(shop, f"0812000001{number:02}"), Sender)
    assert refusal(bind(shop)) is RefusalCode.TOO_MANY_SENDERS


def test_an_address_is_taken_away_by_its_agent_or_an_admin(shop: World) -> None:
    def unbind(typed: str, agent: str | None = None) -> bool | Refusal:
        return shop.run(
            lambda db: senders.unbind(db, "sms", typed, by="x", now_ms=shop.now, agent=agent)
        )

    shop.agent("A2")
    bind(shop)
    assert unbind("081200000012", "A2") is False
    assert unbind("081200000099") is False
    assert refusal(unbind("x")) is RefusalCode.BAD_SENDER
    assert unbind("081200000012", "A1") is True
    assert find(shop, "081200000012") is None
    told = shop.run(lambda db: events.of_agent(db, "A1", 10))
    assert [(one.what, one.about) for one in told] == [
        ("SENDER_UNBOUND", "sms 6281200000012"),
        ("SENDER_BOUND", "sms 6281200000012"),
    ]


def test_number_and_id_of_one_writer_name_one_agent_or_nobody(shop: World) -> None:
    def any_of(*addresses: str) -> str | None:
        found = shop.run(lambda db: senders.find_any(db, "whatsapp", addresses))
        return found and found.agent

    shop.agent("A2")
    number, one, other = "6281200000012", "ID.111", "ID.222"
    for address, agent in ((number, "A1"), (one, "A1"), (other, "A2")):
        shop.run(
            lambda db, address=address, agent=agent: senders.bind(
                db, "whatsapp", address, agent, by="x", now_ms=1
            )
        )
    assert any_of(number) == any_of(one) == any_of(number, one) == any_of("x", one) == "A1"
    assert any_of(number, other) is None
    assert any_of() is None
