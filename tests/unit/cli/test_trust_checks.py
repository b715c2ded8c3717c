"""What `writ doctor` says of officers' keys."""

from __future__ import annotations

import time
from pathlib import Path

from gateway.cli.checks import Finding, Grade
from gateway.cli.trust_checks import trust_findings
from gateway.config import Settings
from signing.keys import Ed25519Signer
from support.permitting import LOG, Officers, fields


def test_what_is_trusted_is_counted(tmp_path: Path) -> None:
    officers = tmp_path / "officers"
    officers.write_text(f"carol {Ed25519Signer.generate().public.hex}\n", encoding="utf-8")
    found = trust_findings(Settings(override_officers=officers))
    assert found == [Finding("trust", Grade.OK, "attested runs: 0; keys of officers: 1")]


def test_what_officers_signed_is_verified_for_this_gateway(tmp_path: Path) -> None:
    now_us = time.time_ns() // 1_000
    signed = fields(valid_from_us=now_us - 1, valid_until_us=now_us + 10**12, attestations=[])
    officers = Officers(tmp_path / "trust", now_us, signed)
    officers.sign()
    data = tmp_path / "data"

    def grade(environment: str) -> tuple[Grade, str]:
        settings = Settings(
            data=data,
            environment=environment,
            trust=officers.folder,
            trust_root=officers.pinned,
        )
        [found] = trust_findings(settings)
        assert found.check == "manifest"
        return found.grade, found.found

    assert grade("production")[0] is Grade.NOTE, "there is no log yet"
    data.mkdir()
    (data / "log.vkey").write_text(f"{LOG}\n", encoding="ascii")
    assert grade("production")[0] is Grade.OK
    assert grade("staging") == (
        Grade.FAIL,
        "manifest refused at step 4 (environment-other): it is for production, and this is staging",
    )
    officers.pinned.unlink()
    assert grade("production")[0] is Grade.FAIL
