"""What a recipe's reading of a text means for the queue: one table between the rooms."""

from pulsarack.queue.texts import ReadText, TextKind
from pulsarack.ussd.kinds import ReplyKind
from pulsarack.ussd.reply import Reply

_KINDS = {
    ReplyKind.SUCCESS: TextKind.SUCCESS,
    ReplyKind.FAILURE: TextKind.FAILURE,
    ReplyKind.STOCK_IN: TextKind.STOCK_IN,
}


def read_text(reply: Reply | None) -> ReadText:
    """The queue's view of a reply; None is a text that no pattern knows."""
    if reply is None:
        return ReadText(TextKind.UNPARSED)
    return ReadText(
        kind=_KINDS.get(reply.kind, TextKind.OTHER),
        destination=reply.destination,
        amount=reply.amount,
        serial_number=reply.serial_number,
        stock=reply.stock,
        reason=reply.reason,
    )
