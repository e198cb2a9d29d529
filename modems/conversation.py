"""One command after the other over one port, each with a deadline.

The AT machine decides what bytes mean; this file moves them, keeps the timer and wakes
whoever waits. Before a command is sent the machine must know its place: after a
deadline passed (and at the very start) the modem is woken with ESC and CR, which end
a prompt, and asked ``AT`` until it says OK; then it must keep quiet for a moment, so
that the late answer to an earlier command is not taken for the answer to the next.
"""

import asyncio
from collections.abc import Callable

from pulsarack.modems.alarm import Alarm
from pulsarack.modems.at.events import (
    AtCommand,
    Discarded,
    Event,
    Expired,
    PromptSeen,
    Response,
    Stray,
    Unsolicited,
)
from pulsarack.modems.at.machine import PROBE, AtMachine, State
from pulsarack.modems.at.results import Final, FinalKind
from pulsarack.modems.errors import ModemSilent, NotAModem, PortGone
from pulsarack.modems.timing import Clock
from pulsarack.modems.transport import Direction, Port, Trace

Ended = Response | PromptSeen | Expired
"""The end of a command, or of its first half."""

PROBES = 5
VERBOSE = b"ATV1\r"
PROBE_SECONDS = 1.0
WAKE_SECONDS = 0.1
QUIET_ROUNDS = 5


