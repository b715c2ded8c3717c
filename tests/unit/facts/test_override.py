"""When a signed override counts: for its order, its day, an officer's key, and once."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.book import Book
from gateway.domain.mode import Mode
from gateway.domain.order import Side
from gateway.domain.overrides import Overrides
from gateway.facts.override import override_facts
from signing.keys import Vkey
from signing.override import LIFETIME_MAX_US, read_override
from signing.trusted import TrustedKeys
from support.facts import order
from support.logs import seeded
from support.trust import CAROL, HOUR_US, LOG, MALLORY, an_override

pytestmark = pytest.mark.requirement("S4-04")

OFFICERS = TrustedKeys({CAROL.public.raw: "carol"})
NOW_US = 1_790_000_000_000_000
SPAN: dict[str, Any] = {"created_us": NOW_US, "expires_us": NOW_US + HOUR_US}
TEXT = an_override(**SPAN)
ID = read_override(TEXT).override.override_id


def facts(
    text: str | None,
    used: Overrides | None = None,
    wall_us: int = NOW_US,
    mode: Mode = Mode.SIMULATION,
    **changes: Any,
) -> dict[str, Any] | None:
    asked = order(**({"client_order_id": "c-1", "override": text} | changes))
    return override_facts(asked, OFFICERS, LOG, book(used, mode), wall_us)


def book(used: Overrides | None = None, mode: Mode = Mode.SIMULATION) -> Book:
    return Book(mode=mode, overrides=used or Overrides())


def test_one_that_counts() -> None:
    assert facts(TEXT) == {"control": "REG-01", "override_id": ID, "by": "carol"}
    assert facts(TEXT + "\n") == facts(TEXT)
    assert facts(None) is None


@pytest.mark.parametrize(
    "other",
    [
        {"account": "second"},
        {"symbol": "MSFT"},
        {"side": Side.SELL},
        {"side": Side.SELL_SHORT},
        {"qty": 9},
        {"qty": 11},
        {"qty": 100},
        {"qty": 10, "qty_decimals": 1},
        {"client_order_id": "c-2"},
        {"client_order_id": None},
    ],
)
def test_another_order(other: dict[str, Any]) -> None:
    assert facts(TEXT, **other) is None


def test_the_quantity_is_a_number_and_not_its_writing() -> None:
    for text in ("10", "10.0", "10.000000000000000000"):
        assert facts(an_override(**SPAN, qty=text)) is not None
    assert facts(an_override(**SPAN, qty="10.000000000000000001")) is None
    assert facts(TEXT, qty=1_000_000_000, qty_decimals=8) is not None


def test_a_principal_where_it_names_one() -> None:
    named = an_override(**SPAN, principal="desk")
    assert facts(named) is not None
    assert facts(named, principal="other") is None


def test_its_time_is_the_wall_clocks() -> None:
    assert facts(TEXT, wall_us=NOW_US + HOUR_US - 1) is not None
    assert facts(TEXT, wall_us=NOW_US + HOUR_US) is None
    day = an_override(created_us=NOW_US, expires_us=NOW_US + LIFETIME_MAX_US)
    assert facts(day) is not None
    # One that is dated ahead would last for more than a day from now.
    assert facts(day, wall_us=NOW_US - 1) is None


def test_no_officer_signed_it() -> None:
    assert facts(an_override(MALLORY, **SPAN)) is None
    asked = order(client_order_id="c-1", override=TEXT)
    assert override_facts(asked, TrustedKeys(), LOG, book(), NOW_US) is None


@pytest.mark.parametrize("mode", Mode)
def test_it_counts_in_the_mode_that_it_was_signed_for_alone(mode: Mode) -> None:
    text = an_override(**SPAN, mode=mode.value)
    assert [one for one in Mode if facts(text, mode=one) is not None] == [mode]


def test_it_counts_at_the_gateway_that_it_was_signed_for_alone(
    caplog: pytest.LogCaptureFixture,
) -> None:
    asked = order(client_order_id="c-1", override=TEXT)
    stranger = seeded(3).public
    for log in (Vkey(LOG.name, stranger), Vkey("other.local/log", LOG.public), None):
        caplog.clear()
        assert override_facts(asked, OFFICERS, log, book(), NOW_US) is None
        assert "override-other-log" in caplog.text
    assert facts(TEXT, mode=Mode.LIVE) is None
    assert "override-other-mode" in caplog.text


@pytest.mark.parametrize("text", ["", "{}", TEXT[:-2], TEXT.replace("a", "b")])
def test_what_cannot_be_read(text: str) -> None:
    assert facts(text) is None


def test_it_serves_once() -> None:
    used = Overrides()
    used.use(ID, NOW_US)
    assert facts(TEXT, used) is None
    assert facts(an_override(**SPAN, override_id="ovr_" + "2d" * 16), used) is not None


def test_while_a_turn_holds_it_only_its_holder_has_it() -> None:
    used = Overrides()
    used.hold(ID, "ord_1")
    used.hold(ID, "ord_2")
    assert facts(TEXT, used) is None
    used.drop(ID, "ord_2")  # not its holder
    assert facts(TEXT, used) is None
    used.drop(ID, "ord_1")
    assert facts(TEXT, used) is not None


def test_what_is_forgotten_does_not_come_back_with_the_clock() -> None:
    used = Overrides()
    used.use(ID, NOW_US)
    used.use("ovr_other", NOW_US + LIFETIME_MAX_US)
    assert ID not in used.until_us
    assert facts(TEXT, used) is None  # though the clock stands where it was signed


OVERRIDES = st.integers(0, 7).map(lambda n: f"ovr_{n}")


@given(st.lists(st.tuples(OVERRIDES, st.integers(0, 3 * LIFETIME_MAX_US)), max_size=40))
def test_none_is_ever_used_twice(tries: list[tuple[str, int]]) -> None:
    """Whatever the clock does, and whatever is forgotten meanwhile."""
    used = Overrides()
    served: set[tuple[str, int]] = set()
    for override_id, wall_us in tries:
        # An id has one end: it is signed.
        expires_us = int(override_id[-1]) * LIFETIME_MAX_US // 3
        if 0 < expires_us - wall_us <= LIFETIME_MAX_US and used.free(override_id, expires_us):
            used.use(override_id, wall_us)
            assert (override_id, expires_us) not in served
            served.add((override_id, expires_us))
    assert len(used.until_us) <= len(served)
