"""Keys in memory: certified for a day, renewed in time, dated by one reading of the clock."""

from pathlib import Path

import pytest

from gateway.host import OsEntropy
from gateway.ledger.seals import (
    BLOB_BYTES_MAX,
    CERTIFICATE_LIFETIME_US,
    RENEWAL_MARGIN_US,
    Sealer,
    Sealing,
)
from gateway.policy.release import FILE_MAX_BYTES
from gateway.ports import Batch, Draft
from signing.envelope import open_envelope
from signing.keys import PublicKey
from support.ledgers import IDENTITY, VKEY, SetClock, faults, opened, verified

START_US = 1_700_000_000_000_000
HOUR_US = 3_600_000_000
MODE = Draft("mode", {"mode": "SIMULATION", "by": "alice"})


def sealer(clock: SetClock) -> Sealer:
    return Sealer(VKEY, IDENTITY, clock, OsEntropy())


def test_the_first_entry_comes_with_a_certificate() -> None:
    entries, after = sealer(SetClock(START_US)).entries(MODE, Sealing())
    assert [entry.kind for entry in entries] == ["certificate", "mode"]
    certificate, mode = (open_envelope(entry.envelope) for entry in entries)
    assert certificate.signed_by(IDENTITY.public)
    key = PublicKey.from_hex(certificate.payload["decision_key"])
    assert mode.signed_by(key)
    assert certificate.payload["not_before_us"] == mode.payload["at_us"] == START_US
    assert certificate.payload["not_after_us"] == START_US + CERTIFICATE_LIFETIME_US
    assert (after.last_at_us, after.not_after_us) == (START_US, START_US + CERTIFICATE_LIFETIME_US)


@pytest.mark.parametrize(
    ("later_us", "kinds"),
    [
        (0, ["mode"]),
        (CERTIFICATE_LIFETIME_US - RENEWAL_MARGIN_US, ["mode"]),
        (CERTIFICATE_LIFETIME_US - RENEWAL_MARGIN_US + 1, ["certificate", "mode"]),
        (CERTIFICATE_LIFETIME_US + 1, ["certificate", "mode"]),
        (1_000 * HOUR_US, ["certificate", "mode"]),
        (-1_000 * HOUR_US, ["mode"]),
    ],
)
def test_a_certificate_is_renewed_an_hour_before_its_end(later_us: int, kinds: list[str]) -> None:
    clock = SetClock(START_US)
    made = sealer(clock)
    _, sealing = made.entries(MODE, Sealing())
    clock.now_us += later_us
    entries, after = made.entries(MODE, sealing)
    assert [entry.kind for entry in entries] == kinds
    renewed = "certificate" in kinds
    assert (after.decision is not sealing.decision) == renewed
    for entry in entries:
        assert entry.at_us == max(START_US, clock.now_us) <= after.not_after_us


def test_sealing_keeps_nothing_of_an_entry_that_was_not_committed() -> None:
    made, before = sealer(SetClock(START_US)), Sealing()
    made.entries(MODE, before)
    assert before == Sealing()
    entries, _ = made.entries(MODE, before)
    assert [entry.kind for entry in entries] == ["certificate", "mode"]


@pytest.mark.requirement("W-01")
async def test_a_log_over_many_days_verifies(tmp_path: Path) -> None:
    clock = SetClock(START_US)
    async with opened(tmp_path, clock=clock) as ledger:
        for hours in (1, 22, 0, 2, 500, -300, 1, 700):
            clock.now_us += hours * HOUR_US
            committed = await ledger.commit(Batch((MODE, MODE)))
            # The certificate stands in front of the caller's entries and is none of them.
            assert committed.indices[1] == committed.indices[0] + 1
    report = verified(tmp_path / "log")
    assert faults(tmp_path / "log") == []
    assert report.counts["certificate"] == 4
    assert report.counts["mode"] == 16


async def test_a_failed_batch_leaves_no_certificate(tmp_path: Path) -> None:
    clock = SetClock(START_US)
    async with opened(tmp_path, clock=clock) as ledger:
        clock.now_us += 30 * HOUR_US
        size = ledger.size
        with pytest.raises(ValueError, match="none of"):
            await ledger.commit(Batch((MODE, Draft("mode", {"mode": "NO", "by": "alice"}))))
        assert ledger.size == size
        assert (await ledger.commit(Batch((MODE,)))).indices == (size + 1,)
    assert faults(tmp_path / "log") == []


def test_every_release_that_is_read_can_be_recorded() -> None:
    assert BLOB_BYTES_MAX == FILE_MAX_BYTES
