"""What `writ doctor` says of officers' keys."""

from __future__ import annotations

from pathlib import Path

from gateway.cli.checks import Finding, Grade
from gateway.cli.trust_checks import trust_findings
from gateway.config import Settings
from signing.keys import Ed25519Signer


def test_what_is_trusted_is_counted(tmp_path: Path) -> None:
    officers = tmp_path / "officers"
    officers.write_text(f"carol {Ed25519Signer.generate().public.hex}\n", encoding="utf-8")
    found = trust_findings(Settings(override_officers=officers))
    assert found == [Finding("trust", Grade.OK, "attested runs: 0; keys of officers: 1")]
