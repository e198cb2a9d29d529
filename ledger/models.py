"""The ledger's tables as peewee models, for reads and for admin screens.

The schema itself is in migrations/, the writing in journal.py: a model costs several
times the CPU of the statement it stands for. `AmountField` refuses everything that is
not an int, since peewee's own integer fields turn 10.7 into 10 and True into 1.
Models are unbound; daemon/store.py binds them to the one database.
"""

from peewee import AutoField, BigIntegerField, Model, TextField

from pulsarack.ledger.amounts import AMOUNT_MAX
from pulsarack.ledger.errors import AmountRangeError, AmountTypeError


class AmountField(BigIntegerField):
    """A 64-bit integer that raises for a float, a bool, a string or a larger number."""

    def db_value(self, value: object) -> int | None:
        """The value itself, if the column can hold it exactly."""
        if value is None:
            return None
        if type(value) is not int:
            raise AmountTypeError(self.name, value)
        if abs(value) > AMOUNT_MAX:
            raise AmountRangeError(self.name, value)
        return value


class Account(Model):
    """One account with its cached sums; see books.Balance for what they mean."""

    code = TextField(primary_key=True)
    asset = TextField()
    type = TextField()
    limited = AmountField()
    debits_posted = AmountField()
    credits_posted = AmountField()
    debits_held = AmountField()
    credits_held = AmountField()
    opened_at = AmountField()

    class Meta:
        """The table's name and shape."""

        table_name = "account"
        strict_tables = True
        without_rowid = True


class Transfer(Model):
    """One row of the journal; the database refuses to change or delete it."""

    sequence = AutoField()
    id = TextField(unique=True)
    phase = TextField()
    hold_id = TextField(null=True)
    reverses = TextField(null=True)
    debit = TextField()
    credit = TextField()
    asset = TextField()
    amount = AmountField()
    reference = TextField()
    memo = TextField()
    at = AmountField()

    class Meta:
        """The table's name and shape."""

        table_name = "transfer"
        strict_tables = True


MODELS: tuple[type[Model], ...] = (Account, Transfer)
