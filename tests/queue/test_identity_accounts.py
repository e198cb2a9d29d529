"""Accounts of programs: what may stand in them, where they call from and are called back."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from peewee import Database

from pulsarack.ledger import sql
from pulsarack.queue.identity import accounts, events, networks
from pulsarack.queue.identity.accounts import Account
from pulsarack.queue.rows import execute
from pulsarack.queue.validation import Refusal, RefusalCode
from tests.queue.world import World

NATIVE = Account(
    "M1", "A1", "native", "sealed", None, None, None, 0, "", "", "", active=1, created_at=1
)
TRADE = Account(
    "YUSUF", "A1", "trade", None, "pin", "word", None, 0, "192.0.2.0/24", "", "", 1, created_at=1
)
LONG = "x" * 600


def add(world: World, account: Account) -> Refusal | None:
    return world.run(lambda db: accounts.add(db, account, by="admin", now_ms=world.now))


def get(world: World, member: str) -> Account:
    found = world.run(lambda db: accounts.find(db, member))
    assert found is not None
    return found


def code(refused: object) -> RefusalCode:
    assert isinstance(refused, Refusal)
    return refused.code


BAD = [
    replace(NATIVE, key=None),
    replace(NATIVE, may_be_unsigned=1, networks="192.0.2.1/32"),
    replace(NATIVE, kind="other"),
    replace(TRADE, pin=None, password=None),
    replace(TRADE, may_be_unsigned=1, networks=""),
    *(replace(TRADE, member=member) for member in ("", " ", "a b", "x" * 65, "a/b", "é", "a\n")),
]


@pytest.mark.parametrize("account", BAD)
def test_an_account_that_could_not_be_trusted_is_refused(account: Account) -> None:
    refused = accounts.check(account)
    assert code(refused) is RefusalCode.BAD_ACCOUNT
    assert refused and refused.remedy


def test_a_member_is_found_in_any_case_and_there_once(shop: World) -> None:
    assert add(shop, TRADE) is None
    assert get(shop, "yusuf") == get(shop, "YuSuF") == TRADE
    assert code(add(shop, replace(NATIVE, member="Yusuf"))) is RefusalCode.BAD_ACCOUNT
    assert code(add(shop, replace(NATIVE, agent="NOBODY"))) is RefusalCode.UNKNOWN_AGENT
    assert add(shop, NATIVE) is None
    assert shop.run(accounts.every) == [NATIVE, TRADE]


def test_an_agent_has_so_many_accounts_at_most(shop: World) -> None:
    for number in range(accounts.ACCOUNTS_MOST):
        assert add(shop, replace(NATIVE, member=f"N{number}")) is None
    assert code(add(shop, TRADE)) is RefusalCode.BAD_ACCOUNT


def test_an_account_that_is_off_or_whose_agent_is_off_is_a_stranger_s(shop: World) -> None:
    def is_open(member: str) -> bool:
        return shop.run(lambda db: accounts.open_for_orders(db, member)) is not None

    add(shop, TRADE)
    assert is_open("yusuf")
    shop.run(lambda db: accounts.set_active(db, TRADE, False, by="x", now_ms=1))
    assert not is_open("yusuf")
    shop.run(lambda db: accounts.set_active(db, TRADE, True, by="x", now_ms=1))
    shop.run(lambda db: execute(db, "UPDATE agent SET active = 0"))
    assert not is_open("yusuf")
    assert not is_open("nobody")


def test_a_secret_that_is_needed_stays(shop: World) -> None:
    def put(account: Account, which: str, sealed: str | None) -> Refusal | None:
        return shop.run(
            lambda db: accounts.put_secret(db, account, which, sealed, by="x", now_ms=1)
        )

    add(shop, NATIVE)
    add(shop, TRADE)
    assert code(put(NATIVE, "key", None)) is RefusalCode.BAD_ACCOUNT
    assert put(TRADE, "pin", None) is None
    assert code(put(get(shop, "YUSUF"), "password", None)) is RefusalCode.BAD_ACCOUNT
    assert put(TRADE, "report_secret", "r") is None
    assert get(shop, "YUSUF") == replace(TRADE, pin=None, report_secret="r")
    with pytest.raises(ValueError, match="no member"):
        put(TRADE, "member", "x")
    assert shop.run(lambda db: accounts.masters(db, 4)) == {"seal": 1, "word": 1, "r": 1}


def test_what_was_changed_meanwhile_is_not_sealed_over(shop: World) -> None:
    add(shop, TRADE)
    shop.run(lambda db: accounts.reseal(db, replace(TRADE, pin="a"), replace(TRADE, pin="b")))
    assert get(shop, "YUSUF") == TRADE
    shop.run(lambda db: accounts.reseal(db, replace(TRADE, pin="a"), TRADE))
    assert get(shop, "YUSUF") == replace(TRADE, pin="a")


# --- networks -------------------------------------------------------------------------------

LISTS = [
    ([], ""),
    (["192.0.2.7"], "192.0.2.7/32"),
    (["2001:db8::/32", "192.0.2.0/24", "192.0.2.0/24"], "192.0.2.0/24 2001:db8::/32"),
    (["::ffff:192.0.2.7"], "192.0.2.7/32"),
    (["::ffff:192.0.2.0/120"], "192.0.2.0/24"),
    (["0.0.0.0/0", "::/0"], "0.0.0.0/0 ::/0"),
]


@pytest.mark.parametrize(("typed", "kept"), LISTS)
def test_a_list_of_networks_has_one_form(typed: list[str], kept: str) -> None:
    assert networks.listed(typed) == kept
    assert networks.listed(kept.split()) == kept
    assert [str(one) for one in networks.parse(kept)] == kept.split()


@pytest.mark.parametrize(
    "typed",
    ["192.0.2.7/24", "192.0.2", "x", "", "192.0.2.0/33", "1", "fe80::1%eth0/64", "\ud800", LONG],
)
def test_what_is_no_network_is_refused(typed: str) -> None:
    assert code(networks.listed([typed])) is RefusalCode.BAD_NETWORK


def test_a_list_is_bounded() -> None:
    assert code(networks.listed(["192.0.2.7"] * 51)) is RefusalCode.BAD_NETWORK


def test_callers_are_told_apart_by_what_a_customer_has() -> None:
    seen = networks.neighbourhood
    assert seen("192.0.2.7") == seen("::ffff:192.0.2.7") == "192.0.2.7"
    assert seen("2001:db8::1") == seen("2001:db8::ffff:1") == "2001:db8::/64"
    assert seen("2001:db8:0:1::1") != seen("2001:db8::1")
    assert seen("?") == "?"


def test_an_agent_says_where_his_programs_call_from(shop: World) -> None:
    def call_from(agent: str, typed: str) -> int | Refusal:
        return shop.run(lambda db: accounts.call_from(db, agent, typed, now_ms=1))

    shop.agent("A2")
    add(shop, TRADE)
    add(shop, NATIVE)
    assert call_from("A1", " 203.0.113.9 ") == 2
    assert get(shop, "M1").networks == get(shop, "YUSUF").networks == "203.0.113.9/32"
    assert call_from("A2", "203.0.113.9") == 0
    for typed in ("0.0.0.0/0", "x", "", "203.0.113.0/24"):
        assert code(call_from("A1", typed)) is RefusalCode.BAD_NETWORK


def test_without_a_signature_there_is_always_a_list(shop: World) -> None:
    unsigned = replace(TRADE, may_be_unsigned=1)
    add(shop, unsigned)
    refused = shop.run(lambda db: accounts.put_networks(db, unsigned, [], by="x", now_ms=1))
    assert code(refused) is RefusalCode.BAD_ACCOUNT


# --- reports --------------------------------------------------------------------------------

URLS = [
    "https://example.com/r?x=1", "http://203.0.114.7:8080/", "http://EXAMPLE.com", "https://a.b",
    "http://[2606:4700::1]/x",
]  # fmt: skip
INNER = [
    "http://localhost/", "http://localhost./", "http://127.0.0.1/", "http://10.1.2.3/",
    "http://[::1]/", "http://[::ffff:127.0.0.1]/", "http://169.254.169.254/x", "http://0/",
    "http://0x7f000001/", "http://127.1/", "http://2130706433/", "http://server/",
    "http://db.internal/", "http://x.local/", "http://192.168.1.1:631/", "http://224.0.0.1/",
    "http://[fd00::1]/", "http://[64:ff9b::7f00:1]/", "http://[2002:7f00:1::]/", "http://0177.0.0.1/",
]  # fmt: skip
NO_URLS = [
    "", "x", "ftp://example.com/", "file:///etc/passwd", "http://", "http:///x", "javascript:1",
    "http://user@example.com/", "http://user:word@example.com/", "http://example.com:99999/",
    "http://example.com:x/", "http://example.com/#x", "http://exa mple.com/", "http://é.com/",
    "http://example.com/\r\nHost: x", "http://[::1", "http://" + LONG, "http://a..b@c/",
    "http://-x.com/", "\ud800",
]  # fmt: skip


@pytest.mark.parametrize("url", URLS)
def test_a_url_that_leads_outside_is_taken(url: str) -> None:
    assert networks.check_report_url(url, by_admin=False) is None


@pytest.mark.parametrize("url", INNER)
def test_only_an_admin_names_an_inner_host(url: str) -> None:
    assert code(networks.check_report_url(url, by_admin=False)) is RefusalCode.BAD_URL
    assert networks.check_report_url(url, by_admin=True) is None


@pytest.mark.parametrize("url", NO_URLS)
def test_what_is_no_url_is_refused(url: str) -> None:
    assert code(networks.check_report_url(url, by_admin=True)) is RefusalCode.BAD_URL


@given(st.text(max_size=80))
def test_no_text_breaks_the_reading_of_urls_and_networks(text: str) -> None:
    networks.check_report_url(text, by_admin=False)
    networks.check_report_url(f"http://{text}", by_admin=False)
    networks.listed([text])
    networks.address(text)
    networks.neighbourhood(text)


def test_an_agent_says_where_his_results_go_and_the_url_is_not_in_the_history(
    shop: World,
) -> None:
    def report_to(url: str) -> int | Refusal:
        return shop.run(lambda db: accounts.report_to(db, "A1", url, now_ms=1))

    assert report_to("https://example.com/r?key=hush") == 0
    add(shop, replace(TRADE, report_dialect="otomax"))
    assert report_to("https://example.com/r?key=hush") == 1
    assert get(shop, "YUSUF").report_url == "https://example.com/r?key=hush"
    assert get(shop, "YUSUF").report_dialect == "otomax"
    assert code(report_to("http://127.0.0.1/")) is RefusalCode.BAD_URL
    assert "hush" not in repr(shop.run(lambda db: events.of_agent(db, "A1", 10)))
    wrong = shop.run(
        lambda db: accounts.put_report(db, TRADE, "", "X Y", by="x", by_admin=True, now_ms=1)
    )
    assert code(wrong) is RefusalCode.BAD_ACCOUNT


# --- nonces ---------------------------------------------------------------------------------

WINDOW = 1000


def use(world: World, nonce: str, now_ms: int, member: str = "M1") -> bool:
    return world.run(lambda db: accounts.use_nonce(db, member, nonce, now_ms, WINDOW))


def test_a_nonce_is_used_once_by_a_member(shop: World) -> None:
    assert [use(shop, "n", 0), use(shop, "n", 1), use(shop, "o", 1)] == [True, False, True]
    assert not use(shop, "n", 1, member="m1")
    assert use(shop, "n", 1, member="M2")


def test_a_nonce_is_kept_while_its_stamp_may_be_taken_and_then_goes(shop: World) -> None:
    for number in range(50):
        assert use(shop, f"n{number}", number)
    assert not use(shop, "n0", 2 * WINDOW)
    for number in range(30):
        assert use(shop, f"o{number}", 10 * WINDOW)
    assert shop.sql("SELECT count(*) FROM api_nonce WHERE nonce GLOB 'n*'") == [(0,)]
    assert use(shop, "n0", 10 * WINDOW)


def test_a_repeat_writes_nothing(shop: World) -> None:
    """It is refused by raising, and the store would do the work of its neighbours again."""
    assert use(shop, "old", 0)
    assert use(shop, "n", 10 * WINDOW)
    shop.sql("INSERT INTO api_nonce (member, nonce, at) VALUES ('M1', 'older', 0)")

    def repeat(db: Database) -> int:
        before = sql.changes(db)
        assert not accounts.use_nonce(db, "M1", "n", 12 * WINDOW, WINDOW)
        return sql.changes(db) - before

    assert shop.run(repeat) == 0
    assert shop.sql("SELECT nonce FROM api_nonce ORDER BY id") == [("n",), ("older",)]
    assert use(shop, "n", 13 * WINDOW)  # nobody would take the first one any more
    assert shop.sql("SELECT nonce, at FROM api_nonce") == [("n", 13 * WINDOW)]


def test_a_full_table_takes_no_nonce(shop: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accounts, "NONCES_MOST", 3)
    assert [use(shop, str(number), 0) for number in range(6)] == [True] * 4 + [False] * 2


@pytest.mark.parametrize("nonce", ["", "x" * 65, "a b", "é", "\x00", "\ud800", "a\n"])
def test_what_is_no_nonce_is_the_caller_s_fault(shop: World, nonce: str) -> None:
    with pytest.raises(ValueError, match="a nonce has"):
        use(shop, nonce, 0)
