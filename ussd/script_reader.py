"""Reads the scripts of a recipe: [[top_up]], [[stock]] and [[history]].

Each is a list of steps. What a dialogue relies on is checked here: one point of no
return and nothing after it, an answer only in an open session, a way to know that
the next step may follow, and nothing that would say something else on the air.
"""

import re
from collections.abc import Sequence

from pulsarack.ussd.errors import PatternFault, Problems, did_you_mean
from pulsarack.ussd.kinds import Channel, Purpose, ReplyKind, StepAction
from pulsarack.ussd.pattern import Pattern
from pulsarack.ussd.script import Script, Step
from pulsarack.ussd.table import Table
from pulsarack.ussd.template import Template, parse_template

_DESTINATIONS = frozenset({"destination", "destination_e164"})
_SIZES = frozenset({"denomination", "amount"})
# What a telephone's keys can say in a USSD session (22.030 6.5.2).
_KEYS = re.compile(r"[0-9*#]*")
# The end of a line and Ctrl-Z end a message on the modem, a quote ends its receiver.
_ENDS_TEXT = re.compile(r'[\x00-\x1f\x7f-\x9f"]')
_RECEIVER = re.compile(r"\+?[0-9]{1,20}")
LONGEST_SECONDS = 86_400


def read_script(root: Table, purpose: Purpose, reply_seconds: float) -> Script:
    """Read the steps for one purpose; an optional script that is absent has none."""
    rows = root.tables(purpose, required=purpose is not Purpose.HISTORY)
    steps = []
    for index, row in enumerate(rows):
        place = f"{purpose}[{index + 1}]"
        steps.append(_read_step(Table(row, place, root.problems), reply_seconds))
    return Script(purpose, tuple(steps))


def check_script(script: Script, patterns: Sequence[Pattern], problems: Problems) -> None:
    """Note every way in which a dialogue could not follow the script."""
    for index, step in enumerate(script.steps):
        place = f"{script.purpose}[{index + 1}]"
        last = index == len(script.steps) - 1
        _check_order(script, index, place, problems)
        _check_expect(step, last, place, patterns, problems)
    if script.purpose is Purpose.TOP_UP:
        _check_top_up(script, problems)
    elif any(step.commits for step in script.steps):
        problems.add(
            script.purpose, "a step commits, but this script moves no money", "remove commits"
        )
    _check_answerable(script, patterns, problems)


def _read_step(table: Table, reply_seconds: float) -> Step:
    given = [action for action in StepAction if table.has(action)]
    action = given[0] if given else StepAction.USSD
    if len(given) != 1:
        table.wrong(
            f"it says {len(given)} things",
            'a step has exactly one of ussd = "...", reply = "...", sms = "..."',
        )
    template = _read_template(table, action) if given else Template("", ())
    sms = action is StepAction.SMS
    step = Step(
        action=action,
        template=template,
        to=table.text_like("to", _RECEIVER, "digits, with a + in front or without") if sms else "",
        expect=table.texts("expect"),
        commits=table.flag("commits", False),
        report=table.word("report", list(Channel), Channel.SMS if sms else Channel.USSD),
        within_seconds=table.number("within_seconds", reply_seconds, least=1, most=LONGEST_SECONDS),
        delivery_report=sms and table.flag("delivery_report", False),
    )
    if sms and step.report is Channel.USSD:
        table.wrong("an SMS is never answered by USSD", 'remove report or write "sms"', "report")
    table.finish()
    return step


def _read_template(table: Table, action: StepAction) -> Template:
    source = table.text(action)
    try:
        template = parse_template(source)
    except PatternFault as fault:
        table.wrong(fault.what, fault.remedy, action)
        return Template(source, ())
    if action is StepAction.SMS:
        if _ENDS_TEXT.search(template.literal):
            remedy = "write it in one line, without control characters and without quotes"
            table.wrong("a line end, control character or quote stands in it", remedy, action)
    elif not _KEYS.fullmatch(template.literal):
        remedy = "write only 0-9 * # and placeholders such as {destination}"
        table.wrong("it holds what cannot be dialled", remedy, action)
    return template


def _check_order(script: Script, index: int, place: str, problems: Problems) -> None:
    action = script.steps[index].action
    before = script.steps[index - 1].action if index else None
    if action is StepAction.REPLY and before not in (StepAction.USSD, StepAction.REPLY):
        problems.add(place, "there is no open session to reply in", "begin with a ussd step")
    if action is StepAction.USSD and index:
        problems.add(
            place, "a second session in one script", "use reply, or ussd in the first step only"
        )


def _check_expect(
    step: Step, last: bool, place: str, patterns: Sequence[Pattern], problems: Problems
) -> None:
    place = f"{place}.expect"
    if last and step.expect:
        problems.add(place, "the last step is followed by none", "remove expect")
    if not last and not step.expect:
        problems.add(
            place,
            "nothing tells when the next step may follow",
            "name the prompt patterns that must come first",
        )
    prompts = [pattern.name for pattern in patterns if pattern.kind is ReplyKind.PROMPT]
    allowed = [*prompts, ReplyKind.PROMPT.value]
    for name in step.expect:
        if name not in allowed:
            problems.add(place, f'"{name}" is no prompt pattern', did_you_mean(name, allowed))


def _check_top_up(script: Script, problems: Problems) -> None:
    commits = [index for index, step in enumerate(script.steps) if step.commits]
    if len(commits) != 1:
        problems.add(
            script.purpose,
            f"{len(commits)} steps commit",
            "exactly one step, the one that moves the money, has commits = true",
        )
    elif commits[0] != len(script.steps) - 1:
        problems.add(
            f"{script.purpose}[{commits[0] + 1}]",
            "steps follow after the point of no return",
            "make the committing step the last one; what comes after it is read, not answered",
        )
    for name, wanted in (("destination", _DESTINATIONS), ("denomination", _SIZES)):
        if script.steps and not script.placeholders & wanted:
            problems.add(
                script.purpose,
                f"no step says the {name}",
                f"put {{{name}}} into the step that asks for it",
            )


def _check_answerable(script: Script, patterns: Sequence[Pattern], problems: Problems) -> None:
    if not script.steps:
        return
    aim = {
        Purpose.TOP_UP: ReplyKind.SUCCESS,
        Purpose.STOCK: ReplyKind.STOCK,
        Purpose.HISTORY: ReplyKind.HISTORY,
    }[script.purpose]
    channel = script.steps[-1].report
    if not any(pattern.kind is aim and channel in pattern.channels for pattern in patterns):
        problems.add(
            script.purpose,
            f'no pattern of kind "{aim}" reads {channel} texts, so the script can never end well',
            f'add a [[pattern]] with kind = "{aim}" and channels = ["{channel}"]',
        )
