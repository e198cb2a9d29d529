"""One scripted talk with the operator: a machine without I/O.

`start` gives the first action; the worker performs it and hands what came to
`receive`, which gives the next. The machine knows five states:

    READY           nothing was said yet
    WAITING_SCREEN  something was dialled or answered; a screen is to come
    WAITING_SEND    an SMS is being handed over
    WAITING_TEXT    the operator's report is to come by SMS
    FINISHED        the outcome is known

The point of no return is the step the recipe marks: from the moment its action is
handed out the dialogue is `committed`. Before it every end is NOT_DONE, whatever went
wrong, for no money can have moved. After it only the operator's words decide, in a
reply whose fields agree with the order, or the modem's proof that the committing
action never left; everything else is UNDECIDED. `_end_without_proof` is the one place
where that is decided.

The table at the end of this file names every legal move. An event that has no row
raises IllegalEvent and changes nothing.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple

from pulsarack.ussd.errors import IllegalEvent, ValuesUnfit
from pulsarack.ussd.exchange import (
    Action,
    Answer,
    AwaitText,
    Dial,
    Event,
    Finished,
    NoAnswer,
    Outcome,
    Screen,
    SendText,
    Sent,
    TextIn,
)
from pulsarack.ussd.kinds import Channel, Purpose, ReplyKind, StepAction
from pulsarack.ussd.outcome import OutcomeKind, Reason
from pulsarack.ussd.recipe import Recipe
from pulsarack.ussd.reply import Reply, disagreement, explain
from pulsarack.ussd.script import Script, Step
from pulsarack.ussd.spoken import Spoken
from pulsarack.ussd.status import UssdStatus
from pulsarack.ussd.values import Values

__all__ = [
    "Action",
    "Answer",
    "AwaitText",
    "Dial",
    "Dialogue",
    "Event",
    "Finished",
    "NoAnswer",
    "Outcome",
    "Screen",
    "SendText",
    "Sent",
    "Spoken",
    "State",
    "TextIn",
    "Values",
]


class State(StrEnum):
    """Where a dialogue stands; see the head of this file."""

    READY = "READY"
    WAITING_SCREEN = "WAITING_SCREEN"
    WAITING_SEND = "WAITING_SEND"
    WAITING_TEXT = "WAITING_TEXT"
    FINISHED = "FINISHED"


@dataclass(frozen=True, slots=True)
class _Begin:
    """The event that `start` is."""


_BEGIN = _Begin()


class _Position(NamedTuple):
    """Where a dialogue stands; replaced as a whole by each move.

    step: the number of the one said last. accepted: the operator said that it works on
    it. awaiting: the last action was a wait. doubt: why the last text that came did not
    decide.
    """

    state: State = State.READY
    step: int = 0
    committed: bool = False
    session_open: bool = False
    accepted: bool = False
    awaiting: bool = False
    doubt: Reason | None = None


_Move = tuple[_Position, Action]


class _Task(NamedTuple):
    """What a dialogue is about; never changes but for what it remembers of the last screen.

    words: what each step of the script says. read: the move by a screen, by where the dialogue
    stood and the text; one that was asked about before it is received is read once.
    """

    recipe: Recipe
    script: Script
    values: Values
    words: tuple[Spoken, ...]
    read: dict[tuple[_Position, str], _Move]


@dataclass(frozen=True, slots=True)
class _Doubt:
    """A text that decides nothing."""

    reason: Reason
    why: str


_SCRIPT_AIMS = {
    Purpose.TOP_UP: ReplyKind.SUCCESS,
    Purpose.STOCK: ReplyKind.STOCK,
    Purpose.HISTORY: ReplyKind.HISTORY,
}
_ABOUT_AN_ORDER = (ReplyKind.SUCCESS, ReplyKind.FAILURE, ReplyKind.PROCESS, ReplyKind.PROMPT)

# Screens that are no answer, whatever text comes with them (27.007 section 7.15);
# some modems repeat our own request as the text of NETWORK_TIMEOUT.
_WORDLESS = {
    UssdStatus.OTHER_CLIENT_RESPONDED: Reason.UNEXPECTED_SCREEN,
    UssdStatus.NOT_SUPPORTED: Reason.MODEM_REFUSED,
    UssdStatus.NETWORK_TIMEOUT: Reason.NO_REPLY,
}


class Dialogue:
    """One run of one script."""

    def __init__(self, recipe: Recipe, script: Script, values: Values) -> None:
        """Prepare the talk; raise ValuesUnfit if the script needs a value not given."""
        if script.purpose is Purpose.TOP_UP and None in (values.destination, values.denomination):
            raise ValuesUnfit("a top-up needs a destination and a denomination; give both")
        words = tuple(step.template.fill(values, recipe.numbering) for step in script.steps)
        self._task = _Task(recipe, script, values, words, {})
        self._position = _Position()

    @property
    def state(self) -> State:
        """Where the dialogue stands."""
        return self._position.state

    @property
    def committed(self) -> bool:
        """Whether the committing action has been handed out."""
        return self._position.committed

    def settled_by(self, text: str) -> bool:
        """Whether a last screen with this text would prove the thing done.

        Then no further screen is worth waiting for. Changes nothing.
        """
        if self._position.state is not State.WAITING_SCREEN:
            return False
        screen = Screen(UssdStatus.NO_FURTHER_ACTION, text)
        _, action = _read_screen(self._task, self._position, screen)
        return isinstance(action, Finished) and action.outcome.kind is OutcomeKind.DONE

    def start(self) -> Action:
        """Return the first action."""
        return self._apply(_BEGIN)

    def receive(self, event: Event) -> Action:
        """Take in what came and return the next action."""
        return self._apply(event)

    def _apply(self, event: Event | _Begin) -> Action:
        move = _MOVES.get((self._position.state, type(event)))
        if move is None:
            name = type(event).__name__.lstrip("_")
            raise IllegalEvent(
                f"a dialogue in state {self._position.state.value} cannot take {name}; "
                "hand over one event for each action, and none after Finished"
            )
        self._position, action = move(self._task, self._position, event)
        return action


def _begin(task: _Task, at: _Position, _event: _Begin) -> _Move:
    return _hand_out(task, at, 0)


def _hand_out(task: _Task, at: _Position, index: int) -> _Move:
    """Say step number `index`."""
    step = task.script.steps[index]
    said = task.words[index]
    sms = step.action is StepAction.SMS
    at = _Position(
        state=State.WAITING_SEND if sms else State.WAITING_SCREEN,
        step=index,
        committed=at.committed or step.commits,
        session_open=at.session_open or not sms,
    )
    if sms:
        seconds = task.recipe.timing.send_seconds
        return at, SendText(step.to, said, step.commits, seconds, step.delivery_report)
    if step.action is StepAction.USSD:
        return at, Dial(said, step.commits, step.within_seconds)
    return at, Answer(said, step.commits, step.within_seconds)


def _read_screen(task: _Task, at: _Position, event: Screen) -> _Move:
    at = at._replace(session_open=event.status is UssdStatus.ACTION_REQUIRED)
    if event.status in _WORDLESS or not event.text.strip():
        reason = _WORDLESS.get(event.status, Reason.NO_REPLY)
        return _end_without_proof(at, reason, f"the session ended: {event.status.name}", None)
    move = task.read.get((at, event.text))
    if move is None:
        move = _read_words(task, at, event.text)
        task.read.clear()
        task.read[at, event.text] = move
    return move


def _read_words(task: _Task, at: _Position, text: str) -> _Move:
    reading = explain(task.recipe, text, Channel.USSD)
    if reading.reply is None:
        return _end_without_proof(at, Reason.UNPARSED_REPLY, reading.why, None)
    move = _weigh(task, at, reading.reply, addressed=True)
    if isinstance(move, _Doubt):
        return _end_without_proof(at, move.reason, move.why, reading.reply)
    return move


def _read_late_screen(task: _Task, at: _Position, event: Screen) -> _Move:
    """Read a screen that came of itself, while a text is awaited: as good as a text."""
    at = at._replace(session_open=event.status is UssdStatus.ACTION_REQUIRED)
    if event.status in _WORDLESS or not event.text.strip():
        return _keep_waiting(task, at, at.doubt)
    return _read_beside(task, at, event.text, Channel.USSD, addressed=False)


def _read_text(task: _Task, at: _Position, event: TextIn) -> _Move:
    if not task.recipe.believes(event.sender):
        return _keep_waiting(task, at, at.doubt)
    ours = at.state is State.WAITING_TEXT and not task.values.reply_owed
    return _read_beside(task, at, event.text, Channel.SMS, addressed=ours)


def _read_beside(
    task: _Task, at: _Position, text: str, channel: Channel, *, addressed: bool
) -> _Move:
    """Read a text that need not be ours: it may decide, but it never ends the wait."""
    reading = explain(task.recipe, text, channel)
    if reading.reply is None:
        return _keep_waiting(task, at, Reason.UNPARSED_REPLY)
    kind = reading.reply.kind
    if kind is ReplyKind.PROCESS and _foreign(task, reading.reply, addressed=addressed) is None:
        return _keep_waiting(task, at._replace(accepted=True), None)
    if kind is ReplyKind.PROMPT and at.state is not State.WAITING_TEXT:
        return _keep_waiting(task, at, at.doubt)
    move = _weigh(task, at, reading.reply, addressed=addressed)
    if not isinstance(move, _Doubt):
        return move
    foreign = move.reason is Reason.FOREIGN_REPLY
    return _keep_waiting(task, at, move.reason if foreign else at.doubt)


def _weigh(task: _Task, at: _Position, reply: Reply, *, addressed: bool) -> _Move | _Doubt:
    """Decide by a reply, or say why it does not decide.

    addressed: the reply came in answer to us, so that it is about this order even if
    it names no destination.
    """
    if reply.kind is ReplyKind.PROMPT:
        return _follow_prompt(task, at, reply)
    foreign = _foreign(task, reply, addressed=addressed)
    if foreign is not None:
        return _Doubt(Reason.FOREIGN_REPLY, f'pattern "{reply.pattern}": {foreign}')
    read = f'the operator said so (pattern "{reply.pattern}")'
    if reply.kind is ReplyKind.FAILURE:
        return _finish(at, OutcomeKind.NOT_DONE, reply.reason, reply, read)
    if reply.kind is ReplyKind.PROCESS:
        return _accept(task, at, reply)
    proves = at.committed or task.script.purpose is not Purpose.TOP_UP
    if reply.kind is _SCRIPT_AIMS[task.script.purpose] and proves:
        return _finish(at, OutcomeKind.DONE, None, reply, read)
    return _unexpected(reply)


def _foreign(task: _Task, reply: Reply, *, addressed: bool) -> str | None:
    """Return why a reply is not about this order, None if it is (or about none)."""
    if task.script.purpose is not Purpose.TOP_UP or reply.kind not in _ABOUT_AN_ORDER:
        return None
    if reply.serial_number in task.values.spent_serial_numbers:
        return "its serial number already proved another attempt"
    if reply.destination is None and not addressed:
        return "it names no destination and may be about an earlier order"
    return disagreement(reply, task.values.destination, task.values.amount)


def _follow_prompt(task: _Task, at: _Position, reply: Reply) -> _Move | _Doubt:
    """Say the next step, if this is the prompt for it and it shows this order."""
    step = _step(task, at)
    following = at.step + 1
    if at.committed or following == len(task.script.steps):
        return _unexpected(reply)
    if reply.pattern not in step.expect and reply.kind.value not in step.expect:
        return _unexpected(reply)
    differs = _foreign(task, reply, addressed=True)
    if differs is not None:
        return _Doubt(Reason.UNEXPECTED_SCREEN, f'prompt "{reply.pattern}": {differs}')
    answers = task.script.steps[following].action is StepAction.REPLY
    if answers and not at.session_open:
        why = f'prompt "{reply.pattern}" came, but the session is closed'
        return _Doubt(Reason.UNEXPECTED_SCREEN, why)
    return _hand_out(task, at, following)


def _accept(task: _Task, at: _Position, reply: Reply) -> _Move | _Doubt:
    """The operator works on it: wait for its report if the recipe promises one."""
    step = _step(task, at)
    if at.step + 1 < len(task.script.steps):
        return _unexpected(reply)
    if step.report is Channel.SMS:
        at = at._replace(state=State.WAITING_TEXT, accepted=True, awaiting=True, doubt=None)
        return at, AwaitText(step.within_seconds)
    if at.committed:
        why = f'the operator works on it (pattern "{reply.pattern}")'
        return _finish(at, OutcomeKind.IN_PROCESS, None, reply, why)
    return _unexpected(reply)


def _await_report(task: _Task, at: _Position, _event: Sent) -> _Move:
    at = at._replace(state=State.WAITING_TEXT, awaiting=True)
    return at, AwaitText(_step(task, at).within_seconds)


def _keep_waiting(task: _Task, at: _Position, doubt: Reason | None) -> _Move:
    at = at._replace(awaiting=True, doubt=doubt)
    return at, AwaitText(_step(task, at).within_seconds, continued=True)


def _give_up(_task: _Task, at: _Position, event: NoAnswer) -> _Move:
    """Nothing more will come.

    A modem's proof that the committing action never left counts only in answer to
    that action. Once a wait was handed out, `left` no longer speaks of it.
    """
    at = at._replace(session_open=at.session_open and event.why is not Reason.MODEM_LOST)
    if at.committed and not event.left and not at.awaiting:
        why = "the committing step provably never left"
        return _finish(at, OutcomeKind.NOT_DONE, event.why, None, why)
    reason = at.doubt if at.doubt is not None and event.why is Reason.NO_REPLY else event.why
    if at.committed and at.accepted:
        why = "the operator works on it and has not reported yet"
        return _finish(at, OutcomeKind.IN_PROCESS, reason, None, why)
    return _end_without_proof(at, reason, f"no answer: {event.why.value}", None)


def _end_without_proof(at: _Position, reason: Reason, why: str, reply: Reply | None) -> _Move:
    """End with nothing proved by words: before the commit that is proof enough."""
    kind = OutcomeKind.UNDECIDED if at.committed else OutcomeKind.NOT_DONE
    return _finish(at, kind, reason, reply, why)


def _finish(
    at: _Position, kind: OutcomeKind, reason: Reason | None, reply: Reply | None, why: str
) -> _Move:
    outcome = Outcome(kind, reason, reply, why)
    return _Position(State.FINISHED, at.step, at.committed), Finished(outcome, at.session_open)


def _unexpected(reply: Reply) -> _Doubt:
    why = f'pattern "{reply.pattern}" ({reply.kind.value}) is out of place here'
    return _Doubt(Reason.UNEXPECTED_SCREEN, why)


def _step(task: _Task, at: _Position) -> Step:
    return task.script.steps[at.step]


# (state, event) -> the move. A text may come at any time; a screen may come of itself
# while a text is awaited.
_MOVES: Mapping[tuple[State, type], Callable[[_Task, _Position, Any], _Move]] = {
    (State.READY, _Begin): _begin,
    (State.WAITING_SCREEN, Screen): _read_screen,
    (State.WAITING_SCREEN, TextIn): _read_text,
    (State.WAITING_SCREEN, NoAnswer): _give_up,
    (State.WAITING_SEND, Sent): _await_report,
    (State.WAITING_SEND, Screen): _read_late_screen,
    (State.WAITING_SEND, TextIn): _read_text,
    (State.WAITING_SEND, NoAnswer): _give_up,
    (State.WAITING_TEXT, Screen): _read_late_screen,
    (State.WAITING_TEXT, TextIn): _read_text,
    (State.WAITING_TEXT, NoAnswer): _give_up,
}
