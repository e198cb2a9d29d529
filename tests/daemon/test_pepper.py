"""The master key: read only from a protected file, never lost by mistake, and the right one."""

import asyncio
import os
import stat
from pathlib import Path

import pytest
from click.testing import CliRunner

from pulsarack.daemon import config
from pulsarack.daemon.cli.root import root
from pulsarack.daemon.doctor import Finding, Level, Subject
from pulsarack.daemon.doctor_identity import asked_pins, pepper_file
from pulsarack.daemon.doctor_store import database
from pulsarack.daemon.errors import DaemonError
from pulsarack.daemon.identity import pepper
from pulsarack.daemon.identity.account_desk import NewAccount
from pulsarack.daemon.identity.doorkeeper import purpose
from pulsarack.daemon.identity.pepper import MasterKey, Masters, PepperError
from pulsarack.daemon.identity.secret_box import SealBroken, SecretBox
from pulsarack.daemon.run import main
from pulsarack.daemon.secrets import Secret
from pulsarack.daemon.service import exits
from pulsarack.queue.identity import accounts, events
from pulsarack.queue.rows import execute
from tests.daemon.identity_house import House
from tests.daemon.identity_world import KEY, OTHER_KEY, credentials
from tests.daemon.machine_tree import NOWHERE

NAME, OTHER_NAME = (MasterKey(bytes.fromhex(key)).name for key in (KEY, OTHER_KEY))


def write(tmp_path: Path, text: str, mode: int = 0o600) -> Path:
    file = tmp_path / "pepper"
    file.write_bytes(text.encode("latin-1"))
    file.chmod(mode)
    return file


# --- the file -------------------------------------------------------------------------------


def test_the_keys_of_a_file_are_read_the_newest_first(tmp_path: Path) -> None:
    file = write(tmp_path, f"# the new one\n{OTHER_KEY}\n\n{KEY.upper()}\r\n")
    found = pepper.load(file, {})
    assert found.names == [OTHER_NAME, NAME]
    assert found.needed().name == OTHER_NAME
    assert KEY not in repr(found.find(NAME))


def test_the_credential_is_used_when_no_file_is_configured(tmp_path: Path) -> None:
    environ = credentials(tmp_path)
    (tmp_path / "credentials" / "pepper").chmod(0o440)  # systemd's access list shows so
    assert pepper.load(None, environ).names == [NAME]
    assert pepper.load(None, {}).names == []
    (tmp_path / "pepper").write_text("\n")  # what the unit gives for none
    assert pepper.load(None, {"CREDENTIALS_DIRECTORY": str(tmp_path)}).names == []
    assert pepper.load(None, {"CREDENTIALS_DIRECTORY": str(tmp_path / "none")}).names == []
    with pytest.raises(PepperError, match="pulsarack secret new"):
        Masters().needed()


