"""Integers go to Alpaca as decimal strings and come back as they were, or are refused."""

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.brokers.alpaca.mapping import PRICE_DECIMALS, TICK, order_body, same_order
from gateway.brokers.alpaca.replacing import patch_body
from gateway.brokers.alpaca.wire import (
    UnreadableError,
    exact,
    floored,
    floored_number,
    instant_text,
    instant_us,
    new_york_day,
    read_json,
    shortest,
)
from gateway.domain.order import OrderType, Side, TimeInForce
from gateway.domain.quantities import INT_LIMIT, format_scaled
from peers.alpaca_venue import validator
from support.brokers import broker_order

WHOLE = st.integers(-INT_LIMIT + 1, INT_LIMIT - 1)
CENTS = st.integers(1, (INT_LIMIT - 1) // TICK).map(lambda cents: cents * TICK)
SCALES = st.integers(0, 9)


@pytest.mark.requirement("S1-03")
@given(value=WHOLE, decimals=SCALES)
def test_an_integer_survives_the_way_there_and_back(value: int, decimals: int) -> None:
    sent = json.dumps({"qty": format_scaled(value, decimals)}).encode()
    fields = read_json(sent)
    assert isinstance(fields, dict)
    assert exact(fields, "qty", decimals) == floored(fields, "qty", decimals) == value


@given(value=st.decimals("-1e6", "1e6", places=12, allow_nan=False), decimals=SCALES)
def test_what_does_not_fit_is_refused_or_rounded_down(value: Decimal, decimals: int) -> None:
    fields = {"cash": f"{value:f}"}
    scaled = value.scaleb(decimals)
    down = floored(fields, "cash", decimals)
    assert down <= scaled < down + 1
    short, places = shortest(fields, "cash", 12) if abs(value) < 9_000 else (0, 0)
    assert Decimal(short).scaleb(-places) == (value if abs(value) < 9_000 else 0)
    if scaled == down:
        assert exact(fields, "cash", decimals) == down
    else:
        with pytest.raises(UnreadableError):
            exact(fields, "cash", decimals)


@pytest.mark.requirement("S3-18")
@given(value=st.decimals("-1e6", "1e6", places=12, allow_nan=False), decimals=SCALES)
def test_a_json_number_is_read_as_written_and_rounded_down(value: Decimal, decimals: int) -> None:
    for form in (f"{value:f}", f"{value:e}"):
        fields = read_json(f'{{"bp": {form}}}'.encode())
        assert isinstance(fields, dict)
        down, rest = floored_number(fields, "bp", decimals)
        scaled = Decimal(form).scaleb(decimals)
        assert down <= scaled < down + 1
        assert rest == (scaled != down)


@pytest.mark.attack
@pytest.mark.parametrize(
    "form",
    ["1e999999", "1e-999999", "1" * 60, "0." + "1" * 60, '"1"', "true", "null", "[]", "9" * 17],
    ids=lambda form: form[:9],
)
def test_a_json_number_beyond_bounds_is_none(form: str) -> None:
    fields = read_json(f'{{"bp": {form}}}'.encode())
    assert isinstance(fields, dict)
    with pytest.raises(UnreadableError):
        floored_number(fields, "bp", 4)


@given(text=st.text(max_size=40))
def test_no_text_is_read_as_another_number(text: str) -> None:
    try:
        value = exact({"qty": text}, "qty", 9)
    except UnreadableError:
        return
    assert Decimal(text) == Decimal(value).scaleb(-9)


@given(
    side=st.sampled_from(Side),
    kind=st.sampled_from(OrderType),
    tif=st.sampled_from(TimeInForce),
    qty=st.integers(0, INT_LIMIT - 1),
    prices=st.tuples(*[st.one_of(CENTS, st.integers(1, INT_LIMIT - 1))] * 3),
    flags=st.tuples(st.booleans(), st.booleans()),
)
def test_what_goes_out_is_the_order_or_nothing(
    side: Side,
    kind: OrderType,
    tif: TimeInForce,
    qty: int,
    prices: tuple[int, int, int],
    flags: tuple[bool, bool],
) -> None:
    limit, stop, protection = prices
    order = broker_order(
        "wr-1",
        qty,
        side=side,
        type=kind,
        time_in_force=tif,
        limit_price=limit if kind.has_limit else None,
        stop_price=stop if kind.has_stop else None,
        protection_price=None if kind.has_limit else protection,
        reduce_only=flags[0],
        extended_hours=flags[1],
    )
    body = order_body(order)
    if body is None:
        return
    validator("/components/schemas/CreateOrderRequest").validate(body)
    validator("/components/schemas/PatchOrderRequest").validate(patch_body(body))
    assert exact(body, "qty", 0) == qty > 0
    bound = exact(body, "limit_price", PRICE_DECIMALS)
    counted = limit if kind.has_limit else protection
    # Never worse than the price at which it was counted, and at most a cent better.
    better = counted - bound if side is Side.BUY else bound - counted
    assert 0 <= better < (1 if kind.has_limit else TICK)
    assert body["type"] in ("limit", "stop_limit")
    assert ("stop_price" in body) == kind.has_stop
    if kind.has_stop:
        assert exact(body, "stop_price", PRICE_DECIMALS) == stop
    assert same_order(dict(body), body)
    for name in ("qty", "limit_price", "side", "symbol", "time_in_force"):
        other = {"side": "sell" if body["side"] == "buy" else "buy", "time_in_force": "cls"}
        changed = body | {name: other.get(name, "7777777")}
        assert same_order(changed, body) == (changed[name] == body[name])


@given(at_us=st.integers(0, 4_000_000_000_000_000))
def test_an_instant_survives_in_every_form(at_us: int) -> None:
    assert instant_us({"at": instant_text(at_us)}, "at") == at_us
    whole, part = divmod(at_us, 1_000_000)
    days, second = divmod(whole, 86_400)
    on = (date(1970, 1, 1) + timedelta(days=days)).isoformat()
    clock = f"{second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}"
    for form in (f"{on}T{clock}.{part:06d}Z", f"{on}T{clock}.{part:06d}999+00:00"):
        assert instant_us({"at": form}, "at") == at_us
    assert new_york_day(at_us) <= datetime.fromtimestamp(whole, UTC).date().isoformat()
