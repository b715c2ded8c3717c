"""What `writ doctor` says of attesters, attested runs and officers."""

from __future__ import annotations

from gateway.bootstrap.trust import officers_file, run_files
from gateway.cli.checks import Finding, Grade
from gateway.config import Settings

_REMEDY = "mend the file, or have it signed again; see docs/provenance.md"


def trust_findings(settings: Settings) -> list[Finding]:
    """Read the trusted files as the gateway does; one finding for each that is refused."""
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
