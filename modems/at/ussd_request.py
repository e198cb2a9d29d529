"""When is a USSD request over, and with what? A machine without I/O.

Modems disagree on the order of things: the +CUSD comes after the OK (Wavecom) or
before it with the port blocked meanwhile (Telit); an OK may be followed by a bare
+CME ERROR and nothing else (Cinterion MC55i); a notice such as ``+CUSD: 2,"Initiating
Release"`` may precede the real answer; <m>=2 very often carries the final text.

So the rules are: 0 and 1 answer at once, and so does a text that leaves nothing open (who
asked knows which does). 2 with another text is kept as the answer for a moment, 2 without
one, 3 and known notices for a longer moment, and a better line that comes meanwhile takes
their place. 4 and 5 without a text mean failure, as does the
echoed request that some modems put behind a 5. Once an OK or any +CUSD was seen, no
error proves any more that nothing left.
"""

from collections.abc import Callable

from pulsarack.modems import refusal
from pulsarack.modems.at import cusd
from pulsarack.modems.at.results import Final, FinalKind
from pulsarack.modems.results import Refused, Silence, UssdAnswer, UssdResult
from pulsarack.ussd.status import UssdStatus

GRACE_SECONDS = 0.3
NOTICE_GRACE_SECONDS = 2.0

_STATUSES = {status.value: status for status in UssdStatus}
_NOTICES = frozenset(
    {"initiating release", "other local client responded", "unexpected data value"}
)


Settles = Callable[[str], bool]
"""Whether a text says all that was asked for, so that no other line is worth waiting for."""


def nothing_settles(_text: str) -> bool:
    """Whatever comes, a better line may follow."""
    return False


class UssdRequest:
    """One request; feed it what comes and look at ``result``, and whether its AT command ended."""

    def __init__(
        self,
        deadline: float,
        hint: cusd.UssdEncoding,
        error_is_local: bool = False,
        settles: Settles = nothing_settles,
    ) -> None:
        self.result: UssdResult | None = None
        self.accepted = False
        self.command_ended = False
        self.rejected_by: Final | None = None
        self.copy_until: float | None = None  # a second copy of the answer may come till then
        self.settled_by = ""
        self._deadline = deadline
        self._hint = hint
        self._error_is_local = error_is_local
        self._settles = settles
        self._candidate: UssdResult | None = None
        self._grace_deadline: float | None = None

    @property
    def deadline(self) -> float:
        """When ``expire`` wants to be called, monotonic seconds."""
        if self._grace_deadline is None:
            return self._deadline
        return min(self._deadline, self._grace_deadline)

    @property
    def heard(self) -> bool:
        """Some +CUSD has come for this request."""
        return self._candidate is not None or self.result is not None

    def ended(self, final: Final | None) -> None:
        """The AT command of the request got its final result, or None in all its time."""
        self.command_ended = True
        if final is None:
            return
        if final.ok:
            self.accepted = True
        else:
            self._fail(final, proves=not self.accepted)

    def failed_later(self, final: Final) -> None:
        """An error came that answers no command: it ends an accepted request."""
        if self.accepted and not final.ok:
            self._fail(final, proves=False)

    def arrived(self, line: str, now: float) -> None:
        """A +CUSD line came."""
        read = cusd.parse(line)
        if read is None or self.result is not None:
            return
        answer = as_answer(read, self._hint, now)
        if isinstance(answer, Refused):
            if not isinstance(self._candidate, UssdAnswer):
                self._keep(answer, now + NOTICE_GRACE_SECONDS)
        elif answer.status in (UssdStatus.NO_FURTHER_ACTION, UssdStatus.ACTION_REQUIRED):
            self.result = answer
        elif _is_notice(answer):
            if not self._has_text():
                self._keep(answer, now + NOTICE_GRACE_SECONDS)
        elif answer.status is UssdStatus.TERMINATED_BY_NETWORK and self._settles(answer.text):
            self.result = answer
            self.settled_by, self.copy_until = line, now + GRACE_SECONDS
        else:
            self._keep(answer, now + GRACE_SECONDS)

    def expire(self, now: float) -> None:
        """Tell the machine the time."""
        if self.result is None and now >= self.deadline:
            self.result = self._candidate or Silence(left=True)

    def _fail(self, final: Final, proves: bool) -> None:
        if self.result is not None:
            return
        if self._candidate is not None:
            # The line that came before the error says more than the error.
            self.result = self._candidate
            return
        left = not proves or refusal.ussd_left(final, self._error_is_local)
        self.rejected_by = final if proves else None
        code = final.code if final.kind is FinalKind.CME else None
        self.result = Refused(str(final), code, left)

    def _keep(self, candidate: UssdResult, until: float) -> None:
        self._candidate = candidate
        self._grace_deadline = until

    def _has_text(self) -> bool:
        held = self._candidate
        return isinstance(held, UssdAnswer) and not _is_notice(held)


def as_answer(
    read: cusd.Cusd, hint: cusd.UssdEncoding, at: float = float("-inf")
) -> UssdAnswer | Refused:
    """A +CUSD as an answer, or as a failure if it is none (27.007 7.15)."""
    text = "" if read.content is None else cusd.decode(read.content, read.dcs, hint)
    status = _STATUSES.get(read.status)
    if status is None:
        return Refused(f"+CUSD: {read.status} (unknown status)", None, left=True)
    if status is UssdStatus.NETWORK_TIMEOUT:
        text = ""
    empty = not text.strip()
    if empty and status not in (UssdStatus.NO_FURTHER_ACTION, UssdStatus.ACTION_REQUIRED):
        name = status.name.lower().replace("_", " ")
        return Refused(f"+CUSD: {read.status} ({name})", None, left=True)
    return UssdAnswer(status, text, read.dcs, read.raw, at)


def _is_notice(answer: UssdAnswer) -> bool:
    if answer.status is UssdStatus.OTHER_CLIENT_RESPONDED:
        return True
    return answer.text.strip().casefold() in _NOTICES
