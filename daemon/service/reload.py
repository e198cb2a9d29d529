"""Reads the files anew while the daemon runs: SIGHUP, or `pulsarack config reload`.

Configuration, PINs and recipes are read and checked as a whole beside the loop; a fault in any of
them leaves everything as it was, and says so in the log, in STATUS= and to who asked. Then what can
change live (live_keys.py) takes effect in one stretch in which nothing else runs, so no part ever
sees half of it. No dialogue is disturbed: a sale that is being made ends by the recipe with
which it began, and its chip's work begins anew behind it, if it is concerned.

What needs a restart is named each time, as long as the file says otherwise than the daemon does.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from pulsarack.daemon import config, credentials, secrets
from pulsarack.daemon import log as logging
from pulsarack.daemon.config import Config
from pulsarack.daemon.context import Context
from pulsarack.daemon.errors import DaemonError
from pulsarack.daemon.rack import Rack
from pulsarack.daemon.secrets import Secrets
from pulsarack.daemon.service import live_keys
from pulsarack.daemon.service.live_keys import Difference, Effect
from pulsarack.daemon.service.notify import READY, notify, reloading
from pulsarack.daemon.slot import Slot
from pulsarack.modems.errors import ModemError
from pulsarack.modems.life import Stage
from pulsarack.ussd.errors import UssdError
from pulsarack.ussd.shelf import Shelf, load_shelf

_CHECK = "pulsarack config check shows all; the daemon goes on with the configuration of before"
_RESTART = "systemctl restart pulsarack, when no order is under way if you can choose"
_CREDENTIAL = Effect(False, "systemd hands it over when it starts the service")
_WORK = frozenset(("sms.receives", "sms.answers", "sms.delivery_reports"))
_LOG = frozenset(("daemon.log_level", "daemon.log_format"))


class Refused(DaemonError):
    """The files are not fit to be used; nothing was changed."""


@dataclass(frozen=True, slots=True)
class Files:
    """What the files hold, checked."""

    config: Config
    secrets: Secrets
    shelf: Shelf


@dataclass(frozen=True, slots=True)
class Reloaded:
    """What came of a reload: what counts now, and what needs a restart and why."""

    changed: tuple[str, ...]
    restart: tuple[Difference, ...]


def read(path: Path, environ: Mapping[str, str]) -> Files:
    """Read and check everything; raises DaemonError, UssdError, OSError."""
    found = config.load(path)
    daemon = found.daemon
    shelf = load_shelf([daemon.recipes_dir] if daemon.recipes_dir else [])
    return Files(found, secrets.load(daemon.secrets_file, environ), shelf)


class Reload:
    """One for the daemon. `log_anew` configures the log by what the configuration says now."""

    def __init__(
        self,
        path: Path,
        context: Context,
        rack: Rack,
        environ: Mapping[str, str],
        *,
        log_anew: Callable[[], None],
        tell: Callable[..., None] = notify,
        threads: bool = True,
    ) -> None:
        self.remark = ""
        """What STATUS= says of the newest reload, as long as it is not as the file wants it."""
        self._path = path
        self._context = context
        self._rack = rack
        self._environ = environ
        self._log_anew = log_anew
        self._tell = tell
        self._threads = threads
        self._turn = asyncio.Lock()

    async def run(self, asked: asyncio.Event) -> None:
        """Reload whenever the event is set, until cancelled."""
        while True:
            await asked.wait()
            asked.clear()
            try:
                await self.now()
            except Refused:
                continue  # it was said
            except Exception:
                # A fault of ours in reading files is no reason to end a daemon that sells.
                self._context.log.exception("config.fault")

    async def now(self) -> Reloaded:
        """Read the files and change what can change; raises Refused with the first fault."""
        async with self._turn:
            # Who is ending is not ready again, and systemd is told of no way back.
            tell = self._tell_unless_stopping
            tell(*reloading())
            try:
                return await self._now()
            finally:
                tell(READY)

    def _tell_unless_stopping(self, *lines: str) -> None:
        if not self._rack.stopping:
            self._tell(*lines)

    async def _now(self) -> Reloaded:
        try:
            files = await self._read()
            self._check_recipes(files.shelf)
        except (DaemonError, UssdError, ModemError, OSError) as error:
            raise self._refused(error) from None
        found = live_keys.differences(self._context.config, files.config)
        restart = (
            *(one for one in found if not one.effect.live),
            *stale_credentials(self._path.parent, files.config, self._environ),
        )
        changed = (*(one.key for one in found if one.effect.live), *self._apply(files, found))
        needing = ", ".join(one.key for one in restart)
        self.remark = f"needs a restart: {needing}" if needing else ""
        self._context.log.info("config.reloaded", changed=", ".join(changed))
        if restart:
            self._context.log.warning("config.needs_restart", keys=needing, remedy=_RESTART)
        return Reloaded(changed, restart)

    async def _read(self) -> Files:
        if self._threads:
            return await asyncio.to_thread(read, self._path, self._environ)
        return read(self._path, self._environ)

    def _check_recipes(self, shelf: Shelf) -> None:
        """A chip at work must not lose its recipe."""
        for desk in self._rack.desks():
            if desk.recipe.name not in shelf.recipes:
                raise DaemonError(
                    f"recipe {desk.recipe.name} is gone, and chip {desk.iccid} works by it",
                    "put its file back, or give the chip another: pulsarack chip adopt",
                )

    def _refused(self, error: BaseException) -> Refused:
        first, more = faults(error)
        self.remark = f"running with the configuration of before: {first}"
        self._context.log.error("config.refused", why=first, more=more, remedy=_CHECK)
        return Refused(f"{first} (and {more} more)" if more else first, _CHECK)

    def _apply(self, files: Files, found: Iterable[Difference]) -> list[str]:
        """Let it count, and poke who would sleep over it; what changed beside the configuration."""
        context = self._context
        keys = {one.key for one in found if one.effect.live}
        pins = context.secrets.changed(files.secrets)
        recipes = _changed(context.shelf, files.shelf)
        # The PINs of before stay secrets, and those of the channels were not read now.
        logging.mask_more(files.secrets)
        live_keys.take_live(context.config, files.config)
        context.secrets.take_over(files.secrets)
        context.shelf.recipes = files.shelf.recipes
        if keys & _LOG:
            self._log_anew()
        for slot in self._rack.slots.values():
            if self._begins_anew(slot, bool(keys & _WORK), bool(pins)):
                slot.changed()
        if keys or pins:
            self._rack.wake_all()
        said = [f"recipe {name}" for name in recipes]
        return [*said, *(f"PINs of chip {iccid}" for iccid in pins)]

    def _begins_anew(self, slot: Slot, work: bool, pins: bool) -> bool:
        if slot.life.stage is not Stage.READY:
            return pins and slot.life.stage is Stage.FAILED  # it may have lacked just that
        if slot.desk is None:
            return True  # it may be about to begin by what was read before
        recipe = slot.desk.recipe
        return work or self._context.shelf.get(recipe.name).content_hash != recipe.content_hash


def stale_credentials(
    folder: Path, settings: Config, environ: Mapping[str, str]
) -> Iterator[Difference]:
    """The credentials in use whose files, beside the configuration, are newer than systemd's copy.

    systemd makes the copy when it starts the service (systemd.exec(5), LoadCredential=); the
    daemon may not read the files themselves, but sees when they were written.
    """
    copies = environ.get("CREDENTIALS_DIRECTORY")
    named = credentials.configured(settings)
    for name, configured in named.items() if copies else ():
        copy, file = Path(copies or "", name), folder / name
        try:
            newer = file.stat().st_mtime_ns > copy.stat().st_mtime_ns
        except OSError:
            continue
        if configured is None and newer:
            yield Difference(f"credential {name}", _CREDENTIAL)


def faults(error: BaseException) -> tuple[str, int]:
    """The first line of an error, and how many more there are."""
    lines = error.lines() if isinstance(error, DaemonError) else str(error).splitlines()
    return (lines[0] if lines else type(error).__name__), max(0, len(lines) - 1)


def _changed(before: Shelf, after: Shelf) -> list[str]:
    """The recipes that are others now, new, or gone."""

    def hashes(shelf: Shelf) -> dict[str, str]:
        return {name: recipe.content_hash for name, recipe in shelf.recipes.items()}

    was, becomes = hashes(before), hashes(after)
    return sorted(
        name for name in was.keys() | becomes.keys() if was.get(name) != becomes.get(name)
    )
