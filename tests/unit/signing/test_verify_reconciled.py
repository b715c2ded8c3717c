"""What reconciliation entered must be what reconciliation can have entered."""

from __future__ import annotations

from pathlib import Path

import pytest

from signing.inferred import corrected_id, inferred_id
from signing.verify import verify_log
from support.logs import LogBuilder, correction, reconciliation, trade_correction

pytestmark = [pytest.mark.requirement("S3-08"), pytest.mark.attack]


@pytest.fixture
def log(tmp_path: Path) -> LogBuilder:
    log = LogBuilder(tmp_path / "log")
    log.begin()
    return log


def refusal(log: LogBuilder) -> str:
    """Why step 7 refuses the log at its last entry; empty if the log verifies."""
    log.publish()
    report = verify_log(log.directory, log.vkey)
    bad = [step for step in report.steps if not step.ok]
    if not bad:
        return ""
    assert ([step.number for step in bad], report.first_bad_index) == ([7], log.tree.size - 1)
    return bad[0].detail


def test_a_correction_follows_the_run_that_found_it(log: LogBuilder) -> None:
    log.add("reconciliation", reconciliation())
    log.add("correction", correction())
    assert refusal(log) == ""


def test_a_correction_of_no_run_is_refused(log: LogBuilder) -> None:
    log.add("correction", correction())
    assert "names a reconciliation that is not before it" in refusal(log)


def test_a_correction_in_another_account_than_its_run_is_refused(log: LogBuilder) -> None:
    log.add("reconciliation", reconciliation())
    log.add("correction", correction() | {"account": "other"})
    assert "names a reconciliation that is not before it" in refusal(log)


def test_a_run_is_entered_once(log: LogBuilder) -> None:
    log.add("reconciliation", reconciliation())
    log.add("reconciliation", reconciliation())
    assert "rec_1 was used before" in refusal(log)


@pytest.mark.parametrize("cum_qty", [39, 41])
def test_the_id_of_an_inferred_fill_is_not_made_up(log: LogBuilder, cum_qty: int) -> None:
    log.decide(1)
    log.submit(1)
    made_up = inferred_id("main", "W-1", cum_qty)
    log.execute(1, 40, source="inferred", execution_id=made_up)
    assert "not made of its order" in refusal(log)


def taken_back(number: int, **changes: object) -> dict[str, object]:
    """Reconciliation's word that 40 that were inferred are 15."""
    of = inferred_id("main", f"W-{number}", 40)
    bust = trade_correction(number, of=1, before=40, cum_qty=15)
    return bust | {
        "execution_id": corrected_id("main", f"W-{number}", of, 0),
        "of_execution_id": of,
        "cause": "reconciled",
        "qty_after": 15,
        "price_after": bust["price_before"],
        "fee_change_micros": 0,
        **changes,
    }


def infer(log: LogBuilder) -> None:
    log.decide(1)
    log.submit(1)
    log.execute(1, 40, source="inferred", execution_id=inferred_id("main", "W-1", 40))


def test_what_was_inferred_is_taken_back_and_the_rest_gives_way_to_the_real_one(
    log: LogBuilder,
) -> None:
    infer(log)
    log.add("trade-correction", taken_back(1))
    log.execute(1, 25, 2, merged_qty=15)
    log.execute(1, 15, source="inferred", execution_id=inferred_id("main", "W-1", 40, 1))
    assert refusal(log) == ""


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"execution_id": "corrected-1"}, "not made of its order"),
        ({"cause": "correct"}, "corrected by reconciliation"),
        ({"qty_before": 39}, "does not stand like that"),
        ({"cum_qty": 16}, "cum_qty is not what is filled"),
    ],
)
def test_what_was_inferred_is_taken_back_by_reconciliation_alone(
    log: LogBuilder, changes: dict[str, object], why: str
) -> None:
    infer(log)
    log.add("trade-correction", taken_back(1, **changes))
    assert why in refusal(log)


def test_what_a_broker_told_is_not_taken_back_by_reconciliation(log: LogBuilder) -> None:
    log.decide(1)
    log.submit(1)
    log.execute(1, 40)
    log.add("trade-correction", taken_back(1, of_execution_id="e1"))
    assert "corrected by reconciliation" in refusal(log)


def test_what_the_real_fill_took_the_place_of_cannot_be_taken_back(log: LogBuilder) -> None:
    infer(log)
    log.execute(1, 30, 2, merged_qty=30)
    log.add("trade-correction", taken_back(1))
    assert "does not stand like that" in refusal(log)


@pytest.mark.parametrize("merged_qty", [0, 39])
def test_a_real_fill_merges_all_that_was_counted_before(log: LogBuilder, merged_qty: int) -> None:
    infer(log)
    log.execute(1, 50, 2, merged_qty=merged_qty)
    assert "merges something else" in refusal(log)


def test_the_same_quantity_is_not_inferred_twice_under_one_id(log: LogBuilder) -> None:
    infer(log)
    log.execute(1, 40, 2, merged_qty=40)
    log.add("trade-correction", trade_correction(1, of=2, before=40, cum_qty=0))
    log.execute(1, 40, source="inferred", execution_id=inferred_id("main", "W-1", 40))
    assert "entered before" in refusal(log)
