"""Facts as they are sent: names of a closed list, and values that are exact or refused."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.domain.errors import InvalidInputError, NotFoundError, WritError
from gateway.domain.fact import FactValue, Prices, wire_value
from gateway.intake.facts import (
    TTL_MAX_MS,
    PriceTexts,
    SentValue,
    check_source,
    read_count,
    read_value,
)
from gateway.market import health
from support.facts import INSTRUMENTS
from support.tickets import BAD_NUMBERS


def read(name: str, value: SentValue) -> FactValue:
    return read_value(name, value, INSTRUMENTS, "USD")


@pytest.mark.parametrize(
    ("name", "sent", "value"),
    [
        ("model.volatility", "17.79", 177_900),
        ("model.volatility", "0.00001", 1),
        ("model.entropy", "0", 0),
        ("model.entropy", "0.000", 0),
        ("model.drift", "0.12341", 1_235),
        ("model.drift", "12", 120_000),
        ("model.regime", "CRISIS", "CRISIS"),
        ("model.data_integrity", True, True),
        ("model.protocol_firing", False, False),
        ("fx.EUR", "1.08251234", 108_251_234),
        ("close.AAPL", "24.5501", 2_455_010_000),
        ("quote.AAPL", PriceTexts("24.5", "24.6", "24.5501"), (24.5, 24.6, 24.5501)),
    ],
)
def test_a_value_is_made_exact(name: str, sent: SentValue, value: object) -> None:
    found = read(name, sent)
    if isinstance(found, Prices):
        assert found == Prices(2_450_000_000, 2_460_000_000, 2_455_010_000)
    else:
        assert (type(found), found) == (type(value), value)


@pytest.mark.parametrize(
    ("name", "sent"),
    [
        ("model.regime", "NORMAL"),
        ("model.drift", "0.5"),
        ("fx.EUR", "1.08251234"),
        ("close.AAPL", "24.5501"),
        ("model.data_integrity", True),
    ],
)
def test_it_is_read_back_as_it_was_sent(name: str, sent: SentValue) -> None:
    assert wire_value(name, read(name, sent)) == sent


def test_a_quote_is_read_back_as_it_was_sent() -> None:
    value = read("quote.AAPL", PriceTexts("24.5", "24.6", "24.55"))
    assert wire_value("quote.AAPL", value) == {"bid": "24.5", "ask": "24.6", "last": "24.55"}


@pytest.mark.parametrize(
    "name",
    [
        *("model.temper", "model.", "model", "", "MODEL.DRIFT", "model.drift ", "drift"),
        *("fx.USD", "fx.eur", "fx.EURO", "fx.", "fx.ЕUR", "fx.EUR\n"),
        *("quote.GME", "quote.aapl", "quote.", "quote.AAPL/..", "fx.EUR/USD"),
        *("close.GME", "close.", "close.aapl"),
    ],
)
def test_no_other_name_is_a_fact(name: str) -> None:
    with pytest.raises(NotFoundError) as error:
        read(name, "1")
    assert error.value.code == "fact-unknown"


@pytest.mark.parametrize(
    ("name", "sent"),
    [
        *((name, True) for name in ("model.volatility", "model.regime", "fx.EUR", "quote.AAPL")),
        *((name, "true") for name in ("model.data_integrity", "model.protocol_firing")),
        *((name, "calm") for name in ("model.regime",)),
        ("model.regime", "PANIC"),
        ("quote.AAPL", "24.5"),
        ("close.AAPL", True),
        ("close.AAPL", PriceTexts("1", "2", "1")),
        ("close.AAPL", "24.50001"),  # finer than its scale
        ("close.AAPL", "99999999"),
        ("model.drift", PriceTexts("1", "2", "1")),
        ("model.data_integrity", PriceTexts("1", "2", "1")),
        ("quote.AAPL", PriceTexts("24.6", "24.5", "24.5")),  # crossed
        ("quote.AAPL", PriceTexts("24.50001", "24.6", "24.5")),  # finer than its scale
        ("quote.AAPL", PriceTexts("99999999", "99999999", "99999999")),
        ("fx.EUR", "1.000000001"),
        ("fx.EUR", "0.000000001"),
    ],
)
def test_a_value_of_another_kind_is_refused(name: str, sent: SentValue) -> None:
    with pytest.raises(InvalidInputError) as error:
        read(name, sent)
    assert error.value.code == "fact-value-invalid"
    assert error.value.remedy


@pytest.mark.parametrize("case", [case for case, text in BAD_NUMBERS.items() if type(text) is str])
@pytest.mark.parametrize("name", ["model.volatility", "model.drift", "fx.EUR"])
def test_what_is_no_number_is_refused(name: str, case: str) -> None:
    if name == "model.drift" and case in ("zero", "zero with decimals"):
        assert read(name, BAD_NUMBERS[case]) == 0
        return
    with pytest.raises(WritError):
        read(name, BAD_NUMBERS[case])


def test_a_model_number_is_rounded_up_and_never_past_what_a_document_holds() -> None:
    assert read("model.drift", "0.00010000000000001") == 2
    assert read("model.drift", "900719925474.0991") == 2**53 - 1
    for text in ("900719925474.09911", "900719925474.0992"):
        with pytest.raises(InvalidInputError):
            read("model.drift", text)


@pytest.mark.parametrize("text", ["0", "604800001", "01", "1.0", "-1", "+1", "1e3", "١", " 1", ""])
def test_a_time_to_live_is_a_whole_number_within_bounds(text: str) -> None:
    with pytest.raises(InvalidInputError) as error:
        read_count(text, "ttl_ms", 1, TTL_MAX_MS)
    assert error.value.code == "number-malformed"


def test_a_time_to_live_of_a_millisecond_and_of_a_week() -> None:
    assert read_count("1", "ttl_ms", 1, TTL_MAX_MS) == 1
    assert read_count("604800000", "ttl_ms", 1, TTL_MAX_MS) == TTL_MAX_MS


def test_nobody_can_pass_for_the_stated_model() -> None:
    assert check_source("monitor") == "monitor"
    with pytest.raises(InvalidInputError) as error:
        check_source(health.SOURCE)
    assert error.value.code == "fact-source-reserved"


def test_a_scale_of_whole_units() -> None:
    coarse = {"BOND": replace(INSTRUMENTS["AAPL"], symbol="BOND", price_decimals=0)}
    value = read_value("quote.BOND", PriceTexts("100", "101", "100"), coarse, "USD")
    assert value == Prices(100 * 10**8, 101 * 10**8, 100 * 10**8)
