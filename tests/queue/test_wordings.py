"""Wordings: what is shipped fits, what an operator sets is checked, and no answer is lost."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulsarack.modems.at import gsm7
from pulsarack.queue import agents, rows
from pulsarack.queue.orders import Order
from pulsarack.queue.state import OrderState
from pulsarack.queue.wordings import final, parts, render, table, template
from pulsarack.queue.wordings.shipped import LANGUAGES, Value, Wording, shipped
from pulsarack.queue.wordings.template import Unfilled, Unfit
from pulsarack.ussd.outcome import Reason
from tests.queue.world import World, iccid

ALL = [(one, language) for one in shipped().wordings.values() for language in LANGUAGES]
DONE = shipped().wordings["order_succeeded"]
LIST = shipped().wordings["prices"]


def test_the_alphabet_is_that_of_the_modems() -> None:
    for code in range(0x3000):
        char = chr(code)
        septets = len(gsm7.encode(char)) if gsm7.is_encodable(char) else None
        assert parts.septets(char) == septets, repr(char)


@pytest.mark.parametrize(
    ("text", "needed"),
    [
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("[" * 80, 1),
        ("[" * 81, 2),
        ("a" * 306, 2),
        ("a" * 307, 3),
        ("é" * 160, 1),
        ("ş" * 70, 1),
        ("ş" * 71, 2),
        ("", 1),
    ],
)
def test_parts_of_a_text(text: str, needed: int) -> None:
    assert parts.needed(text) == needed


@pytest.mark.parametrize(
    ("text", "plain"),
    [("Kios Şarı", "Kios Sar?"), ("Toko 😀", "Toko ?"), ("café [1]", "café [1]"), ("ｓ", "s")],
)
def test_a_name_is_written_in_the_alphabet(text: str, plain: str) -> None:
    assert parts.plain(text) == plain


@pytest.mark.parametrize(("wording", "language"), ALL, ids=lambda one: getattr(one, "key", one))
def test_what_is_shipped_fits_into_one_part(wording: Wording, language: str) -> None:
    text = wording.texts[language]
    assert template.check(wording, text) is None
    assert template.canonical(text) == text
    said = template.example(wording, text, parts.SEPTETS)
    assert parts.septets(said) is not None and parts.needed(said) == 1
    assert "[" not in said and "  " not in said


def test_every_variable_is_used_and_says_what_it_is() -> None:
    known = shipped().variables.values()
    used = {name for one in shipped().wordings.values() for name in one.variables}
    assert used == {one.name for one in known}
    assert all(one.meaning for one in known)
    assert len({one.trade for one in known}) == len(known)


def test_every_state_and_reason_has_words() -> None:
    for language in LANGUAGES:
        for key in [
            *(f"status_{state.lower()}" for state in OrderState),
            *(f"reason_{reason.lower()}" for reason in Reason),
            *final.KEYS.values(),
        ]:
            assert shipped().wordings[key].texts[language]


def test_every_wording_is_said_by_somebody() -> None:
    code = [path.read_text(encoding="utf-8") for path in files_of("queue") + files_of("daemon")]
    words = set(re.findall(r'"([a-z0-9_]+)"', "\n".join(code)))
    families = ("status_", "reason_", "short_", "movement_", "misread_")  # by a code of theirs
    silent = [
        key for key in shipped().wordings if key not in words and not key.startswith(families)
    ]
    assert silent == []


def files_of(folder: str) -> list[Path]:
    """Our modules in a folder and below."""
    return sorted((Path(__file__).parents[2] / folder).rglob("*.py"))


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("", "1 to 480"),
        ("   ", "1 to 480"),
        ("x" * 481, "1 to 480"),
        ("Saldo [saldo] [alasan]", "[alasan] is no variable"),
        ("Saldo [saldoo]", "[saldoo] is no variable"),
        ("Saldo {nope}", "{nope} is no variable"),
        ("Saldo [saldo", "bracket stands alone"),
        ("Saldo [] ok", "bracket stands alone"),
        ("Saldo [sal do]", "bracket stands alone"),
        ("Saldo\x07[saldo]", "control character"),
        ("x" * 161, "2 SMS parts"),
        ("[sn]" * 11, "2 SMS parts"),
        ("Saldo [saldo] ş" + "x" * 60, "not in the GSM alphabet"),
    ],
)
def test_a_template_that_cannot_be_taken(text: str, wrong: str) -> None:
    unfit = template.check(DONE, text)
    assert isinstance(unfit, Unfit) and wrong in unfit.message, unfit
    assert unfit.remedy


def test_more_parts_can_be_allowed() -> None:
    assert template.check(DONE, "x" * 300, most_parts=2) is None
    assert template.check(DONE, "x" * 307, most_parts=2) is not None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[SALDO] {balance} [Balance]", "1.234.567 1.234.567 1.234.567"),
        ("[ref] ke [tujuan]", "ke [saldo] {x}"),  # nothing to say, and a value is no template
        ("SN:[sn].", "SN:12 34."),
        ("100% [kodereseller] %s%%", "100% 5%s %s%%"),
        ("[nama] é", "Kios Sar? é"),  # as cheap as the template
        ("[nama] ş", "Kios Şarı ş"),
    ],
)
def test_filling(text: str, said: str) -> None:
    values = {"balance": 1_234_567, "ref": "", "tujuan": "[saldo] {x}", "sn": "12\n34"}
    values |= {"agent": "5%s", "name": "Kios  Şarı"}
    assert template.fill(text, values, None) == said


@pytest.mark.parametrize("values", [{}, {"balance": "much"}, {"balance": None}, {"balance": ["1"]}])
def test_what_cannot_be_filled(values: dict[str, str]) -> None:
    with pytest.raises(Unfilled):
        template.fill("Saldo [saldo]", values, None)


@given(
    st.lists(st.text(st.characters(codec="utf-8"), max_size=40), max_size=20), st.integers(0, 200)
)
def test_a_list_takes_no_more_than_its_room(items: list[str], room: int) -> None:
    said = template.fill("Harga: [daftar]. Ok", {"list": items}, room)
    whole = template.fill("Harga: [daftar]. Ok", {"list": items}, None)
    assert parts.septets(said) is not None
    assert said == whole or said.endswith(".... Ok")
    assert parts.size(said) <= max(room, parts.size("Harga: .... Ok"))


@given(st.text(max_size=60))
def test_any_text_is_taken_or_refused(text: str) -> None:
    if template.check(DONE, text) is None:
        stored = template.canonical(text)
        assert template.canonical(stored) == stored
        assert template.example(DONE, stored, 160) == template.example(DONE, text, 160)


def put(world: World, key: str, text: str, language: str = "id", most: int = 1) -> Unfit | None:
    """Somebody sets a wording."""
    return world.run(
        lambda db: table.put(db, key, language, text, parts=most, who="admin1", now_ms=world.now)
    )


def said(world: World, key: str, language: str = "id", **variables: Value) -> str:
    """What an agent reads."""
    return world.run(lambda db: render.render(db, key, language, variables))


def test_what_was_set_is_said(world: World) -> None:
    assert put(world, "no_orders", "Kosong, bos") is None
    assert put(world, "no_orders", "Nothing yet", "en") is None
    assert said(world, "no_orders") == "Kosong, bos"
    assert said(world, "no_orders", "en") == "Nothing yet"
    assert put(world, "no_orders", "Masih kosong") is None
    assert said(world, "no_orders") == "Masih kosong"
    assert world.run(lambda db: table.reset(db, "no_orders", "id"))
    assert not world.run(lambda db: table.reset(db, "no_orders", "id"))
    assert said(world, "no_orders") == shipped().wordings["no_orders"].texts["id"]
    assert said(world, "no_orders", "en") == "Nothing yet"


@pytest.mark.parametrize(
    ("key", "language", "most"),
    [("nothing", "id", 1), ("no_orders", "fr", 1), ("no_orders", "id", 4), ("no_orders", "id", 0)],
)
def test_what_cannot_be_set(world: World, key: str, language: str, most: int) -> None:
    assert put(world, key, "x", language, most) is not None
    assert world.run(table.every) == []


def test_a_list_has_the_room_that_was_allowed(world: World) -> None:
    items = [f"S{number}=10.500" for number in range(60)]
    assert len(said(world, "prices", list=items, balance=1)) <= 160
    assert put(world, "prices", "Daftar: [daftar]", most=2) is None
    text = said(world, "prices", list=items, balance=1)
    assert 160 < len(text) <= 306 and text.endswith("...")


def stale(world: World, key: str, text: str) -> None:
    """Another version of the program has set something that this one cannot fill."""
    world.run(
        lambda db: rows.execute(
            db, "INSERT INTO wording VALUES (?, 'id', ?, 1, 0, 'x')", (key, text)
        )
    )


@pytest.mark.parametrize("text", ["Saldo [baru]", "Saldo [alasan]"])
def test_a_template_that_fails_is_passed_over(world: World, text: str) -> None:
    stale(world, "transfer_sent", text)
    told = said(
        world, "transfer_sent", downline="A2", downline_name="Sari", amount=5000, balance=7000
    )
    assert told == "Transfer Rp5.000 ke Sari (A2) BERHASIL. Saldo: 7.000"
    ((edited, unfit),) = world.run(table.unusable)
    assert edited.key == "transfer_sent" and "is no variable" in unfit.message


def test_a_key_that_is_gone_is_told(world: World) -> None:
    stale(world, "gone", "x")
    ((_, unfit),) = world.run(table.unusable)
    assert "no wording 'gone'" in unfit.message


def test_an_answer_is_clumsy_rather_than_lost(world: World) -> None:
    assert said(world, "nothing", a=1, b="x") == "nothing a: 1; b: x"
    assert said(world, "order_accepted", order=5) == "order_accepted order: 5"
    assert said(world, "no_orders", "fr") == shipped().wordings["no_orders"].texts["id"]


RESULTS: list[tuple[str, str, bool, str]] = [
    ("id", "sms", True, "R#r1 Transaksi S10 ke 081200000012 BERHASIL. SN: SN9. Harga: 10.500."
     " Saldo: 989.500. Trx#1"),
    ("en", "xmpp", True, "R#r1 Order S10 to 081200000012 SUCCEEDED. SN: SN9. Price: 10.500."
     " Balance: 989.500. Trx#1"),
    ("id", "http", True, "Transaksi S10 ke 081200000012 BERHASIL. SN: SN9. Harga: 10.500."
     " Saldo: 989.500. Trx#1"),
    ("id", "sms", False, "R#r1 Transaksi S10 ke 081200000012 GAGAL (nomor tujuan salah)."
     " Saldo dikembalikan 10.500. Saldo: 1.000.000. Trx#1"),
    ("en", "http", False, "Order S10 to 081200000012 FAILED (wrong number). Given back 10.500."
     " Balance: 1.000.000. Trx#1"),
]  # fmt: skip


@pytest.mark.parametrize(("language", "channel", "done", "told"), RESULTS)
def test_final_results(shop: World, language: str, channel: str, done: bool, told: str) -> None:
    shop.run(lambda db: agents.put_language(db, "A1", language))
    order = finished(shop, channel, done)
    assert shop.run(lambda db: final.for_agent(db, order)) == told
    assert parts.needed(told) == 1


def finished(shop: World, channel: str, done: bool) -> Order:
    """An order with a reference of that channel that is decided."""
    order = shop.order(reference="r1")
    shop.sql("UPDATE orders SET channel = ? WHERE id = ?", channel, order.id)
    (claimed,) = shop.claim(iccid(1))
    shop.commit(claimed.attempt_id)
    reason = None if done else Reason.WRONG_NUMBER
    return shop.decide(claimed.attempt_id, done=done, reason=reason, number="SN9" if done else None)
