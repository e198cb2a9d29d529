"""Which attempt an SMS belonged to whose delivery report may come.

The reference that the network gave is all that a report names, and it repeats after 256
messages, so it is kept in memory only, for the last message that had it. A report that is
lost, or whose message an earlier daemon sent, decides nothing: it is logged. What goes to people
is kept in the database (`queue/post/sent_sms.py`); from then on a reference is no attempt's.
"""

from pulsarack.modems.results import DeliveryReport


class Deliveries:
    """The references of one chip's messages. Bounded by their number, which is 256."""

    def __init__(self) -> None:
        self._attempts: dict[int, int] = {}

    def expect(self, reference: int, attempt_id: int) -> None:
        """A report about this reference is about this attempt, from now on."""
        self._attempts[reference & 0xFF] = attempt_id

    def given_to_text(self, reference: int) -> None:
        """The network gave this reference to a text to a person."""
        self._attempts.pop(reference & 0xFF, None)

    def attempt_of(self, report: DeliveryReport) -> int | None:
        """Whose message a report is about; None if nobody asked."""
        return self._attempts.get(report.reference)


def in_words(report: DeliveryReport) -> str:
    """A report as the transcript shows it."""
    when = f" at {report.discharged_at_text}" if report.discharged_at_text else ""
    return f"{report.state.value}{when} (status {report.status}), reference {report.reference}"
