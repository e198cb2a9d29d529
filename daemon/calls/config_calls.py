"""The calls about the configuration: what is in effect, and reading the files anew."""

from typing import Any

from pulsarack.daemon.calls.office import Office
from pulsarack.daemon.control_protocol import CallError, Calls, Peer
from pulsarack.daemon.control_values import Nothing
from pulsarack.daemon.service.reload import Refused


class ConfigCalls:
    """Answers what is asked about the configuration."""

    def __init__(self, office: Office) -> None:
        self._config = office.context.config
        self._reload = office.reload

    def register(self, calls: Calls) -> None:
        """Add the calls to the registry."""
        calls.add("config.reload", self.reload)
        calls.add("config.show", self.show)

    async def reload(self, _args: Nothing, _peer: Peer) -> dict[str, Any]:
        """Read configuration, PINs and recipes anew; what changed, and what needs a restart."""
        if self._reload is None:
            raise CallError("NO_FILES", "this daemon was not started from files", "start it anew")
        try:
            done = await self._reload.now()
        except Refused as error:
            raise CallError("BAD_CONFIG", error.message, error.remedy) from None
        restart = [{"key": one.key, "why": one.effect.why} for one in done.restart]
        return {"changed": list(done.changed), "restart": restart}

    async def show(self, _args: Nothing, _peer: Peer) -> dict[str, Any]:
        """The values in effect; secrets are never in a configuration."""
        return {"config": self._config.model_dump(mode="json", by_alias=True)}
