"""The table of the planted bugs in the README, and the seeds that caught them last."""

from tests.simulation.planted import BUGS


def readme_table() -> str:
    """The table of the README's chapter on testing."""
    lines = ["| planted bug | what is wrong | broken promise |", "|---|---|---|"]
    for bug in BUGS.values():
        promises = ", ".join(sorted(bug.promises))
        lines.append(f"| `{bug.name}` | {bug.what} | {promises} |")
    return "\n".join(lines) + "\n"


# Seeds that caught a bug when this was last looked at (`make planted`); 0 where none is named.
# A seed that does no more costs a second, but all of them cost minutes: a rare bug has several.
# A bug that lets nothing come to rest costs as long as it is waited for: a small rack is named.
CAUGHT_LAST = {
    "equal_order_under_way_ignored": (2,),
    "references_of_many_not_looked_at": (9,),
    "one_price_of_many_held": (9,),
    "answers_of_many_in_other_places": (9,),
    "late_text_used_twice": (31,),
    "reply_matched_to_another_destination": (10,),
    "stock_read_in_flight": (3,),
    "unparsed_text_trusted": (31,),
    "recovery_treats_sending_as_not_sent": (19,),
    "notification_outside_the_transaction": (15, 4),
    "acknowledged_before_the_commit": (2,),
    "second_copy_believed": (67,),
    "strangers_believed": (6,),
    "stock_corrected_silently": (45, 2),
    "undecided_expires": (14,),
    "reserve_ignored": (52,),
    "price_follows_the_product": (78,),
    "one_reading_believed": (12,),
    "clearing_not_recorded": (45, 3),
    "payment_about_right": (50,),
    "one_admin_confirms_himself": (34,),
    "commissions_follow_the_markups": (26,),
    "commissions_kept_after_a_reversal": (96,),
    "higher_uplines_forgotten": (33,),
    "text_deleted_before_it_is_kept": (79, 13),
    "no_other_way": (44, 2),
    "commission_exchanged_at_each_repeat": (26,),
    "transfer_repeated": (1,),
    "wrong_pin_accepted": (44, 1),
    "committed_at_not_durable": (1,),
    "claimed_without_its_point_of_no_return": (0,),
    "sent_at_once_held_for_not_sent": (16,),
    "stock_in_taken_for_a_sale": (29,),
    "delivered_when_handed_over": (1,),
    "acknowledged_before_it_is_stored": (5,),
    "refused_and_kept": (1,),
    "answer_lost_at_a_crash": (44, 6),
    "serial_number_not_told": (1,),
    "result_never_told": (44,),
    "stock_in_booked_twice": (59,),
    "secrets_not_masked": (15,),
    "pin_kept_with_the_message": (15,),
    "noted_as_sent_before_it_left": (15,),
    "hourly_limit_ignored": (45,),
    "given_up_too_early": (45,),
    "always_the_number": (1,),
    "pause_ignored": (2,),
    "refund_on_timeout": (45,),
    "resend_after_silence": (45,),
    "recorded_in_tens": (15, 4),
}
