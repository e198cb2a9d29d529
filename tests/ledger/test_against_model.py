"""Random histories: the ledger against a few lines that keep the books in a dict."""

from typing import Any

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from playhouse.apsw_ext import APSWDatabase

from pulsarack.ledger import accounts, journal, sql
from pulsarack.ledger.audit import audit
from pulsarack.ledger.journal import Result, Transfer
from tests.ledger.conftest import schema

ACCOUNTS = {
    accounts.agent("A1"): True,
    accounts.agent("A2"): True,
    accounts.chip("8962100000000000012"): True,
    accounts.SALES: False,
    accounts.OPENING: False,
}
CODES = st.sampled_from(list(ACCOUNTS))
IDS = st.sampled_from([f"t{number}" for number in range(8)])


class Model:
    """Every row as (phase, debit, credit, amount); balances are added up each time."""

    def __init__(self) -> None:
        self.rows: dict[str, tuple[str, str, str, int]] = {}
        self.ends: dict[str, str] = {}

    def side(self, code: str, position: int, with_holds: bool) -> int:
        return sum(
            row[3]
            for id_, row in self.rows.items()
            if row[position] == code
            and (
                row[0] == "posted"
                or self.ends.get(id_) == "post"
                or (with_holds and id_ not in self.ends)
            )
        )

    def posted(self, code: str) -> int:
        net = self.side(code, 1, False) - self.side(code, 2, False)
        return net if code.startswith("asset") else -net

    def book(self, id_: str, row: tuple[str, str, str, int]) -> Result:
        if id_ in self.rows:
            return Result.EXISTS if self.rows[id_] == row else Result.EXISTS_DIFFERENT
        _, debit, credit, amount = row
        if debit == credit:
            return Result.SAME_ACCOUNT
        spent = self.side(debit, 1, True) + amount
        if debit.startswith("liability") and spent > self.side(debit, 2, False):
            return Result.EXCEEDS_BALANCE
        sold = self.side(credit, 2, True) + amount
        if credit.startswith("asset") and sold > self.side(credit, 1, False):
            return Result.EXCEEDS_BALANCE
        self.rows[id_] = row
        return Result.OK

    def end(self, id_: str, how: str) -> Result:
        if id_ not in self.rows:
            return Result.HOLD_NOT_FOUND
        if self.rows[id_][0] != "held":
            return Result.NOT_A_HOLD
        if id_ in self.ends:
            return Result.ALREADY_POSTED if self.ends[id_] == "post" else Result.ALREADY_VOIDED
        self.ends[id_] = how
        return Result.OK


class LedgerAgainstModel(RuleBasedStateMachine):
    """Does the same to both and compares answers and balances after every step."""

    def __init__(self) -> None:
        super().__init__()
        self.db = APSWDatabase(":memory:", pragmas={"foreign_keys": 1})
        self.db.connect()
        self.db.connection().execute(schema())
        self.model = Model()

    @initialize()
    def open_accounts(self) -> None:
        for code, limited in ACCOUNTS.items():
            assert journal.open_account(self.db, code, limited=limited, now_ms=0) is Result.OK

    @rule(id_=IDS, debit=CODES, credit=CODES, amount=st.integers(1, 30), held=st.booleans())
    def book(self, id_: str, debit: str, credit: str, amount: int, held: bool) -> None:
        way: Any = journal.hold if held else journal.transfer
        answer = way(self.db, Transfer(id_, debit, credit, amount), now_ms=1)
        row = ("held" if held else "posted", debit, credit, amount)
        assert answer is self.model.book(id_, row)

    @rule(id_=IDS, how=st.sampled_from(["post", "void"]))
    def resolve(self, id_: str, how: str) -> None:
        way: Any = getattr(journal, how)
        assert way(self.db, id_, now_ms=2) is self.model.end(id_, how)

    @rule(id_=IDS, debit=CODES, credit=CODES)
    def crash_before_commit(self, id_: str, debit: str, credit: str) -> None:
        with self.db.atomic("IMMEDIATE") as transaction:
            journal.transfer(self.db, Transfer(id_, debit, credit, 5), now_ms=3)
            transaction.rollback()

    @invariant()
    def balances_agree(self) -> None:
        for code in ACCOUNTS:
            found = journal.balance(self.db, code)
            if found is not None:
                assert found.posted == self.model.posted(code)
                if found.limited:
                    assert found.available >= 0
        assert audit(self.db) == []

    def teardown(self) -> None:
        assert len(sql.run(self.db, "SELECT 1 FROM transfer").fetchall()) == len(
            self.model.rows
        ) + len(self.model.ends)
        self.db.close()


TestLedgerAgainstModel = LedgerAgainstModel.TestCase
TestLedgerAgainstModel.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