class Conversation:
    """Not for two at once: whoever uses it holds the modem's lock."""

    def __init__(
        self,
        port: Port,
        clock: Clock,
        on_notice: Callable[[str], None],
        on_stray: Callable[[Final], None],
        on_gone: Callable[[str], None],
        trace: Trace | None = None,
    ) -> None:
        self.clock = clock
        self._now = clock.monotonic
        self.settle_seconds = 0.2
        self._port = port
        self._machine = AtMachine()
        self._on_notice = on_notice
        self._on_stray = on_stray
        self._on_gone = on_gone
        self.trace = trace  # whoever listens to the bytes now
        self._waiter: asyncio.Future[Ended] | None = None
        self._on_end: Callable[[Ended], None] | None = None
        self._alarm = Alarm(clock, self._ring)
        self._heard_octets = 0
        self._stray_finals = 0
        self._gone: str | None = None
        port.on_bytes = self._received
        port.on_gone = self._vanished

    @property
    def buffered_octets(self) -> int:
        """What the machine holds back, for tests of the bounds."""
        return self._machine.buffered_octets

    async def run(self, command: AtCommand, seconds: float) -> Response:
        """Send a command and wait for its end; ModemSilent, NotAModem, PortGone."""
        event = await self.exchange(command, seconds)
        if isinstance(event, Response):
            return event
        raise ModemSilent(command.name, seconds)

    async def exchange(self, command: AtCommand, seconds: float) -> Ended:
        """Like ``run``, with prompt and silence as values."""
        if self._machine.state is State.LOST:
            await self.ready()
        self._check_port()
        event = await self._send(self._machine.send(command, self._now() + seconds))
        if command.final_prefixes and isinstance(event, Response):
            # Some versions do send an OK behind it, which must not answer the next command.
            await self.clock.sleep(self.settle_seconds)
        return event

    def begin(self, command: AtCommand, deadline: float, on_end: Callable[[Ended], None]) -> None:
        """Send a command to a modem that is ready, and wait for nothing; PortGone.

        ``on_end`` is told its end, unless the port goes or the command is given up before.
        """
        self._check_port()
        data = self._machine.send(command, deadline)
        self._on_end = on_end
        self._write(data)
        self._arm()

    async def send_body(self, body: str, seconds: float, pause_seconds: float = 0.0) -> Ended:
        """The body after the prompt; IllegalMove if the modem has left its prompt.

        Its last byte, the Ctrl-Z, follows after the pause, unless the modem has answered.
        """
        self._check_port()
        data = self._machine.send_body(body, self._now() + pause_seconds + seconds)
        if not pause_seconds:
            return await self._send(data)
        return await self._send(data[:-1], later=data[-1:], after_seconds=pause_seconds)

    @property
    def awaits_body(self) -> bool:
        """The modem is at its prompt."""
        return self._machine.state is State.BODY

    def escape(self) -> None:
        """Give up what is in flight; the next command will find the place again."""
        self._on_end = None
        if self._machine.state is not State.IDLE:
            self._write(self._machine.abandon() + b"\r")
            self._arm()

    def hasten(self, seconds: float) -> None:
        """Wait no longer than this for the command in flight."""
        self._machine.hasten(self._now() + seconds)
        self._arm()

    async def ready(self) -> None:
        """Make sure that the next answer is the next command's."""
        self._check_port()
        if self._machine.state is not State.LOST:
            return
        for _ in range(PROBES):
            self._write(self._machine.abandon() + b"\r")
            await self.clock.sleep(WAKE_SECONDS)
            self._check_port()
            event = await self._send(self._machine.probe(self._now() + PROBE_SECONDS))
            if isinstance(event, Response) and event.final.ok:
                if event.final.kind is not FinalKind.NUMERIC:
                    await self._quiet()
                    return
                # Left at ATV0. Who then says no OK in words either is no modem.
                self._write(VERBOSE)
            self._lose_place()
        if self._heard_octets:
            raise NotAModem
        raise ModemSilent(PROBE.name, PROBES * PROBE_SECONDS)

    def close(self) -> None:
        """Stop the timer and close the port; whoever waits learns that it is gone."""
        self._alarm.stop()
        self._port.close()
        self._mark_gone("closed")

    async def _quiet(self) -> None:
        for _ in range(QUIET_ROUNDS):
            self._stray_finals = 0
            await self.clock.sleep(self.settle_seconds)
            self._check_port()
            if not self._stray_finals:
                return

    def _lose_place(self) -> None:
        if self._machine.state is not State.LOST:
            self._machine.abandon()

    async def _send(self, data: bytes, later: bytes = b"", after_seconds: float = 0.0) -> Ended:
        waiter: asyncio.Future[Ended] = asyncio.get_running_loop().create_future()
        self._waiter = waiter
        timer = None
        if later:
            timer = self.clock.call_at(self._now() + after_seconds, lambda: self._write(later))
        try:
            self._write(data)
            self._arm()
            return await waiter
        except asyncio.CancelledError:
            self.escape()
            raise
        finally:
            self._waiter = None
            if timer is not None:
                timer.cancel()

    def _write(self, data: bytes) -> None:
        if self.trace is not None:
            self.trace(Direction.SENT, data)
        self._port.write(data)

    def _received(self, data: bytes) -> None:
        if self.trace is not None:
            self.trace(Direction.RECEIVED, data)
        self._heard_octets += len(data)
        self._dispatch(self._machine.feed(data, self._now()))
        self._arm()

    def _dispatch(self, events: list[Event]) -> None:
        ended: Ended | None = None
        for event in events:
            if isinstance(event, Unsolicited):
                self._on_notice(event.line)
            elif isinstance(event, Stray):
                if event.final is not None:
                    self._stray_finals += 1
                    self._on_stray(event.final)
            elif ended is None and not isinstance(event, Discarded):
                ended = event
        # Behind what was read with it: an answer says more than the error it came with.
        if ended is not None:
            self._wake(ended)

    def _wake(self, event: Ended) -> None:
        if self._on_end is not None:
            on_end, self._on_end = self._on_end, None
            on_end(event)
        elif self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(event)

    def _arm(self) -> None:
        self._alarm.set(None if self._gone is not None else self._machine.deadline)

    def _ring(self) -> None:
        self._dispatch(self._machine.expire(self._now()))
        self._arm()

    def _vanished(self, reason: str) -> None:
        if self._gone is None:
            self._alarm.stop()
            self._mark_gone(reason)
            self._on_gone(reason)

    def _mark_gone(self, reason: str) -> None:
        if self._gone is None:
            self._gone = reason
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(PortGone(reason))

    def _check_port(self) -> None:
        if self._gone is not None:
            raise PortGone(self._gone)
