"""What reconciliation entered must be what reconciliation can have entered."""

from __future__ import annotations

from pathlib import Path

import pytest

from signing.inferred import inferred_id
from signing.verify import verify_log
from support.logs import LogBuilder, correction, reconciliation

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
