"""An identity key that is far away: asked ahead of time, and never while an entry is committed."""

import threading
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from gateway.domain.errors import UnavailableError
from gateway.host import OsEntropy, ThreadRunner
from gateway.ledger import certifying
from gateway.ledger.seals import (
    CERTIFICATE_LIFETIME_US,
    PREPARED_LEAD_US,
    RENEWAL_MARGIN_US,
    FarSigner,
    Sealer,
    Sealing,
)
from gateway.ledger.stored import StoredLedger
from gateway.ports import Batch, Draft
from signing.envelope import open_envelope
from signing.keys import PublicKey, Signer
from support.ledgers import (
    IDENTITY,
    VKEY,
    SetClock,
    becomes,
    faults,
    opened,
    opened_on_postgresql,
    verified,
)
from vault.errors import ProviderError

pytestmark = [pytest.mark.requirement("S3-15"), pytest.mark.requirement("W-01")]
START_US = 1_700_000_000_000_000
HOUR_US = 3_600_000_000
MODE = Draft("mode", {"mode": "SIMULATION", "by": "alice"})
DUE_US = CERTIFICATE_LIFETIME_US - RENEWAL_MARGIN_US + 1
AWAY = ProviderError("vault-sealed", "the vault is sealed", "unseal it")


@dataclass
class Vault:
    """Signs with the identity key, and counts; `down`, or waiting until `go`."""

    down: ProviderError | None = None
    asked: int = 0
    go: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.go.set()

    @property
    def public(self) -> PublicKey:
        return IDENTITY.public

    def sign(self, message: bytes) -> bytes:
        self.asked += 1
        assert self.go.wait(30)
        if self.down is not None:
            raise self.down.without_traceback()
        return IDENTITY.sign(message)


def made(vault: Vault, clock: SetClock) -> tuple[Sealer, Sealing]:
    """A sealer that has signed one entry, as after a start."""
    far = Sealer(VKEY, FarSigner(vault, ThreadRunner()), clock, OsEntropy())
    _, sealing = far.certificate(Sealing())
    return far, sealing


def kinds(far: Sealer, sealing: Sealing) -> tuple[list[str], Sealing]:
    entries, after = far.entries(MODE, sealing)
    return [entry.kind for entry in entries], after


@pytest.mark.parametrize(
    ("later_us", "due"),
    [(0, False), (DUE_US - 1, False), (DUE_US, True), (CERTIFICATE_LIFETIME_US + 1, True)],
)
def test_the_next_certificate_is_due_an_hour_before_the_end(later_us: int, due: bool) -> None:
    clock = SetClock(START_US)
    far, sealing = made(Vault(), clock)
    clock.now_us += later_us
    assert far.due(sealing) == due


def test_a_certificate_takes_its_place_when_its_time_has_come() -> None:
    clock, vault = SetClock(START_US), Vault()
    far, sealing = made(vault, clock)
    clock.now_us += DUE_US
    first = sealing.decision
    far.prepare(sealing)
    assert not far.due(sealing)
    assert vault.asked == 2
    found, sealing = kinds(far, sealing)
    assert found == ["mode"]
    assert sealing.decision is first
    clock.now_us += PREPARED_LEAD_US
    entries, after = far.entries(MODE, sealing)
    assert [entry.kind for entry in entries] == ["certificate", "mode"]
    certificate, mode = (open_envelope(entry.envelope) for entry in entries)
    assert certificate.signed_by(IDENTITY.public)
    assert certificate.payload["at_us"] == certificate.payload["not_before_us"] == clock.now_us
    assert after.not_after_us == clock.now_us + CERTIFICATE_LIFETIME_US
    assert mode.signed_by(PublicKey.from_hex(certificate.payload["decision_key"]))
    # A commit that failed leaves no trace: the same certificate is there for the next.
    again, _ = far.entries(MODE, sealing)
    assert again[0].envelope == entries[0].envelope
    assert kinds(far, after)[0] == ["mode"]
    assert not far.due(after)
    assert vault.asked == 2


def test_sealing_never_asks_and_a_certificate_serves_to_its_very_end() -> None:
    clock, vault = SetClock(START_US), Vault(down=None)
    far, sealing = made(vault, clock)
    clock.now_us += CERTIFICATE_LIFETIME_US
    assert kinds(far, sealing)[0] == ["mode"]
    assert not far.uncertified(sealing)
    clock.now_us += 1
    assert far.uncertified(sealing)
    with pytest.raises(UnavailableError) as refused:
        far.entries(MODE, sealing)
    assert refused.value.code == "ledger-uncertified"
    assert vault.asked == 1
    # The vault is back: what is prepared now holds from now on, since nothing can come between.
    far.prepare(sealing)
    assert not far.uncertified(sealing)
    assert kinds(far, sealing)[0] == ["certificate", "mode"]


