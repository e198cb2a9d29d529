"""The table of the planted bugs in the README, and the seeds that caught them last."""

from tests.simulation.planted import BUGS


def readme_table() -> str:
    """The table of the README's chapter on testing."""
    lines = ["| planted bug | what is wrong | broken promise |", "|---|---|---|"]
    for bug in BUGS.values():
        promises = ", ".join(sorted(bug.promises))
        lines.append(f"| `{bug.name}` | {bug.what} | {promises} |")
    return "\n".join(lines) + "\n"


# The seed that caught a bug when this was last looked at (`make planted`); 0 where none is named.
CAUGHT_LAST = {
    "late_text_used_twice": 59,
    "reply_matched_to_another_destination": 10,
    "stock_read_in_flight": 3,
    "stock_in_taken_for_a_sale": 2,
    "unparsed_text_trusted": 15,
    "recovery_treats_sending_as_not_sent": 10,
    "notification_outside_the_transaction": 1,
    "acknowledged_before_the_commit": 17,
    "second_copy_believed": 12,
    "strangers_believed": 15,
    "stock_corrected_silently": 3,
    "undecided_expires": 19,
}
