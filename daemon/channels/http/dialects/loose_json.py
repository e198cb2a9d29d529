"""The JSON of the trade's programs: known fields are read exactly, unknown ones are left alone.

A key that stands twice is refused all the same, and so is a number where a text belongs that is
none: `ref_id: 17` is a text to many programs, so whole numbers are taken as their digits.
"""

from collections.abc import Mapping

from pulsarack.daemon import json_text
from pulsarack.daemon.channels.http import json_body
from pulsarack.daemon.channels.http.dialects.parameters import FIELDS_MOST, VALUE_LONGEST
from pulsarack.daemon.channels.http.refusals import HttpRefusal, Why
from pulsarack.daemon.channels.http.routes import Call

_DIGITS_MOST = 18
# What makes an order another one, or none: it is never left out because its type is strange.
_HEEDED = frozenset({"commands", "max_price", "price", "testing"})


def read(call: Call) -> Mapping[str, str]:
    """The fields of a JSON object as texts, those that are null or no text left out."""
    json_body.check_charset(call.request)
    try:
        found = json_text.loads(call.body)
    except json_text.RepeatedKey as error:
        raise HttpRefusal(Why.BAD_JSON, str(error)) from None
    except (ValueError, RecursionError):  # what they quote of the text may be a secret
        raise HttpRefusal(Why.BAD_JSON, "the body is not JSON, or too deep") from None
    if not isinstance(found, dict) or len(found) > FIELDS_MOST:
        raise HttpRefusal(Why.BAD_JSON, "the body is no JSON object, or has too many fields")
    return {name: text for name, value in found.items() if (text := _text(name, value)) is not None}


def _text(name: str, value: object) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int) and abs(value) < 10**_DIGITS_MOST:
        return str(value)
    if value is not None and not isinstance(value, str) and name in _HEEDED:
        if isinstance(value, float) and value.is_integer() and abs(value) < 10**_DIGITS_MOST:
            return str(int(value))
        raise HttpRefusal(Why.BAD_FIELD, f"{name!r} is not a text or a whole number")
    if not isinstance(value, str):
        return None
    if len(value) > VALUE_LONGEST or not value.isprintable():
        raise HttpRefusal(Why.BAD_FIELD, f"{name[:40]!r} is too long, or not to be printed")
    return value.strip()
