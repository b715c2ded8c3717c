"""What `writ doctor` says of attesters, attested runs, officers and what those have signed."""

from __future__ import annotations

from gateway.bootstrap.trust import officers_file, run_files
from gateway.cli.checks import Finding, Grade
from gateway.config import Settings
from gateway.control.trust_reading import MANIFEST, Reading, Refused
from gateway.host import SystemClock
from signing.keys import InvalidKeyError, Vkey
from signing.permission import STEP_NAMES, Here, Seen

_REMEDY = "mend the file, or have it signed again; see docs/provenance.md"
_LAST_STEP = max(STEP_NAMES)
"""It compares accounts, whose brokers are opened by a start alone."""


def trust_findings(settings: Settings) -> list[Finding]:
    """Read the trusted files as the gateway does; one finding for each that is refused."""
    return [*_file_findings(settings), *_signed_findings(settings)]


def _file_findings(settings: Settings) -> list[Finding]:
    named = (
        settings.attesters,
        settings.attestations,
        settings.run_ledger,
        settings.override_officers,
    )
    if not any(named):
        return []
    runs, officers = run_files(settings).look(), officers_file(settings).look()
    refused = [
        Finding("trust", Grade.FAIL, problem, _REMEDY)
        for problem in (*runs.problems, *officers.problems)
    ]
    counted = f"attested runs: {len(runs.by)}; keys of officers: {len(officers.keys.names)}"
    return [*refused, Finding("trust", Grade.OK, counted)]


def _signed_findings(settings: Settings) -> list[Finding]:
    """What the officers permit, as far as it can be told without brokers."""
    if settings.trust is None or settings.trust_root is None:
        return []
    try:
        log = Vkey.parse((settings.data / "log.vkey").read_text(encoding="ascii"))
    except (OSError, InvalidKeyError, UnicodeDecodeError):
        return [Finding("manifest", Grade.NOTE, "there is no log yet that it could be for")]
    from gateway.control.trust_root import TrustRoot

    here = Here(settings.environment, log, {})
    root = TrustRoot(settings.trust, settings.trust_root, here)
    return [_signed(root.read(SystemClock().wall_us(), None, Seen()))]


def _signed(reading: Reading) -> Finding:
    refused = reading.manifest  # of a trust root that is refused it is that refusal
    if isinstance(refused, Refused) and (refused.of, refused.step) != (MANIFEST, _LAST_STEP):
        told = f"{refused.of} refused at step {refused.step} ({refused.code}): {refused.detail}"
        return Finding("manifest", Grade.FAIL, told, refused.remedy)
    return Finding("manifest", Grade.OK, "for this gateway; a start compares its accounts")
