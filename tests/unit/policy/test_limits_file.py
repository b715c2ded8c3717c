"""`limits.yaml`: what people write is compiled exactly, and what is wrong is told with its line."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.errors import InvalidInputError
from gateway.domain.quantities import INT_LIMIT
from gateway.policy.data_files import LIMITS, limit_names
from gateway.policy.limits_file import (
    Known,
    compile_limits,
    limits_text,
    read_limits,
    without_effect,
)
from support.policy_cases import SOURCE

KNOWN = Known(
    frozenset(
        {
            "close_buffer_min_ms",
            "leverage_max_bps",
            "order_notional_max_micros",
            "order_qty_max_e8",
            "positions_max_count",
            "volatility_index_max_e4",
        }
    ),
    {"AAPL": 0, "BTC/USD": 8, "ETH/USD": 3},
)

GOOD = """\
# what stands for everybody
base_currency: USD
global:
  order_notional_max: 100000 USD
  order_qty_max: 20000 units
  close_buffer_min: 15 min
accounts:
  main: {order_notional_max: 50000.50 USD}
strategies:
  "a:b": {positions_max: 3}
symbols:
  AAPL:
    order_qty_max: 100
  ETH/USD: {order_qty_max: 0.125}
"""


def read(text: str) -> list[str]:
    found = read_limits(text.encode(), "limits.yaml", KNOWN)
    assert all(one.remedy for one in found.findings)
    return [f"{one.place}: {one.message}" for one in found.findings]


def test_every_table_is_compiled() -> None:
    found = compile_limits(GOOD.encode(), "limits.yaml", KNOWN)
    assert found.base_currency == "USD"
    assert found.tables() == {
        "global": {
            "order_notional_max_micros": 100_000_000_000,
            "order_qty_max_e8": 2_000_000_000_000,
            "close_buffer_min_ms": 900_000,
        },
        "accounts": {"main": {"order_notional_max_micros": 50_000_500_000}},
        "strategies": {"a:b": {"positions_max_count": 3}},
        "symbols": {
            "AAPL": {"order_qty_max_e8": 10_000_000_000},
            "ETH/USD": {"order_qty_max_e8": 12_500_000},
        },
    }
    assert found.lines["symbols", "AAPL", "order_qty_max_e8"] == 13


VALUE = "limits.yaml:3: "


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("positions_max: 1.5", VALUE + "positions_max: 1.5 is finer than one whole"),
        ("positions_max: -1", VALUE + "positions_max: '-1' is below zero"),
        ("positions_max: NaN", VALUE + "positions_max: 'NaN' is no plain decimal with a unit"),
        ("positions_max: .inf", VALUE + "positions_max: '.inf' is no plain decimal with a unit"),
        ("positions_max:", VALUE + "positions_max: '' is no plain decimal with a unit"),
        ("positions_max: twelve", VALUE + "positions_max: 'twelve' is no plain decimal"),
        ("positions_max: 9007199254740992", VALUE + "positions_max: 9007199254740992 is too large"),
        ("positions_max: {a: 1}", VALUE + "positions_max is a table"),
        ("positions_mx: 1", VALUE + "'positions_mx' is no limit"),
        ("positions_max_count: 1", VALUE + "'positions_max_count' is no limit"),
        ("order_notional_max: 5 EUR", VALUE + "order_notional_max: EUR is not the base currency"),
        ("leverage_max: 2", VALUE + "leverage_max: the unit is missing"),
        (
            "positions_max: 1\n  positions_max: 2",
            "limits.yaml:4: 'positions_max' stands there twice",
        ),
        ("positions_max: &a 1", VALUE + "aliases are not taken"),
        ("positions_max: *a", VALUE + "aliases are not taken"),
        ("positions_max: !!int 1", VALUE + "tags are not taken"),
        ("positions_max: ! 1", VALUE + "tags are not taken"),
        ("positions_max: [1]", VALUE + "lists are not taken"),
        ("positions_max: 1\n---\na: 1", "limits.yaml:4: a second document begins"),
        ("positions_max: 1\n\tb: 2", "limits.yaml:4: it is not YAML"),
        ("<<: {positions_max: 1}", VALUE + "'<<' is no limit"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(line: str, said: str) -> None:
    found = read(f"base_currency: USD\nglobal:\n  {line}\n")
    assert len(found) == 1
    assert found[0].startswith(said)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "limits.yaml:1: it is empty"),
        ("base_currency: USD", "limits.yaml:1: global is missing"),
        ("global: {}", "limits.yaml:1: base_currency is missing"),
        ("base_currency: dollars\nglobal: {}", "limits.yaml:1: base_currency is no currency"),
        ("base_currency: USD\nglobal: {}\nmore: {}", "limits.yaml:3: 'more' is no part of it"),
        ("base_currency: USD\nglobal: {}\naccounts: x", "limits.yaml:3: 'accounts' is not a table"),
        (
            "base_currency: USD\nglobal: {}\naccounts: {main: 5}",
            "limits.yaml:3: 'main' is not a table",
        ),
        (
            "base_currency: USD\nglobal: {}\naccounts: {a b: {}}",
            "limits.yaml:3: 'a b' can be the name of none",
        ),
        (
            "base_currency: USD\nglobal: {}\nsymbols: {APPL: {}}",
            "limits.yaml:3: 'APPL' is not among the instruments",
        ),
        (
            "base_currency: USD\nglobal: {}\nsymbols: {AAPL: {order_qty_max: 1.5}}",
            "limits.yaml:3: order_qty_max: 1.5 is finer than a quantity of AAPL",
        ),
        ("base_currency: USD\nglobal: {a: {b: {c: {}}}}", "limits.yaml:2: the tables lie too deep"),
        ("{" * 100_000, "limits.yaml:1: a table cannot be a name"),
        ("a: \x00", "limits.yaml:1: it has characters that YAML does not allow"),
    ],
)
def test_files_that_are_none(text: str, said: str) -> None:
    found = read(text)
    assert found[0].startswith(said)


def test_bytes_that_are_no_text() -> None:
    (finding,) = read_limits(b"a: 1\nb: \xff", "limits.yaml", KNOWN).findings
    assert (finding.place, finding.message) == ("limits.yaml:2", "it is not UTF-8")


def test_a_slip_of_the_pen_has_a_remedy() -> None:
    text = "base_currency: USD\nglobal: {positions_mx: 1}\nsymbols: {APPL: {}}"
    remedies = [one.remedy for one in read_limits(text.encode(), "f", KNOWN).findings]
    assert remedies == ["did you mean positions_max?", "did you mean AAPL?"]


def test_everything_wrong_is_told_at_once_and_nothing_compiled() -> None:
    text = "base_currency: USD\nglobal:\n  positions_max: x\n  leverage_max: 1\n"
    with pytest.raises(InvalidInputError) as caught:
        compile_limits(text.encode(), "limits.yaml", KNOWN)
    assert caught.value.code == "policy-limits"
    assert "limits.yaml:3: positions_max" in caught.value.detail
    assert "limits.yaml:4: leverage_max" in caught.value.detail


def test_what_is_looser_than_the_global_limit_has_no_effect() -> None:
    text = """\
