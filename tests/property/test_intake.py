"""Intake on any input: no surprise, no number made better for its owner, one request one digest."""

from __future__ import annotations

import json
from fractions import Fraction
from random import Random

from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from gateway.domain.errors import InvalidInputError
from gateway.domain.instrument import Instrument
from gateway.domain.order import OrderType, Side
from gateway.domain.quantities import INT_LIMIT
from gateway.intake.idempotency import caller_keys
from gateway.intake.orders import OrderBody, to_order
from gateway.intake.reading import read_object

JSON = st.recursive(
    st.none() | st.booleans() | st.text() | st.integers() | st.floats(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)
DECIMAL_TEXTS = st.from_regex(r"(0|[1-9][0-9]{0,11})(\.[0-9]{1,12})?", fullmatch=True)


@given(st.binary(max_size=300) | JSON.map(lambda value: json.dumps(value).encode()))
def test_any_body_is_an_object_or_refused(data: bytes) -> None:
    code = "json-"
    try:
        assert isinstance(read_object(data), dict)
    except InvalidInputError as error:
        code = error.code
    assert code.startswith(("json-", "body-"))


@given(st.dictionaries(st.text(), st.text() | st.none() | st.booleans()))
def test_an_object_of_texts_is_read_as_it_was_written(body: dict[str, object]) -> None:
    assert read_object(json.dumps(body).encode("utf-8", "surrogatepass")) == body


@given(
    st.dictionaries(
        st.sampled_from([*OrderBody.model_fields, "other"]),
        JSON | st.sampled_from(["buy", "limit", "primary", "AAPL", "10"]),
    )
)
def test_any_ticket_is_an_order_or_refused(fields: dict[str, object]) -> None:
    instruments = {"AAPL": Instrument("AAPL", "equity", "x", "USD", 0, 4, 1, 100)}
    try:
        body = OrderBody.model_validate(fields)
        order = to_order(
            body, order_id="o", principal="p", instruments=instruments, accounts=["primary"]
        )
    except (InvalidInputError, ValidationError):
        return
    assert 0 < order.qty < INT_LIMIT


@given(
    side=st.sampled_from(Side),
    kind=st.sampled_from(OrderType),
    qty=DECIMAL_TEXTS,
    limit=DECIMAL_TEXTS,
    stop=DECIMAL_TEXTS,
    scales=st.tuples(st.integers(0, 8), st.integers(0, 8)),
    steps=st.tuples(st.integers(1, 500), st.integers(1, 500)),
)
def test_rounding_is_always_against_the_order_and_less_than_a_step(
    side: Side,
    kind: OrderType,
    qty: str,
    limit: str,
    stop: str,
    scales: tuple[int, int],
    steps: tuple[int, int],
) -> None:
    (qty_decimals, price_decimals), (lot, tick) = scales, steps
    rule = Instrument("X", "equity", "x", "USD", qty_decimals, price_decimals, lot, tick)
    body = OrderBody.model_validate(
        {
            "account": "primary",
            "symbol": "X",
            "side": side,
            "type": kind,
            "qty": qty,
            "limit_price": limit if kind.has_limit else None,
            "stop_price": stop if kind.has_stop else None,
        }
    )
    try:
        order = to_order(
            body, order_id="o", principal="p", instruments={"X": rule}, accounts=["primary"]
        )
    except InvalidInputError:
        return
    assert order.qty % lot == 0
    assert (
        0 <= Fraction(qty) - Fraction(order.qty, 10**qty_decimals) < Fraction(lot, 10**qty_decimals)
    )
    buys = side is Side.BUY
    for typed, price, up in ((limit, order.limit_price, not buys), (stop, order.stop_price, buys)):
        if price is not None:
            moved = Fraction(price, 10**price_decimals) - Fraction(typed)
            assert price % tick == 0
            assert 0 <= (moved if up else -moved) < Fraction(tick, 10**price_decimals)
            assert order.qty * price * 10**6 // 10 ** (qty_decimals + price_decimals) < INT_LIMIT


@given(st.dictionaries(st.text("ab", min_size=1), st.text("01")), st.randoms())
def test_the_order_of_fields_does_not_change_a_request(
    fields: dict[str, str], random: Random
) -> None:
    shuffled = list(fields.items())
    random.shuffle(shuffled)
    [one] = caller_keys("k", None, fields)
    [other] = caller_keys("k", None, dict(shuffled))
    assert one == other
