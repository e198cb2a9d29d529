"""Checks a configuration and all files that it names, as the daemon would at its start.

Every problem is told, not only the first: those of the configuration's own file all at once, then,
if it is sound, those of each kind of file it names. What whoever asks may not read is told to be
unseen and is no problem: run as root, everything is seen. Where a file is not named, the one of the
credential's name beside the configuration is looked at, which the unit hands to the daemon
(LoadCredential=). Nothing is opened for writing, nothing is connected.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from enum import Enum
from pathlib import Path
from typing import NamedTuple

from pulsarack.daemon import config, credentials, secrets
from pulsarack.daemon.config import Config
from pulsarack.daemon.errors import DaemonError
from pulsarack.daemon.identity import pepper
from pulsarack.modems.errors import ModemError
from pulsarack.modems.profile import Profiles
from pulsarack.queue.wordings.shipped import shipped
from pulsarack.ussd.errors import UssdError
from pulsarack.ussd.shelf import load_shelf


class Seen(Enum):
    """What was found."""

    OK = "ok"
    BAD = "bad"
    UNSEEN = "unseen"


class Found(NamedTuple):
    """One line of the answer: of what, and what it is like, with the remedy if it is bad."""

    seen: Seen
    what: str
    text: str


Environ = Mapping[str, str]
_Look = Callable[[Config, Environ], str]


def check(path: Path, environ: Environ) -> Iterator[Found]:
    """Look at the file and at what it names."""
    try:
        found = config.load(path)
    except DaemonError as error:
        for line in error.lines():
            yield Found(Seen.BAD, "configuration", line)
        return
    yield Found(Seen.OK, "configuration", f"{path} is sound")
    if "CREDENTIALS_DIRECTORY" not in environ:
        environ = {**environ, "CREDENTIALS_DIRECTORY": str(path.absolute().parent)}
    folder = Path(environ["CREDENTIALS_DIRECTORY"])
    for what, (files, look) in _LOOKS.items():
        hidden = [one for one in files(found, folder) if one is not None and _is_hidden(one)]
        if hidden:
            yield Found(Seen.UNSEEN, what, f"{hidden[0]} may not be read by you; ask as root")
        else:
            yield from _looked(what, look, found, environ)


def _looked(what: str, look: _Look, found: Config, environ: Environ) -> Iterator[Found]:
    try:
        said = look(found, environ)
    except DaemonError as error:
        yield from (Found(Seen.BAD, what, line) for line in error.lines())
    except (UssdError, ModemError, OSError) as error:
        yield from (Found(Seen.BAD, what, line) for line in str(error).splitlines())
    else:
        if said:
            yield Found(Seen.OK, what, said)


def _is_hidden(path: Path) -> bool:
    """Whether something is there, or may be, that whoever asks may not read."""
    try:
        path.stat()
    except PermissionError:
        return True
    except OSError:
        return False  # it is not there: whoever reads it says so
    return not os.access(path, os.R_OK | (os.X_OK if path.is_dir() else 0))


def _secrets(found: Config, environ: Environ) -> str:
    place = secrets.find(found.daemon.secrets_file, environ)
    if place is None:
        return "none are there: no secrets_file is named, and there is no such credential"
    return f"{place}: {len(secrets.load(found.daemon.secrets_file, environ))} chips"


def _pepper(found: Config, environ: Environ) -> str:
    if pepper.find(found.agents.pepper_file, environ) is None:
        return "none is there: no pepper_file is named, and there is no such credential"
    return f"the newest is {', '.join(pepper.load(found.agents.pepper_file, environ).names[:1])}"


def _recipes(found: Config, _environ: Environ) -> str:
    own = found.daemon.recipes_dir
    return f"{len(load_shelf([own] if own else []).recipes)} are sound"


def _profiles(found: Config, _environ: Environ) -> str:
    own = found.daemon.profiles_dir
    Profiles.load(*([own] if own else []))
    return "all are sound"


def _wordings(_found: Config, _environ: Environ) -> str:
    return f"{len(shipped().wordings)} are sound (changed ones: pulsarack wording list)"


def _http(found: Config, _environ: Environ) -> str:
    if found.http.listen is None:
        return ""
    from pulsarack.daemon.channels.http.dialects import every_dialect
    from pulsarack.daemon.channels.http.server import certificate

    dialects = every_dialect.formatters(found.http.dialects_dir)
    shown = "with TLS" if certificate(found.http) else "without TLS"
    return f"{shown}, {len(dialects)} dialects are sound"


def _chat(found: Config, environ: Environ) -> str:
    from pulsarack.daemon.channel_secrets import find_secret

    files = credentials.configured(found)
    wanted = [credentials.XMPP] if found.xmpp.jid else []
    wanted += credentials.WHATSAPP if found.whatsapp.phone_number_id else ()
    read = sum(find_secret(files[name], name, environ) is not None for name in wanted)
    return f"{read} secrets of XMPP and WhatsApp are sound" if read else ""


def _or_beside(found: Config, beside: Path, *names: str) -> tuple[Path, ...]:
    """The files that are named, each else the one of the credential's name."""
    files = credentials.configured(found)
    return tuple(files[name] or beside / name for name in names)


_Files = Callable[[Config, Path], tuple[Path | None, ...]]
_LOOKS: dict[str, tuple[_Files, _Look]] = {
    "secrets": (
        lambda one, beside: _or_beside(one, beside, credentials.CHIPS),
        _secrets,
    ),
    "master keys": (
        lambda one, beside: _or_beside(one, beside, credentials.MASTER_KEYS),
        _pepper,
    ),
    "recipes": (lambda one, _: (one.daemon.recipes_dir,), _recipes),
    "profiles": (lambda one, _: (one.daemon.profiles_dir,), _profiles),
    "wordings": (lambda one, _: (), _wordings),
    "http": (
        lambda one, _: (one.http.dialects_dir, one.http.tls_certificate, one.http.tls_key),
        _http,
    ),
    "chat channels": (
        lambda one, beside: _or_beside(one, beside, credentials.XMPP, *credentials.WHATSAPP),
        _chat,
    ),
}
