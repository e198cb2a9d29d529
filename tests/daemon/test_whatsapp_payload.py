"""What a body of Meta's webhook says: tables of what comes, good and bad, and anything at all."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulsarack.daemon.channels.incoming import BODY_LIMIT, Incoming, Passed
from pulsarack.daemon.channels.whatsapp import payload
from pulsarack.daemon.channels.whatsapp.payload import (
    Delivery,
    Item,
    Unreadable,
)
from pulsarack.daemon.demo.graph_stand_in import NUMBER_ID, body, value

NUMBER, BSUID = "6281200000001", "ID.1349120865530274"
MESSAGE = {
    "from": NUMBER,
    "id": "wamid.HBgM0001",
    "timestamp": "1795331100",
    "type": "text",
    "text": {"body": "S5.081200000001.1234"},
}


def read(*values: Any) -> list[Item]:
    return payload.read(body(*values), NUMBER_ID)


def one(**changes: Any) -> Item:
    (found,) = read(value(messages=[{**MESSAGE, **changes}]))
    return found


def incoming(item: Item) -> Incoming:
    assert isinstance(item, Incoming)
    return item


def test_a_text_is_a_letter() -> None:
    found = incoming(one(unknown={"x": [1]}, context={"id": "wamid.before"}))
    assert found.refusal is None
    letter = found.letter
    assert (letter.channel, letter.message_id) == ("whatsapp", "wamid.HBgM0001")
    assert (letter.sender, letter.receiver) == (NUMBER, NUMBER_ID)
    assert letter.text == "S5.081200000001.1234"
    assert letter.sent_at == 1_795_331_100_000


CONTACT = {"profile": {"name": "Budi"}, "wa_id": NUMBER, "user_id": BSUID}
NO_NUMBER = {key: held for key, held in MESSAGE.items() if key != "from"}


@pytest.mark.parametrize(
    ("message", "contacts", "addresses"),
    [
        (MESSAGE, [], [NUMBER]),
        (MESSAGE, [CONTACT], [NUMBER, BSUID]),
        (NO_NUMBER | {"from_user_id": BSUID}, [], [BSUID]),
        (NO_NUMBER | {"user_id": BSUID}, [], [BSUID]),
        (NO_NUMBER, [{"user_id": BSUID, "profile": {"username": "budi"}}], [BSUID]),
        (NO_NUMBER | {"from_user_id": BSUID}, [CONTACT], [NUMBER, BSUID]),
        (MESSAGE | {"from": BSUID}, [], [BSUID]),
        # Of two contacts only the one with the same number is the sender's.
        (MESSAGE, [CONTACT, {"wa_id": "6281200000002", "user_id": "ID.2"}], [NUMBER, BSUID]),
        (MESSAGE, [{"wa_id": "x", "user_id": "ID."}, None, 7], [NUMBER]),
        (NO_NUMBER | {"from_user_id": "ID.ENT.11815799212886844830"}, [], None),
    ],
)
def test_who_writes_is_known_by_number_and_by_id(
    message: dict[str, Any], contacts: list[Any], addresses: list[str] | None
) -> None:
    (found,) = read(value(messages=[message], contacts=contacts))
    letter = incoming(found).letter
    expected = addresses or [str(message["from_user_id"])]
    assert [letter.sender, *letter.aliases] == expected


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"type": "image", "image": {"id": "1", "caption": "S5.0812.1234"}}, "only_text"),
        ({"type": "audio", "audio": {}}, "only_text"),
        ({"type": "location"}, "only_text"),
        ({"type": "button", "button": {"text": "Ya"}}, "only_text"),
        ({"type": "interactive"}, "only_text"),
        ({"type": "unsupported", "errors": [{"code": 131051}]}, "only_text"),
        ({"type": "of tomorrow"}, "only_text"),
        ({"type": None}, "only_text"),
        ({"type": ["text"]}, "only_text"),
        ({"text": {"body": " \n"}}, "only_text"),
        ({"text": {"body": "x" * BODY_LIMIT}}, None),
        ({"text": {"body": "x" * (BODY_LIMIT + 1)}}, "too_long"),
    ],
)
def test_what_is_not_obeyed_is_refused_by_name(
    changes: dict[str, Any], refusal: str | None
) -> None:
    found = incoming(one(**changes))
    assert found.refusal == refusal
    assert len(found.letter.text) <= BODY_LIMIT


@pytest.mark.parametrize(
    ("changes", "kind", "odd"),
    [
        ({"type": "reaction", "reaction": {"emoji": "x"}}, "whatsapp_no_text", False),
        ({"type": "system", "system": {"type": "user_changed_number"}}, "whatsapp_no_text", False),
        ({"group_id": "1"}, "whatsapp_group", True),
        ({"from": None}, "whatsapp_no_sender", True),
        ({"from": "+62 812"}, "whatsapp_no_sender", True),
        ({"from": "٦٢٨١٢٣٤٥"}, "whatsapp_no_sender", True),
        ({"from": 6281200000001}, "whatsapp_no_sender", True),
        ({"from": "1" * 21}, "whatsapp_no_sender", True),
        ({"id": None}, "whatsapp_bad_message", True),
        ({"id": ""}, "whatsapp_bad_message", True),
        ({"id": "a b"}, "whatsapp_bad_message", True),
        ({"id": "x" * 201}, "whatsapp_bad_message", True),
        ({"id": ["wamid"]}, "whatsapp_bad_message", True),
        ({"text": None}, "whatsapp_bad_message", True),
        ({"text": "S5"}, "whatsapp_bad_message", True),
        ({"text": {"body": 5}}, "whatsapp_bad_message", True),
        ({"text": {}}, "whatsapp_bad_message", True),
    ],
)
def test_what_is_no_letter_has_a_name(changes: dict[str, Any], kind: str, odd: bool) -> None:
    assert one(**changes) == Passed(kind, odd=odd)


@pytest.mark.parametrize("stamp", [None, "", "x", "-1", "1.5", True, 1e400, [1], "9" * 13])
def test_a_time_that_cannot_be_read_is_none(stamp: Any) -> None:
    assert incoming(one(timestamp=stamp)).letter.sent_at is None


def test_half_a_character_is_no_text_for_a_database() -> None:
    letter = incoming(one(text={"body": "S5\ud83d.0812"})).letter
    assert letter.text == "S5\ufffd.0812"
    letter.text.encode()


@pytest.mark.parametrize(
    ("status", "item"),
    [
        ({"status": "sent"}, Passed("whatsapp_status", odd=False)),
        ({"status": "delivered"}, Delivery("wamid.OUT1", True)),
        ({"status": "read", "timestamp": "1"}, Delivery("wamid.OUT1", True)),
        (
            {
                "status": "failed",
                "recipient_id": NUMBER,
                "errors": [{"code": 131047, "title": "Re-engagement message"}],
            },
            Delivery("wamid.OUT1", False, "131047: Re-engagement message", NUMBER, 131047),
        ),
        (
            {"status": "failed", "recipient_user_id": BSUID, "errors": [{"code": 131026}]},
            Delivery("wamid.OUT1", False, "131026: no reason is given", BSUID, 131026),
        ),
        (
            {"status": "failed", "errors": "none"},
            Delivery("wamid.OUT1", False, "-: no reason is given"),
        ),
        ({"status": "of tomorrow"}, Passed("whatsapp_status")),
        ({"status": 5}, Passed("whatsapp_bad_status")),
        ({"id": 7, "status": "sent"}, Passed("whatsapp_bad_status")),
    ],
)
def test_what_became_of_ours(status: dict[str, Any], item: Item) -> None:
    assert read(value(statuses=[{"id": "wamid.OUT1", **status}])) == [item]


def test_one_bad_part_costs_the_others_nothing() -> None:
    other = MESSAGE | {"id": "wamid.HBgM0002"}
    other_number = value(messages=[MESSAGE]) | {"metadata": {"phone_number_id": "999"}}
    found = read(
        None,
        value(messages="none", statuses=5),
        value(messages=[7, MESSAGE, {}, other]),
        other_number,
        value(messages=[MESSAGE]) | {"metadata": None},
        value(statuses=[None, {"id": "wamid.OUT1", "status": "read"}]),
    )
    assert [one.letter.message_id for one in found if isinstance(one, Incoming)] == [
        "wamid.HBgM0001",
        "wamid.HBgM0002",
    ]
    assert Delivery("wamid.OUT1", True) in found
    assert [one.kind for one in found if isinstance(one, Passed)] == [
        "whatsapp_bad_change",
        "whatsapp_bad_message",
        "whatsapp_bad_status",
        "whatsapp_bad_message",
        "whatsapp_bad_message",
        "whatsapp_wrong_number_id",
        "whatsapp_wrong_number_id",
        "whatsapp_bad_status",
    ]


def test_several_entries_are_all_read() -> None:
    whole = json.loads(body(value(messages=[MESSAGE])))
    whole["entry"] += [5, {"changes": 5}, *whole["entry"]]
    found = payload.read(json.dumps(whole).encode(), NUMBER_ID)
    assert [type(one) for one in found] == [Incoming, Passed, Passed, Incoming]


def test_other_fields_of_the_webhook_are_passed_over() -> None:
    whole = json.loads(body(value(event="x")))
    whole["entry"][0]["changes"][0]["field"] = "account_update"
    found = payload.read(json.dumps(whole).encode(), NUMBER_ID)
    assert found == [Passed("whatsapp_other_field", odd=False)]


@pytest.mark.parametrize(
    ("raw", "kind"),
    [
        (b"", "whatsapp_not_json"),
        (b"S5.0812.1234", "whatsapp_not_json"),
        (b"\xff\xfe{\x00}\x00", "whatsapp_not_utf8"),
        ('{"object": "\u00e9"}'.encode("latin-1"), "whatsapp_not_utf8"),
        ("{}".encode("utf-16"), "whatsapp_not_utf8"),
        (b"[" * 100_000, "whatsapp_too_deep"),
        (b'{"a":' * 100_000, "whatsapp_too_deep"),
        (b'{"object": 1, "object": 2}', "whatsapp_not_json"),
        (b'{"object": ' + b"9" * 5000 + b"}", "whatsapp_not_json"),
        (b"null", "whatsapp_not_for_us"),
        (b"[]", "whatsapp_not_for_us"),
        (b"{}", "whatsapp_not_for_us"),
        (b'{"object": "page", "entry": []}', "whatsapp_not_for_us"),
    ],
)
def test_a_body_that_is_none_has_a_name(raw: bytes, kind: str) -> None:
    with pytest.raises(Unreadable) as caught:
        payload.read(raw, NUMBER_ID)
    assert caught.value.kind == kind


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                sorted({*MESSAGE, "status", "errors", "code", "body", "wa_id", "user_id"})
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(
    st.fixed_dictionaries(
        {}, optional=dict.fromkeys(("messages", "statuses", "contacts", "metadata"), ANYTHING)
    ),
    ANYTHING,
)
def test_no_value_of_a_wrong_type_breaks_the_reading(parts: dict[str, Any], entry: Any) -> None:
    whole = json.loads(body(value(**parts), entry, value(messages=[MESSAGE])))
    whole["entry"].append(entry)
    found = payload.read(json.dumps(whole).encode(), NUMBER_ID)
    assert "wamid.HBgM0001" in [
        item.letter.message_id for item in found if isinstance(item, Incoming)
    ]
