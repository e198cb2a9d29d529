"""A call's arguments as they are kept: bounded, and without a secret.

What a type of the arguments marks as secret (`control_values.SECRET`) is masked whole, whatever it
holds. In all other texts the log's own nets are cast (redaction.py), for the shapes in which PINs
travel; an AT command loses what is given to locks; of a URL what may be a key. Lists and long texts
are cut.
"""

import re
import typing
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Final

import msgspec

from pulsarack.daemon import log as logging
from pulsarack.daemon.control_values import is_secret
from pulsarack.daemon.redaction import is_secret_key
from pulsarack.daemon.secrets import MASK
from pulsarack.daemon.trace_mask import mask_line
from pulsarack.modems import at_rules

LONGEST = 4000
LONGEST_TEXT = 200
LONGEST_LIST = 3
_SUBJECT = 100
_CREDENTIALS = re.compile(r"(?<=://)[^/@\s]*@")
_QUERY = re.compile(r"[?#].*", re.DOTALL)


def kept(call: str, arguments: msgspec.Struct) -> str:
    """The arguments as JSON of a bounded length; those left at their defaults are left out."""
    text = msgspec.json.encode(_fields(call, arguments)).decode()
    if len(text) <= LONGEST:
        return text
    names = [field.name for field in msgspec.structs.fields(arguments)]
    return msgspec.json.encode({"too_long": names}).decode()


def subject(arguments: msgspec.Struct, name: str) -> str:
    """What it is done to."""
    found = getattr(arguments, name) if name else ""
    # The number of an order is no secret, though a chip's PIN may be the same digits: the audit
    # looks for it.
    return str(found) if isinstance(found, int) else free_text(str(found))[:_SUBJECT]


def free_text(text: str, longest: int = LONGEST_TEXT) -> str:
    """A text of a person without a secret, and not too long."""
    whole = logging.masked(text.encode("utf-8", "replace").decode())
    return whole if len(whole) <= longest else whole[: longest - 3] + "..."


def _fields(call: str, record: msgspec.Struct) -> dict[str, Any]:
    hidden = secret_fields(type(record))
    found: dict[str, Any] = {}
    for field in msgspec.structs.fields(record):
        value = getattr(record, field.name)
        if value == _default(field):
            continue
        found[field.name] = (
            MASK if field.name in hidden and value is not None else _value(call, field.name, value)
        )
    return found


def _default(field: msgspec.structs.FieldInfo) -> Any:
    if field.default_factory is not msgspec.NODEFAULT:
        return field.default_factory()
    return field.default  # NODEFAULT is equal to nothing that comes over a socket


def _value(call: str, name: str, value: Any) -> Any:
    if isinstance(value, msgspec.Struct):
        return _fields(call, value)
    if isinstance(value, list):
        shown = [_value(call, name, one) for one in value[:LONGEST_LIST]]
        more = len(value) - len(shown)
        return [*shown, f"and {more} more"] if more else shown
    if not isinstance(value, str):
        return value
    special = _SPECIAL.get((call, name)) or (_url if name.endswith("url") else None)
    return free_text(special(value) if special else value)


def _command(command: str) -> str:
    return mask_line(at_rules.fit_to_record(command), logging.masked)


def _url(url: str) -> str:
    return _QUERY.sub(f"?{MASK}", _CREDENTIALS.sub(f"{MASK}@", url))


_SPECIAL: Final[Mapping[tuple[str, str], Callable[[str], str]]] = {
    ("modem.at", "command"): _command
}


@lru_cache(maxsize=256)
def secret_fields(record: type[msgspec.Struct]) -> frozenset[str]:
    """The fields whose type, or whose name, says that they hold a secret."""
    hints = typing.get_type_hints(record, include_extras=True)
    return frozenset(name for name, hint in hints.items() if is_secret(hint) or is_secret_key(name))
