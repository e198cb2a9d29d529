"""Scripts no packaged recipe has: an SMS that asks back, a USSD answer still in process."""

from pathlib import Path

import pytest

from pulsarack.ussd.dialogue import (
    AwaitText,
    Dial,
    Dialogue,
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
from pulsarack.ussd.recipe import Recipe, parse_recipe
from pulsarack.ussd.status import UssdStatus

GUIDE = Path(__file__).parents[2].joinpath("docs", "recipes.md").read_text()
GUIDE = GUIDE.split("```toml\n", 1)[1].split("```", 1)[0]
ONE_STEP = """[[top_up]]
ussd = "*500*{destination}*{denomination}*{chip_pin}#"
commits = true
"""
ASKS_BACK = """[[top_up]]
sms = "ISI {destination} {denomination}"
to = "1234"
expect = ["ask"]

[[top_up]]
sms = "YA {chip_pin}"
to = "1234"
commits = true
"""
MORE = '''
[[pattern]]
name = "in_process"
kind = "process"
match = "sedang diproses"
samples = [{ text = "Permintaan sedang diproses." }]

[[pattern]]
name = "ask"
kind = "prompt"
channels = ["sms"]
match = "Isi {amount} ke {destination}[?] Balas YA"
samples = [
  { destination = "081200000012", amount = 10000, text = """
Isi Rp 10.000 ke 081200000012? Balas YA PIN""" },
]
'''
VALUES = Values("6281200000012", 10, "7391")
ASK = TextIn("1234", "Isi Rp 10.000 ke 081200000012? Balas YA PIN")
SOLD = "Pulsa Rp 10.000 untuk 081200000012 berhasil. Ref 123456789. Stok Rp 490.000"
PROCESS = "Permintaan sedang diproses."


@pytest.fixture(scope="module")
def asks_back() -> Recipe:
    assert ONE_STEP in GUIDE
    return parse_recipe((GUIDE.replace(ONE_STEP, ASKS_BACK) + MORE).encode(), "asks.toml")


@pytest.fixture(scope="module")
def one_step() -> Recipe:
    return parse_recipe((GUIDE + MORE).encode(), "one.toml")


def test_the_second_text_is_sent_only_after_the_question(asks_back: Recipe) -> None:
    talk = Dialogue(asks_back, asks_back.top_up, VALUES)
    first = talk.start()
    assert isinstance(first, SendText)
    assert not first.commits
    # A question that comes before our own text is known to be sent is an old one.
    assert talk.receive(ASK) == AwaitText(30, continued=True)
    assert talk.receive(Sent()) == AwaitText(30)
    other = TextIn("1234", ASK.text.replace("0812", "0813"))
    assert talk.receive(other) == AwaitText(30, continued=True)
    assert talk.receive(TextIn("1234", PROCESS)) == AwaitText(30, continued=True)
    second = talk.receive(ASK)
    assert isinstance(second, SendText)
    assert (second.commits, second.text.masked) == (True, "YA ****")
    assert talk.committed
    talk.receive(Sent())
    end = talk.receive(TextIn("CONTOH", SOLD))
    assert isinstance(end, Finished)
    assert end.outcome.kind is OutcomeKind.DONE


def test_in_process_before_the_commit_says_nothing_about_what_follows(asks_back: Recipe) -> None:
    talk = Dialogue(asks_back, asks_back.top_up, VALUES)
    talk.start()
    for event in (Sent(), TextIn("1234", PROCESS), ASK, Sent()):
        talk.receive(event)
    end = talk.receive(NoAnswer(left=True, why=Reason.NO_REPLY))
    assert isinstance(end, Finished)
    assert end.outcome.kind is OutcomeKind.UNDECIDED


def test_no_question_no_order(asks_back: Recipe) -> None:
    talk = Dialogue(asks_back, asks_back.top_up, VALUES)
    talk.start()
    talk.receive(Sent())
    talk.receive(TextIn("CONTOH", SOLD))
    end = talk.receive(NoAnswer(left=True, why=Reason.NO_REPLY))
    assert isinstance(end, Finished)
    assert (end.outcome.kind, talk.committed) == (OutcomeKind.NOT_DONE, False)


def test_a_screen_in_process_ends_the_talk_if_no_report_is_promised(one_step: Recipe) -> None:
    talk = Dialogue(one_step, one_step.top_up, VALUES)
    assert isinstance(talk.start(), Dial)
    end = talk.receive(Screen(UssdStatus.NO_FURTHER_ACTION, PROCESS))
    assert isinstance(end, Finished)
    assert (end.outcome.kind, end.outcome.reason) == (OutcomeKind.IN_PROCESS, None)
    assert talk.state is State.FINISHED


def test_a_stock_in_process_is_no_stock(one_step: Recipe) -> None:
    talk = Dialogue(one_step, one_step.stock, VALUES)
    talk.start()
    end = talk.receive(Screen(UssdStatus.NO_FURTHER_ACTION, PROCESS))
    assert isinstance(end, Finished)
    assert end.outcome.kind is OutcomeKind.NOT_DONE
    assert end.outcome.reason is Reason.UNEXPECTED_SCREEN
