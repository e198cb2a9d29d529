"""What one make of modem does differently, as data.

A profile is a TOML file; the first one whose patterns fit the manufacturer and the
model wins, so they are tried from the most to the least particular and ``generic``
last. Another directory may add profiles or replace ours by name. Every mistake in
every file is reported at once.

What cannot be known from the make, which USSD encoding a model really takes, is learnt
while running and kept in ``Profiles.learned`` (learned.py), which the daemon persists.
docs/profiles.md explains every field.
"""

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from pulsarack.modems.at.cusd import UssdEncoding
from pulsarack.modems.errors import ProfileErrors
from pulsarack.modems.learned import Learned
from pulsarack.modems.profile_fields import Fields

SHIPPED = Path(__file__).parent / "profiles"
# tomllib takes quadratic time for a key of many parts, which must stand in one line.
FILE_LIMIT = 256 * 1024
DOTS_LIMIT = 200

_COMMAND = r"AT[\x20-\x7e]{0,200}"


@dataclass(frozen=True, slots=True)
class InitLine:
    """One command of the start; an error to it is fatal unless ``may_fail``."""

    send: str
    may_fail: bool


@dataclass(frozen=True, slots=True)
class PinTries:
    """A command that tells how often the SIM PIN may still be tried, and where it says so."""

    send: str
    pattern: re.Pattern[str]


@dataclass(frozen=True, slots=True)
class Profile:
    """See docs/profiles.md, which explains every field."""

    name: str
    manufacturer: tuple[re.Pattern[str], ...]
    model: tuple[re.Pattern[str], ...]
    rank: int
    init: tuple[InitLine, ...]
    charset: str
    ussd_encodings: tuple[UssdEncoding, ...]
    ussd_before: Mapping[UssdEncoding, str]
    error_refuses_encoding: bool
    iccid_commands: tuple[str, ...]
    pin_tries: tuple[PinTries, ...]
    cpin_without_ok: bool
    sms_store: str
    cpms_stores: int
    cnmi: tuple[str, ...]
    prompt_pause_seconds: float
    body_pause_seconds: float
    command_seconds: float
    slow_seconds: float
    busy_seconds: float
    sms_start_seconds: float
    prompt_seconds: float
    settle_seconds: float
    reset: str
    find: tuple[str, ...]

    def fits(self, manufacturer: str, model: str) -> bool:
        """Both lists have a pattern that is found; an empty list fits everything."""
        return _any(self.manufacturer, manufacturer) and _any(self.model, model)


def _any(patterns: tuple[re.Pattern[str], ...], said: str) -> bool:
    return not patterns or any(pattern.search(said) for pattern in patterns)


class Profiles:
    """All profiles, and what was learnt about models."""

    def __init__(self, profiles: Iterable[Profile]) -> None:
        self._profiles = sorted(profiles, key=lambda profile: profile.rank)
        self.learned = Learned()

    @classmethod
    def load(cls, *more: Path) -> "Profiles":
        """The shipped profiles, then those of further directories; ProfileErrors."""
        problems: list[str] = []
        found: dict[str, Profile] = {}
        for directory in (SHIPPED, *more):
            if not directory.is_dir():
                problems.append(f"{directory}: no such directory; correct the configured path")
                continue
            for path in sorted(directory.glob("*.toml")):
                profile = _read(path, problems)
                if profile is not None:
                    found[profile.name] = profile
        if problems:
            raise ProfileErrors(problems)
        return cls(found.values())

    def choose(self, manufacturer: str, model: str) -> Profile:
        """The first profile that fits; the generic one fits everything."""
        for profile in self._profiles:
            if profile.fits(manufacturer, model):
                return profile
        return self.generic

    @property
    def generic(self) -> Profile:
        """The profile of a modem nobody knows yet."""
        return self._profiles[-1]

    def encodings(self, profile: Profile, kind: str) -> tuple[UssdEncoding, ...]:
        """The encodings to try, what was learnt about this model and firmware first."""
        learned = self.learned.get(kind)
        if learned is None or learned is profile.ussd_encodings[0]:
            return profile.ussd_encodings
        rest = (encoding for encoding in profile.ussd_encodings if encoding is not learned)
        return (learned, *rest)


