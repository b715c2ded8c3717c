"""However much an account holds, and whatever it is called: what is entered fits into entries."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.domain.book import AccountBook, Book
from gateway.domain.execution import BrokerOrderRecord, BrokerStatement
from gateway.domain.order import Side
from gateway.domain.projection import apply
from gateway.ledger.seals import BLOB_BYTES_MAX
from gateway.ports import Draft
from gateway.tracking.reconciliation.compare import compare_orders, look_at
from gateway.tracking.reconciliation.corrections import correction_drafts, corrections
from gateway.tracking.reconciliation.evidence import evidence
from gateway.tracking.reconciliation.on_record import run_draft
from gateway.tracking.reconciliation.opening import opening_drafts
from gateway.tracking.reconciliation.rows import Look, Reach, Result
from signing.envelope import seal
from signing.records import check
from signing.tiles import ENTRY_BYTES_MAX
from support.logs import seeded

pytestmark = [pytest.mark.requirement("S3-08")]
MOST = 2**53 - 1
LONGEST = "N" * 64
SIGNER = seeded(1)


def symbol(number: int) -> str:
    return f"S{number:031d}"


def fits(drafts: list[Draft]) -> None:
    """Each is a sound entry that the log has room for."""
    for draft in drafts:
        payload = {**draft.payload, "at_us": MOST}
        check(draft.kind, payload)
        assert len(seal(draft.kind, payload, SIGNER)) <= ENTRY_BYTES_MAX
        assert all(len(blob) <= BLOB_BYTES_MAX for blob in draft.blobs)


def look(positions: dict[str, tuple[int, int]], orders: int = 0) -> tuple[AccountBook, Look]:
    """The first comparison of an account that holds nothing by the record."""
    account = AccountBook(LONGEST, MOST)
    listed = tuple(
        BrokerOrderRecord(
            LONGEST, f"b{number:0127d}", f"c{number:0127d}", symbol(number), Side.BUY,
            "PARTIALLY_FILLED", MOST, MOST - 1, 18, MOST, 18, MOST,
        )
        for number in range(orders)
    )  # fmt: skip
    rows = compare_orders(Book(accounts={LONGEST: account}), account, listed, {})
    statement = BrokerStatement(LONGEST, -MOST, positions)
    return account, look_at(account, rows, statement, 0, (frozenset(), frozenset()))


@settings(deadline=None, max_examples=12)
@given(
    count=st.sampled_from([0, 1, 499, 500, 501, 756, 757, 1_000, 1_001, 3_000]),
    qty=st.sampled_from([1, -1, MOST, -MOST]),
    decimals=st.sampled_from([0, 18]),
)
def test_a_first_statement_of_any_size_is_whole(count: int, qty: int, decimals: int) -> None:
    held = {symbol(number): (qty, decimals) for number in range(count)}
    statement = BrokerStatement(LONGEST, -MOST, held)
    drafts = opening_drafts(statement, LONGEST, LONGEST)
    fits(drafts)
    assert [draft.kind for draft in drafts[:1]] == ["statement"]
    book = Book()
    for draft in drafts:
        apply(book, draft.kind, draft.payload)
    account = book.account(LONGEST)
    assert (account.positions, account.cash_micros) == (held, -MOST)


@settings(deadline=None, max_examples=6)
@given(count=st.sampled_from([1, 256, 257, 1_000, 3_000]), qty=st.sampled_from([-MOST, 1, MOST]))
def test_corrections_of_any_size_fit_and_lead_to_what_the_broker_holds(
    count: int, qty: int
) -> None:
    held = {symbol(number): (qty, 18) for number in range(count)}
    account, seen = look(held)
    others = frozenset(symbol(number) for number in range(0, count, 2))
    drafts = list(
        correction_drafts(
            LONGEST, LONGEST, LONGEST, corrections(seen.positions, seen.cash, others), LONGEST
        )
    )
    fits(drafts)
    book = Book(accounts={LONGEST: account})
    for draft in drafts:
        apply(book, draft.kind, draft.payload)
    assert (account.positions, account.cash_micros) == (held, -MOST)


def test_a_run_over_ten_thousand_orders_and_a_thousand_positions_is_one_small_entry() -> None:
    _, seen = look({symbol(number): (-MOST, 18) for number in range(1_000)}, 10_000)
    found = corrections(seen.positions, seen.cash, frozenset())
    result = Result(
        LONGEST, LONGEST, LONGEST, "reconnect", LONGEST, Reach.FULL, MOST, "unsettled", LONGEST,
        MOST, MOST, seen, found,
    )  # fmt: skip
    draft = run_draft(result)
    fits([draft])
    assert len(draft.blobs) == 1
    assert len(evidence(result)) <= BLOB_BYTES_MAX // 4
