"""The conversation with one modem as a machine without I/O: bytes in, events out.

One command is in flight at a time. Time is an argument: each command has a deadline,
and whoever drives the machine calls ``expire`` when ``deadline`` has come.

After a deadline has passed nobody knows which command the next final result answers.
The machine is then LOST and takes no command, only a probe (a plain ``AT``); what
arrives meanwhile is reported as stray and never as an answer. A new machine is LOST
too, since nobody knows what the modem was doing before.
"""

from enum import StrEnum

from pulsarack.modems.at import partial
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
from pulsarack.modems.at.lines import LINE_OCTETS_MAX, LineSplitter, behind_prompt
from pulsarack.modems.at.results import (
    NUMERIC_RING,
    Final,
    FinalKind,
    parse_final,
    parse_numeric,
    unglue,
)
from pulsarack.modems.at.unsolicited import is_notice, is_unsolicited
from pulsarack.modems.errors import IllegalMove

RESPONSE_LINES_MAX = 1024
RESPONSE_OCTETS_MAX = 256 * 1024

PROBE = AtCommand("AT")
CTRL_Z = b"\x1a"
ESCAPE = b"\x1b"
_BLANK = " \t\x00\x1b\x7f\xff"


class State(StrEnum):
    """Where the conversation stands."""

    LOST = "nobody knows what the modem is answering"
    PROBING = "a plain AT waits for any final result"
    IDLE = "no command in flight"
    RESULT = "a command waits for its final result"
    PROMPT = "a command waits for the prompt"
    BODY = "the modem waits for the body"


class Move(StrEnum):
    """What may happen to the conversation."""

    SEND = "send"
    SEND_PROMPTED = "send a command that asks for a body"
    SEE_PROMPT = "see the prompt"
    SEND_BODY = "send the body"
    FINISH = "see the final result"
    EXPIRE = "reach the deadline"
    ABANDON = "give up"
    PROBE = "probe"


TABLE: dict[tuple[State, Move], State] = {
    (State.LOST, Move.PROBE): State.PROBING,
    (State.LOST, Move.ABANDON): State.LOST,
    (State.PROBING, Move.FINISH): State.IDLE,
    (State.PROBING, Move.EXPIRE): State.LOST,
    (State.PROBING, Move.ABANDON): State.LOST,
    (State.IDLE, Move.SEND): State.RESULT,
    (State.IDLE, Move.SEND_PROMPTED): State.PROMPT,
    (State.IDLE, Move.ABANDON): State.LOST,
    (State.RESULT, Move.FINISH): State.IDLE,
    (State.RESULT, Move.EXPIRE): State.LOST,
    (State.RESULT, Move.ABANDON): State.LOST,
    (State.PROMPT, Move.SEE_PROMPT): State.BODY,
    (State.PROMPT, Move.FINISH): State.IDLE,
    (State.PROMPT, Move.EXPIRE): State.LOST,
    (State.PROMPT, Move.ABANDON): State.LOST,
    (State.BODY, Move.SEND_BODY): State.RESULT,
    (State.BODY, Move.FINISH): State.IDLE,
    (State.BODY, Move.EXPIRE): State.LOST,
    (State.BODY, Move.ABANDON): State.LOST,
}


