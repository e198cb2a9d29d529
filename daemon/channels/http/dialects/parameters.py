"""What a program of the trade sends: parameters of a URL, or the same as a form in the body.

Every dialect has its own names for the same few things. A name that stands twice is refused, since
it may be an order of two amounts; one that nobody knows is left alone, since programs send more
than we need. The counter for a second order of the day stands in front of the number
(`2.0812...`), as OtomaX and its likes have it.
"""

import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl

from pulsarack.daemon.channels.http.refusals import HttpRefusal, Why
from pulsarack.daemon.channels.http.routes import Call
from pulsarack.daemon.secrets import Secret

FIELDS_MOST = 32
VALUE_LONGEST = 200
_COUNTED = re.compile(r"([1-9][0-9]?)\.(.+)", re.ASCII)


def read(call: Call) -> Mapping[str, str]:
    """The parameters, by their names in small letters; raises HttpRefusal."""
    found: dict[str, str] = {}
    for name, value in (*call.request.rel_url.query.items(), *_form(call)):
        key = name.lower()
        if key in found and found[key] != value:
            raise HttpRefusal(Why.BAD_QUERY, f"{key[:40]!r} stands twice")
        if len(value) > VALUE_LONGEST or not value.isprintable():
            raise HttpRefusal(Why.BAD_FIELD, f"{key[:40]!r} is too long, or not to be printed")
        found[key] = value.strip()
        if len(found) > FIELDS_MOST:
            raise HttpRefusal(Why.BAD_QUERY, f"there are more than {FIELDS_MOST} parameters")
    return found


def _form(call: Call) -> list[tuple[str, str]]:
    if not call.body or call.request.content_type != "application/x-www-form-urlencoded":
        return []
    try:
        text = call.body.decode("utf-8")
        return parse_qsl(text, keep_blank_values=True, max_num_fields=FIELDS_MOST, errors="strict")
    except UnicodeDecodeError:
        raise HttpRefusal(Why.FOREIGN_CHARSET, "the form is not UTF-8") from None
    except ValueError:
        raise HttpRefusal(Why.BAD_QUERY, "the form cannot be read") from None


def need(found: Mapping[str, str], *names: str) -> str:
    """The value of the first of these names that is there; raises HttpRefusal."""
    for name in names:
        if found.get(name.lower()):
            return found[name.lower()]
    raise HttpRefusal(Why.BAD_FIELD, f"{names[0]} is missing")


@dataclass(frozen=True, slots=True)
class Counted:
    """A number with the counter that stood in front of it."""

    destination: str
    repeat_index: int


def counted(destination: str) -> Counted:
    """`2.081200000012` is the second order to that number today."""
    found = _COUNTED.fullmatch(destination)
    return Counted(found[2], int(found[1])) if found else Counted(destination, 1)


def same(given: str | None, secret: Secret | None) -> bool:
    """Whether a secret was given rightly; takes the same time however wrong it is."""
    wanted = "" if secret is None else secret.reveal()
    right = hmac.compare_digest((given or "").encode(), wanted.encode())
    return right and secret is not None and bool(wanted)
