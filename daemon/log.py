"""The daemon's log: structured events, one event a line, no secret in any.

Under systemd every event is an entry of the journal with indexed fields (`logs/journal.py`); on
a terminal the lines are text for people, elsewhere JSON for machines. Text or JSON on a stream
that systemd has connected to its journal begins with its level in the form `<N>`
(sd-daemon(3)), so that `journalctl -p warning` works. The fields bound with `bound` (order,
chip, slot) stand in every line that is logged inside it, also by the libraries. Storms of one
event are held back (`logs/storms.py`). The last step before the rendering is redaction. What
each event means, and what to do about it, is in `logs/catalogue`.
"""

import logging
import os
from collections.abc import Callable, Iterable, Mapping, MutableMapping
from contextlib import AbstractContextManager
from contextvars import ContextVar
from types import TracebackType
from typing import Any, Final, Literal, TextIO, cast

import structlog
from structlog.typing import Processor, WrappedLogger

from pulsarack.daemon.logs.journal import SOCKET, Journal, goes_to_journal, prefixed
from pulsarack.daemon.logs.journal_entry import entry
from pulsarack.daemon.logs.rendering import (
    MILLISECONDS,
    Instant,
    render_json,
    render_text,
    sentence,
)
from pulsarack.daemon.logs.storms import WINDOW_MS, Storms
from pulsarack.daemon.redaction import Redactor
from pulsarack.daemon.secrets import Secret
from pulsarack.modems.timing import Clock

LogFormat = Literal["auto", "text", "json", "journal"]
Logger = structlog.typing.FilteringBoundLogger

# syslog(3) priorities by the names of our levels.
_PRIORITY: Final = {"debug": 7, "info": 6, "warning": 4, "error": 3, "critical": 2}
_LEVEL: Final = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}

_redactor = Redactor()
_bound: ContextVar[Mapping[str, object]] = ContextVar("bound", default={})  # noqa: B039 - never changed
_configured: object = None  # another one after each `configure`
_storms: Storms | None = None
_journal: Journal | None = None


def configure(
    level: str,
    log_format: LogFormat,
    stream: TextIO,
    *,
    now_ms: Callable[[], int] | None = None,
    environ: Mapping[str, str] = os.environ,
    journal: str = SOCKET,
) -> None:
    """Sends all logging of this process to the stream; may be called again to change it.

    `now_ms` gives the time of each line; without it lines carry none, as suits a stream
    whose reader stamps them, and storms are not held back.
    """
    global _configured, _storms, _journal
    in_journal = goes_to_journal(stream, environ.get("JOURNAL_STREAM", ""))
    if log_format == "auto":
        log_format = "journal" if in_journal else "text" if stream.isatty() else "json"
    old = _journal
    if log_format != "journal":
        _journal = None
    elif old is None or not old.writes_to(stream, journal):
        _journal = Journal(stream, journal)
    # What goes on keeps its figures, and what it has not told yet, when only the level changes.
    if _storms is None or not _storms.goes_by(now_ms):
        _storms = Storms(now_ms) if now_ms is not None else None
    structlog.configure(
        processors=_chain(log_format, in_journal, now_ms),
        wrapper_class=structlog.make_filtering_bound_logger(_LEVEL[level]),
        logger_factory=(lambda: _journal) if _journal else structlog.WriteLoggerFactory(stream),
        cache_logger_on_first_use=False,
    )
    _configured = object()
    _take_over_standard_logging(_LEVEL[level])
    if old is not None and old is not _journal:
        old.close()


def _chain(
    log_format: LogFormat, in_journal: bool, now_ms: Callable[[], int] | None
) -> list[Processor]:
    processors: list[Processor] = [_add_bound]
    if _storms is not None:
        processors.append(_storms)
    processors += [structlog.processors.add_log_level, structlog.processors.format_exc_info]
    if now_ms is not None and log_format != "journal":  # which stamps each line itself
        processors.append(_Stamp(now_ms))
    processors.append(_redactor)
    if log_format == "journal":
        return [*processors, _ForJournal()]
    render: Processor = render_text if log_format == "text" else render_json
    return [*processors, _Prefixed(render) if in_journal else render]


def look_at_storms() -> None:
    """Tell what was left out lately; called from time to time."""
    if _storms is not None:
        _storms.look()


async def watch(clock: Clock) -> None:
    """Tell it for as long as the daemon runs."""
    while True:
        await clock.sleep(WINDOW_MS / MILLISECONDS)
        look_at_storms()


