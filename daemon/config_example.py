"""The example of the configuration: every key with its default and what it is for, as TOML.

It is made of the models, so that it cannot tell of a key that is not there, or of another default.
docs/pulsarack.example.toml is what it prints (a test compares); `pulsarack config example` prints
it on a machine that has no source tree. A key without a default, and a list of sections, is shown
commented out, with the values that its model gives as examples.
"""

import json
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, get_args

from pydantic.fields import FieldInfo

from pulsarack.daemon.config import Config
from pulsarack.daemon.config_fields import Section

WIDTH = 100
_HEAD = """\
pulsarack: the whole configuration, explained. Copy it to /etc/pulsarack/pulsarack.toml.

Every key below stands with its default; a key that is left out keeps it. Unknown keys are errors,\
 all errors of the file are shown at once (pulsarack config check), and nothing starts before they\
 are gone. Paths that do not begin with / count from the directory of this file. All durations are\
 in seconds, all money in rupiah.

Most keys count as soon as the daemon reads the file anew (systemctl reload pulsarack, or\
 pulsarack config reload, which names those that need a restart).
"""


def example() -> str:
    """The whole file."""
    lines = [*_comment(_HEAD)]
    for name, field in Config.model_fields.items():
        lines += ["", *_section(field.alias or name, field)]
    return "\n".join(lines) + "\n"


def shown(config: Mapping[str, Any]) -> str:
    """A configuration as TOML, without words: what `Config.model_dump(by_alias=True)` holds."""
    lines: list[str] = []
    for name, value in config.items():
        for one in value if isinstance(value, list | tuple) else [value]:
            lines.append(f"[[{name}]]" if isinstance(value, list | tuple) else f"[{name}]")
            lines += [_assigned(key, what) for key, what in one.items() if what is not None]
            lines.append("")
    return "\n".join(lines)


def section_of(field: FieldInfo) -> type[Section]:
    """The model of a section, or of each one of a list of sections."""
    kinds = (field.annotation, *get_args(field.annotation))
    return next(one for one in kinds if isinstance(one, type) and issubclass(one, Section))


def is_list(field: FieldInfo) -> bool:
    """Whether it is a list of sections, [[name]]."""
    return not isinstance(field.annotation, type)


def _section(name: str, field: FieldInfo) -> Iterator[str]:
    model, many = section_of(field), is_list(field)
    yield from _comment(model.ABOUT)
    if many:
        yield "#"
    yield f"# [[{name}]]" if many else f"[{name}]"
    first = True
    for key, of_key in model.model_fields.items():
        if of_key.description:
            if not first and not many:
                yield ""
            yield from _comment(of_key.description)
        yield from _key(key, of_key, many)
        first = False


def _key(key: str, field: FieldInfo, commented: bool) -> Iterator[str]:
    default = field.get_default(call_default_factory=True)
    none = default is None or field.is_required()
    for value in field.examples or [] if none or (commented and field.examples) else [default]:
        for line in _assigned(key, value).split("\n"):
            yield f"# {line}" if none or commented else line


def _comment(text: str) -> Iterator[str]:
    """Paragraphs as comment lines; an indented line stays as it is."""
    for line in text.strip("\n").split("\n") if text.strip() else []:
        if line.startswith("    ") or not line:
            yield f"# {line}".rstrip()
        else:
            yield from (f"# {one}" for one in textwrap.wrap(line, WIDTH - 2, **_WRAP))


_WRAP: dict[str, Any] = {"break_long_words": False, "break_on_hyphens": False}


def _assigned(key: str, value: Any) -> str:
    """`key = value`, a long list on lines of its own."""
    line = f"{key} = {_toml(value)}"
    if len(line) <= WIDTH or not isinstance(value, list | tuple):
        return line
    inside = textwrap.wrap(", ".join(map(_toml, value)), WIDTH - 5, **_WRAP)
    return "\n".join(
        [f"{key} = [", *(f"    {one}" for one in inside[:-1]), f"    {inside[-1]},", "]"]
    )


def _toml(value: Any) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case float() if value.is_integer():
            return str(int(value))
        case int() | float():
            return str(value)
        case list() | tuple():
            return f"[{', '.join(map(_toml, value))}]"
        case dict():
            inside = ", ".join(f"{json.dumps(key)} = {_toml(one)}" for key, one in value.items())
            return f"{{ {inside} }}" if inside else "{}"
        case Path():
            return _toml(str(value))
        case _:
            # A basic string of TOML has JSON's escapes (TOML 1.0, String).
            return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007f")
