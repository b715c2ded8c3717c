"""Sums that are kept equal sums that are added up anew, whatever came and went."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.quantities import Worth, notional_micros
from gateway.domain.reservations import Reservations, Reserved

SCALES = st.tuples(st.integers(0, 8), st.integers(0, 8))
IDS = st.sampled_from(["ord_1", "ord_2", "ord_3", "ord_4"])
SIDES = st.sampled_from(["buy", "sell"])
PRICES = st.integers(1, 5_000)
LASTS = st.integers(0, 5_000)
WORTHS = st.one_of(st.none(), st.builds(Worth, st.integers(1, 100), st.integers(1, 10**10)))
PUTS = st.tuples(
    st.just("put"), IDS, SIDES, st.integers(1, 10_000), st.one_of(st.none(), PRICES), WORTHS
)
Put = tuple[str, int, int | None, Worth | None]
TAKES = st.tuples(st.just("take"), IDS)
LOOKS = st.tuples(st.just("at"), LASTS)


def added_up(orders: dict[str, Put], last: int, scales: tuple[int, int]) -> Reserved:
    def micros(qty: int, price: int, worth: Worth) -> int:
        return notional_micros(qty, scales[0], price, scales[1], worth)

    priced = [
        (side, qty, worst, worth)
        for side, qty, worst, worth in orders.values()
        if worst is not None and worth is not None
    ]
    buys = [(qty, worst, worth) for side, qty, worst, worth in priced if side == "buy"]
    sells = [(qty, worst, worth) for side, qty, worst, worth in priced if side == "sell"]
    return Reserved(
        *scales,
        buy_qty=sum(qty for qty, _, _ in buys),
        sell_qty=sum(qty for qty, _, _ in sells),
        buys_micros=sum(micros(*buy) for buy in buys),
        sells_micros=sum(micros(qty, max(worst, last), worth) for qty, worst, worth in sells),
        highest_price=max((worst for _, _, worst, _ in priced), default=0),
    )


@given(SCALES, st.lists(st.one_of(PUTS, TAKES, LOOKS), max_size=40), LASTS)
def test_kept_sums_are_the_sums(
    scales: tuple[int, int], steps: list[tuple[object, ...]], last: int
) -> None:
    kept = Reservations(*scales)
    orders: dict[str, Put] = {}
    for step in [*steps, ("at", last)]:
        match step:
            case ("put", str(order_id), str(side), int(qty), worst, worth):
                assert isinstance(worst, int | None)
                assert isinstance(worth, Worth | None)
                kept.put(order_id, side, qty, worst, worth)
                orders[order_id] = (side, qty, worst, worth)
            case ("take", str(order_id)):
                kept.take(order_id)
                orders.pop(order_id, None)
            case ("at", int(now)):
                assert kept.at(now) == added_up(orders, now, scales)
        assert len(kept) == len(orders)
        assert kept.countable == all(None not in put for put in orders.values())


@given(
    SCALES,
    st.lists(PUTS, max_size=8),
    SIDES,
    st.integers(1, 10_000),
    PRICES,
    LASTS,
    WORTHS.filter(bool),
)
def test_one_order_more_is_what_putting_it_would_give(
    scales: tuple[int, int],
    puts: list[tuple[str, str, str, int, int | None, Worth | None]],
    side: str,
    qty: int,
    price: int,
    last: int,
    worth: Worth,
) -> None:
    kept = Reservations(*scales)
    for _, order_id, order_side, order_qty, worst, its in puts:
        kept.put(order_id, order_side, order_qty, worst, its)
    counted = price if side == "buy" else max(price, last)
    asked = kept.at(last).plus(side, qty, counted, worth)
    kept.put("ord_new", side, qty, counted, worth)
    assert asked == kept.at(last)
