"""What a control compared, in people's units: the same line wherever a decision is explained."""

from __future__ import annotations

import pytest

from gateway.domain.quantities import INT_LIMIT
from gateway.policy.arithmetic import Comparison


def compared(observed: int | None, limit: int | None, name: str, unit: str | None) -> str:
    return Comparison(True, observed, limit, name, unit, "USD", 2).in_words()


@pytest.mark.parametrize(
    ("observed", "limit", "name", "unit", "words"),
    [
        (5, 10, "messages_per_second_max_count", "count", "5 <= 10: yes"),
        (32_240_000_000, 10**11, "order_notional_max_micros", "micros",
         "32,240.00 USD <= 100,000.00 USD: yes"),
        (325, 200, "compliance_min_bps", "bps", "3.25 % >= 2 %: yes"),
        (325, 200, "day_loss_max_bps", "bps", "3.25 % > 2 %; proven another way"),
        (12_500, 20_000, "leverage_max_bps", "bps", "1.25 x <= 2 x: yes"),
        (1_500, 15_000, "quote_age_max_ms", "ms", "1,500 ms <= 15 s: yes"),
        (2_480, 2_500, "cap", "price", "24.8 <= 25: yes"),
        (7, 9, "cap", None, "7 <= 9: yes"),
        (None, 10, "messages_per_second_max_count", "count", "the limit stands at 10"),
        (12, None, "messages_per_second_max_count", "count", "12"),
        (None, None, "messages_per_second_max_count", "count", ""),
    ],
)  # fmt: skip
def test_in_the_unit_that_people_use(
    observed: int | None, limit: int | None, name: str, unit: str | None, words: str
) -> None:
    assert compared(observed, limit, name, unit) == words


def test_equity_as_a_share_of_nothing_is_no_figure() -> None:
    words = compared(INT_LIMIT - 1, 2_500, "maintenance_margin_min_bps", "bps")
    assert words == "no exposure >= 25 %: yes"
    words = compared(INT_LIMIT - 1, 2_500, "leverage_max_bps", "bps")
    assert words.startswith("900,719,925,474.0991 x > ")


def test_what_is_not_known_is_not_made_up() -> None:
    price = Comparison(False, 2_600, 2_500, "cap", "price", "USD", None).in_words()
    assert price == (
        "2600 (in the instrument's smallest unit) <= 2500 (in the instrument's smallest unit): no"
    )
    money = Comparison(False, 10**6, 0, "short_notional_max_micros", "micros", "", None).in_words()
    assert money == "1.00 <= 0.00: no, a limit of zero proves nothing"
