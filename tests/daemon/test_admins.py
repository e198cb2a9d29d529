"""Who may do what over the socket, and that what was done is on record, whatever happens."""

import asyncio
import io
import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from peewee import Database

from pulsarack.daemon import log as logging
from pulsarack.daemon.admins import witness
from pulsarack.daemon.admins.admins import KNOWN_SECONDS, REFUSALS_AN_HOUR
from pulsarack.daemon.admins.gate import NOT_ALLOWED
from pulsarack.daemon.admins.masking import LONGEST, kept, secret_fields, subject
from pulsarack.daemon.admins.rights import RIGHTS_OF, RULES, Right, may
from pulsarack.daemon.control_arguments import ARGUMENTS
from pulsarack.daemon.control_protocol import CallError, Peer, check_arguments
from pulsarack.daemon.redaction import Redactor
from pulsarack.daemon.secrets import Secret
from pulsarack.queue import admin_acts, agents
from pulsarack.queue.admin_acts import ActRow
from pulsarack.queue.admins import Role
from pulsarack.queue.deposits import credits
from tests.daemon.store_inline import InlineStore
from tests.daemon.virtual_loop import run
from tests.daemon.world import OTHER_ADMIN, PEER, World, rack_plan
from tests.queue.world import act

SITI = Peer(3, 2000, 2000)
BUDI = Peer(4, 2001, 2001)
WORD = {"because": "seen", "who": "somebody"}


# --- the table ----------------------------------------------------------------------------


def test_every_call_has_a_rule_and_no_rule_is_of_none() -> None:
    assert RULES.keys() == ARGUMENTS.keys()


def test_a_subject_is_an_argument() -> None:
    for call, record in ARGUMENTS.items():
        assert RULES[call].subject in ("", *record.__struct_fields__), call


def test_roles_are_sets_of_rights() -> None:
    assert RIGHTS_OF[Role.ADMIN] == frozenset(Right)
    assert all(RIGHTS_OF[Role.VIEWER] <= rights for rights in RIGHTS_OF.values())
    sees = {call for call, rule in RULES.items() if not rule.acts and may(Role.VIEWER, call)}
    assert {call for call in RULES if may(Role.VIEWER, call)} == sees
    cashier = {call for call in RULES if may(Role.CASHIER, call)} - sees
    technician = {call for call in RULES if may(Role.TECHNICIAN, call)} - sees
    assert cashier & technician == {"unparsed.list"}
    assert {"order.new", "credit.confirm", "bank.import", "complaint.answer"} <= cashier
    assert {"chip.adopt", "modem.at", "modem.trace", "slot.name"} <= technician
    only_admin = RULES.keys() - sees - cashier - technician
    assert {"pin.set", "account.new", "price.set", "admin.role", "archive.now"} <= only_admin


def test_the_manual_says_which_role_may_make_which_call() -> None:
    text = Path(__file__).parents[2].joinpath("docs", "admins.md").read_text(encoding="utf-8")
    for right in set(Right) - {Right.SEE}:
        calls = sorted(call for call, rule in RULES.items() if rule.right is right)
        roles = ", ".join(role.value for role in Role if right in RIGHTS_OF[role])
        row = f"| {right.value} | {roles} | {', '.join(f'`{call}`' for call in calls)} |"
        assert row in text, row


# --- a world ------------------------------------------------------------------------------


def in_world(
    tmp_path: Path, story: Callable[[World], Awaitable[None]], *chips: tuple[str, str]
) -> None:
    """Let a story happen to a daemon, and look that the record is whole in the end."""

    async def life() -> None:
        world = World(tmp_path, rack_plan(*chips or [("wavecom", "telkomsel")]))
        world.users.logins |= {2000: "siti", 2001: "budi"}
        await world.start()
        await story(world)
        assert problems(world) == []
        await world.stop()

    run(life())


def problems(world: World) -> list[tuple[str, str]]:
    """What the audit finds."""
    return world.daemon.store.read_inline(
        lambda db: [*admin_acts.problems(db), *admin_acts.unrecorded(db)]
    )


