"""The whole ticket: intents, exits, short sales, and what a caller may say besides."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from gateway.domain.errors import InvalidInputError
from gateway.domain.instrument import Instrument
from gateway.domain.order import Order, Side
from gateway.intake.idempotency import caller_keys
from gateway.intake.orders import to_order
from gateway.intake.ticket import METADATA_MAX, OrderBody
from support.tickets import TICKET

SHARE = Instrument("AAPL", "equity", "technology", "USD", 0, 4, 1, 100)


def body(**changes: Any) -> OrderBody:
    fields = {name: value for name, value in (TICKET | changes).items() if value is not ...}
    return OrderBody.model_validate(fields)


def order(**changes: Any) -> Order:
    return to_order(
        body(**changes),
        order_id="ord_1",
        principal="alice",
        instruments={"AAPL": SHARE},
        accounts=["primary"],
    )


def refusal(**changes: Any) -> str:
    with pytest.raises(InvalidInputError) as caught:
        order(**changes)
    assert caught.value.remedy
    return caught.value.code


@pytest.mark.requirement("S0-03")
def test_what_is_not_asked_for_is_not_there() -> None:
    plain = order()
    assert (plain.reduce_only, plain.extended_hours) == (False, False)
    assert (plain.locate_id, plain.source_run, plain.replaces, plain.override) == (None,) * 4


@pytest.mark.requirement("S0-03")
def test_everything_that_a_ticket_can_say_is_on_the_order() -> None:
    found = order(
        side="sell_short", extended_hours=True, locate_id="loc-1", source_run="run:7",
        replaces="ord_0", metadata={"desk": "Zürich 3"},
    )  # fmt: skip
    assert (found.side, found.extended_hours) == (Side.SELL_SHORT, True)
    assert (found.locate_id, found.source_run, found.replaces) == ("loc-1", "run:7", "ord_0")
    assert found.side.executed is Side.SELL


@pytest.mark.requirement("S0-03")
@pytest.mark.parametrize(
    ("intent", "side", "reduce_only"),
    [
        ("open_long", "buy", False),
        ("OPEN_SHORT", "sell_short", False),
        ("CLOSE_LONG", "sell", True),
        ("close_short", "buy", True),
    ],
)
def test_an_intent_says_side_and_reduction_in_other_words(
    intent: str, side: str, reduce_only: bool
) -> None:
    assert order(intent=intent, side=side).reduce_only is reduce_only


@pytest.mark.requirement("S0-03")
@pytest.mark.parametrize("intent", ["open_long", "close_long", "open_short", "close_short"])
@pytest.mark.parametrize("side", ["buy", "sell", "sell_short"])
def test_an_intent_that_does_not_fit_the_side_is_refused(intent: str, side: str) -> None:
    fits = {"open_long": "buy", "close_long": "sell", "open_short": "sell_short"}
    if fits.get(intent, "buy") == side:
        assert order(intent=intent, side=side)
    else:
        assert refusal(intent=intent, side=side) == "intent-contradiction"


@pytest.mark.requirement("S0-03")
@pytest.mark.parametrize(
    "ticket",
    [
        {"intent": "open_long", "side": "buy", "reduce_only": True},
        {"intent": "open_short", "side": "sell_short", "reduce_only": True},
        {"side": "sell_short", "reduce_only": True},
    ],
)
def test_an_opening_order_that_only_reduces_is_a_contradiction(ticket: dict[str, Any]) -> None:
    assert refusal(**ticket) == "intent-contradiction"


@pytest.mark.requirement("S0-13")
@pytest.mark.parametrize("side", ["buy", "sell"])
def test_a_locate_belongs_to_a_short_sale(side: str) -> None:
    assert refusal(side=side, locate_id="loc-1") == "locate-unexpected"


@pytest.mark.parametrize("field", ["reduce_only", "extended_hours"])
@pytest.mark.parametrize("value", ["true", "false", 1, 0, None, [True], {}])
def test_a_truth_is_a_truth(field: str, value: object) -> None:
    with pytest.raises(ValidationError):
        order(**{field: value})


@pytest.mark.parametrize("field", ["locate_id", "source_run", "replaces"])
@pytest.mark.parametrize("value", ["", "none", "a b", "a\n", "x" * 65, "é", "a/b", 5, True])
def test_a_bad_id_is_refused(field: str, value: object) -> None:
    with pytest.raises(ValidationError):
        order(side="sell_short", **{field: value})


@pytest.mark.parametrize("value", ["", "x" * 8193, "é", "\x00", "\x7f", 5, True, {}, ["x"]])
def test_an_override_is_bounded_ascii(value: object) -> None:
    with pytest.raises(ValidationError):
        body(override=value)
    assert body(override="x" * 8192).override == "x" * 8192


@pytest.mark.parametrize(
    "value",
    [
        "text", ["a"], {"": "x"}, {"a b": "x"}, {"a" * 65: "x"}, {"é": "x"}, {"a": ""}, {"a": 5},
        {"a": None}, {"a": "x" * 201}, {"a": "two\nlines"}, {"a": "NUL\x00"}, {"a": "\ud800"},
        {"a": "\u202eevil"}, {"a": {"b": "c"}}, {f"k{n}": "x" for n in range(METADATA_MAX + 1)},
    ],
)  # fmt: skip
def test_bad_metadata_is_refused(value: object) -> None:
    with pytest.raises(ValidationError):
        order(metadata=value)


def digest(**changes: Any) -> str:
    [key] = caller_keys("k", None, body(**changes).canonical())
    return key.request_digest


def test_metadata_tells_requests_apart_and_stays_off_the_order() -> None:
    full = {f"k{n}": "x" * 200 for n in range(METADATA_MAX)}
    assert digest(metadata=full) != digest() != digest(metadata={"a": "1"})
    assert digest(metadata={"a": "1", "b": "2"}) == digest(metadata={"b": "2", "a": "1"})
    assert order(metadata=full) == order()


def test_saying_nothing_in_more_words_is_the_same_request() -> None:
    silent = {"reduce_only": False, "extended_hours": False, "metadata": {}, "override": None}
    assert digest(**silent) == digest()
    assert set(body(**silent).canonical()) == set(TICKET)
    assert digest(reduce_only=True, side="sell") != digest(side="sell")


def test_the_schema_names_the_bounds() -> None:
    properties = OrderBody.model_json_schema()["properties"]
    assert properties["side"]["enum"] == ["buy", "sell", "sell_short"]
    [metadata] = [part for part in properties["metadata"]["anyOf"] if part["type"] == "object"]
    assert metadata["maxProperties"] == METADATA_MAX
    [override] = [part for part in properties["override"]["anyOf"] if part["type"] == "string"]
    assert "8192" in override["pattern"]