base_currency: USD
global: {positions_max: 5, close_buffer_min: 15 min}
accounts:
  tight: {positions_max: 4, close_buffer_min: 20 min}
  same: {positions_max: 5, close_buffer_min: 15 min}
  none: {positions_max: 0, close_buffer_min: 0 s}
  loose: {positions_max: 6, close_buffer_min: 14 min, leverage_max: 1 x}
"""
    found = compile_limits(text.encode(), "limits.yaml", KNOWN)
    told = without_effect(found, "limits.yaml")
    assert [(one.line, one.warning) for one in told] == [(7, True)] * 3
    assert "the global one is 5" in told[0].message


NAMES = st.sampled_from(sorted(KNOWN.limits - {"order_qty_max_e8"}))
TABLES = st.dictionaries(NAMES, st.integers(0, INT_LIMIT - 1), max_size=6)
ALIASES = st.from_regex(r"[A-Za-z0-9_.:-]{1,64}", fullmatch=True)


@given(
    TABLES,
    st.dictionaries(ALIASES, TABLES.filter(bool), max_size=3),
    st.dictionaries(st.sampled_from(["AAPL", "BTC/USD"]), TABLES.filter(bool), max_size=2),
)
def test_limits_come_back_as_they_were(
    base: dict[str, int], accounts: dict[str, dict[str, int]], symbols: dict[str, dict[str, int]]
) -> None:
    tables = {"global": base, "accounts": accounts, "strategies": accounts, "symbols": symbols}
    text = limits_text("USD", tables)
    assert compile_limits(text.encode(), "limits.yaml", KNOWN).tables() == tables


def test_the_example_of_the_guide_is_a_limits_file() -> None:
    guide = (SOURCE.parent / "docs" / "limits.md").read_text(encoding="utf-8")
    example = guide.partition("```yaml\n")[2].partition("```")[0]
    known = Known(limit_names(SOURCE), {"AAPL": 0})
    found = compile_limits(example.encode(), "limits.yaml", known)
    assert found.values["symbols", "AAPL", "order_qty_max_e8"] == 500 * 10**8
    assert without_effect(found, "limits.yaml") == []


def test_the_shipped_limits_let_nothing_out() -> None:
    known = Known(limit_names(SOURCE), {})
    found = compile_limits((SOURCE / LIMITS).read_bytes(), "limits.yaml", known)
    assert set(found.tables()["global"]) == known.limits
    assert set(found.values.values()) == {0}
