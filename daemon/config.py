"""The configuration file: one TOML file, checked as a whole before anything starts.

Every value is validated, unknown keys are errors, and all errors are shown at once
(config_errors.py). What is loaded never changes: a new file makes a new Config.
Relative paths are relative to the file they stand in, so that a rehearsal's directory
can be moved. Secrets do not belong here, see secrets.py.

docs/pulsarack.example.toml explains every key; a test keeps it true.
"""

import re
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, Field, ValidationError

from pulsarack.daemon import calendar, config_deposits, places, toml_text
from pulsarack.daemon.config_agents import AgentsSection
from pulsarack.daemon.config_backup import BackupSection
from pulsarack.daemon.config_channels import ChannelsSection
from pulsarack.daemon.config_deposits import BankSection, DepositsSection
from pulsarack.daemon.config_errors import ConfigErrors, Location, Problem, line_of, problems_of
from pulsarack.daemon.config_fields import (
    DAY_SECONDS,
    FilePath,
    Limit,
    Rupiah,
    Seconds,
    Section,
    WatchdogSeconds,
    WeekSeconds,
    YearSeconds,
    form,
    not_empty,
    printable,
    rooted,
    time_of_day,
)
from pulsarack.daemon.config_http import HttpSection
from pulsarack.daemon.config_sms import SmsSection
from pulsarack.daemon.config_texts import TextsSection
from pulsarack.daemon.config_whatsapp import WhatsAppSection
from pulsarack.daemon.config_xmpp import XmppSection
from pulsarack.modems import port_url

# The year 2100; a later anchor is a slip of the keys.
_LAST_ANCHOR = 4_102_444_800
# Longer than every time for which the queue looks back at what is finished; a test compares.
LEAST_RETENTION_DAYS = 30
_LONGEST_RETENTION_DAYS = 3650
_REMEDY_SYNTAX = "put the TOML right there; texts stand in quotes, each key in a line of its own"


