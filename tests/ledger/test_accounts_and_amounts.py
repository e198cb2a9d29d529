"""Account codes and amounts: what is let in, and what is refused with which words."""

import pytest

from pulsarack.ledger import accounts
from pulsarack.ledger.accounts import AccountType, account_type
from pulsarack.ledger.amounts import AMOUNT_MAX, check_amount, check_time
from pulsarack.ledger.errors import (
    AccountCodeError,
    AmountRangeError,
    AmountTypeError,
    LedgerError,
    TransferIdError,
)
from pulsarack.ledger.journal import Transfer
from pulsarack.ledger.models import AmountField


def test_codes_are_built_from_type_kind_and_name() -> None:
    assert accounts.agent("A1") == "liability:agent:A1"
    assert accounts.commission("A1") == "liability:commission:A1"
    assert accounts.chip("8962100000000000012") == "asset:chip:8962100000000000012"
    assert accounts.supplier("north") == "asset:supplier:north"
    assert accounts.bank("bca-1") == "asset:bank:bca-1"
    assert accounts.trading("S10") == "trading:S10"


@pytest.mark.parametrize(
    "code",
    [
        accounts.SALES,
        accounts.AIRTIME,
        accounts.COMMISSION_EXPENSE,
        accounts.OPENING,
        accounts.DISCREPANCY,
        accounts.agent("A1"),
        accounts.trading("S10"),
    ],
)
def test_the_type_is_the_first_segment(code: str) -> None:
    assert account_type(code) == code.split(":")[0]


@pytest.mark.parametrize("name", ["", "a:b", "a b", "-a", "a\n", "é", "x" * 65, "a/b", "'"])
def test_a_name_that_would_break_a_code_is_refused(name: str) -> None:
    with pytest.raises(AccountCodeError, match="letters, digits"):
        accounts.agent(name)


@pytest.mark.parametrize("code", ["", "cash", "cash:a", "asset", "asset:", "asset:a:", "Asset:a"])
def test_what_is_not_a_code_is_refused(code: str) -> None:
    with pytest.raises(AccountCodeError):
        account_type(code)


def test_each_type_grows_on_its_side() -> None:
    by_debit = {kind for kind in AccountType if kind.grows_by_debit}
    assert by_debit == {"asset", "expense", "suspense", "trading"}


@pytest.mark.parametrize("value", [10.0, 10.7, "10", True, None, b"1"])
def test_an_amount_that_is_no_int_is_a_type_error(value: object) -> None:
    with pytest.raises(AmountTypeError, match="minor unit") as caught:
        check_amount(value)
    assert isinstance(caught.value, TypeError)
    assert isinstance(caught.value, LedgerError)
    with pytest.raises(AmountTypeError):
        Transfer("t", "a", "b", value)  # type: ignore[arg-type]  # this is what is tested


@pytest.mark.parametrize("value", [0, -1, AMOUNT_MAX + 1])
def test_an_amount_out_of_range_is_a_value_error(value: int) -> None:
    with pytest.raises(AmountRangeError) as caught:
        check_amount(value)
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize("value", [1, AMOUNT_MAX])
def test_the_ends_of_the_range_are_let_in(value: int) -> None:
    assert check_amount(value) == value


def test_a_time_is_whole_milliseconds() -> None:
    assert check_time(0) == 0
    with pytest.raises(AmountTypeError):
        check_time(1.5)
    with pytest.raises(AmountRangeError):
        check_time(-1)


@pytest.mark.parametrize("transfer_id", ["", "x" * 201, "a:post", "a:void"])
def test_ids_the_ledger_could_derive_are_not_for_callers(transfer_id: str) -> None:
    with pytest.raises(TransferIdError):
        Transfer(transfer_id, "a", "b", 1)


@pytest.mark.parametrize(
    ("value", "error"),
    [(10.7, AmountTypeError), (True, AmountTypeError), (2**63, AmountRangeError)],
)
def test_the_models_field_is_as_strict(value: object, error: type[Exception]) -> None:
    field = AmountField()
    field.name = "amount"
    with pytest.raises(error):
        field.db_value(value)
    assert field.db_value(-5) == -5
    assert field.db_value(None) is None
