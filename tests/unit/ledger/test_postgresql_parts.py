"""The small parts of the PostgreSQL store: how errors are sorted, how statements are numbered."""

import asyncpg
import pytest

from gateway.ledger.faults import DuplicateError, Nature, StoreError, caller_error, nature_of
from gateway.ledger.postgresql.errors import translated
from gateway.ledger.postgresql.session import positional


def of_state(state: str) -> Exception:
    return asyncpg.PostgresError.new({"C": state, "M": "a test", "S": "ERROR"})


@pytest.mark.parametrize(
    ("state", "nature"),
    [
        ("53100", Nature.FULL),  # disk full
        ("08006", Nature.AWAY),  # connection failure
        ("57P01", Nature.AWAY),  # admin shutdown
        ("57P02", Nature.AWAY),  # crash shutdown
        ("57P03", Nature.AWAY),  # cannot connect now
        ("53300", Nature.AWAY),  # too many connections
        ("25006", Nature.AWAY),  # a standby
        ("25P03", Nature.AWAY),  # idle in transaction
        ("28P01", Nature.AWAY),  # the password was changed
        ("57014", Nature.BUSY),  # cancelled
        ("55P03", Nature.BUSY),  # lock timeout
        ("40P01", Nature.BUSY),  # deadlock
        ("58030", Nature.LATCH),  # I/O error
        ("XX001", Nature.LATCH),  # corrupted
        ("XX000", Nature.LATCH),
        ("42P01", Nature.LATCH),  # no such table
        ("42501", Nature.LATCH),  # may not
        ("25P02", Nature.LATCH),  # in a failed transaction
        ("99999", Nature.LATCH),  # unheard of
    ],
)
def test_the_servers_errors_are_sorted_by_their_state(state: str, nature: Nature) -> None:
    found = translated(of_state(state))
    assert isinstance(found, StoreError)
    assert found.nature is nature
    assert state in found.detail


@pytest.mark.parametrize("state", ["23505", "23503", "23502", "23514"])
def test_a_broken_rule_is_the_batchs_own(state: str) -> None:
    found = translated(of_state(state))
    assert isinstance(found, DuplicateError)
    assert nature_of(found) is Nature.BATCH
    assert "ledger-duplicate" in str(caller_error(found))


@pytest.mark.parametrize("state", ["22021", "22003", "54000"])
def test_a_value_that_does_not_fit_is_the_batchs_own(state: str) -> None:
    found = translated(of_state(state))
    assert isinstance(found, ValueError)
    assert nature_of(found) is Nature.BATCH


@pytest.mark.parametrize(
    ("error", "nature"),
    [
        (TimeoutError(), Nature.AWAY),
        (ConnectionResetError(), Nature.AWAY),
        (asyncpg.InterfaceError("connection is closed"), Nature.AWAY),
        (EOFError(), Nature.AWAY),
        (asyncpg.InternalClientError("cannot switch to state 8"), Nature.AWAY),
        (RuntimeError("?"), Nature.LATCH),
    ],
)
def test_the_clients_errors_are_sorted(error: Exception, nature: Nature) -> None:
    found = translated(error)
    assert isinstance(found, StoreError)
    assert found.nature is nature


def test_names_become_numbers_and_casts_stay() -> None:
    assert positional("SELECT a::text FROM b WHERE c = :one AND d = :two OR e = :one") == (
        "SELECT a::text FROM b WHERE c = $1 AND d = $2 OR e = $1",
        ("one", "two"),
    )