def _timezone(name: str) -> str:
    try:
        calendar.zone(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError('write an IANA name such as "Asia/Jakarta" or "Asia/Makassar"') from None
    return name


def _retention_days(days: int) -> int:
    # What is younger may still be asked for: texts that are late by days, stock that comes back.
    if days != 0 and not LEAST_RETENTION_DAYS <= days <= _LONGEST_RETENTION_DAYS:
        raise ValueError(
            f"write {LEAST_RETENTION_DAYS} to {_LONGEST_RETENTION_DAYS} days, or 0 for never"
        )
    return days


class DaemonSection(Section):
    """[daemon]: where things lie and how the daemon talks."""

    state_dir: FilePath = places.STATE_DIR
    socket: FilePath = places.CONTROL_SOCKET
    recipes_dir: FilePath | None = None
    profiles_dir: FilePath | None = None
    secrets_file: FilePath | None = None
    timezone: Annotated[str, AfterValidator(_timezone)] = places.TIMEZONE
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["auto", "text", "json"] = "auto"
    watchdog_seconds: WatchdogSeconds = 60.0
    slow_statement_seconds: Seconds = 0.5


class RehearsalSection(Section):
    """[rehearsal]: a faster clock, for the simulated rack only.

    A real operator is not faster; with real modems any speed but 1 makes every time
    limit fire too early.
    """

    speed: Annotated[float, Field(ge=0.01, le=10_000, allow_inf_nan=False)] = 1.0
    anchor: Annotated[float, Field(ge=0, le=_LAST_ANCHOR, allow_inf_nan=False)] | None = None


Baud = Literal[9600, 19200, 38400, 57600, 115200, 230400, 460800, 921600]


def _port_url(path: str) -> str:
    if "://" in path and port_url.parse(path) is None:
        raise ValueError('write "rfc2217://HOST:PORT", "socket://HOST:PORT", or a path')
    return path


Iccid = Annotated[str, AfterValidator(form(r"[0-9]{18,20}", "write the 18 to 20 digits"))]
Imsi = Annotated[str, AfterValidator(form(r"[0-9]{14,15}", "write the 14 or 15 digits"))]
GammuWord = Annotated[
    str, AfterValidator(form(r"[A-Za-z0-9_.-]{1,40}", "write the word that gammu has for it"))
]
_PHONE_KEYS = ("connection", "iccid", "imsi")


class PortSection(Section):
    """[[port]]: one serial port, a glob that stands for several, or one on the network.

    With `driver` gammu a phone, which needs `connection` and the numbers of its card.
    """

    path: Annotated[
        str, AfterValidator(not_empty), AfterValidator(printable), AfterValidator(_port_url)
    ]
    baud: Baud = 115200
    driver: Literal["at", "gammu"] = "at"
    connection: GammuWord | None = None
    model: GammuWord | None = None
    iccid: Iccid | None = None
    imsi: Imsi | None = None

    @property
    def url(self) -> port_url.PortUrl | None:
        """Where on the network it is, if it is there."""
        return port_url.parse(self.path)


_USB_PATTERN = re.compile(r"[A-Za-z0-9:._*?-]{1,100}")
_IMEI = re.compile(r"[0-9]{15}")


def _usb_patterns(patterns: tuple[str, ...]) -> tuple[str, ...]:
    if not all(_USB_PATTERN.fullmatch(one) for one in patterns):
        raise ValueError('write slots ("usb-0000:00:14.0-2.*") or models ("12d1:*")')
    return patterns


def _imeis(imeis: tuple[str, ...]) -> tuple[str, ...]:
    if not all(_IMEI.fullmatch(one) for one in imeis):
        raise ValueError("write IMEIs of 15 digits, as pulsarack modem list shows them")
    return imeis


UsbPatterns = Annotated[tuple[str, ...], Field(strict=False), AfterValidator(_usb_patterns)]


class UsbSection(Section):
    """[usb]: the USB modems that are found by themselves, without a section [[port]].

    `modems` None: as long as no [[port]] is named.
    """

    modems: bool | None = None
    only: UsbPatterns = ()
    never: UsbPatterns = ()
    baud: Baud = 115200


class ModemsSection(Section):
    """[modems]: what holds for all modems."""

    shared_imeis: Annotated[tuple[str, ...], Field(strict=False), AfterValidator(_imeis)] = ()


class OrdersSection(Section):
    """[orders]: what holds for orders whose product does not say otherwise."""

    time_limit_seconds: WeekSeconds = 600.0


class ChipsSection(Section):
    """[chips]: what holds for chips that were adopted without their own figures.

    `reserve` is rupiah of stock that are never sold; the limits are orders, None is no
    limit of ours. `roaming`: whether a chip sells in a network that is not its own.
    """

    reserve: Rupiah = 0
    per_hour: Limit | None = None
    per_day: Limit | None = None
    pause_seconds: Annotated[float, Field(ge=0, le=DAY_SECONDS, allow_inf_nan=False)] = 0.0
    poll_sms_seconds: Seconds = 30.0
    stock_check_seconds: WeekSeconds = 3600.0
    roaming: bool = True


class ResolutionSection(Section):
    """[resolution]: how an undecided order is followed up.

    After `give_up_after_seconds` the daemon leaves the order to a person and asks the
    operator again only as rarely as this; the money stays held all the same.
    """

    check_every_seconds: Seconds = 60.0
    give_up_after_seconds: YearSeconds = 86_400.0


class RetentionSection(Section):
    """[retention]: when finished orders leave the database for their archives.

    `days` after an order was finished, 0 for never; `at` this time of the local day.
    """

    days: Annotated[int, AfterValidator(_retention_days)] = 90
    at: Annotated[str, AfterValidator(time_of_day)] = "03:30"


class Config(Section):
    """One whole configuration, valid and unchangeable."""

    daemon: DaemonSection = DaemonSection()
    rehearsal: RehearsalSection = RehearsalSection()
    ports: Annotated[tuple[PortSection, ...], Field(strict=False)] = Field(default=(), alias="port")
    usb: UsbSection = UsbSection()
    modems: ModemsSection = ModemsSection()
    orders: OrdersSection = OrdersSection()
    channels: ChannelsSection = ChannelsSection()
    texts: TextsSection = TextsSection()
    http: HttpSection = HttpSection()
    sms: SmsSection = SmsSection()
    chips: ChipsSection = ChipsSection()
    resolution: ResolutionSection = ResolutionSection()
    retention: RetentionSection = RetentionSection()
    backup: BackupSection = BackupSection()
    agents: AgentsSection = AgentsSection()
    deposits: DepositsSection = DepositsSection()
    banks: Annotated[tuple[BankSection, ...], Field(strict=False, min_length=1)] = Field(
        default=(BankSection(),), alias="bank"
    )
    xmpp: XmppSection = XmppSection()
    whatsapp: WhatsAppSection = WhatsAppSection()

    @property
    def finds_usb_modems(self) -> bool:
        """Whether USB modems are found by themselves."""
        return not self.ports if self.usb.modems is None else self.usb.modems


def load(path: Path) -> Config:
    """Reads and checks a configuration file; raises ConfigErrors with all its problems."""
    text = _read(path)
    if found := toml_text.out_of_bounds(text):
        line, message, remedy = found
        raise ConfigErrors(path, [Problem("", message, remedy, line)])
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigErrors(path, [_syntax_problem(error)]) from None
    except (ValueError, RecursionError):
        message = "a number has thousands of digits, or brackets stand in brackets without end"
        raise ConfigErrors(path, [Problem("", message, "remove it")]) from None
    return parse(raw, path, text)


def parse(raw: dict[str, Any], path: Path, text: str = "") -> Config:
    """Checks what a file holds; `path` is for messages and as the root of relative paths."""
    problems: list[Problem] = []
    config: Config | None = None
    try:
        config = Config.model_validate(raw)
    except ValidationError as error:
        problems += problems_of(error.errors(), _known_keys(Config), text)
    problems += _repeated_ports(raw, text)
    problems += _phone_problems(raw, text)
    problems += config_deposits.problems(raw, text)
    if problems or config is None:
        raise ConfigErrors(path, problems)
    return _rooted(config, path.absolute().parent)


def _read(path: Path) -> str:
    try:
        return toml_text.read(path)
    except FileNotFoundError:
        problem = Problem("", "there is no such file", "name another one with --config PATH")
    except PermissionError:
        problem = Problem("", "you may not read it", "run as the user pulsarack, or as root")
    except IsADirectoryError:
        problem = Problem("", "it is a directory", "name the file in it with --config PATH")
    except UnicodeDecodeError as error:
        problem = Problem("", f"byte {error.start} is not UTF-8", "save the file as UTF-8")
    except OSError as error:
        problem = Problem("", f"it cannot be read: {error.strerror}", "check the disk and the path")
    raise ConfigErrors(path, [problem])


def _syntax_problem(error: tomllib.TOMLDecodeError) -> Problem:
    message = str(error)
    words, _, position = message.partition(" (at line ")
    line = position.partition(",")[0]
    return Problem("", words, _REMEDY_SYNTAX, int(line) if line.isdigit() else None)


def _known_keys(model: type[BaseModel]) -> dict[Location, list[str]]:
    """The keys of every table, by the names on the way to it."""
    known: dict[Location, list[str]] = {(): []}
    for name, field in model.model_fields.items():
        key = field.alias or name
        known[()].append(key)
        for kind in (field.annotation, *getattr(field.annotation, "__args__", ())):
            if isinstance(kind, type) and issubclass(kind, Section):
                known[(key,)] = list(kind.model_fields)
    return known


def _repeated_ports(raw: dict[str, Any], text: str) -> list[Problem]:
    """Two sections for one port would open it twice."""
    ports = raw.get("port")
    first: dict[str, int] = {}
    problems = []
    for number, port in enumerate(ports if isinstance(ports, list) else [], start=1):
        path = port.get("path") if isinstance(port, dict) else None
        if not isinstance(path, str):
            continue
        if path in first:
            message = f"{path!r} stands in port[{first[path]}] already"
            line = line_of(text, ("port", number - 1, "path"))
            place = f"port[{number}].path"
            problems.append(Problem(place, message, "remove one of the two", line))
        first.setdefault(path, number)
    return problems


def _phone_problems(raw: dict[str, Any], text: str) -> list[Problem]:
    """A phone needs what a serial port has no use for."""
    ports = raw.get("port")
    problems = []
    for number, port in enumerate(ports if isinstance(ports, list) else [], start=1):
        if not isinstance(port, dict):
            continue
        phone = port.get("driver") == "gammu"
        for key in _PHONE_KEYS if phone else (*_PHONE_KEYS, "model"):
            if (key in port) != phone:
                message = "is missing" if phone else 'is only for driver = "gammu"'
                remedy = f"a phone needs it: {key} = ..." if phone else "remove it, or add that"
                line = line_of(text, ("port", number - 1, key))
                problems.append(Problem(f"port[{number}].{key}", message, remedy, line))
    return problems


def _rooted(config: Config, root: Path) -> Config:
    daemon = config.daemon
    moved = {
        name: root / value
        for name in ("state_dir", "socket", "recipes_dir", "profiles_dir", "secrets_file")
        if (value := getattr(daemon, name)) is not None
    }
    ports = tuple(
        port if port.url else port.model_copy(update={"path": str(root / port.path)})
        for port in config.ports
    )
    return config.model_copy(
        update={
            "daemon": daemon.model_copy(update=moved),
            "agents": rooted(config.agents, root),
            "backup": rooted(config.backup, root),
            "http": rooted(config.http, root),
            "xmpp": rooted(config.xmpp, root),
            "whatsapp": rooted(config.whatsapp, root),
            "ports": ports,
        }
    )
