"""Whether an order has an end of its own is read from the permit's document, or it is refused."""

from __future__ import annotations

import pytest

from gateway.brokers.permitted import UnreadablePermitError, read_permit
from gateway.domain.order import TimeInForce
from signing.receipt import verify
from support.brokers import VKEY, decision, document, permit

ENDS_US = 1_420_650_000_000_000


def read(**fields: object) -> tuple[TimeInForce, int | None]:
    """Time in force and end of the order that a permit with these fields permits."""
    stated = document(fields=fields)
    order = read_permit(verify(permit(decision(stated), stated), VKEY)).order
    return order.time_in_force, order.expires_us


@pytest.mark.requirement("S1-06")
def test_a_dated_order_is_sent_with_its_end_and_no_other_order_has_one() -> None:
    assert read(time_in_force="gtd", expires_us=ENDS_US) == (TimeInForce.GTD, ENDS_US)
    assert read(time_in_force="gtc") == (TimeInForce.GTC, None)


@pytest.mark.attack
@pytest.mark.requirement("S1-06")
@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"time_in_force": "gtd"}, id="no end"),
        pytest.param({"time_in_force": "gtd", "expires_us": "none"}, id="none"),
        pytest.param({"time_in_force": "gtd", "expires_us": 0}, id="zero"),
        pytest.param({"time_in_force": "gtd", "expires_us": True}, id="a truth"),
        pytest.param({"time_in_force": "day", "expires_us": ENDS_US}, id="of a day order"),
        pytest.param({"time_in_force": "gtc", "expires_us": "none"}, id="none of a gtc order"),
    ],
)
def test_an_end_that_does_not_fit_makes_no_order(fields: dict[str, object]) -> None:
    with pytest.raises(UnreadablePermitError):
        read(**fields)
