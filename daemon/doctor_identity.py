"""What the doctor says of the master key: the file, and whether the database needs another one."""

from collections.abc import Iterator, Mapping

from peewee import Database

from pulsarack.daemon.config import Config
from pulsarack.daemon.doctor import Finding, Subject, error, ok, warn
from pulsarack.daemon.identity import pepper
from pulsarack.daemon.identity.pepper import PepperError
from pulsarack.queue.identity import accounts, pins

NAME = "pepper"


def pepper_file(subject: Subject) -> Iterator[Finding]:
    """The master key can be read, and by nobody else."""
    try:
        masters = pepper.load(subject.config.agents.pepper_file, subject.environ)
    except PepperError as found:
        yield error(NAME, found)
        return
    if masters.path is None:
        yield ok(NAME, "none is named here; systemd may hand one to the daemon")
    else:
        names = ", ".join(masters.names)
        yield ok(NAME, f"{masters.path} is sound, and closed to others; it holds {names}")


def keys_in_use(db: Database, config: Config, environ: Mapping[str, str]) -> Iterator[Finding]:
    """Everything that was made with a master key has its key; what an older one is kept for."""
    of_pins, of_secrets = pins.masters(db), accounts.masters(db, pins.MASTER_DIGITS)
    try:
        masters = pepper.load(config.agents.pepper_file, environ)
        if masters.path is None and (of_pins or of_secrets):
            names = ", ".join(sorted({*of_pins, *of_secrets}))
            what = f"PINs and secrets of agents need the master key {names}; none is named here"
            yield warn(NAME, what, "see that the unit has LoadCredential=pepper:..., as it had")
            return
        masters.check(of_pins, of_secrets)
    except PepperError as found:
        yield error(NAME, found)
        return
    for name in masters.names[1:]:
        if count := of_pins.get(name, 0) + of_secrets.get(name, 0):
            yield ok(NAME, f"the older key {name} is still needed, for {count} PINs and secrets")
        else:
            yield warn(NAME, f"nothing needs the older key {name}", "take its line out of the file")
