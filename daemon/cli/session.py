"""What every command knows: which configuration, which socket, which zone times are read in.

The configuration is only glanced at here. Validating it takes longer than most commands
need, and a user who may talk to the daemon may not be allowed to read the file at all.
For the same reason what reads it, and what talks to the daemon, is loaded when it is used.
"""

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pulsarack.daemon import places

if TYPE_CHECKING:
    from pulsarack.daemon.client import Client


class Session:
    """The global options of one command line, and what follows from them."""

    def __init__(self, config_path: Path, socket: Path | None) -> None:
        self.config_path = config_path
        self._socket = socket

    @cached_property
    def _glance(self) -> dict[str, Any]:
        import tomllib

        from pulsarack.daemon import toml_text

        try:
            text = toml_text.read(self.config_path)
            section = {} if toml_text.out_of_bounds(text) else tomllib.loads(text).get("daemon")
        except (OSError, ValueError, RecursionError):
            return {}
        return section if isinstance(section, dict) else {}

    @property
    def socket(self) -> Path:
        """The control socket: the option, else the configuration, else the usual place."""
        if self._socket is not None:
            return self._socket
        named = self._glance.get("socket")
        if isinstance(named, str):
            return self.config_path.absolute().parent / named
        return places.CONTROL_SOCKET

    @property
    def timezone(self) -> str | None:
        """The configured zone; None, the machine's own, when the file cannot be read."""
        named = self._glance.get("timezone", places.TIMEZONE if self._glance else None)
        return named if isinstance(named, str) else None

    def client(self, more_seconds: float = 0.0) -> "Client":
        """A client for the daemon; it connects with its first call.

        `more_seconds`: how much longer than usual an answer may take.
        """
        from pulsarack.daemon.client import ANSWER_SECONDS, Client

        return Client(self.socket, ANSWER_SECONDS + more_seconds)

    def call(self, name: str, /, **args: Any) -> Any:
        """One call on a connection of its own."""
        with self.client() as client:
            return client.call(name, **args)

    def call_slowly(self, name: str, more_seconds: float, /, **args: Any) -> Any:
        """A call that waits for a turn and then for a modem."""
        with self.client(more_seconds) as client:
            return client.call(name, **args)


pass_session = click.make_pass_decorator(Session)
as_json_option = click.option("--json", "as_json", is_flag=True, help="JSON instead of a table.")
limit_option = click.option("--limit", type=click.IntRange(1), help="At most this many, newest.")
