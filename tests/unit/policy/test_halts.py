"""The second query: calm must be proven; in the module and in opa."""

import pytest

from gateway.domain.halt import GLOBAL, HaltTrigger, Scope
from gateway.policy.decode import ENGINE_MALFORMED
from support.policy_cases import LIMIT, Bench, Data, data, drop, opa_halts, put, tables

pytestmark = pytest.mark.requirement("S2-03")

VOLATILITY, DRAWDOWN = "OMEGA2_VOLATILITY", "OMEGA2_DRAWDOWN"
MAIN = Scope("account", "main")
FACTS = {
    "OMEGA2_DAILY_LOSS": ("day_loss_micros", "day_loss_max_micros"),
    "OMEGA2_DRAWDOWN": ("drawdown_bps", "drawdown_max_bps"),
    "OMEGA2_DRIFT": ("drift_bps", "reconciliation_drift_max_bps"),
    "OMEGA2_REJECTIONS": ("rejected_in_a_row", "rejections_in_a_row_max_count"),
}
"""What is compared of an account, and with which limit, by the cause of the halt."""
CALM = {
    "known_only": False,
    "market": {"volatility_told": True, "volatility_index_e4": LIMIT},
    "accounts": {
        "main": {fact: LIMIT for fact, _ in FACTS.values()},
        "other": {fact: 0 for fact, _ in FACTS.values()},
    },
}
INDEX = ("market", "volatility_index_e4")
FALL = ("accounts", "main", "drawdown_bps")
NOT_A_FACT = ["1", None, True, 1.5, 2**53, [], {}]


def due(bench: Bench, facts: object, under: Data) -> list[HaltTrigger]:
    """What is due by the module, having made sure that opa itself says the same."""
    found = bench.under(under).halts(facts)
    assert opa_halts([(facts, under)]) == [found]
    assert isinstance(found, list)
    return found


def test_calm_at_the_limits(bench: Bench) -> None:
    assert due(bench, CALM, data()) == []


def test_one_beyond(bench: Bench) -> None:
    assert due(bench, put(CALM, INDEX, LIMIT + 1), data()) == [
        HaltTrigger(VOLATILITY, GLOBAL, LIMIT + 1, LIMIT)
    ]
    for cause, (fact, _) in FACTS.items():
        beyond = put(CALM, ("accounts", "main", fact), LIMIT + 1)
        assert due(bench, beyond, data()) == [HaltTrigger(cause, MAIN, LIMIT + 1, LIMIT)]


def test_both_at_once_come_sorted(bench: Bench) -> None:
    facts = put(put(CALM, INDEX, LIMIT + 1), FALL, LIMIT + 1)
    assert [halt.cause for halt in due(bench, facts, data())] == [DRAWDOWN, VOLATILITY]


def test_a_missing_value_is_a_halt(bench: Bench) -> None:
    for place in (INDEX, INDEX[:1]):
        assert due(bench, drop(CALM, place), data()) == [
            HaltTrigger(VOLATILITY, GLOBAL, None, LIMIT)
        ]
    for cause, (fact, _) in FACTS.items():
        without = drop(CALM, ("accounts", "main", fact))
        assert due(bench, without, data()) == [HaltTrigger(cause, MAIN, None, LIMIT)]
    assert due(bench, drop(CALM, FALL[:1]), data()) == [HaltTrigger(DRAWDOWN, GLOBAL, None, None)]


@pytest.mark.parametrize("value", NOT_A_FACT)
def test_a_value_that_is_no_fact_is_a_halt(bench: Bench, value: object) -> None:
    assert due(bench, put(CALM, INDEX, value), data()) == [
        HaltTrigger(VOLATILITY, GLOBAL, None, LIMIT)
    ]
    for cause, (fact, _) in FACTS.items():
        odd = put(CALM, ("accounts", "main", fact), value)
        assert due(bench, odd, data()) == [HaltTrigger(cause, MAIN, None, LIMIT)]