def test_a_certificate_that_entries_overtook_is_thrown_away() -> None:
    clock, vault = SetClock(START_US), Vault()
    far, sealing = made(vault, clock)
    clock.now_us += DUE_US
    far.prepare(sealing)
    # The clock jumps over the certificate's time and back, as clocks that are set do.
    _, overtaken = far.entries(MODE, Sealing(clock.now_us + 10 * PREPARED_LEAD_US, *_key(sealing)))
    assert far.due(overtaken)
    assert kinds(far, overtaken)[0] == ["mode"]


def _key(sealing: Sealing) -> tuple[Signer | None, int]:
    return sealing.decision, sealing.not_after_us


def test_a_certificate_that_nobody_used_is_made_again_before_its_end() -> None:
    clock, vault = SetClock(START_US), Vault()
    far, sealing = made(vault, clock)
    clock.now_us += DUE_US
    far.prepare(sealing)
    clock.now_us += 30 * HOUR_US
    assert far.due(sealing)
    assert far.uncertified(sealing)
    far.prepare(sealing)
    entries, after = far.entries(MODE, sealing)
    assert [entry.kind for entry in entries] == ["certificate", "mode"]
    assert entries[0].at_us == clock.now_us < after.not_after_us


async def test_a_log_over_many_days_verifies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(certifying, "CHECK_MS", 5)
    clock, vault, runner = SetClock(START_US), Vault(), ThreadRunner()
    far = FarSigner(vault, runner)
    async with opened(tmp_path, clock=clock, identity_signer=far) as ledger:
        for hours in (1, 22, 0, 2, 500, 1, 700):
            clock.now_us += hours * HOUR_US
            await becomes(lambda: ledger.uncertified is None)
            await ledger.commit(Batch((MODE, MODE)))
    runner.close()
    assert faults(tmp_path / "log") == []
    report = verified(tmp_path / "log")
    assert report.counts["mode"] == 14
    assert report.counts["certificate"] == vault.asked - 1  # genesis is the other signature
    assert report.counts["certificate"] >= 3


@pytest.mark.parametrize("store", [opened, opened_on_postgresql], ids=["sqlite", "postgresql"])
async def test_a_dead_vault_stops_nothing_until_the_certificate_ends(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    store: Callable[..., AbstractAsyncContextManager[StoredLedger]],
) -> None:
    monkeypatch.setattr(certifying, "CHECK_MS", 5)
    monkeypatch.setattr(certifying, "RETRY_MS", 5)
    clock, vault, runner = SetClock(START_US), Vault(), ThreadRunner()
    far = FarSigner(vault, runner)
    async with store(tmp_path, clock=clock, identity_signer=far) as ledger:
        vault.down = AWAY
        clock.now_us += DUE_US
        before = vault.asked
        await becomes(lambda: vault.asked > before + 3)
        await ledger.commit(Batch((MODE,)))
        assert ledger.uncertified is None
        assert ledger.certificate_problem == "vault-sealed: the vault is sealed"
        size = ledger.size
        clock.now_us += HOUR_US
        for _ in range(3):
            with pytest.raises(UnavailableError) as refused:
                await ledger.commit(Batch((MODE,)))
            assert refused.value.code == "ledger-uncertified"
        assert ledger.uncertified == "vault-sealed: the vault is sealed"
        assert (ledger.size, ledger.latched, ledger.full) == (size, None, None)
        vault.down = None
        await becomes(lambda: ledger.uncertified is None)
        await ledger.commit(Batch((MODE,)))
        assert ledger.size == size + 2
        assert ledger.certificate_problem is None
    runner.close()
    assert faults(tmp_path / "log") == []
    said = [record for record in caplog.records if "identity key" in record.getMessage()]
    assert len(said) == 1  # once, however often it is asked


async def test_a_slow_vault_keeps_no_commit_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(certifying, "CHECK_MS", 5)
    clock, vault, runner = SetClock(START_US), Vault(), ThreadRunner()
    far = FarSigner(vault, runner)
    async with opened(tmp_path, clock=clock, identity_signer=far) as ledger:
        vault.go.clear()
        clock.now_us += DUE_US
        await becomes(lambda: vault.asked == 3)
        for _ in range(20):
            await ledger.commit(Batch((MODE,)))
        vault.go.set()
        await becomes(lambda: ledger._opened.sequencer.certificate_due is False)
        clock.now_us += PREPARED_LEAD_US
        await ledger.commit(Batch((MODE,)))
    runner.close()
    assert faults(tmp_path / "log") == []
    assert verified(tmp_path / "log").counts["certificate"] == 2