@pytest.mark.parametrize(
    ("text", "mode", "words"),
    [
        (KEY, 0o640, "others can read it; run: chmod 600"),
        (KEY, 0o604, "others can read it"),
        ("", 0o600, "it holds no key"),
        ("# only words\n", 0o600, "it holds no key"),
        (KEY[:-2], 0o600, "line 1 is no key of 64 to 256"),
        (f"{KEY}\n{KEY}a", 0o600, "line 2 is no key"),
        (f"{KEY}\n{'zz' * 32}", 0o600, "line 2 is no key"),
        ("\n".join(f"{n:064x}" for n in range(17)), 0o600, "line 17 is no key"),
        ("\xff" * 40, 0o600, "it is not text"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_by_name(
    tmp_path: Path, text: str, mode: int, words: str
) -> None:
    file = write(tmp_path, text, mode)
    with pytest.raises(PepperError) as caught:
        pepper.load(file, {})
    assert words in str(caught.value)
    assert str(file) in str(caught.value)
    assert KEY[:20] not in str(caught.value)
    with pytest.raises(PepperError, match="there is no such file"):
        pepper.load(tmp_path / "none", {})


def test_a_directory_or_a_pipe_is_no_key_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe", 0o600)
    (tmp_path / "place").mkdir(0o700)
    for name in ("pipe", "place"):
        with pytest.raises(PepperError, match=name):
            pepper.load(tmp_path / name, {})


def run(*args: str) -> tuple[int, str]:
    done = CliRunner().invoke(root, ["secret", "new", *args])
    return done.exit_code, done.output


def test_a_new_file_is_made_for_its_owner_and_never_over_another(tmp_path: Path) -> None:
    file = tmp_path / "pepper"
    status, said = run(str(file))
    assert status == 0
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    (name,) = pepper.load(file, {}).names
    assert name in said
    assert file.read_text().strip() not in said
    held = file.read_text()
    status, said = run(str(file))
    assert (status, file.read_text()) == (1, held)
    assert "is there already; what was made with its keys needs it" in said
    status, said = run(str(tmp_path / "none" / "pepper"))
    assert status == 1
    assert "No such file" in said


def test_a_renewed_file_keeps_the_older_keys(tmp_path: Path) -> None:
    file = write(tmp_path, f"{KEY}\n")
    status, _ = run(str(file), "--renew")
    newest, older = pepper.load(file, {}).names
    assert (status, older) == (0, NAME)
    assert newest != NAME
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [one.name for one in tmp_path.iterdir()] == ["pepper"]
    write(tmp_path, "x")
    assert run(str(file), "--renew")[0] == 1
    assert run(str(tmp_path / "none"), "--renew")[0] == 1


# --- what was made with it ------------------------------------------------------------------


def test_a_sealed_text_opens_only_for_its_purpose_and_key() -> None:
    box = SecretBox(Masters([MasterKey(bytes.fromhex(KEY))]))
    sealed = box.seal("a", "hush")
    assert "hush" not in sealed
    assert sealed.startswith(f"{NAME}:")
    assert box.open("a", sealed) == Secret("hush")
    assert box.seal("a", "hush") != sealed
    other = SecretBox(Masters([MasterKey(bytes.fromhex(OTHER_KEY))]))
    with pytest.raises(SealBroken) as caught:
        other.open("a", sealed)
    assert "hush" not in str(caught.value)
    for broken in (sealed[:-1], "", ":", f"{NAME}:", f"{NAME}:x", f"{NAME}:\ud800", sealed[1:]):
        with pytest.raises(SealBroken):
            box.open("a", broken)
    with pytest.raises(SealBroken):
        box.open("b", sealed)


async def furnished(tmp_path: Path) -> House:
    """A server with a PIN and an account, stopped."""
    house = await House(tmp_path).open()
    house.agent()
    await house.has_pin("7351")
    wish = NewAccount("M1", "A1", "trade", {"pin": Secret("1144"), "password": Secret("abcd")})
    assert await house.identity.accounts.make(wish, by="x") is None
    house.leave()
    return house


async def test_nothing_starts_without_the_key_that_something_needs(tmp_path: Path) -> None:
    house = await furnished(tmp_path)
    house.environ = {}
    with pytest.raises(PepperError) as caught:
        await house.open()
    assert str(caught.value) == (
        f"1 PINs and 2 secrets of agents need the master key {NAME}; none is given; put that file"
        " back and name it: [agents] pepper_file, or the credential; if it is lost for good:"
        " [agents] lost_keys"
    )
    house.environ = credentials(tmp_path, OTHER_KEY)
    with pytest.raises(PepperError, match=rf"need the master key {NAME}; .* holds {OTHER_NAME}"):
        await house.open()
    house.environ = credentials(tmp_path, OTHER_KEY, KEY)
    await house.open()
    house.leave()


async def test_the_daemon_refuses_to_start_with_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    await furnished(tmp_path)
    (tmp_path / "state").mkdir()
    (tmp_path / "pulsarack.db").rename(tmp_path / "state" / "pulsarack.db")
    settings = tmp_path / "pulsarack.toml"
    settings.write_text('[daemon]\nstate_dir = "state"\n[[port]]\npath = "/dev/null"\n')
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    assert await asyncio.to_thread(main, settings) == exits.CONFIG
    said = capsys.readouterr().err
    assert f"need the master key {NAME}; none is given" in said


async def test_secrets_are_sealed_anew_at_the_start_and_pins_stay(tmp_path: Path) -> None:
    house = await furnished(tmp_path)
    house.environ = credentials(tmp_path, OTHER_KEY, KEY)
    await house.open()
    assert house.store.read_inline(lambda db: accounts.masters(db, 16)) == {OTHER_NAME: 2}
    account = await house.identity.doorkeeper.account("m1")
    assert account
    assert (account.pin, account.password) == (Secret("1144"), Secret("abcd"))
    assert await house.try_pin("7351") == "RIGHT"
    house.leave()
    house.environ = credentials(tmp_path, OTHER_KEY)
    await house.open()
    assert await house.try_pin("7351") == "RIGHT"
    house.leave()


async def test_what_a_lost_key_made_is_taken_away_and_given_anew(tmp_path: Path) -> None:
    house = await furnished(tmp_path)
    house.environ = credentials(tmp_path, OTHER_KEY)
    house.settings = f'[agents]\nlost_keys = ["{NAME}"]\n'
    for _ in range(2):
        await house.open()
        assert await house.try_pin("7351") == "NONE_SET"
        assert await house.identity.doorkeeper.account("M1") is None
        told = house.store.read_inline(lambda db: events.of_agent(db, "A1", 9))
        assert [one.what for one in told] == ["ACCOUNT_SECRET"] * 2 + [
            "PIN_LOST",
            "ACCOUNT_MADE",
            "PIN_SET",
        ]
        house.leave()
    await house.open()
    await house.has_pin("7351")
    for which in ("pin", "password"):
        account = house.store.read_inline(lambda db: accounts.find(db, "M1"))
        assert account
        await house.identity.accounts.put_secret(account, which, Secret("word"), by="x")
    assert await house.identity.doorkeeper.account("M1")
    house.leave()


async def test_a_key_that_is_there_is_not_lost(tmp_path: Path) -> None:
    house = await furnished(tmp_path)
    house.settings = f'[agents]\nlost_keys = ["{NAME}"]\n'
    await house.open()
    assert await house.try_pin("7351") == "RIGHT"
    house.leave()


async def test_one_damaged_secret_stops_no_start_and_is_a_stranger_s(tmp_path: Path) -> None:
    house = await furnished(tmp_path)
    house.environ = credentials(tmp_path, OTHER_KEY, KEY)
    for sealed in (f"{NAME}:x", f"{OTHER_NAME}:x"):
        await house.open()
        house.store.run_inline(
            lambda db, sealed=sealed: execute(db, "UPDATE api_account SET pin = ?", (sealed,))
        )
        house.leave()
        await house.open()
        assert await house.identity.doorkeeper.account("M1") is None
        house.leave()


async def test_without_a_key_pins_and_secrets_are_refused_with_what_to_do(
    tmp_path: Path,
) -> None:
    house = House(tmp_path)
    house.environ = {}
    await house.open()
    house.agent()
    with pytest.raises(DaemonError, match="pulsarack secret new FILE"):
        await house.has_pin("7351")
    with pytest.raises(DaemonError, match="pulsarack secret new FILE"):
        await house.identity.accounts.make(NewAccount("M1", "A1", "native", {}), by="x")
    assert await house.try_pin("7351") == "NONE_SET"
    assert await house.identity.doorkeeper.account("M1") is None
    house.leave()


# --- the doctor -----------------------------------------------------------------------------


def examined(
    house: House, environ: dict[str, str], check: str = "pepper", **agents: object
) -> list[Finding]:
    given = {"daemon": {"state_dir": str(house.directory)}, "agents": agents}
    settings = config.parse(given, house.directory / "x")
    subject = Subject(settings, house.directory / "socket", environ, 2**41, None, NOWHERE)
    found = [*pepper_file(subject), *asked_pins(subject), *database(subject)]
    return [one for one in found if one.check == check]


async def test_the_doctor_says_which_key_is_missing_or_left_over(tmp_path: Path) -> None:
    house = await furnished(tmp_path)
    sound = examined(house, credentials(tmp_path))
    assert [one.level for one in sound] == [Level.OK]
    assert NAME in sound[0].what
    _, none = examined(house, {})
    assert (none.level, NAME in none.what) == (Level.WARN, True)
    _, other = examined(house, credentials(tmp_path, OTHER_KEY))
    assert (other.level, NAME in other.what) == (Level.BAD, True)
    _, needed = examined(house, credentials(tmp_path, OTHER_KEY, KEY))
    assert (needed.level, "still needed, for 3" in needed.what) == (Level.OK, True)
    _, left_over = examined(house, credentials(tmp_path, KEY, OTHER_KEY))
    assert (left_over.level, left_over.remedy) == (Level.WARN, "take its line out of the file")
    write(tmp_path / "credentials", "x", 0o400)
    broken = examined(house, {"CREDENTIALS_DIRECTORY": str(tmp_path / "credentials")})
    assert [one.level for one in broken] == [Level.BAD, Level.BAD]


async def test_the_doctor_warns_of_doors_that_stand_open(tmp_path: Path) -> None:
    house = await furnished(tmp_path)
    environ = credentials(tmp_path)
    assert examined(house, environ, "agents") == []
    await house.open()
    wish = NewAccount("M2", "A1", "trade", {"pin": Secret("1144")}, True, ["::/0", "192.0.2.7"])
    assert await house.identity.accounts.make(wish, by="x") is None
    house.leave()
    forged, unsigned = examined(house, environ, "agents", ask_pin=["xmpp"])
    assert (forged.level, "by SMS" in forged.what) == (Level.WARN, True)
    assert (unsigned.level, "M2" in unsigned.what) == (Level.WARN, True)


def test_a_secret_of_one_account_is_sealed_for_no_other() -> None:
    assert purpose("m1", "key") == purpose("M1", "key")
    assert len({purpose("M1", "key"), purpose("M2", "key"), purpose("M1", "pin")}) == 3