async def refusal(world: World, peer: Peer, name: str, /, **arguments: Any) -> CallError:
    """The error that somebody is refused with."""
    with pytest.raises(CallError) as caught:
        await world.call_as(peer, name, **arguments)
    return caught.value


async def latest(world: World) -> ActRow:
    """What was recorded last."""
    return (await world.acts())[-1]


def some(call: str) -> Any:
    """Arguments of a call, as far as its record needs them."""
    record = ARGUMENTS[call]
    given = {name: "1" for name in record.__struct_fields__ if name not in ("rows", "repeat_index")}
    if call == "order.new":
        given = {"agent": "A1", "text": "S10.081200000012"}
    return record(**given) if "rows" not in record.__struct_fields__ else record(**given, rows=[])


def test_what_a_role_does_not_allow_never_reaches_its_handler(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        asked = 0
        for role in ("none", "viewer", "cashier", "technician"):
            if role != "none":
                await world.call("admin.role", login="siti", role=role)
            for name in world.daemon.calls.names():
                found = world.daemon.calls.find(name)
                if may(Role.VIEWER if role == "none" else Role(role), name):
                    continue
                asked += 1
                with pytest.raises(CallError) as caught:
                    if found.answer is not None:
                        await found.answer(some(name), SITI)
                    elif found.stream is not None:
                        await anext(aiter(found.stream(some(name), SITI)))
                assert caught.value.code == NOT_ALLOWED, name
                assert "sudo pulsarack admin role siti " in caught.value.remedy
        refused = [one for one in await world.acts() if one.outcome == "REFUSED"]
        # All of them are counted; so many are kept.
        assert len(refused) == REFUSALS_AN_HOUR < asked
        assert world.pressure is not None
        counted = world.pressure.figures()["refused"]
        assert counted == {NOT_ALLOWED: asked, "REFUSALS_NOT_KEPT": asked - REFUSALS_AN_HOUR}
        assert {(one.login, one.code) for one in refused} == {("siti", NOT_ALLOWED)}
        assert world.daemon.store.read_inline(agents.every) == []

    in_world(tmp_path, story)


def test_roles_hold_at_once_and_for_a_person_not_for_a_number(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        heard = io.StringIO()
        logging.configure("info", "json", heard)
        assert (await world.call_as(SITI, "admin.whoami"))["role"] == "viewer"
        given = await world.call("admin.role", login="siti", role="technician")
        # Who is not in the socket's group cannot use it: the command says so.
        assert (given["before"], given["group"], given["let_in"]) == (None, "pulsarack", False)
        me = await world.call_as(SITI, "admin.whoami")
        assert (me["login"], me["role"], me["why"]) == (
            "siti",
            "technician",
            "given by root (uid 0)",
        )
        assert "modem.at" in me["may"] and "pin.set" not in me["may"]
        await world.call("admin.role", login="siti", role="cashier")
        assert (await refusal(world, SITI, "slot.name", slot="x", name="y")).code == NOT_ALLOWED
        # The account is deleted, and its number given to another person.
        world.users.logins[2000] = "agus"
        await world.clock.sleep(KNOWN_SECONDS / 2)
        await world.call_as(SITI, "admin.whoami")  # to ask keeps nobody in a role
        await world.clock.sleep(KNOWN_SECONDS / 2 + 1)
        me = await world.call_as(SITI, "admin.whoami")
        assert (me["login"], me["role"]) == ("agus", "viewer") and "was siti" in me["why"]
        (listed,) = (await world.call("admin.list"))["admins"]
        assert (listed["login"], listed["holds"], listed["login_now"]) == ("siti", False, "agus")
        del world.users.logins[2000]
        await world.clock.sleep(KNOWN_SECONDS + 1)
        assert (await world.call_as(SITI, "admin.whoami"))["login"] == "uid 2000"
        # Siti has another number now; the row of the old one goes.
        world.users.logins[2002] = "siti"
        await world.call("admin.role", login="siti", role="cashier")
        assert [one["uid"] for one in (await world.call("admin.list"))["admins"]] == [2002]
        await world.call("admin.role", login="siti", role="none")
        assert (await world.call("admin.list"))["admins"] == []
        told = [json.loads(line) for line in heard.getvalue().splitlines()]
        changed = [one for one in told if one["event"] == "admin.login_changed"]
        assert [(one["uid"], one["was"]) for one in changed] == [(2000, "siti")] * 2

    in_world(tmp_path, story)


def test_the_last_way_in_stays_and_nobody_is_an_admin(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        for login, role, code in (
            ("root", "viewer", "ALWAYS_ADMIN"),
            ("pulsarack", "none", "NOT_FOUND"),
            ("pulsarack", "viewer", "ALWAYS_ADMIN"),
            ("nobody", "admin", "NOBODY"),
            ("tuti", "cashier", "NO_SUCH_USER"),
        ):
            assert (await refusal(world, PEER, "admin.role", login=login, role=role)).code == code
            assert ((await latest(world)).subject, (await latest(world)).code) == (login, code)
        for peer in (PEER, OTHER_ADMIN):
            assert (await world.call_as(peer, "admin.whoami"))["role"] == "admin"
        assert (await world.call("admin.list"))["admins"] == []

    in_world(tmp_path, story)


def test_whom_the_kernel_does_not_name_is_a_viewer_whatever_stands_anywhere(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        heard = io.StringIO()
        logging.configure("info", "json", heard)
        stranger = Peer(9, world.users.overflow_uid, 0)
        assert (await world.call_as(stranger, "admin.whoami"))["role"] == "viewer"
        assert "admin.uids_hidden" in heard.getvalue()

    in_world(tmp_path, story)


def test_two_cashiers_credit_and_one_does_not(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        await world.call("agent.new", code="A1", name="Satu")
        for login in ("siti", "budi"):
            await world.call("admin.role", login=login, role="cashier")
        asked = await world.call_as(SITI, "agent.credit", code="A1", amount=9, **WORD)
        said = {"id": asked["id"], "who": "budi"}  # the name that is typed is not who it is
        assert (await refusal(world, SITI, "credit.confirm", **said)).code == "SAME_ADMIN"
        act = await latest(world)
        assert (act.outcome, act.code, act.login) == ("REFUSED", "SAME_ADMIN", "siti")
        await world.call_as(BUDI, "credit.confirm", **said)
        act = await latest(world)
        assert (act.uid, act.login, act.role) == (2001, "budi", "cashier")
        assert (act.call, act.subject, act.outcome) == ("credit.confirm", str(asked["id"]), "DONE")
        assert json.loads(act.arguments) == said

    in_world(tmp_path, story)


def test_who_placed_an_order_stands_in_its_story_and_costs_no_row(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        await world.set_up()
        await world.call("admin.role", login="siti", role="cashier")
        before = len(await world.acts())
        made = await world.call_as(SITI, "order.new", agent="A1", text="S10.081200000012")
        history = (await world.show(made["id"]))["history"]
        assert history[0]["why"] == "accepted, price held; placed by siti (uid 2000)"
        assert len(await world.acts()) == before

    async def begin(world: World) -> None:
        await world.stop()
        await story(world)

    in_world(tmp_path, begin)


# --- the record ---------------------------------------------------------------------------


def test_an_act_that_cannot_be_recorded_is_not_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(world: World) -> None:
        def fail(*_: Any) -> Any:
            raise OSError

        with monkeypatch.context() as patch:
            patch.setattr(admin_acts, "note", fail)
            with pytest.raises(OSError):
                await world.call("agent.new", code="A1", name="Satu")
            with pytest.raises(OSError):
                await world.call("pin.set", agent="A1", pin="735190", who="x")
            with pytest.raises(OSError):
                await world.call("archive.now")
        assert world.daemon.store.read_inline(agents.every) == []
        assert await world.acts() == []
        # What changes nothing leaves no record either.
        await world.call("agent.new", code="A1", name="Satu")
        await world.call("pin.unlock", agent="A1", who="x")
        assert [one.call for one in await world.acts()] == ["agent.new"]

    in_world(tmp_path, story)


def test_money_that_moved_on_nobodys_word_is_found(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        await world.call("agent.new", code="A1", name="Satu")
        await world.pay_in("A1", 5_000)
        for _ in range(2):
            await world.call("agent.credit", code="A1", amount=9, **WORD)
        await world.call_as(OTHER_ADMIN, "credit.confirm", id=1, who="x")
        assert problems(world) == []

        def by_hand(db: Database) -> None:
            credits.confirm(db, 2, who="boss", uid=OTHER_ADMIN.uid, now_ms=world.clock.now_ms())
            found = [subject for subject, _ in admin_acts.unrecorded(db)]
            assert found == ["credit 2"]
            raise LookupError

        with pytest.raises(LookupError):
            world.daemon.store.run_inline(by_hand)

    in_world(tmp_path, story)


def test_what_is_done_to_a_modem_is_recorded_before(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        await world.clock.sleep(60.0)
        at = {"slot": "modem0", "command": "AT+CSQ"}
        await world.call("modem.at", **at)
        begun, done = await world.acts()
        assert (begun.outcome, done.outcome, done.begun) == ("BEGUN", "DONE", begun.id)
        assert (
            await refusal(world, PEER, "modem.at", **{**at, "slot": "none"})
        ).code == "NOT_FOUND"
        asked = asyncio.ensure_future(world.call("modem.at", **at))
        await asyncio.sleep(0)
        await world.crash()
        await asyncio.gather(asked, return_exceptions=True)
        await world.start()
        shown = (await world.call("admin.log"))["acts"]
        assert [(one["outcome"], one["code"]) for one in shown] == [
            ("BEGUN", ""), ("REFUSED", "NOT_FOUND"), ("DONE", ""),
        ]  # fmt: skip

    in_world(tmp_path, story)


def test_a_line_is_recorded_before_it_is_shown_and_ends_with_the_role(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        await world.clock.sleep(60.0)
        await world.call("admin.role", login="siti", role="technician")
        call = world.daemon.calls.find("modem.trace")
        assert call.stream is not None
        lines = call.stream(check_arguments(call, {"slot": "modem0"}), SITI)
        assert (await anext(lines))["way"] == "#"
        assert ((await latest(world)).call, (await latest(world)).subject) == (
            "modem.trace",
            "modem0",
        )
        more = asyncio.ensure_future(anext(lines))
        await asyncio.sleep(0)
        await world.call("admin.role", login="siti", role="none")
        await world.call("modem.at", slot="modem0", command="AT+CSQ")
        with pytest.raises(CallError) as caught:
            await more
        assert caught.value.code == NOT_ALLOWED

    in_world(tmp_path, story)


def test_the_log_is_asked_by_login_call_and_day(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        await world.call("agent.new", code="A1", name="Satu")
        await world.call_as(OTHER_ADMIN, "agent.new", code="A2", name="Dua")
        tomorrow = world.clock.now_ms() + 86_400_000
        later = act("agent.active", 2, tomorrow)
        world.daemon.store.run_inline(lambda db: admin_acts.note(db, replace(later, subject="A2")))

        async def shown(**asked: Any) -> list[str]:
            return [one["subject"] for one in (await world.call("admin.log", **asked))["acts"]]

        assert await shown() == ["A2", "A2", "A1"]
        assert await shown(limit=1) == ["A2"]
        assert await shown(login="root") == ["A2", "A1"]
        assert await shown(call="agent.new") == ["A2", "A1"]
        assert await shown(login="pulsarack", call="agent.new") == ["A2"]
        assert await shown(since="2026-11-23", login="root") == ["A2"]
        assert await shown(since="2026-11-24") == []
        assert (await refusal(world, PEER, "admin.log", since="2026-02-31")).code == "BAD_DAY"

    in_world(tmp_path, story)


# --- secrets ------------------------------------------------------------------------------


def test_no_secret_of_any_call_is_in_its_record() -> None:
    for name, record in ARGUMENTS.items():
        hidden = secret_fields(record)
        given: dict[str, Any] = dict.fromkeys(hidden, "geheim-7319")
        for field in record.__struct_fields__:
            given.setdefault(field, [] if field in ("rows", "networks") else "x")
        if name == "order.new":
            given = {"agent": "A1", "text": "S10.081200000012.7319"}
        shown = kept(name, record(**given))
        assert "7319" not in shown, name
        assert all(json.loads(shown)[field] == "****" for field in hidden)
    assert {name for name, record in ARGUMENTS.items() if secret_fields(record)} == {
        "pin.set", "account.new", "account.secret",
    }  # fmt: skip


def test_an_order_whose_number_is_also_some_pin_keeps_its_number(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Else the audit misses for ever who decided it."""
    monkeypatch.setattr(logging, "masked", Redactor([Secret("1234")]).text)
    decided = msgspec.convert(
        {"id": 1234, "delivered": True, "because": "PIN 1234", "who": "boss"},
        ARGUMENTS["order.resolve"],
    )
    assert subject(decided, "id") == "1234"
    assert subject(decided, "because") == "PIN ****"


def test_a_record_is_bounded() -> None:
    rows = [{"day": "2026-11-22", "amount": 1, "description": "d" * 300}] * 2000
    shown = kept("bank.import", _checked("bank.import", bank="bca", rows=rows))
    assert json.loads(shown)["rows"][3] == "and 1997 more"
    assert (
        len(kept("wording.set", _checked("wording.set", key="a", template="\x01" * 2000, who="x")))
        < LONGEST
    )
    half = {"iccid": "1", "because": "\ud800" * 500}
    assert len(kept("chip.rest", ARGUMENTS["chip.rest"](**half))) < LONGEST


def _checked(name: str, **arguments: Any) -> Any:
    return msgspec.convert(arguments, ARGUMENTS[name])


SECRETS = ("735190", "kunci-rahasia-1", "sandi-rahasia-2", "lapor-rahasia-3", "token-rahasia-4")


def test_no_secret_that_went_over_the_socket_is_stored(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        heard = io.StringIO()
        logging.configure("debug", "json", heard)
        who = {"who": "boss"}
        url = f"https://user:{SECRETS[3]}@example.com/r?token={SECRETS[4]}"
        await world.call("agent.new", code="A1", name="Satu")
        await world.call("pin.set", agent="A1", pin=SECRETS[0], **who)
        await world.call(
            "account.new", member="M1", agent="A1", kind="trade", key=SECRETS[1], pin=SECRETS[0],
            password=SECRETS[2], report_secret=SECRETS[3], **who,
        )  # fmt: skip
        await world.call("account.secret", member="M1", which="password", value=SECRETS[1], **who)
        # What is refused is recorded with its arguments as well.
        for name, args in {
            "account.report": {"member": "M1", "url": url},
            "account.new": {"member": "M1", "agent": "A1", "kind": "trade", "key": SECRETS[2]},
            "pin.set": {"agent": "NOBODY", "pin": SECRETS[0]},
        }.items():
            assert (await refusal(world, PEER, name, **args, **who)).code
        for command in (f'AT+CPIN="{SECRETS[0]}"', f'AT+CUSD=1,"*776*{SECRETS[0]}#",15'):
            await refusal(world, PEER, "modem.at", slot="modem0", command=command)
        new = (await world.call("pin.reset", agent="A1", **who))["pin"]
        drawn = (await world.call("account.secret", member="M1", which="key", **who))["made_secret"]
        assert len(await world.acts()) >= 9
        stored = b"".join(
            path.read_bytes() for path in tmp_path.iterdir() if path.name.startswith("pulsarack.db")
        )
        for secret in (*SECRETS, new, drawn):
            assert secret.encode() not in stored, secret
            assert secret not in heard.getvalue(), secret

    in_world(tmp_path, story)


async def test_an_act_whose_job_ran_again_is_noted_once(tmp_path: Path) -> None:
    """The store undoes a whole group of jobs if one of them fails, and runs the others again."""
    store = InlineStore.open(tmp_path / "pulsarack.db", now_ms=0, synchronous="OFF")
    assert store.rehearses
    store.run_inline(lambda db: agents.add(db, "kios1", "Kios", now_ms=0))
    pending = witness.Pending(act("agent.new", 1, 0), keeps_refusals=True)
    token = witness.ACT.set(pending)
    try:
        await witness.write(store.write, lambda db: agents.rename(db, "kios1", "Kios 1"))
    finally:
        witness.ACT.reset(token)
    recorded = store.read_inline(lambda db: list(admin_acts.in_order(db)))
    assert [noted.id for _, noted in pending.noted] == [row.id for row in recorded] == [1]
    store.close()
