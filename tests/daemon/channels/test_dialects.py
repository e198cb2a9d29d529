"""The trade's dialects over real HTTP: what programs send, what they get, what is refused.

Every dialect is asked the same things: an order, the same again, another under the same reference,
how one stands that was never ordered, wrong secrets, nonsense. The signatures here are made by
these tests and not by the product's code.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode
from xml.etree import ElementTree

import pytest
from yarl import URL

from pulsarack.daemon.channels.carrier import Parcel
from pulsarack.daemon.channels.http.desk import OrderStanding
from pulsarack.daemon.channels.http.dialects import every_dialect, vocabulary
from pulsarack.daemon.channels.http.reports import Report
from pulsarack.daemon.secrets import Secret
from pulsarack.queue import outcome
from pulsarack.queue.identity import accounts
from pulsarack.queue.rows import tuples
from pulsarack.queue.state import OrderState
from pulsarack.queue.validation import RefusalCode
from pulsarack.ussd.outcome import Reason
from tests.daemon.channels.http_world import Answer, HttpWorld, TestAccount

TO = "081200000012"
PIN, PASSWORD, KEY = "483920", "sandi-kios", "kunci-kios-0123456789"
NOBODY = "NOBODY"


class World(HttpWorld):
    """A server with all dialects, and an account that may speak them."""

    def __init__(self, directory: Path, folder: Path | None = None) -> None:
        super().__init__(directory, formatters=every_dialect.formatters(folder))
        self.channel.add(every_dialect.routes(self.channel.door, self.channel.desk, folder))
        self.account = TestAccount(
            member="M1",
            kind="trade",
            key=Secret(KEY),
            pin=Secret(PIN),
            password=Secret(PASSWORD),
            may_be_unsigned=True,
            report_secret=Secret(KEY),
        )
        self.doors.accounts["M1"] = self.account

    def orders(self) -> list[tuple[Any, ...]]:
        return self.store.read_inline(
            lambda db: tuples(
                db, "SELECT client_reference, product, destination, repeat_index FROM orders"
            )
        )

    def fail(self, order_id: int, reason: Reason) -> None:
        now_ms = self.clock.now_ms()
        self.store.run_inline(lambda db: outcome.refund(db, order_id, reason, "test", now_ms))


@dataclass(frozen=True)
class Said:
    """An answer, whatever the dialect: its code, its text."""

    code: str
    text: str
    status: int = 200


@dataclass(frozen=True)
class Form:
    """How a program speaks a dialect."""

    ask: Callable[..., Any]  # (world, reference, product, to, secret, member) -> Answer
    read: Callable[[Answer], Said]
    in_process: str
    failed: str
    wrong_number: str
    no_money: str
    wrong_secret: str
    counter: bool = True
    shows_texts: bool = True


def otomax_sign(*fields: str) -> str:
    digest = hashlib.sha1("|".join(("OtomaX", *fields)).encode()).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


async def otomax(
    world: World, reference: str, product: str = "S10", to: str = TO, *, secret: str = PASSWORD,
    member: str = "M1", **more: str,
) -> Answer:  # fmt: skip
    sign = otomax_sign(member, product, to, reference, PIN, secret)
    query = {"product": product, "qty": "1", "dest": to, "refID": reference, "memberID": member}
    return await world.send("GET", "/trx?" + urlencode(query | {"sign": sign} | more))


def of_text(answer: Answer) -> Said:
    status, _, message = answer.body.decode().partition("&message=")
    return Said(status.removeprefix("status="), message, answer.status)


def plain(path: str, names: str) -> Callable[..., Any]:
    member_, pin_, password_, product_, to_, reference_ = names.split()

    async def ask(
        world: World, reference: str, product: str = "S10", to: str = TO, *,
        secret: str = PASSWORD, member: str = "M1", **more: str,
    ) -> Answer:  # fmt: skip
        query = {member_: member, pin_: PIN, password_: secret, "user": "u", product_: product}
        query |= {to_: to, reference_: reference}
        return await world.send("GET", f"{path}?" + urlencode(query | more))

    return ask


def of_irs(answer: Answer) -> Said:
    return Said(answer.json["statuscode"], answer.json["msg"], answer.status)


def of_serpul(answer: Answer) -> Said:
    return Said(answer.json["status"], answer.json["message"], answer.status)


async def fm(
    world: World, reference: str, product: str = "S10", to: str = TO, *, secret: str = PIN,
    member: str = "M1", command: str = "TOPUP",
) -> Answer:  # fmt: skip
    body = (
        f"<fm><command>{command}</command><pin>{secret}</pin><product>{product}</product>"
        f"<msisdn>{to}</msisdn><refTrxid>{reference}</refTrxid></fm>"
    )
    return await world.send("POST", f"/fm/{member}", body.encode(), {"Content-Type": "text/xml"})


def of_xml(answer: Answer) -> Said:
    root = ElementTree.fromstring(answer.body)
    return Said(root.findtext("status") or "", root.findtext("message") or "", answer.status)


def md5(*fields: str) -> str:
    return hashlib.md5("".join(fields).encode()).hexdigest()


async def post_json(world: World, path: str, record: dict[str, Any]) -> Answer:
    body = json.dumps(record).encode()
    return await world.send("POST", path, body, {"Content-Type": "application/json"})


async def digiflazz(
    world: World, reference: str, product: str = "s10", to: str = TO, *, secret: str = KEY,
    member: str = "M1", **more: Any,
) -> Answer:  # fmt: skip
    record = {"username": member, "buyer_sku_code": product, "customer_no": to, "msg": None}
    record |= {"ref_id": reference, "sign": md5(member, secret, reference)}
    return await post_json(world, "/digiflazz/v1/transaction", record | more)


async def seller(
    world: World, reference: str, product: str = "s10", to: str = TO, *, secret: str = KEY,
    member: str = "M1", **more: Any,
) -> Answer:  # fmt: skip
    record = {"username": member, "commands": "topup", "pulsa_code": product, "hp": to}
    record |= {"ref_id": reference, "price": 20_000, "sign": md5(member, secret, reference)}
    return await post_json(world, "/digiflazz/seller", record | more)


def of_data(answer: Answer) -> Said:
    found = answer.json["data"]
    return Said(found["rc"], found["message"], answer.status)


IRS = "id pin pass kodeproduk tujuan idtrx"
FORMS = {
    "otomax": Form(otomax, of_text, "1", "40", "52", "43", "40"),
    "irs": Form(plain("/irs", IRS), of_irs, "0", "2", "2", "2", "2"),
    "st24": Form(plain("/st24", IRS), of_irs, "0", "2", "2", "2", "2"),
    "tiger": Form(
        plain("/api/h2h", "idmember pin password produk tujuan reqid"),
        of_irs, "0", "2", "2", "2", "2",
    ),
    "serpul": Form(
        plain("/without-sign/trx", "memberID pin password product dest refID"),
        of_serpul, "0", "2", "2", "2", "2",
    ),
    "payuni": Form(
        plain("/payuni/trx", "memberID pin password product dest refID"),
        of_serpul, "0", "2", "2", "2", "2",
    ),
    "sipas": Form(plain("/sipas", IRS), of_irs, "0", "2", "2", "2", "2"),
    "fm": Form(fm, of_xml, "1", "2", "2", "2", "2"),
    "digiflazz": Form(
        digiflazz, of_data, "03", "02", "54", "44", "41", counter=False, shows_texts=False
    ),
    "digiflazz seller": Form(
        seller, of_data, "39", "07", "14", "07", "204", counter=False, shows_texts=False
    ),
}  # fmt: skip
EVERY = pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)


@EVERY
async def test_the_same_reference_is_the_same_order(tmp_path: Path, form: Form) -> None:
    async with World(tmp_path) as world:
        first = form.read(await form.ask(world, "r-1"))
        assert (first.code, first.status) == (form.in_process, 200)
        again = form.read(await form.ask(world, "r-1"))
        assert (again.code, again.status) == (form.in_process, 200)
        assert world.orders() == [("r-1", "S10", "6281200000012", 1)]
        if form.shows_texts:
            assert "S10" in first.text and TO in first.text


@EVERY
async def test_the_same_number_in_another_spelling_is_the_same_order(
    tmp_path: Path, form: Form
) -> None:
    async with World(tmp_path) as world:
        await form.ask(world, "r-1")
        for spelling in ("+6281200000012", "0812-0000-0012"):
            again = form.read(await form.ask(world, "r-1", to=spelling))
            assert (again.code, again.status) == (form.in_process, 200)
        assert len(world.orders()) == 1


@EVERY
async def test_another_order_under_a_used_reference_is_refused(tmp_path: Path, form: Form) -> None:
    async with World(tmp_path) as world:
        await form.ask(world, "r-1")
        other = form.read(await form.ask(world, "r-1", to="081200000013"))
        assert other.code not in ("", form.in_process)
        assert len(world.orders()) == 1


@EVERY
async def test_a_failure_is_told_by_the_same_call(tmp_path: Path, form: Form) -> None:
    async with World(tmp_path) as world:
        await form.ask(world, "r-1")
        world.fail(1, Reason.WRONG_NUMBER)
        told = form.read(await form.ask(world, "r-1"))
        assert (told.code, told.status) == (form.wrong_number, 200)
        assert len(world.orders()) == 1


@EVERY
async def test_a_second_order_to_the_number_on_one_day(tmp_path: Path, form: Form) -> None:
    async with World(tmp_path) as world:
        await form.ask(world, "r-1")
        second = form.read(await form.ask(world, "r-2"))
        if form.counter:
            assert second.code == form.failed
            second = form.read(await form.ask(world, "r-2", to=f"2.{TO}"))
        assert second.code == form.in_process
        assert [row[3] for row in world.orders()] == [1, 2]
        again = form.read(await form.ask(world, "r-2", to=f"2.{TO}" if form.counter else TO))
        assert again.code == form.in_process
        assert len(world.orders()) == 2


@EVERY
async def test_what_is_no_order_says_why(tmp_path: Path, form: Form) -> None:
    async with World(tmp_path) as world:
        bad = form.read(await form.ask(world, "r-1", to="0812"))
        assert bad.code == form.wrong_number
        for number in range(20):  # ten of them take all that is there
            last = form.read(await form.ask(world, f"m-{number}", to=f"0812000000{number + 20}"))
        assert last.code == form.no_money
        assert len(world.orders()) == 9


@EVERY
@pytest.mark.parametrize("member", ["M1", NOBODY])
async def test_a_wrong_secret_and_a_stranger_hear_the_same(
    tmp_path: Path, form: Form, member: str
) -> None:
    async with World(tmp_path) as world:
        answer = await form.ask(world, "r-1", secret="000000", member=member)
        said = form.read(answer)
        assert said.code == form.wrong_secret
        assert said.text == "the member, its PIN, its password or the signature is wrong"
        assert world.orders() == []
        assert world.doors.wrongs == [(member, "127.0.0.1")]
        assert world.refused()["HTTP_BAD_SIGNATURE"] == 1
        for secret in (PIN, PASSWORD, KEY):
            assert secret not in world.log.getvalue()
            assert secret not in answer.body.decode()


@EVERY
async def test_an_address_that_is_not_allowed_is_refused(tmp_path: Path, form: Form) -> None:
    async with World(tmp_path) as world:
        closed = TestAccount(**{**vars(world.account), "networks": ("192.0.2.0/24",)})
        world.doors.accounts["M1"] = closed
        assert form.read(await form.ask(world, "r-1")).code != form.in_process
        assert world.orders() == []


@pytest.mark.parametrize("name", ["irs", "tiger", "serpul", "fm"])
async def test_without_permission_nobody_sends_a_pin_in_clear(tmp_path: Path, name: str) -> None:
    form = FORMS[name]
    async with World(tmp_path) as world:
        signed_only = TestAccount(**{**vars(world.account), "may_be_unsigned": False})
        world.doors.accounts["M1"] = signed_only
        assert form.read(await form.ask(world, "r-1")).code == form.wrong_secret
        assert world.orders() == []


# --- what only one of them has ---


async def test_otomax_takes_every_spelling_of_a_signature(tmp_path: Path) -> None:
    async with World(tmp_path) as world:
        world.doors.accounts["m1"] = world.account  # as the doorkeeper: small and capital are one
        for number, (member, product) in enumerate([("M1", "S10"), ("m1", "s10")]):
            reference = f"r-{number}"
            to = f"08120000003{number}"
            upper = otomax_sign(member.upper(), product.upper(), to, reference, PIN, PASSWORD)
            padded = upper.replace("-", "+").replace("_", "/") + "="
            query = {"product": product, "dest": to, "refID": reference, "memberID": member}
            answer = await world.send("GET", f"/trx?{urlencode(query)}&sign={quote(padded)}")
            assert of_text(answer).code == "1", answer.body
        assert len(world.orders()) == 2


async def test_an_otomax_check_never_makes_an_order(tmp_path: Path) -> None:
    async with World(tmp_path) as world:
        said = of_text(await otomax(world, "r-1", check="1"))
        assert (said.code, said.text) == ("40", "R#r-1 GAGAL. Transaksi tidak ditemukan")
        assert world.orders() == []
        await otomax(world, "r-1")
        assert of_text(await otomax(world, "r-1", check="1")).code == "1"
        assert len(world.orders()) == 1


async def test_otomax_by_post_and_unsigned(tmp_path: Path) -> None:
    async with World(tmp_path) as world:
        form = {"product": "S10", "dest": TO, "refID": "r-1", "memberID": "M1", "pin": PIN}
        body = urlencode(form | {"password": PASSWORD}).encode()
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        assert of_text(await world.send("POST", "/trx", body, kind)).code == "1"
        unsure = await world.send("POST", "/trx?refID=r-2", body, kind)
        assert of_text(unsure).code == "40"
        assert len(world.orders()) == 1


async def test_otomax_balance(tmp_path: Path) -> None:
    async with World(tmp_path) as world:
        sign = otomax_sign("CheckBalance", "M1", PIN, PASSWORD)
        answer = await world.send("GET", f"/balance?memberID=M1&sign={sign}")
        assert "Saldo\t: 100.000" in answer.body.decode()


async def test_digiflazz_balance_prices_and_a_price_limit(tmp_path: Path) -> None:
    async with World(tmp_path) as world:
        ask = {"cmd": "deposit", "username": "M1", "sign": md5("M1", KEY, "depo")}
        answer = await post_json(world, "/digiflazz/v1/cek-saldo", ask)
        assert answer.json == {"data": {"deposit": 100_000}}
        ask = {"username": "M1", "sign": md5("M1", KEY, "pricelist")}
        rows = (await post_json(world, "/digiflazz/v1/price-list", ask)).json["data"]
        assert {row["buyer_sku_code"]: row["price"] for row in rows} == {"S5": 5500, "S10": 10_500}
        dear = of_data(await digiflazz(world, "r-1", max_price=10_000))
        assert (dear.code, dear.status) == ("69", 422)
        assert of_data(await digiflazz(world, "r-1", max_price=10_500)).code == "03"
        # Of an order that there is the price is no matter any more.
        assert of_data(await digiflazz(world, "r-1", max_price=1)).code == "03"


async def test_an_irs_price_limit(tmp_path: Path) -> None:
    async with World(tmp_path) as world:
        irs = FORMS["irs"]
        assert irs.read(await irs.ask(world, "r-1", hargamax="10000")).code == "2"
        assert irs.read(await irs.ask(world, "r-1", hargamax="x")).code == "2"
        assert world.orders() == []
        assert irs.read(await irs.ask(world, "r-1", hargamax="10500")).code == "0"


async def test_digiflazz_tests_and_bills_are_refused(tmp_path: Path) -> None:
    async with World(tmp_path) as world:
        assert of_data(await digiflazz(world, "r-1", testing=True)).code == "40"
        assert of_data(await digiflazz(world, "r-1", commands="inq-pasca")).code == "53"
        assert of_data(await digiflazz(world, "r-1", commands="status-pasca")).code == "50"
        assert of_data(await seller(world, "r-1", price=10_000)).code == "106"
        assert world.orders() == []


async def test_an_fm_status_never_makes_an_order(tmp_path: Path) -> None:
    async with World(tmp_path) as world:
        assert of_xml(await fm(world, "r-1", command="TOPUPSTATUS")).code == "2"
        assert world.orders() == []


BOMB = '<!DOCTYPE fm [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]><fm><pin>&b;</pin></fm>'
NONSENSE = [
    ("/fm/M1", BOMB.encode(), "text/xml", "HTTP_BAD_FIELD"),
    ("/fm/M1", b"<fm><pin>1", "text/xml", "HTTP_BAD_FIELD"),
    ("/fm/M1", b"<fm><pin>1</pin><pin>2</pin></fm>", "text/xml", "HTTP_BAD_FIELD"),
    ("/fm/M1", b"<fm><pin>\xff\xfe</pin></fm>", "text/xml", "HTTP_FOREIGN_CHARSET"),
    ("/fm/M1", b"<fm><pin><a/></pin></fm>", "text/xml", "HTTP_BAD_FIELD"),
    ("/fm", b"<fm><pin>1</pin></fm>", "text/xml", "HTTP_BAD_FIELD"),
    ("/digiflazz/v1/transaction", b"[", "application/json", "HTTP_BAD_JSON"),
    ("/digiflazz/v1/transaction", b"[" * 5000, "application/json", "HTTP_BAD_JSON"),
    ("/digiflazz/v1/transaction", b'{"ref_id":"a","ref_id":"b"}', "application/json",
     "HTTP_BAD_JSON"),
    ("/digiflazz/v1/transaction", b'{"ref_id":{}}', "application/json", "HTTP_BAD_FIELD"),
    ("/digiflazz/seller", b'{"ref_id":"\\u0000"}', "application/json", "HTTP_BAD_FIELD"),
    ("/digiflazz/seller", b"\xff", "application/json", "HTTP_BAD_JSON"),
    ("/trx?product=S10&product=S5", b"", "", "HTTP_BAD_QUERY"),
    ("/trx", b"", "", "HTTP_BAD_FIELD"),
    ("/trx?product=S10&dest=0812&refID=" + "9" * 65, b"", "", "HTTP_BAD_FIELD"),
    ("/irs?id=" + "9" * 300, b"", "", "HTTP_BAD_FIELD"),
    ("/irs?" + "&".join(f"a{n}=1" for n in range(50)), b"", "", "HTTP_BAD_QUERY"),
    ("/irs?id=%00", b"", "", "HTTP_BAD_FIELD"),
]  # fmt: skip


@pytest.mark.parametrize(("target", "body", "kind", "name"), NONSENSE)
async def test_nonsense_is_refused_by_name(
    tmp_path: Path, target: str, body: bytes, kind: str, name: str
) -> None:
    async with World(tmp_path) as world:
        headers = {"Content-Type": kind} if kind else {}
        answer = await world.send("POST" if body else "GET", target, body, headers)
        assert answer.status < 500
        assert world.refused() == {name: 1}
        assert world.orders() == []


# --- codes and reports ---

OTHERS = {
    "otomax": "t refid status price message",
    "irs": "statuscode kp sn msg msisdn clientid serverid",
    "tiger": "statuscode kp sn msg msisdn clientid serverid",
    "serpul": "refid price status message",
    "sipas": "status produk sn msgs dest reffid",
}
REPORTS = every_dialect.formatters(None)


def standing(state: OrderState, reason: str | None = None) -> OrderStanding:
    number = "04100000123" if state is OrderState.SUCCEEDED else None
    return OrderStanding(7, "r-1", state.value, "S10", TO, 1, 10_500, reason, number, 1, 2)


def report_of(order: OrderStanding | None) -> Report:
    parcel = Parcel(3, "M1", "", "result", "x", "A1", 7, 9, None, 1, 1)
    account = TestAccount(report_secret=Secret(KEY))
    url = URL("http://127.0.0.1:1/report?own=1")
    return Report(parcel, account, url, order, 1, "n", 89_500)


@pytest.mark.parametrize("name", sorted(REPORTS))
@pytest.mark.parametrize("state", ["SUCCEEDED", "FAILED", "CANCELLED", "REVERSED"])
def test_every_end_is_reported_in_every_dialect(name: str, state: str) -> None:
    post = REPORTS[name](report_of(standing(OrderState(state), "EXPIRED")))
    words = vocabulary.load(name, None)
    code = words.code_of(state, "EXPIRED")
    if name in OTHERS:
        assert post.method == "GET"
        query = dict(post.url.query)
        assert query.pop("own") == "1"
        assert set(query) == set(OTHERS[name].split())
        assert query.get("status", query.get("statuscode")) == code
        assert "r-1" in query.values()
    else:
        assert post.method == "POST" and post.body is not None
        assert code in post.body.decode() and "r-1" in post.body.decode()
    said = (post.body or b"").decode() + str(post.url)
    assert ("04100000123" in said) is (state == "SUCCEEDED")


def test_a_digiflazz_report_is_signed_as_its_client_checks_it() -> None:
    post = REPORTS["digiflazz"](report_of(standing(OrderState.SUCCEEDED)))
    assert post.body is not None
    again = json.dumps(json.loads(post.body), separators=(",", ":"), ensure_ascii=False).encode()
    wanted = "sha1=" + hmac.new(KEY.encode(), again, hashlib.sha1).hexdigest()
    assert post.headers["X-Hub-Signature"] == wanted


def test_an_account_may_name_every_form_of_reports_and_no_other() -> None:
    assert set(REPORTS) | {"native"} == accounts.DIALECTS
    assert accounts.check_report("", "otomx", by_admin=True) is not None


@pytest.mark.parametrize("name", sorted(REPORTS))
def test_every_state_reason_and_refusal_has_a_code_and_a_word(name: str) -> None:
    words = vocabulary.load(name, None)
    for state in OrderState:
        assert words.code_of(state.value, None)
        assert words.texts[state.value]
        for reason in Reason:
            assert words.code_of(state.value, reason.value)
            assert words.word(reason.value)
    for refusal in RefusalCode:
        assert words.refusal(refusal.value)
    open_codes = {words.states[one] for one in ("QUEUED", "SENDING", "UNKNOWN")}
    ended = {words.code_of(one, r.value) for one in ("FAILED", "CANCELLED") for r in Reason}
    assert not open_codes & (ended | {words.states["SUCCEEDED"]})
    assert words.states["SUCCEEDED"] not in ended
    # What the queue refused became no order: it never looks like one that is under way.
    assert not open_codes & {words.refusal(one.value) for one in RefusalCode}


def test_an_operator_s_own_codes_replace_the_shipped_ones(tmp_path: Path) -> None:
    own = tmp_path / "dialects"
    own.mkdir()
    (own / "otomax.toml").write_text(
        '[reasons]\nWRONG_NUMBER = "99"\n[texts]\nFAILED = "GATOT {product}"\n'
    )
    (own / "reasons.toml").write_text('[words]\nWRONG_NUMBER = "salah"\n')
    words = vocabulary.load("otomax", own)
    assert words.code_of("FAILED", "WRONG_NUMBER") == "99"
    assert words.text("FAILED", {"product": "S10"}) == "GATOT S10"
    assert words.word("WRONG_NUMBER") == "salah"
    assert vocabulary.load("otomax", None).code_of("FAILED", "WRONG_NUMBER") == "52"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("x", "put the TOML right"),
        ('[codes]\na = "1"', "there is no table 'codes'"),
        ("[states]\nQUEUED = 1", "is no text"),
        ('[states]\nQUEUD = "1"', "states has no 'QUEUD'"),
        ('[reasons]\nWRONG = "1"', "reasons has no 'WRONG'"),
        ('[texts]\nGAGAL = "x"', "texts has no 'GAGAL'"),
        ('[texts]\nFAILED = "{pin}"', "there is no 'pin'"),
        ('[texts]\nFAILED = "{product"', "expected '}'"),
        ('[texts]\nFAILED = "{product.__class__}"', "there is no 'product.__class__'"),
    ],
)
def test_an_operator_s_file_that_is_wrong_is_named(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "otomax.toml").write_text(text)
    with pytest.raises(vocabulary.BadDialect) as error:
        vocabulary.load("otomax", tmp_path)
    assert says in str(error.value) and "otomax.toml" in str(error.value)


def test_the_document_names_every_path_and_file() -> None:
    document = Path(__file__).parents[3].joinpath("docs", "dialects.md").read_text(encoding="utf-8")
    served = every_dialect.routes(None, None, None)  # type: ignore[arg-type]
    for path in {route.path for route in served}:
        shown = path.replace("{member}", "MEMBER")
        # Of one dialect's several calls only the first is written with its folder.
        assert shown in document or f"/{shown.rsplit('/', 1)[1]}`" in document, path
    for name in every_dialect.formatters(None):
        assert f"`{name}.toml`" in document
