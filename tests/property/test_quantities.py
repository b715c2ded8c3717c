"""Exact numbers: parsing, rounding and formatting agree with Decimal on every input."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.errors import InvalidInputError
from gateway.domain.quantities import (
    INT_LIMIT,
    PLAIN,
    Worth,
    ceil_div,
    format_scaled,
    notional_micros,
    parse_decimal,
    rescaled_up,
    scaled,
    value_micros,
)

DECIMALS = st.integers(0, 10)
AMOUNTS = st.integers(1, INT_LIMIT - 1)


@given(AMOUNTS, DECIMALS)
def test_formatting_and_parsing_are_inverse(value: int, decimals: int) -> None:
    text = format_scaled(value, decimals)
    assert scaled(parse_decimal(text, "qty"), decimals, "qty") == (value, False)
    assert Decimal(text) == Decimal(value).scaleb(-decimals)


@given(st.integers(-INT_LIMIT, INT_LIMIT), DECIMALS)
def test_formatting_is_exact_for_negative_numbers_too(value: int, decimals: int) -> None:
    text = format_scaled(value, decimals)
    assert Decimal(text) == Decimal(value).scaleb(-decimals)
    assert "E" not in text
    assert not (decimals and "." in text and text.endswith("0"))


@given(AMOUNTS, DECIMALS, AMOUNTS, DECIMALS)
def test_notional_is_the_exact_product_rounded_up(q: int, qd: int, p: int, pd: int) -> None:
    exact = Fraction(q * p) * Fraction(10) ** (6 - qd - pd)
    got = notional_micros(q, qd, p, pd)
    assert exact <= got < exact + 1


@given(st.integers(-INT_LIMIT, INT_LIMIT), DECIMALS, AMOUNTS, DECIMALS)
def test_a_position_is_never_valued_above_what_it_is_worth(
    q: int, qd: int, p: int, pd: int
) -> None:
    exact = Fraction(q * p) * Fraction(10) ** (6 - qd - pd)
    got = value_micros(q, qd, p, pd)
    assert exact - 1 < got <= exact


@given(AMOUNTS, DECIMALS, AMOUNTS, DECIMALS, st.builds(Worth, AMOUNTS, AMOUNTS))
def test_worth_is_counted_exactly_and_rounded_once(
    q: int, qd: int, p: int, pd: int, worth: Worth
) -> None:
    exact = Fraction(q * p * worth.multiplier * worth.rate_e8, 10**8) * Fraction(10) ** (
        6 - qd - pd
    )
    assert exact <= notional_micros(q, qd, p, pd, worth) < exact + 1
    assert exact - 1 < value_micros(q, qd, p, pd, worth) <= exact
    assert -exact - 1 < value_micros(-q, qd, p, pd, worth) <= -exact


def test_one_for_one_in_the_base_currency_changes_nothing() -> None:
    assert Worth().plain
    assert not Worth(2).plain
    assert not Worth(1, 10**8 + 1).plain
    assert notional_micros(3, 0, 7, 7, Worth()) == notional_micros(3, 0, 7, 7, PLAIN) == 3


@given(AMOUNTS, DECIMALS, DECIMALS)
def test_rescaling_rounds_up(value: int, decimals: int, to: int) -> None:
    exact = Fraction(value) * Fraction(10) ** (to - decimals)
    assert exact <= rescaled_up(value, decimals, to) < exact + 1


@given(st.integers(-INT_LIMIT, INT_LIMIT), st.integers(1, INT_LIMIT))
def test_ceil_div(a: int, b: int) -> None:
    assert (ceil_div(a, b) - 1) * b < a <= ceil_div(a, b) * b


@pytest.mark.parametrize(
    "text",
    [
        "NaN", "sNaN", "Infinity", "-Infinity", "1e999999", "1e-999999", "-0", "0", "-1", "0.0",
        "9" * 5000, "True", "None", "1_000", " 10", "10 ", "+1", "01", "1.", ".5", "", "٣", "１０",
        "1,5", "0x10", "1e3", "1\n", "1\x00",
    ],
)  # fmt: skip
def test_anything_but_a_plain_positive_decimal_is_refused(text: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        parse_decimal(text, "qty")
    assert caught.value.code in {"number-malformed", "number-not-positive"}


def test_two_to_the_53_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="number-too-large"):
        scaled(Decimal(INT_LIMIT), 0, "qty")
    assert scaled(Decimal(INT_LIMIT - 1), 0, "qty") == (INT_LIMIT - 1, False)


def test_what_does_not_fit_the_scale_is_told() -> None:
    assert scaled(Decimal("1.239"), 2, "price") == (123, True)