def _read(path: Path, problems: list[str]) -> Profile | None:
    if not path.is_file():
        # Who opens a named pipe waits without end.
        problems.append(f"{path}: it is no file; move it away")
        return None
    try:
        with path.open(encoding="utf-8") as file:
            text = file.read(FILE_LIMIT + 1)
        if len(text) > FILE_LIMIT or any(line.count(".") > DOTS_LIMIT for line in text.split("\n")):
            limits = f"{FILE_LIMIT} characters, or a line of it more than {DOTS_LIMIT} dots"
            problems.append(f"{path}: it holds more than {limits}; shorten it")
            return None
        raw = tomllib.loads(text)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        problems.append(f"{path}: {error}")
        return None
    except (ValueError, RecursionError):
        what = "a number has thousands of digits, or brackets stand in brackets without end"
        problems.append(f"{path}: {what}; remove it")
        return None
    fields = Fields(raw, str(path))
    profile = _profile(fields)
    problems.extend(fields.finish())
    return None if fields.problems else profile


def _profile(fields: Fields) -> Profile:
    top = fields
    match, ussd, sms = top.table("match"), top.table("ussd"), top.table("sms")
    chip, seconds = top.table("chip"), top.table("seconds")
    return Profile(
        name=top.text("name", pattern=r"[a-z0-9_]{1,40}"),
        rank=top.number("rank", 0, 1000, default=100),
        manufacturer=match.patterns("manufacturer"),
        model=match.patterns("model"),
        init=tuple(
            InitLine(one.text("send", pattern=_COMMAND), one.flag("may_fail"))
            for one in top.tables("init")
        ),
        charset=top.text("charset", pattern=r"[A-Z0-9-]{0,16}", default="GSM"),
        ussd_encodings=ussd.choices("encodings", UssdEncoding),
        ussd_before=_before(ussd.table("before")),
        error_refuses_encoding=ussd.flag("error_refuses_encoding"),
        iccid_commands=chip.texts("iccid_commands", pattern=r"AT[\x20-\x7e]{1,80}"),
        pin_tries=tuple(
            PinTries(one.text("send", pattern=_COMMAND), one.counter("pattern"))
            for one in chip.tables("pin_tries")
        ),
        cpin_without_ok=chip.flag("cpin_without_ok"),
        sms_store=sms.text("store", pattern=r"[A-Z]{2}", default="SM"),
        cpms_stores=sms.number("cpms_stores", 1, 3, default=3),
        cnmi=sms.texts("cnmi", pattern=r"[0-9](,[0-9]){0,4}"),
        prompt_pause_seconds=sms.number("prompt_pause_ms", 0, 5000, default=0) / 1000,
        body_pause_seconds=sms.number("body_pause_ms", 0, 5000, default=0) / 1000,
        command_seconds=seconds.seconds("command", default=5.0),
        slow_seconds=seconds.seconds("slow", default=20.0),
        busy_seconds=seconds.seconds("busy", default=30.0),
        sms_start_seconds=seconds.seconds("sms_start", default=1.0),
        prompt_seconds=seconds.seconds("prompt", default=5.0),
        settle_seconds=seconds.seconds("settle", default=0.2),
        reset=top.text("reset", pattern=r"(AT[\x20-\x7e]{1,40})?", default="AT+CFUN=1,1"),
        find=top.texts("find", pattern=r"AT[\x20-\x7e]{1,80}"),
    )


def _before(table: Fields) -> dict[UssdEncoding, str]:
    """What a modem must be told before it takes an encoding."""
    commands = {one: table.text(one.value, pattern=_COMMAND, default="") for one in UssdEncoding}
    return {encoding: command for encoding, command in commands.items() if command}
