"""A script: the steps of one talk with the operator, in order."""

from dataclasses import dataclass

from pulsarack.ussd.kinds import Channel, Purpose, StepAction
from pulsarack.ussd.template import Template


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to say.

    to: the receiver of an SMS. expect: names or kinds of the prompts after which the
    next step follows. commits: the point of no return, after which only the
    operator's own words decide. report: where the final answer comes.
    within_seconds: how long to wait for it. delivery_report: of an SMS, whether the
    service centre is asked what became of it; written down, and never proof of anything.
    """

    action: StepAction
    template: Template
    to: str
    expect: tuple[str, ...]
    commits: bool
    report: Channel
    within_seconds: float
    delivery_report: bool = False


@dataclass(frozen=True, slots=True)
class Script:
    """The steps for one purpose."""

    purpose: Purpose
    steps: tuple[Step, ...]

    @property
    def commits_at_once(self) -> bool:
        """Whether the first thing said is the USSD code that moves the money."""
        first = self.steps[0]
        return first.commits and first.action is StepAction.USSD

    @property
    def placeholders(self) -> frozenset[str]:
        """All names the steps need to be filled with."""
        return frozenset().union(*(step.template.placeholders for step in self.steps))
