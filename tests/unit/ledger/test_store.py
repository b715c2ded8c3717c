"""Tables, rows and statements: integers stay integers, and rows come back as they were."""

import re
from dataclasses import fields, replace

import apsw
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.book import IN_MEMORY, OrderState
from gateway.domain.decision import Reason
from gateway.ledger import statements as sql
from gateway.ledger.rows import ORDER_COLUMNS, order_row, order_state
from gateway.ledger.schema import creation
from gateway.ledger.tables import POSTGRESQL_ONLY, LedgerTable
from signing.lifecycle import State
from support.ledgers import Story


def database() -> apsw.Connection:
    connection = apsw.Connection(":memory:")
    for statement in creation("sqlite"):
        connection.execute(statement)
    return connection


def an_order() -> OrderState:
    story = Story()
    story.opening()
    [order] = story.decide().orders
    return order


def test_every_field_of_an_order_has_its_column() -> None:
    columns = set(LedgerTable.metadata.tables["orders"].columns.keys())
    kept = {field.name for field in fields(OrderState) if field.metadata != IN_MEMORY}
    assert columns == kept | {"number"}


@pytest.mark.parametrize(
    "table",
    sorted(t.name for t in LedgerTable.metadata.tables.values() if t.info != POSTGRESQL_ONLY),
)
def test_every_table_is_strict_and_holds_no_real(table: str) -> None:
    connection = database()
    [(strict,)] = connection.execute(
        "SELECT strict FROM pragma_table_list WHERE name = ?", (table,)
    )
    assert strict == 1
    types = {
        kind for (kind,) in connection.execute("SELECT type FROM pragma_table_info(?)", (table,))
    }
    assert types <= {"INTEGER", "TEXT", "BLOB"}


def test_a_float_cannot_be_stored() -> None:
    connection = database()
    row = order_row(an_order())
    with pytest.raises(apsw.ConstraintError, match="REAL"):
        connection.execute(sql.PUT_ORDER, {**row, "qty": 0.5})


@given(
    numbers=st.lists(st.integers(-(2**53) + 1, 2**53 - 1), min_size=6, max_size=6),
    value=st.integers(0, 2**106),
    optional=st.one_of(st.none(), st.integers(0, 2**53 - 1)),
    reasons=st.lists(
        st.builds(
            Reason,
            st.sampled_from(["ORD-01", "POS-02"]),
            st.none() | st.integers(),
            st.none(),
            st.sampled_from([None, "global", "caps"]),
        ),
        max_size=3,
    ),
    status=st.sampled_from(State),
    allow=st.booleans(),
)
def test_an_order_comes_back_as_it_was(
    numbers: list[int],
    value: int,
    optional: int | None,
    reasons: list[Reason],
    status: State,
    allow: bool,
) -> None:
    reasons = [r for r in reasons if r.observed is None or abs(r.observed) < 2**53]
    qty, price, filled, fee, market_us, decimals = numbers
    order = replace(
        an_order(),
        qty=qty,
        limit_price=price,
        filled_qty=filled,
        fee_micros=fee,
        market_us=market_us,
        qty_decimals=decimals,
        filled_value=value,
        stop_price=optional,
        reasons=tuple(reasons),
        status=status,
        allow=allow,
    )
    connection = database()
    connection.execute(sql.PUT_ORDER, order_row(order))
    [row] = connection.execute(sql.ORDER, {"order_id": order.order_id})
    assert order_state(row) == replace(order, worth=None)  # it follows from the document
    assert len(row) == len(ORDER_COLUMNS)


def test_an_order_keeps_its_number() -> None:
    connection, first = database(), an_order()
    second = replace(
        first, order_id="o2", decision_id="d2", broker_client_id="W-2", client_order_id="c2"
    )
    for order in (first, second, replace(first, status=State.UNKNOWN), second):
        connection.execute(sql.PUT_ORDER, order_row(order))
    rows = connection.execute(
        "SELECT order_id, number, status FROM orders ORDER BY number"
    ).fetchall()
    assert rows == [("o1", 1, "UNKNOWN"), ("o2", 2, "CREATED")]


INDEXED = [
    "ENVELOPE",
    "ENVELOPES",
    "DECISION",
    "BLOB",
    "BLOBS",
    "CLAIM",
    "ORDER",
    "ORDERS",
    "ORDERS_OF_ACCOUNT",
    "ORDERS_IN_STATUS",
    "ORDERS_OF_ACCOUNT_IN_STATUS",
    "EXECUTIONS",
    "EXECUTIONS_OF_ACCOUNT",
    "CURSOR",
    "NEWEST_CHECKPOINT",
    "COUNT_ENTRIES",
]


@pytest.mark.parametrize("name", INDEXED)
def test_every_question_is_answered_through_an_index(name: str) -> None:
    """As the log grows, no answer sorts a table or reads all of it (a page may walk an index)."""
    statement = str(getattr(sql, name))
    parameters = dict.fromkeys(re.findall(r":(\w+)", statement), 0)
    plan = database().execute(f"EXPLAIN QUERY PLAN {statement}", parameters).fetchall()
    details = " / ".join(str(detail) for (*_, detail) in plan)
    assert "TEMP B-TREE" not in details
    if name not in {"NEWEST_CHECKPOINT", "COUNT_ENTRIES"}:
        assert "SCAN" not in details


def test_orders_of_an_account_come_from_its_own_index() -> None:
    plan = database().execute(
        f"EXPLAIN QUERY PLAN {sql.ORDERS_OF_ACCOUNT}", {"account": "", "before": 0, "limit": 0}
    )
    assert "orders_of_account" in str(plan.fetchall())
