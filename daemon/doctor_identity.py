"""What the doctor says of who agents are: the master key, and doors that stand open."""

from collections.abc import Iterator, Mapping
from shlex import quote

from peewee import Database

from pulsarack.daemon.config import Config
from pulsarack.daemon.doctor import Finding, Subject, edit, error, ok, warn
from pulsarack.daemon.identity import pepper
from pulsarack.daemon.identity.pepper import PepperError
from pulsarack.queue.identity import accounts, networks, pins

NAME = "pepper"
_KEY_FILES = "sudo ls -l /etc/pulsarack"


def pepper_file(subject: Subject) -> Iterator[Finding]:
    """The master key can be read, and by nobody else."""
    try:
        masters = pepper.load(subject.config.agents.pepper_file, subject.environ)
    except PepperError as found:
        yield error(NAME, found, _KEY_FILES)
        return
    if masters.path is None:
        yield ok(NAME, "none is named here; systemd may hand one to the daemon")
    else:
        names = ", ".join(masters.names)
        yield ok(NAME, f"{masters.path} is sound, and closed to others; it holds {names}")


def asked_pins(subject: Subject) -> Iterator[Finding]:
    """Orders by SMS need the PIN: anybody can send one in another's name."""
    if "sms" not in subject.config.agents.ask_pin:
        what = "orders by SMS are taken without a PIN, and a sender can be forged"
        yield warn("agents", what, edit(subject), 'put "sms" into [agents] ask_pin')


def unsigned_accounts(db: Database) -> Iterator[Finding]:
    """No program orders unsigned from wherever it likes."""
    for account in accounts.every(db):
        everywhere = any(one.prefixlen == 0 for one in networks.parse(account.networks))
        if account.active and account.may_be_unsigned and everywhere:
            what = f"account {account.member} sends PIN and password unsigned, from everywhere"
            yield warn("agents", what, f"pulsarack account networks {account.member} NETWORK")


def keys_in_use(db: Database, config: Config, environ: Mapping[str, str]) -> Iterator[Finding]:
    """Everything that was made with a master key has its key; what an older one is kept for."""
    of_pins, of_secrets = pins.masters(db), accounts.masters(db, pins.MASTER_DIGITS)
    try:
        masters = pepper.load(config.agents.pepper_file, environ)
        if masters.path is None and (of_pins or of_secrets):
            names = ", ".join(sorted({*of_pins, *of_secrets}))
            what = f"PINs and secrets of agents need the master key {names}; none is named here"
            yield warn(
                NAME, what, _KEY_FILES, "the unit needs LoadCredential=pepper:..., as it had"
            )
            return
        masters.check(of_pins, of_secrets)
    except PepperError as found:
        yield error(NAME, found, _KEY_FILES)
        return
    for name in masters.names[1:]:
        if count := of_pins.get(name, 0) + of_secrets.get(name, 0):
            yield ok(NAME, f"the older key {name} is still needed, for {count} PINs and secrets")
        else:
            what, remedy = f"nothing needs the older key {name}", "take its line out of the file"
            yield warn(NAME, what, f"sudoedit {quote(str(masters.path))}", remedy)
