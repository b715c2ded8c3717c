"""People's units become exact integers, or are refused; and come back as what people wrote."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.quantities import INT_LIMIT
from signing.units import (
    UNITS,
    UnitError,
    limit_name,
    read_value,
    show_value,
    write_value,
)


@pytest.mark.parametrize(
    ("text", "unit", "value"),
    [
        ("100000 USD", "micros", 100_000_000_000),
        ("0.000001 USD", "micros", 1),
        ("0 USD", "micros", 0),
        ("100000USD", "micros", 100_000_000_000),
        ("5 %", "bps", 500),
        ("0.01 %", "bps", 1),
        ("500 bps", "bps", 500),
        ("1.3 x", "bps", 13_000),
        ("1500 ms", "ms", 1_500),
        ("0.001 s", "ms", 1),
        ("15 min", "ms", 900_000),
        ("1.5 h", "ms", 5_400_000),
        ("12", "count", 12),
        ("20000", "e8", 2_000_000_000_000),
        ("0.00000001 units", "e8", 1),
        ("40", "e4", 400_000),
        ("40.5000", "e4", 405_000),
        ("9007199254740991", "count", INT_LIMIT - 1),
        ("9007199254.740991 USD", "micros", INT_LIMIT - 1),
    ],
)
def test_what_people_write(text: str, unit: str, value: int) -> None:
    assert read_value(text, unit, "USD") == value


@pytest.mark.parametrize(
    ("text", "unit", "said"),
    [
        ("100000", "micros", "the unit is missing"),
        ("100000 EUR", "micros", "rates are facts"),
        ("100000 usd", "micros", "the unit 'usd' is not one of it"),
        ("5", "bps", "the unit is missing"),
        ("5 USD", "bps", "the unit 'USD'"),
        ("15 %", "ms", "the unit '%'"),
        ("15 m", "ms", "the unit 'm'"),
        ("12 units", "count", "the unit 'units'"),
        ("1.5", "count", "finer than one whole"),
        ("0.001 %", "bps", "finer than one basis point"),
        ("0.0000001 USD", "micros", "finer than one millionth of a USD"),
        ("1.5 ms", "ms", "finer than one millisecond"),
        ("0.000000001", "e8", "finer than one unit at 8 decimals"),
        ("40.00001", "e4", "finer than one step of 0.0001"),
        ("9007199254740992", "count", "too large"),
        ("9007199255 USD", "micros", "too large"),
        ("-1", "count", "below zero"),
        ("-0", "count", "below zero"),
        ("1,000", "count", "separators"),
        ("1_000", "count", "separators"),
        ("1 000", "count", "separators"),
        ("NaN", "count", "no plain decimal"),
        ("inf", "count", "no plain decimal"),
        ("1e3", "count", "no plain decimal"),
        ("+1", "count", "no plain decimal"),
        ("01", "count", "no plain decimal"),
        (".5 %", "bps", "no plain decimal"),
        ("5. %", "bps", "no plain decimal"),
        ("", "count", "no plain decimal"),
        ("true", "count", "no plain decimal"),
        ("١٢", "count", "no plain decimal"),
        ("1 \u00a0USD", "micros", "no plain decimal"),
        ("9" * 26, "count", "too large"),
        ("9" * 44 + " USD", "micros", "too large"),
        (f"0.{'0' * 40}1", "e8", "finer than one unit at 8 decimals"),
        ("9" * 5000, "count", "longer than 48 characters"),
    ],
)
def test_what_is_no_value(text: str, unit: str, said: str) -> None:
    with pytest.raises(UnitError) as caught:
        read_value(text, unit, "USD")
    assert said in caught.value.message
    assert caught.value.remedy


@given(st.integers(0, INT_LIMIT - 1), st.sampled_from(UNITS), st.sampled_from(["", "leverage_max"]))
def test_what_is_written_is_read_again(value: int, unit: str, bare: str) -> None:
    assert read_value(write_value(value, unit, "EUR", bare), unit, "EUR") == value


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (900_000, "ms", "15 min"),
        (0, "ms", "0 ms"),
        (1_500, "ms", "1500 ms"),
        (3_600_000, "ms", "1 h"),
        (1, "bps", "0.01 %"),
        (70_000_000_000, "micros", "70000 USD"),
        (50_000_000, "e8", "0.5 units"),
    ],
)
def test_what_is_written(value: int, unit: str, text: str) -> None:
    assert write_value(value, unit, "USD") == text


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (1_250_000_000, "micros", "1,250.00 USD"),
        (-1_250_000_001, "micros", "-1,250.000001 USD"),
        (13_000, "bps", "130 %"),
        (1_234_567, "count", "1,234,567"),
        (2_000_000_000_000, "e8", "20,000 units"),
        (1_805_000, "price", "180.5"),
        (-7, "none", "-7"),
        (1_000_001, "ms", "1,000,001 ms"),
    ],
)
def test_what_is_shown(value: int, unit: str, text: str) -> None:
    assert show_value(value, unit, "USD", price_decimals=4) == text


def test_the_name_of_a_limit() -> None:
    parts = limit_name("price_collar_max_bps")
    assert parts is not None
    assert (parts.bare, parts.unit) == ("price_collar_max", "bps")
    assert limit_name("price_collar_max") is None
    assert limit_name("bps") is None
