"""Any order of any events: what can never be claimed without the operator's words."""

from hypothesis import given
from hypothesis import strategies as st

from pulsarack.ussd.dialogue import (
    Answer,
    AwaitText,
    Dial,
    Dialogue,
    Event,
    Finished,
    NoAnswer,
    Screen,
    SendText,
    Sent,
    State,
    TextIn,
    Values,
)
from pulsarack.ussd.outcome import OutcomeKind, Reason
from pulsarack.ussd.shelf import load_shelf
from pulsarack.ussd.status import UssdStatus

SHELF = load_shelf()
TEXTS = [
    sample.text for name in SHELF.names() for p in SHELF.get(name).patterns for sample in p.samples
]
# None of the samples is about this number, so none of them is about this order.
STRANGER = "6289999999999"
SENDERS = ["M-KIOS", "151", "168", "AutoLoadMAX", "0812", ""]

texts = st.sampled_from(TEXTS) | st.text(max_size=60)
statuses = st.sampled_from(UssdStatus)
events: st.SearchStrategy[Event] = st.one_of(
    st.builds(Screen, statuses, texts),
    st.builds(TextIn, st.sampled_from(SENDERS), texts),
    st.just(Sent()),
    st.builds(NoAnswer, st.just(True), st.sampled_from(Reason)),
)


def legal(talk: Dialogue, event: Event) -> bool:
    if isinstance(event, Sent):
        return talk.state is State.WAITING_SEND
    return talk.state is not State.FINISHED


@given(st.sampled_from(SHELF.names()), st.lists(events, max_size=12))
def test_nothing_is_claimed_without_proof(name: str, happenings: list[Event]) -> None:
    recipe = SHELF.get(name)
    talk = Dialogue(recipe, recipe.top_up, Values(STRANGER, 10, "7391"))
    action, commits = talk.start(), 0
    for event in happenings:
        commits += isinstance(action, Dial | Answer | SendText) and action.commits
        assert talk.committed == (commits > 0)
        if legal(talk, event):
            action = talk.receive(event)
            if isinstance(action, AwaitText) and talk.state is not State.WAITING_TEXT:
                assert action.continued
            if isinstance(action, Dial | Answer | SendText) and action.commits:
                assert commits == 0, "the committing step went out twice"
    if not isinstance(action, Finished):
        return
    kind, reply = action.outcome.kind, action.outcome.reply
    assert kind is not OutcomeKind.DONE
    if not talk.committed:
        assert kind is OutcomeKind.NOT_DONE
    elif kind is OutcomeKind.NOT_DONE:
        # Only a worded failure that names no other number can have said so.
        assert reply is not None
        assert reply.reason is action.outcome.reason
        assert reply.destination is None
    assert action.outcome.reason is not None or kind is OutcomeKind.IN_PROCESS


@given(st.sampled_from(SHELF.names()), st.lists(events, max_size=8))
def test_a_query_commits_nothing(name: str, happenings: list[Event]) -> None:
    recipe = SHELF.get(name)
    for script in (recipe.stock, recipe.history):
        if script is None:
            continue
        talk = Dialogue(recipe, script, Values(chip_pin="7391"))
        action = talk.start()
        for event in happenings:
            if legal(talk, event):
                action = talk.receive(event)
        assert not talk.committed
        if isinstance(action, Finished):
            assert action.outcome.kind in (OutcomeKind.DONE, OutcomeKind.NOT_DONE)