def test_before_anybody_has_compared_there_is_no_drift(bench: Bench) -> None:
    assert due(bench, put(CALM, ("accounts", "main", "drift_bps"), "none"), data()) == []
    assert due(bench, put(CALM, FALL, "none"), data()) == [HaltTrigger(DRAWDOWN, MAIN, None, LIMIT)]


def test_of_what_is_known_only_an_account_that_cannot_be_valued_is_no_halt(bench: Bench) -> None:
    unvalued = drop(drop(CALM, FALL), ("accounts", "main", "day_loss_micros"))
    assert len(due(bench, unvalued, data())) == 2
    known = put(unvalued, ("known_only",), value=True)
    assert due(bench, known, data()) == []
    beyond = put(known, ("accounts", "main", "rejected_in_a_row"), LIMIT + 1)
    assert [halt.cause for halt in due(bench, beyond, data())] == ["OMEGA2_REJECTIONS"]


def test_a_volatility_that_nobody_has_told_of_yet_is_no_halt(bench: Bench) -> None:
    untold = put(CALM, ("market",), {"volatility_told": False})
    assert due(bench, untold, data()) == []
    high = put(untold, INDEX, LIMIT + 1)
    assert due(bench, high, data()) == [HaltTrigger(VOLATILITY, GLOBAL, LIMIT + 1, LIMIT)]


def test_an_index_of_zero_is_a_broken_feed(bench: Bench) -> None:
    for value in (0, -1):
        assert due(bench, put(CALM, INDEX, value), data()) == [
            HaltTrigger(VOLATILITY, GLOBAL, value, LIMIT)
        ]


@pytest.mark.parametrize("value", [0, -1, "missing", *NOT_A_FACT])
def test_a_limit_that_does_not_stand_is_a_halt(bench: Bench, value: object) -> None:
    quiet = put(put(CALM, INDEX, 1), ("accounts", "main"), CALM["accounts"]["other"])
    seen = value if type(value) is int and value < 2**53 else None
    for name, expected in (
        ("volatility_index_max_e4", [HaltTrigger(VOLATILITY, GLOBAL, 1, seen)]),
        *(
            (
                limit,
                [
                    HaltTrigger(cause, MAIN, 0, seen),
                    HaltTrigger(cause, Scope("account", "other"), 0, seen),
                ],
            )
            for cause, (_, limit) in FACTS.items()
        ),
    ):
        place = ("limits", "global", name)
        under = drop(data(), place) if value == "missing" else put(data(), place, value)
        assert due(bench, quiet, under) == expected


@pytest.mark.parametrize("accounts", [None, 5, "main", [], [{"drawdown_bps": 0}]])
def test_unknown_accounts_stop_everything(bench: Bench, accounts: object) -> None:
    assert due(bench, put(CALM, ("accounts",), accounts), data()) == [
        HaltTrigger(DRAWDOWN, GLOBAL, None, None)
    ]


@pytest.mark.parametrize("facts", [None, 5, "text", [], {}])
def test_a_document_without_facts_stops_everything(bench: Bench, facts: object) -> None:
    assert due(bench, facts, data()) == [
        HaltTrigger(DRAWDOWN, GLOBAL, None, None),
        HaltTrigger(VOLATILITY, GLOBAL, None, LIMIT),
    ]


def test_the_shipped_release_is_a_halt(bench: Bench) -> None:
    zero = tables(dict.fromkeys(data()["limits"]["global"], 0))
    shipped = data() | {"limits": zero, "instruments": {}}
    expected = {(cause, name) for cause in FACTS for name in ("main", "other")}
    found = due(bench, put(CALM, INDEX, 1), shipped)
    assert {(halt.cause, halt.scope.name) for halt in found} == expected | {(VOLATILITY, "*")}


def test_an_account_whose_name_fits_no_scope_is_a_failure(bench: Bench) -> None:
    facts = put(CALM, ("accounts",), {"a name\nwith a line": {}})
    assert bench.under(data()).halts(facts) == ENGINE_MALFORMED
