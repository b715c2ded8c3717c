"""The strategy and the rogue: what they import, what the rule says, and what is due when."""

from __future__ import annotations

import ast
import sys
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.demo import rogue, strategy
from gateway.demo.schedule import ACT_DAYS, COMPLETE_FROM, FIRST_ACTS, WARM_UP, plan
from gateway.market.historical import shipped_feed

HTTP_CLIENT = "httpx2"


def imported_by(file: Path) -> set[str]:
    """The top-level names of every import in a file, wherever it stands."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "a relative import reaches into the gateway"
            found.add((node.module or "").partition(".")[0])
    return found


@pytest.mark.parametrize("module", [strategy, rogue])
def test_a_service_imports_an_http_client_and_the_standard_library_alone(
    module: ModuleType,
) -> None:
    foreign = imported_by(Path(str(module.__file__))) - set(sys.stdlib_module_names)
    assert foreign == {HTTP_CLIENT}


@pytest.mark.parametrize("name", ["import_module", "__import__", "exec", "eval", "subprocess"])
@pytest.mark.parametrize("module", [strategy, rogue])
def test_a_service_has_no_other_way_to_load_code(module: ModuleType, name: str) -> None:
    assert name not in Path(str(module.__file__)).read_text()


def closes(*values: str) -> list[Decimal]:
    return [Decimal(value) for value in values]


@pytest.mark.parametrize(
    ("seen", "long"),
    [
        (closes("1", "2", "3", "4"), None),  # too few
        (closes("1", "1", "1", "1", "2"), True),
        (closes("2", "2", "2", "2", "1"), False),
        (closes("3", "3", "3", "3", "3"), False),  # on the average is not above it
        ([Decimal(1000), *closes(*["1"] * 49), Decimal(2)], True),  # the 51st close back is out
    ],
)
def test_the_rule_is_long_above_the_mean_of_the_last_fifty_closes(
    seen: list[Decimal], long: bool | None
) -> None:
    assert strategy.is_long(seen) is long


def test_an_entry_is_a_limit_order_and_an_exit_goes_at_the_market() -> None:
    entry = strategy.ticket("primary", "KO", 7, Decimal("30.01"), "n")
    assert (entry["side"], entry["type"], entry["qty"]) == ("buy", "limit", "7")
    assert entry["limit_price"] == "30.16"  # 30.01 x 1.005 = 30.16005, cut to the cent
    way_out = strategy.ticket("primary", "KO", -7, Decimal("30.01"), "n")
    assert (way_out["side"], way_out["type"], way_out["qty"]) == ("sell", "market", "7")
    assert "limit_price" not in way_out


def test_a_rogue_price_is_on_the_cent_and_never_rounds_towards_paying_more() -> None:
    assert rogue.limit_price("buy", Decimal("33.33"), Decimal("0.02")) == Decimal("33.99")
    assert rogue.limit_price("sell", Decimal("33.33"), Decimal("0.02")) == Decimal("32.67")


def sessions(count: int) -> list[tuple[str, int]]:
    first = date(2015, 1, 2)
    return [((first + timedelta(days=n)).isoformat(), n) for n in range(count)]


@given(st.integers(1, 5_000), st.integers(WARM_UP + 1, 1_600))
def test_exactly_the_orders_asked_for_are_due(orders: int, days: int) -> None:
    played = plan(sessions(days), orders)
    assert [day.session for day in played] == [session for session, _ in sessions(days)]
    by_rogue = sum(len(rogue.ACTS[act]) for day in played for act in day.acts)
    due = [day.due_by_now for day in played]
    assert due == sorted(due)
    assert by_rogue <= orders // 4
    if days > 1_449:  # long enough to hold every act's day
        assert due[-1] + by_rogue == orders
    assert due[WARM_UP - 1] == 0


def test_from_the_stated_number_on_every_act_is_played_on_a_day_of_the_data() -> None:
    known = shipped_feed().tradable_sessions()
    played = plan(known, COMPLETE_FROM)
    acts = [act for day in played for act in day.acts]
    assert acts == [*FIRST_ACTS, *(act for names in ACT_DAYS.values() for act in names)]
    assert set(acts) == set(rogue.ACTS)


def test_orders_are_spread_over_all_years() -> None:
    known = shipped_feed().tradable_sessions()
    due = {day.session[:4]: day.due_by_now for day in plan(known, COMPLETE_FROM)}
    per_year = [due["2015"], *(due[str(y)] - due[str(y - 1)] for y in (2016, 2017, 2018))]
    assert max(per_year) - min(per_year) <= 2
