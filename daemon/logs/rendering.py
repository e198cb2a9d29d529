"""How an event looks as one line: text for people, or JSON for machines.

A value that is not one plain word is quoted, so that no text of a stranger can forge a field,
a line, or a command to the terminal.
"""

import json
import re
from datetime import UTC, datetime
from functools import lru_cache

import msgspec
from structlog.typing import EventDict, WrappedLogger

MILLISECONDS = 1000
# Half a surrogate pair is no character at all.
_PLAIN = re.compile(r"[^\s\"'=\\\x00-\x20\x7f-\x9f\u2028\u2029\ud800-\udfff]+")


# What a terminal or a reader of lines would obey.
_COMMANDS = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")

_NUMBERS = frozenset({int, float, bool})


class Instant(int):
    """The time of a line, milliseconds UTC: a number, which no secret can be found in."""


def render_json(logger: WrappedLogger, method: str, event: EventDict) -> str:
    """One JSON object, the event's name first."""
    ordered = {"event": event.pop("event", ""), **event}
    if isinstance(at := event.get("at"), Instant):
        ordered["at"] = _moment(at)
    try:
        return msgspec.json.encode(ordered, enc_hook=str).decode()
    except UnicodeEncodeError:
        # Half a surrogate pair, from a text that was cut in two: slower, but it escapes them.
        return json.dumps(ordered, default=str)


def render_text(logger: WrappedLogger, method: str, event: EventDict) -> str:
    """One line for people: time, level, event, fields; an exception's trace below it."""
    at = event.pop("at", None)
    head = f"{_moment(at)} " if isinstance(at, Instant) else ""
    return f"{head}{event.pop('level', method):7} {sentence(event)}"


def sentence(event: EventDict) -> str:
    """The event and its fields; an exception's trace below them."""
    trace = event.get("exception")
    words = [word(event.get("event", ""), quote=False)]
    words += [f"{key}={word(value)}" for key, value in event.items() if key not in _APART]
    below = "".join(f"\n    {_tame(line)}" for line in str(trace).splitlines()) if trace else ""
    return " ".join(words) + below


def _tame(line: str) -> str:
    """A line of a trace, whose last words are often a stranger's."""
    return _COMMANDS.sub(lambda one: f"\\u{ord(one[0]):04x}", line)


_APART = frozenset({"event", "exception"})


def word(value: object, *, quote: bool = True) -> str:
    """A value as one word."""
    text = str(value)
    if text.isalnum() or type(value) in _NUMBERS or _PLAIN.fullmatch(text):
        return text
    text = text.encode("utf-8", "backslashreplace").decode()
    encoded = msgspec.json.encode(text).decode()
    # JSON leaves these as they are, but a terminal or a reader of lines would obey them.
    encoded = re.sub(r"[\x7f-\x9f\u2028\u2029]", lambda c: f"\\u{ord(c[0]):04x}", encoded)
    return encoded if quote else encoded[1:-1]


def _moment(at: int) -> str:
    """ISO 8601 in UTC."""
    seconds, milliseconds = divmod(at, MILLISECONDS)
    return f"{_second(seconds)}.{milliseconds:03}Z"


@lru_cache(maxsize=1)
def _second(seconds: int) -> str:
    return f"{datetime.fromtimestamp(seconds, tz=UTC):%Y-%m-%dT%H:%M:%S}"
