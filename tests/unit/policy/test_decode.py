"""An answer that does not fit exactly is a failure, never a verdict."""

from typing import Any

import pytest

from gateway.domain.decision import EngineFailure, Reason, Verdict
from gateway.domain.halt import HaltTrigger, Scope
from gateway.policy import decode
from gateway.policy.decode import ENGINE_MALFORMED

pytestmark = pytest.mark.requirement("S1-07")

ALLOW: dict[str, Any] = {
    "allow": True,
    "required": ["ORD-01", "ACC-01"],
    "passed": ["ACC-01", "ORD-01"],
    "reasons": [],
    "proofs": [
        {"control": "ORD-01", "observed": 2, "limit": 3, "source": "symbol"},
        {"control": "ACC-01", "observed": 7},
    ],
    "halts": [],
    "door": {
        "approval_age_max_ms": 1,
        "close_buffer_min_ms": 2,
        "quote_age_max_ms": 3,
        "spread_max_bps": 4,
    },
}
DENY: dict[str, Any] = ALLOW | {
    "allow": False,
    "passed": ["ACC-01"],
    "reasons": [{"control": "ORD-01", "observed": -5, "limit": 3, "source": "global"}],
    "proofs": [{"control": "ACC-01", "observed": 7}],
}

HALT = {"cause": "OMEGA2_DRAWDOWN", "scope": {"kind": "account", "name": "main"}, "observed": 5}


def test_an_allow() -> None:
    assert decode.verdict(ALLOW) == Verdict(
        True,
        ("ACC-01", "ORD-01"),
        ("ACC-01", "ORD-01"),
        (),
        (Reason("ACC-01", 7, None), Reason("ORD-01", 2, 3, "symbol")),
        (),
        ALLOW["door"],
    )


def test_a_denial_leaves_sorted() -> None:
    answer = ALLOW | {
        "allow": False,
        "passed": [],
        "reasons": [{"control": "ORD-01"}, {"control": "ACC-01", "limit": 0, "source": "caps"}],
        "proofs": [],
    }
    verdict = decode.verdict(answer)
    assert isinstance(verdict, Verdict)
    assert verdict.reasons == (Reason("ACC-01", None, 0, "caps"), Reason("ORD-01", None, None))


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(None, id="null"),
        pytest.param(True, id="a bare true"),
        pytest.param([ALLOW], id="an array"),
        pytest.param(ALLOW | {"extra": 1}, id="an extra key"),
        *(pytest.param({k: v for k, v in ALLOW.items() if k != key}, id=f"no {key}")
          for key in ALLOW),
        *(pytest.param(ALLOW | {"allow": value}, id=f"allow is {value!r}")
          for value in (1, "true", None, [True], 1.0, {})),
        pytest.param(ALLOW | {"required": [], "passed": []}, id="nothing required"),
        pytest.param(ALLOW | {"passed": ["ACC-01"]}, id="allowed without all passed"),
        pytest.param(ALLOW | {"passed": ["ACC-01", "ORD-01", "EXP-01"]}, id="passed unasked"),
        pytest.param(ALLOW | {"passed": ["ACC-01", "ACC-01"]}, id="passed twice"),
        pytest.param(ALLOW | {"required": ["ACC-01", "ORD-01", "ORD-01"]}, id="required twice"),
        pytest.param(ALLOW | {"required": "ACC-01"}, id="required is a text"),
        pytest.param(ALLOW | {"required": {"ACC-01": 1, "ORD-01": 1}}, id="required is an object"),
        pytest.param(ALLOW | {"required": ["ACC-01", 5]}, id="a control that is no text"),
        pytest.param(
            ALLOW | {"required": ["acc 1"], "passed": ["acc 1"]}, id="a control that is no code"
        ),
        pytest.param(ALLOW | {"reasons": [{"control": "ORD-01"}]}, id="a reason without need"),
        pytest.param(ALLOW | {"allow": False}, id="denied though all passed"),
        pytest.param(ALLOW | {"door": {"approval_age_max_ms": 0}}, id="allowed through no door"),
        pytest.param(ALLOW | {"door": {}}, id="no threshold"),
        pytest.param(ALLOW | {"door": {"approval_age_max_ms": 1, "x": 1}}, id="more thresholds"),
        *(pytest.param(ALLOW | {"door": {"approval_age_max_ms": value}}, id=f"a door of {value!r}")
          for value in (-1, 1.5, 1.0, True, "1", None, 2**53)),
        pytest.param(DENY | {"allow": True}, id="allowed with a reason"),
        pytest.param(DENY | {"reasons": []}, id="denied without a reason"),
        pytest.param(DENY | {"reasons": [{"control": "ACC-01"}]}, id="a reason for another"),
        pytest.param(DENY | {"reasons": [{"control": "ORD-01"}] * 2}, id="a reason twice"),
        pytest.param(DENY | {"reasons": {"control": "ORD-01"}}, id="reasons are an object"),
        pytest.param(DENY | {"reasons": ["ORD-01"]}, id="a reason is a text"),
        pytest.param(DENY | {"reasons": [{"observed": 1}]}, id="a reason for nothing"),
        pytest.param(DENY | {"proofs": []}, id="passed without a proof"),
        pytest.param(DENY | {"proofs": [{"control": "ORD-01"}]}, id="a proof of another"),
        pytest.param(ALLOW | {"halts": [HALT]}, id="allowed with a halt"),
        pytest.param(DENY | {"halts": [HALT | {"extra": 1}]}, id="a malformed halt"),
        pytest.param(DENY | {"halts": [HALT] * 17}, id="too many halts"),
        *(pytest.param(DENY | {"reasons": [{"control": "ORD-01"} | figures]}, id=f"{figures}")
          for figures in ({"limit": 1}, {"source": "global"}, {"limit": 1, "source": "mine"},
                          {"limit": 1, "source": None}, {"observed": 1, "source": "global"})),
        pytest.param(DENY | {"reasons": [{"control": "ORD-01", "text": ""}]}, id="a wordy reason"),
        *(pytest.param(DENY | {"reasons": [{"control": "ORD-01", "limit": value}]},
                       id=f"a limit of {value!r}")
          for value in (1.5, 1.0, "1", True, None, 2**53, -(2**53))),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_malformed(answer: object) -> None:
    assert decode.verdict(answer) == ENGINE_MALFORMED


