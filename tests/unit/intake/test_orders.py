"""Tickets become exact orders, or are refused before anything is recorded."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ValidationError

from gateway.domain.errors import InvalidInputError
from gateway.domain.instrument import Instrument
from gateway.domain.order import Order, OrderType, Side, TimeInForce
from gateway.intake.orders import OrderBody, to_order
from gateway.intake.reading import JsonNumber
from support.tickets import BAD_NUMBERS, BAD_SYMBOLS, TICKET

SHARE = Instrument("AAPL", "equity", "technology", "USD", 0, 4, 1, 100)
COIN = Instrument("BTC/USD", "crypto", "none", "USD", 8, 2, 1_000, 5)
LOTS = Instrument("ODD", "equity", "energy", "USD", 2, 2, 50, 25)
INSTRUMENTS = {one.symbol: one for one in (SHARE, COIN, LOTS)}


LATEST_US = 1_420_401_600_000_000 + 90 * 24 * 3_600_000_000
NOW_US = 1_420_401_600_000_000
"""2015-01-04T20:00:00Z."""


def order(**changes: Any) -> Order:
    fields = {name: value for name, value in (TICKET | changes).items() if value is not ...}
    return to_order(
        OrderBody.model_validate(fields),
        order_id="ord_1",
        principal="alice",
        instruments=INSTRUMENTS,
        accounts=["primary"],
        now_us=NOW_US,
    )


def refusal(**changes: Any) -> str:
    with pytest.raises(InvalidInputError) as caught:
        order(**changes)
    assert caught.value.remedy
    return caught.value.code


def test_a_ticket_is_read_at_the_instruments_scale() -> None:
    found = order(client_order_id="mine-1", strategy_id="s.1", source_signal_id="sig:1")
    assert (found.qty, found.qty_decimals) == (10, 0)
    assert (found.limit_price, found.price_decimals, found.stop_price) == (1_093_000, 4, None)
    assert (found.side, found.type) == (Side.BUY, OrderType.LIMIT)
    assert found.time_in_force is TimeInForce.DAY
    assert found.instrument_known
    assert (found.principal, found.order_id, found.account) == ("alice", "ord_1", "primary")
    assert (found.client_order_id, found.strategy_id) == ("mine-1", "s.1")
    assert found.source_signal_id == "sig:1"


@pytest.mark.parametrize("spelling", [str.upper, str.lower, str.title])
@pytest.mark.parametrize("tif", TimeInForce)
@pytest.mark.parametrize("side", Side)
@pytest.mark.parametrize("kind", OrderType)
def test_every_side_type_and_time_in_force_in_any_case(
    kind: OrderType, side: Side, tif: TimeInForce, spelling: Callable[[str], str]
) -> None:
    found = order(
        side=spelling(side),
        type=spelling(kind),
        time_in_force=spelling(tif),
        expires_at="2015-01-05T15:30:00-05:00" if tif is TimeInForce.GTD else ...,
        limit_price="10" if kind.has_limit else ...,
        stop_price="10" if kind.has_stop else ...,
    )
    assert (found.side, found.type, found.time_in_force) == (side, kind, tif)


@pytest.mark.parametrize("field", ["side", "type", "time_in_force"])
@pytest.mark.parametrize(
    "value", ["", "buyy", "b\u0443y", "\u212aUY", "opg", 1, None, True, ["buy"]]
)
def test_an_unknown_name_is_refused(field: str, value: object) -> None:
    with pytest.raises(ValidationError):
        order(**{field: value})


@pytest.mark.requirement("S1-06")
@pytest.mark.parametrize(
    ("tif", "expires_at", "code"),
    [
        pytest.param("gtd", ..., "expiry-missing", id="none"),
        pytest.param("gtd", "2015-01-05", "expiry-malformed", id="a day"),
        pytest.param("gtd", "2015-01-05T15:30:00", "expiry-malformed", id="without an offset"),
        pytest.param("gtd", "2015-02-30T15:30:00Z", "expiry-malformed", id="no date"),
        pytest.param("gtd", "2015-01-04T20:00:00Z", "expiry-out-of-bounds", id="now"),
        pytest.param("gtd", "2015-04-04T20:00:00.000001Z", "expiry-out-of-bounds", id="too far"),
        pytest.param("day", "2015-01-05T15:30:00Z", "expiry-unexpected", id="of a day order"),
        pytest.param("gtc", "2015-01-05T15:30:00Z", "expiry-unexpected", id="of a gtc order"),
    ],
)
def test_an_end_that_does_not_fit_is_refused(tif: str, expires_at: object, code: str) -> None:
    assert refusal(time_in_force=tif, expires_at=expires_at) == code


@pytest.mark.requirement("S1-06")
def test_a_dated_order_has_its_end_to_the_microsecond_and_no_other_has_one() -> None:
    ends = {"2015-01-04T20:00:00.000001Z": NOW_US + 1, "2015-04-04T16:00:00-04:00": LATEST_US}
    for text, expires_us in ends.items():
        assert order(time_in_force="gtd", expires_at=text).expires_us == expires_us
    assert order().expires_us is None


def test_the_time_in_force_is_day_unless_said() -> None:
    assert order(time_in_force=...).time_in_force is TimeInForce.DAY


@pytest.mark.parametrize("field", ["qty", "limit_price", "stop_price"])
@pytest.mark.parametrize("value", BAD_NUMBERS.values(), ids=BAD_NUMBERS.keys())
def test_a_bad_number_is_no_quantity_and_no_price(field: str, value: object) -> None:
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = JsonNumber(str(value))  # as the reader hands it on
    with pytest.raises((InvalidInputError, ValidationError)):
        order(**({"type": "stop_limit", "stop_price": "100"} | {field: value}))


@pytest.mark.parametrize("value", BAD_SYMBOLS.values(), ids=BAD_SYMBOLS.keys())
def test_a_bad_symbol_is_refused(value: object) -> None:
    with pytest.raises(ValidationError):
        order(symbol=value)


@pytest.mark.parametrize("field", ["client_order_id", "strategy_id", "source_signal_id"])
@pytest.mark.parametrize("value", ["", "none", "a b", "a\n", "x" * 65, "é", "a/b", 5, True])
def test_a_bad_id_is_refused(field: str, value: object) -> None:
    with pytest.raises(ValidationError):
        order(**{field: value})


@pytest.mark.parametrize("field", ["qty_e8", "extended_hours", "__proto__", "Qty", "notional"])
def test_an_unknown_field_is_refused(field: str) -> None:
    with pytest.raises(ValidationError):
        order(**{field: "1"})


@pytest.mark.parametrize("field", ["account", "symbol", "side", "type", "qty"])
def test_a_missing_field_is_refused(field: str) -> None:
    with pytest.raises(ValidationError):
        order(**{field: ...})


@pytest.mark.parametrize(
    ("side", "typed", "price"),
    [("buy", "109.3099", 1_093_000), ("sell", "109.3001", 1_093_100), ("buy", "109.31", 1_093_100)],
)
def test_a_limit_price_is_rounded_against_the_order(side: str, typed: str, price: int) -> None:
    assert order(side=side, limit_price=typed).limit_price == price


@pytest.mark.parametrize(
    ("side", "typed", "price"),
    [("buy", "109.3001", 1_093_100), ("sell", "109.3099", 1_093_000), ("sell", "109", 1_090_000)],
)
def test_a_stop_price_is_rounded_to_trigger_later(side: str, typed: str, price: int) -> None:
    found = order(side=side, type="stop", limit_price=..., stop_price=typed)
    assert found.stop_price == price


def test_rounding_sees_digits_beyond_the_instruments_scale() -> None:
    assert order(side="sell", limit_price="109.300000000000000001").limit_price == 1_093_100
    assert order(side="buy", limit_price="109.309999999999999999").limit_price == 1_093_000


@pytest.mark.parametrize(("typed", "qty"), [("10.9", 10), ("1", 1), ("1.000000000000000001", 1)])
def test_a_quantity_is_rounded_down(typed: str, qty: int) -> None:
    assert order(qty=typed).qty == qty


def test_a_quantity_is_rounded_down_to_the_lot() -> None:
    assert order(symbol="ODD", qty="1.74", limit_price="1").qty == 150
    assert order(symbol="BTC/USD", qty="0.00012345", limit_price="1").qty == 12_000


def test_less_than_a_lot_is_refused() -> None:
    assert refusal(qty="0.999999999999999999") == "qty-below-lot"
    assert refusal(symbol="ODD", qty="0.49") == "qty-below-lot"
    assert refusal(symbol="NOPE", qty="0.000000001") == "qty-below-lot"


def test_less_than_a_tick_is_refused() -> None:
    assert refusal(limit_price="0.0099") == "price-below-tick"
    assert order(side="sell", limit_price="0.0001").limit_price == 100


def test_an_unknown_symbol_is_read_at_eight_decimals() -> None:
    found = order(symbol="NOPE", qty="1.23456789", limit_price="0.12345678")
    assert not found.instrument_known
    assert (found.qty, found.qty_decimals) == (123_456_789, 8)
    assert (found.limit_price, found.price_decimals) == (12_345_678, 8)


def test_an_account_that_is_not_served_is_refused() -> None:
    assert refusal(account="other") == "account-unknown"


@pytest.mark.parametrize("kind", OrderType)
def test_prices_belong_to_the_types_that_have_them(kind: OrderType) -> None:
    both = {"type": kind.value, "limit_price": "10", "stop_price": "10"}
    if not (kind.has_limit and kind.has_stop):
        assert refusal(**both) == "price-unexpected"
    if kind is not OrderType.MARKET:
        assert refusal(**(both | {"limit_price": ..., "stop_price": ...})) == "price-missing"


@pytest.mark.parametrize(
    "changes",
    [
        {"qty": "90071993"},  # 2^53 at 8 decimals, though not at the instrument's own
        {"qty": "1000000", "limit_price": "10000"},  # 10^10 dollars are 10^16 micros
        {"limit_price": "900719925474.0992"},
        {"symbol": "NOPE", "qty": "90071992.54740992", "limit_price": "0.00000001"},
        {"type": "stop", "limit_price": ..., "qty": "1000000", "stop_price": "10000"},
    ],
)
def test_what_does_not_fit_below_2_to_53_is_refused(changes: dict[str, Any]) -> None:
    assert refusal(**changes) == "number-too-large"


def test_the_largest_that_fits_is_taken() -> None:
    assert order(qty="90071992", limit_price="0.01").qty == 90_071_992


def test_spelling_does_not_change_the_request() -> None:
    plain = OrderBody.model_validate(TICKET)
    shouted = OrderBody.model_validate(
        TICKET | {"side": "BUY", "type": "LIMIT", "stop_price": None}
    )
    assert plain.canonical() == shouted.canonical()
    assert plain.canonical() != OrderBody.model_validate(TICKET | {"qty": "11"}).canonical()