def figures() -> dict[str, int]:
    """Since the log was configured: what was left out in storms; of the lines to the journal,
    which it did not take (they went to the stream), and which were lost."""
    return {
        "suppressed": _storms.suppressed if _storms else 0,
        "fallen_back": _journal.fallen_back if _journal else 0,
        "lost": _journal.lost if _journal else 0,
    }


def get(**fields: object) -> Logger:
    """A logger with these fields in all of its lines."""
    return cast("Logger", _Following(fields))


def bound(**fields: object) -> AbstractContextManager[None]:
    """While it lasts, every line of this task carries the fields: order, chip, slot."""
    return _Binding(fields)


def mask(known: Iterable[Secret]) -> None:
    """Registers the secrets of this process; from now on no line shows one of them."""
    _redactor.register(known)


def mask_more(known: Iterable[Secret]) -> None:
    """Registers secrets beside those of before, which late answers may still hold."""
    _redactor.register_more(known)


def masked(text: str) -> str:
    """A free text as it may be shown or stored."""
    return _redactor.text(text)


class _Following:
    """A logger by the configuration of the moment; made anew only when that has changed.

    Loggers are made before the log is configured, and configured again by tests.
    """

    __slots__ = ("_fields", "_logger", "_made_for")

    def __init__(self, fields: Mapping[str, object]) -> None:
        self._fields = fields
        self._logger: Any = None
        self._made_for: object = None

    def __getattr__(self, name: str) -> Any:
        if self._logger is None or self._made_for is not _configured:
            self._logger = structlog.get_logger(**self._fields).bind()
            self._made_for = _configured
        return getattr(self._logger, name)


class _Binding(AbstractContextManager[None]):
    """Fields for all lines of a task while it lasts."""

    __slots__ = ("_before", "_fields")

    def __init__(self, fields: Mapping[str, object]) -> None:
        self._fields = fields
        self._before: Mapping[str, object] = {}

    def __enter__(self) -> None:
        self._before = _bound.get()
        _bound.set({**self._before, **self._fields})

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # Not by a token: a task that is thrown away leaves from outside its context.
        _bound.set(self._before)


def _add_bound(
    logger: WrappedLogger, method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    for key, value in _bound.get().items():
        event.setdefault(key, value)
    return event


class _Stamp:
    """Adds the time of the line; rendered last."""

    def __init__(self, now_ms: Callable[[], int]) -> None:
        self._now_ms = now_ms

    def __call__(
        self, logger: WrappedLogger, method: str, event: MutableMapping[str, Any]
    ) -> MutableMapping[str, Any]:
        event["at"] = Instant(self._now_ms())
        return event


class _ForJournal:
    """Renders the journal's entry, and the line for the stream in its stead."""

    def __call__(
        self, logger: WrappedLogger, method: str, event: MutableMapping[str, Any]
    ) -> tuple[tuple[bytes, int, str], dict[str, Any]]:
        priority = _priority(event, method)
        event.pop("level", None)
        text = sentence(event)
        return (entry(event, priority, text), priority, text), {}


class _Prefixed:
    """Puts the journal's level in front of every line of a rendered event."""

    def __init__(self, render: Processor) -> None:
        self._render = render

    def __call__(self, logger: WrappedLogger, method: str, event: MutableMapping[str, Any]) -> str:
        priority = _priority(event, method)
        return prefixed(priority, str(self._render(logger, method, event)))


def _priority(event: Mapping[str, Any], method: str) -> int:
    return _PRIORITY.get(str(event.get("level", method)), _PRIORITY["info"])


class _Forward(logging.Handler):
    """Hands what the libraries log to the same chain, so that it is redacted as well."""

    def emit(self, record: logging.LogRecord) -> None:
        level = record.levelname.lower()
        number = _LEVEL.get(level, logging.ERROR if level == "critical" else logging.INFO)
        log = structlog.get_logger()
        log.log(
            number,
            "library.said",
            library=record.name,
            said=record.getMessage(),
            exc_info=record.exc_info,
        )


def _take_over_standard_logging(level: int) -> None:
    root = logging.getLogger()
    for handler in [handler for handler in root.handlers if isinstance(handler, _Forward)]:
        root.removeHandler(handler)
    root.addHandler(_Forward())
    root.setLevel(max(level, logging.INFO))
    # At debug level it prints the parameters of every statement.
    logging.getLogger("peewee").setLevel(logging.WARNING)
    # Its errors quote what agents write, PINs and all; what counts is told by the channel.
    logging.getLogger("slixmpp").setLevel(logging.CRITICAL)