@pytest.mark.parametrize("answer", [None, {}, "x", ALLOW, [], [ALLOW], [ALLOW] * 3])
def test_an_answer_of_another_length_fails_for_all(answer: object) -> None:
    assert decode.verdicts(answer, 2) == [ENGINE_MALFORMED, ENGINE_MALFORMED]


def test_a_malformed_element_fails_for_itself() -> None:
    first, second = decode.verdicts([ALLOW | {"allow": 1}, DENY], 2)
    assert first == ENGINE_MALFORMED
    assert isinstance(second, Verdict)


def test_halts_leave_sorted() -> None:
    everywhere = {"cause": "OMEGA2_DRAWDOWN", "scope": {"kind": "global", "name": "*"}}
    assert decode.halts([everywhere, HALT]) == [
        HaltTrigger("OMEGA2_DRAWDOWN", Scope("account", "main"), 5, None),
        HaltTrigger("OMEGA2_DRAWDOWN", Scope("global", "*"), None, None),
    ]
    assert decode.halts([]) == []


@pytest.mark.parametrize(
    "answer",
    [
        None,
        {},
        "OMEGA2_DRAWDOWN",
        [5],
        [HALT | {"extra": 1}],
        [{"scope": HALT["scope"]}],
        [{"cause": HALT["cause"]}],
        [HALT | {"cause": "not a code"}],
        [HALT | {"cause": 5}],
        [HALT | {"observed": 1.5}],
        [HALT | {"limit": None}],
        [HALT | {"scope": "global"}],
        [HALT | {"scope": {"kind": "global", "name": "main"}}],
        [HALT | {"scope": {"kind": "planet", "name": "main"}}],
        [HALT | {"scope": {"kind": ["account"], "name": "main"}}],
        [HALT | {"scope": {"kind": "account", "name": ""}}],
        [HALT | {"scope": {"kind": "account", "name": "two\nlines"}}],
        [HALT, 5],
    ],
)
def test_halts_that_do_not_fit_are_a_failure(answer: object) -> None:
    found = decode.halts(answer)
    assert isinstance(found, EngineFailure)
    assert found == ENGINE_MALFORMED
