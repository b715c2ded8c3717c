"""What `writ kill`, `writ halt` and `writ resume` say of what is not done yet."""

from __future__ import annotations

import pytest

from gateway.api.routes.halts import HaltAnswer, UncancelledAnswer
from gateway.cli import exits, output
from gateway.cli.kill import _COLUMNS, _KEPT, _LIFTED, _sent, _tell
from gateway.control.halting import Kept
from gateway.domain.errors import UnavailableError


def halt(kept: Kept = Kept.LOG, *, more: int = 0, codes: tuple[str, ...] = ()) -> dict[str, object]:
    """A halt as the API tells of it."""
    waiting = [
        UncancelledAnswer(
            order_id=f"ord_{number}",
            account="primary",
            symbol="AAPL",
            code=code,
            asked=None,
            times=2,
        )
        for number, code in enumerate(codes)
    ]
    return HaltAnswer(
        halt_id="halt_1",
        scope="global",
        name="*",
        cause="OMEGA2_MANUAL",
        cancels=True,
        reduce_allowed=False,
        clear_by="admin",
        by="ada",
        observed=None,
        limit=None,
        reason="test",
        kept=kept,
        uncancelled_count=len(waiting) + more,
        uncancelled=waiting,
    ).model_dump(mode="json")


@pytest.mark.requirement("S1-12")
def test_each_order_that_is_not_cancelled_is_named_with_why(
    capsys: pytest.CaptureFixture[str],
) -> None:
    _tell([halt(codes=("none", "BROKER_TIMEOUT"), more=7)], output.Format.TABLE)
    said = capsys.readouterr()
    assert said.out == "", "data alone goes to stdout"
    assert said.err.splitlines() == [
        "not cancelled yet: ord_0, AAPL in primary, asked 2 times: not confirmed yet",
        "not cancelled yet: ord_1, AAPL in primary, asked 2 times: BROKER_TIMEOUT",
        "not cancelled yet: 7 more",
    ]


@pytest.mark.parametrize("kept", Kept)
def test_a_halt_that_is_not_in_the_log_says_how_long_it_stands(
    kept: Kept, capsys: pytest.CaptureFixture[str]
) -> None:
    _tell([halt(kept)], output.Format.TABLE)
    said = capsys.readouterr().err
    assert (kept.value in _KEPT) == (kept is not Kept.LOG)
    assert said == ("" if kept is Kept.LOG else f"halt_1 is not in the log yet: {_KEPT[kept]}\n")


def test_programs_find_it_in_the_json_alone(capsys: pytest.CaptureFixture[str]) -> None:
    _tell([halt(Kept.MEMORY, codes=("none",))], output.Format.JSON)
    assert capsys.readouterr().err == ""


def test_what_is_shown_of_a_halt_is_what_the_api_tells() -> None:
    assert set(_LIFTED) < set(_COLUMNS) <= set(HaltAnswer.model_fields)


def test_where_no_answer_comes_it_may_be_sent_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WRIT_API_KEY", "writ_x")
    monkeypatch.setenv("WRIT_URL", "http://127.0.0.1:1")
    with pytest.raises(UnavailableError) as caught:
        _sent("/v1/kill", {"reason": "test"})
    assert caught.value.code == "gateway-unreachable"
    assert "writ halt list" in caught.value.remedy
    assert "same key" not in caught.value.remedy
    assert exits.UNAVAILABLE == 3
