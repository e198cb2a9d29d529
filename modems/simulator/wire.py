"""The byte side of a virtual modem: echo, command lines, the prompt, final results.

Bytes are fed in as they come; whole lines are run command by command. A command may take its time
(a USSD answer, an SMS): meanwhile what the TE writes waits in the modem's buffer, as in a UART, or
aborts the command where the model allows it (V.250 5.6.1). Whatever is said goes out through one
`transmit`.
"""

import re
from collections import deque
from collections.abc import Callable

from pulsarack.modems.simulator.dialect import Dialect
from pulsarack.modems.simulator.line import Command, parse_line
from pulsarack.modems.simulator.result import (
    Done,
    EquipmentError,
    Later,
    Result,
    ServiceError,
    Unknown,
    error_line,
)

CR, LF, BACKSPACE, CTRL_Z, ESCAPE = 13, 10, 8, 26, 27
LONGEST_LINE = 1024

# What may come between two octets that do something.
_LINE_RUN = re.compile(rb"[^\r\x08]*")
_LINE_IGNORED = bytes([LF, ESCAPE])
_BODY_RUN = re.compile(rb"[^\x1a\x1b]*")
_BODY_IGNORED = bytes([CR, LF])

Body = Callable[[str | None], Result]
Conclude = Callable[[Result], None]


class Wire:
    """One modem's serial line, seen from inside the modem."""

    def __init__(
        self,
        dialect: Dialect,
        execute: Callable[[Command], Result],
        transmit: Callable[[bytes], None],
        spoil: Callable[[bytes], bytes],
    ) -> None:
        self._dialect = dialect
        self._execute = execute
        self._transmit = transmit
        self._spoil = spoil
        self._command_number = 0
        self.reset()

    def reset(self) -> None:
        """Forget everything, as after power-up."""
        self.echo = True
        self.report_level = 0
        self.deaf = self._dialect.deaf_until_first_line
        self._input = bytearray()
        self._line = bytearray()
        self._commands: deque[Command] = deque()
        self._without_ok = False
        self._body: Body | None = None
        self._body_text = bytearray()
        self._running = False
        self._abort: Callable[[], None] | None = None
        self._command_number += 1

    def feed(self, data: bytes) -> None:
        """Take what the TE wrote."""
        self._input += data
        self._pump()

    def concluder(self, abort: Callable[[], None] | None = None) -> Conclude:
        """For a command that answers Later: how to end it.

        With `abort` any further octet from the TE ends the command without a final result, and
        `abort` is told; without it input waits.
        """
        self._abort = abort
        number = self._command_number

        def conclude(result: Result) -> None:
            if self._running and number == self._command_number:
                self._running, self._abort = False, None
                if self._settle(result):
                    self._run_on()
                self._pump()

        return conclude

    def ask_body(self, body: Body) -> None:
        """Show the prompt and collect text up to Ctrl-Z (given to `body`) or ESC (None)."""
        self._body, self._body_text = body, bytearray()
        self._transmit(self._dialect.prompt.encode("ascii"))

    def unsolicited(self, line: str, carries_answer: bool = False) -> None:
        """Say a line that was not asked for, or not asked for now."""
        plain = line.startswith(self._dialect.lines_with_one_cr)
        end = "\r\n" if plain else self._dialect.line_end
        self._say(f"{end}{line}{end}", carries_answer)

    def _say(self, text: str, carries_answer: bool) -> None:
        data = text.encode("latin-1", "replace")
        self._transmit(self._spoil(data) if carries_answer else data)

    def _pump(self) -> None:
        while self._input:
            if self._body is None and self._running:
                if self._abort is None:
                    return
                self._give_up_running()
            if not self.echo or (self.deaf and self._body is None):
                self._take_run()
                if not self._input:
                    return
            octet = self._input.pop(0)
            if self._body is not None:
                self._take_body_octet(octet, self._body)
            else:
                self._take_octet(octet)

    def _take_run(self) -> None:
        """Take all octets at once that only fill the line or the body: quicker, and no more."""
        plain = _LINE_RUN if self._body is None else _BODY_RUN
        match = plain.match(self._input)
        assert match is not None, "a run may be empty, but is always there"
        run = match[0]
        if not run:
            return
        del self._input[: len(run)]
        if self._body is None:
            self._line += run.translate(None, _LINE_IGNORED)
            del self._line[LONGEST_LINE:]
        else:
            self._body_text += run.translate(None, _BODY_IGNORED)

    def _give_up_running(self) -> None:
        abort, self._abort, self._running = self._abort, None, False
        self._commands.clear()
        if abort is not None:
            abort()

    def _take_octet(self, octet: int) -> None:
        if octet in (LF, ESCAPE):
            return
        if self.echo and not self.deaf:
            self._transmit(bytes([octet]))
        if octet == CR:
            line, self._line = self._line.decode("latin-1"), bytearray()
            self._run(line)
        elif octet == BACKSPACE:
            del self._line[-1:]
        elif len(self._line) < LONGEST_LINE:
            self._line.append(octet)

    def _take_body_octet(self, octet: int, body: Body) -> None:
        if octet not in (CTRL_Z, ESCAPE):
            if self.echo:
                self._transmit(bytes([octet]))
            if octet not in (CR, LF):
                self._body_text.append(octet)
            return
        self._body = None
        text = None if octet == ESCAPE else self._body_text.decode("latin-1").strip()
        conclude = self.concluder()
        result = body(text)
        if not isinstance(result, Later):
            conclude(result)

    def _run(self, line: str) -> None:
        start = line.upper().find("AT")
        if start < 0:
            return
        if self.deaf:
            # The first line only sets the baud rate.
            self.deaf = False
            return
        commands = parse_line(line[start + 2 :])
        self._without_ok = False
        if commands is None:
            self._final("ERROR")
            return
        self._commands = deque(commands)
        self._run_on()

    def _run_on(self) -> None:
        while self._commands:
            self._command_number += 1
            result = self._execute(self._commands.popleft())
            if isinstance(result, Later):
                self._running = True
                return
            if not self._settle(result):
                return
        if not self._without_ok:
            self._final("OK")

    def _settle(self, result: Result) -> bool:
        """Say what a command brought; False if the line ends here."""
        match result:
            case Done(lines, without_ok, carries_message):
                if lines:
                    self._say("\r\n" + "\r\n".join(lines) + "\r\n", carries_message)
                self._without_ok = without_ok
                return True
            case EquipmentError() | ServiceError():
                self._commands.clear()
                self._final(error_line(result, self.report_level))
            case Unknown():
                self._commands.clear()
                self._final(self._unknown())
            case Later():
                raise AssertionError("Later is not settled")
        return False

    def _unknown(self) -> str:
        if self._dialect.unknown_code is not None and self.report_level:
            return error_line(EquipmentError(self._dialect.unknown_code), self.report_level)
        return self._dialect.unknown_command

    def _final(self, text: str) -> None:
        self._say(f"\r\n{text}\r\n", carries_answer=False)