class AtMachine:
    """See the module's text. ``send`` and its kin return the bytes to write."""

    def __init__(self) -> None:
        self.state = State.LOST
        self._splitter = LineSplitter()
        self._command: AtCommand | None = None
        self._echo = ""  # of the command in flight
        self._body = ""  # likewise, as its echo begins
        self._lines: list[str] = []
        self._octets = 0
        self._truncated = False
        self._partial: partial.Partial | None = None
        self._command_deadline: float | None = None
        self._events: list[Event] = []

    # -- what the driver asks -------------------------------------------------

    @property
    def deadline(self) -> float | None:
        """When ``expire`` wants to be called, monotonic seconds; None for never."""
        ends = self._command_deadline
        if self._partial is None:
            return ends
        return self._partial.deadline if ends is None else min(ends, self._partial.deadline)

    @property
    def buffered_octets(self) -> int:
        """What is held back, for tests of the bounds."""
        held = len(self._partial.text) if self._partial else 0
        return len(self._splitter.begun) + self._octets + held

    def send(self, command: AtCommand, deadline: float) -> bytes:
        """Put a command in flight; legal only when none is."""
        self._apply(Move.SEND_PROMPTED if command.prompted else Move.SEND)
        self._start(command, deadline)
        return command.text.encode("latin-1") + b"\r"

    def send_body(self, body: str, deadline: float) -> bytes:
        """The body after the prompt, with its Ctrl-Z (27.005 4.3)."""
        self._apply(Move.SEND_BODY)
        self._body = body
        self._command_deadline = deadline
        return body.encode("latin-1") + CTRL_Z

    def probe(self, deadline: float) -> bytes:
        """Ask a lost modem for a sign of life; its Response is the answer."""
        self._apply(Move.PROBE)
        self._start(PROBE, deadline)
        return PROBE.text.encode() + b"\r"

    def abandon(self) -> bytes:
        """Give up what is in flight; ESC leaves a prompt and harms nothing else."""
        self._apply(Move.ABANDON)
        self._clear()
        return ESCAPE

    def hasten(self, deadline: float) -> None:
        """Move the deadline of the command in flight forward, never back."""
        if self._command_deadline is not None:
            self._command_deadline = min(self._command_deadline, deadline)

    def feed(self, data: bytes, now: float) -> list[Event]:
        """Take what the port read and say what it meant."""
        prompt_awaited = self.state is State.PROMPT
        for line in self._splitter.feed(data):
            text = self._behind_prompt(line) if prompt_awaited else line
            # An empty line means something only within a result of several lines.
            if text or self._partial is not None:
                self._take(text, now)
        if prompt_awaited and self.state is State.PROMPT and self._splitter.take_prompt():
            self._see_prompt()
        if self._splitter.begun and (octets := self._splitter.drop_overlong()):
            self._events.append(Discarded("a line without end", octets))
        return self._drain()

    def expire(self, now: float) -> list[Event]:
        """Tell the machine the time; what is overdue comes back as events."""
        if self._partial is not None and now >= self._partial.deadline:
            self._flush()
        if self._command_deadline is not None and now >= self._command_deadline:
            command, lines = self._in_flight(), tuple(self._lines)
            self._apply(Move.EXPIRE)
            self._clear()
            self._events.append(Expired(command, lines))
        return self._drain()

    # -- lines ----------------------------------------------------------------

    def _behind_prompt(self, line: str) -> str:
        behind = behind_prompt(line) if self.state is State.PROMPT else None
        if behind is None:
            return line
        self._see_prompt()
        return behind

    def _take(self, text: str, now: float) -> None:
        if len(text) > LINE_OCTETS_MAX:
            self._events.append(Discarded("a line without end", len(text)))
            return
        line = text.strip(_BLANK)
        if self._partial is not None and self._belongs_to_partial(line):
            if self._partial.add(text):
                self._flush()
            return
        if line.startswith(">") and self.state is not State.PROMPT:
            line = line.removeprefix(">").strip(_BLANK)
        if not line or line == self._echo or (self._body and line.startswith(self._body)):
            return
        if partial.begins(line):
            self._partial = partial.Partial(line, now + partial.PARTIAL_SECONDS)
            return
        head, rest = unglue(line)
        self._classify(head)
        if rest:
            self._take(rest, now)

    def _belongs_to_partial(self, line: str) -> bool:
        """Whether the open result goes on with this line; it is closed here if it cannot."""
        held = self._partial
        if held is None:
            return False
        final = parse_final(line)
        coded = final is not None and final.kind in (FinalKind.CME, FinalKind.CMS)
        awaited = final is not None and self._command is not None
        if coded or awaited or line.startswith("+CUSD:"):
            self._flush()
            return False
        if not held.quoted:
            # A notice between a header and its PDU is no PDU.
            return bool(line) and not is_unsolicited(line)
        return not is_notice(line)

    def _classify(self, line: str) -> None:
        command = self._command
        if line.startswith("+CUSD:"):
            self._events.append(Unsolicited(line))
            return
        if command is None:
            self._classify_idle(line)
            return
        final = parse_final(line, command.dials)
        if final is None and command.final_prefixes and line.startswith(command.final_prefixes):
            self._keep(line)
            final = Final(FinalKind.LINE, line)
        if final is None and self.state is State.PROBING:
            final = parse_numeric(line)
            line = "RING" if line == NUMERIC_RING else line
        if final is not None:
            self._finish(command, final)
        elif command.expects and line.startswith(command.expects):
            self._keep(line)
        elif is_unsolicited(line):
            self._events.append(Unsolicited(line))
        else:
            self._keep(line)

    def _classify_idle(self, line: str) -> None:
        if is_unsolicited(line):
            self._events.append(Unsolicited(line))
        else:
            self._events.append(Stray(line, parse_final(line)))

    def _keep(self, line: str) -> None:
        full = (
            len(self._lines) >= RESPONSE_LINES_MAX or self._octets + len(line) > RESPONSE_OCTETS_MAX
        )
        if not full:
            self._lines.append(line)
            self._octets += len(line)
            return
        if not self._truncated:
            self._events.append(Discarded("a response without end", len(line)))
        self._truncated = True

    def _flush(self) -> None:
        if self._partial is not None:
            self._events.append(Unsolicited(self._partial.text.rstrip(_BLANK)))
            self._partial = None

    # -- moves ----------------------------------------------------------------

    def _apply(self, move: Move) -> None:
        after = TABLE.get((self.state, move))
        if after is None:
            raise IllegalMove(move.value, self.state.name)
        self.state = after

    def _start(self, command: AtCommand, deadline: float) -> None:
        self._command = command
        self._echo = command.text.strip()
        self._command_deadline = deadline

    def _see_prompt(self) -> None:
        self._apply(Move.SEE_PROMPT)
        self._command_deadline = None
        self._events.append(PromptSeen(self._in_flight()))

    def _finish(self, command: AtCommand, final: Final) -> None:
        self._apply(Move.FINISH)
        response = Response(command, tuple(self._lines), final, self._truncated)
        self._clear()
        self._events.append(response)

    def _in_flight(self) -> AtCommand:
        if self._command is None:
            raise IllegalMove("ask for the command in flight", self.state.name)
        return self._command

    def _clear(self) -> None:
        self._command = None
        self._command_deadline = None
        self._echo = self._body = ""
        self._lines = []
        self._octets = 0
        self._truncated = False

    def _drain(self) -> list[Event]:
        events, self._events = self._events, []
        return events
