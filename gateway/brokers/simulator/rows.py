"""From the columns of the simulator's tables to the values of the domain."""

from __future__ import annotations

from typing import Final

from gateway.brokers.simulator.matching import Resting
from gateway.domain.execution import BrokerOrderRecord, BrokerUpdate, Execution, StatusChange
from gateway.domain.order import BrokerOrder, OrderType, Side, TimeInForce
from gateway.domain.quantities import Worth

Value = int | str | None
"""What a column can hold: the tables are STRICT and have no other types."""

Row = tuple[Value, ...]

ORDER_COLUMNS: Final = (
    "broker_client_id, account, symbol, side, type, time_in_force, qty, qty_decimals, "
    "price_decimals, limit_price, stop_price, protection_price, reduce_only, extended_hours, "
    "expires_us"
)
"""The columns of a :class:`BrokerOrder`, in the order of its fields."""

RESTING_COLUMNS: Final = (
    "row, eligible_us, filled_qty, fee_micros, triggered, session, multiplier, rate_e8"
)
"""What :func:`resting_order` reads before the order's own columns."""

RECORD_COLUMNS: Final = "row, status, filled_qty, placed_us"
"""What :func:`order_record` reads before the order's own columns."""

UPDATE_COLUMNS: Final = (
    "u.cursor, o.broker_client_id, u.status, u.code, u.execution_id, "
    "o.account, o.symbol, o.side, u.qty, o.qty_decimals, u.price, o.price_decimals, "
    "u.fee_micros, u.market_us, u.session"
)
"""The columns that :func:`broker_update` reads, of ``updates u`` and ``orders o``."""


def whole(value: Value) -> int:
    """A column declared INTEGER, as SQLite's STRICT tables guarantee it."""
    assert isinstance(value, int)
    return value


def resting_order(row: Row) -> Resting:
    """An order at rest: :data:`RESTING_COLUMNS`, and then :data:`ORDER_COLUMNS`."""
    number, eligible_us, filled_qty, fee_micros, triggered, session, *others = row
    multiplier, rate_e8, *columns = others
    return Resting(
        row=whole(number),
        order=_order(columns),
        eligible_us=whole(eligible_us),
        filled_qty=whole(filled_qty),
        fee_micros=whole(fee_micros),
        triggered=bool(triggered),
        session=str(session),
        worth=Worth(whole(multiplier), whole(rate_e8)),
    )


def _order(columns: list[Value]) -> BrokerOrder:
    client_id, account, symbol, side, type_, tif, qty, qty_dec, price_dec, *rest = columns
    *prices, reduce_only, extended_hours, expires_us = rest
    limit_price, stop_price, protection_price = (
        None if price is None else whole(price) for price in prices
    )
    return BrokerOrder(
        broker_client_id=str(client_id),
        account=str(account),
        symbol=str(symbol),
        side=Side(str(side)),
        type=OrderType(str(type_)),
        time_in_force=TimeInForce(str(tif)),
        qty=whole(qty),
        qty_decimals=whole(qty_dec),
        price_decimals=whole(price_dec),
        limit_price=limit_price,
        stop_price=stop_price,
        protection_price=protection_price,
        reduce_only=bool(reduce_only),
        extended_hours=bool(extended_hours),
        expires_us=None if expires_us is None else whole(expires_us),
    )


def order_record(row: Row) -> BrokerOrderRecord:
    """An order as it is listed: its number, status, fills and time, and :data:`ORDER_COLUMNS`."""
    number, status, filled_qty, placed_us, *columns = row
    order = _order(columns)
    return BrokerOrderRecord(
        account=order.account,
        broker_order_id=order_name(whole(number)),
        broker_client_id=order.broker_client_id,
        symbol=order.symbol,
        side=order.side.executed,
        status=str(status),
        qty=order.qty,
        filled_qty=whole(filled_qty),
        qty_decimals=order.qty_decimals,
        limit_price=order.limit_price,
        price_decimals=order.price_decimals,
        placed_us=whole(placed_us),
    )


def order_name(row: int) -> str:
    """The simulator's own id of an order."""
    return f"sim-{row:08d}"


def broker_update(row: Row) -> BrokerUpdate:
    """An update: a fill, or the end of an order where it has a status."""
    cursor, client_id, status, code, execution_id, *execution = row
    if status is not None:
        return BrokerUpdate(whole(cursor), StatusChange(str(client_id), str(status), str(code)))
    account, symbol, side, qty, qty_dec, price, price_dec, fee_micros, market_us, session = (
        execution
    )
    return BrokerUpdate(
        whole(cursor),
        Execution(
            broker_client_id=str(client_id),
            execution_id=str(execution_id),
            account=str(account),
            symbol=str(symbol),
            side=Side(str(side)).executed,
            qty=whole(qty),
            qty_decimals=whole(qty_dec),
            price=whole(price),
            price_decimals=whole(price_dec),
            fee_micros=whole(fee_micros),
            market_us=whole(market_us),
            session=str(session),
        ),
    )
