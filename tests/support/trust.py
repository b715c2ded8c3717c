"""Attesters, officers, and what they sign, as files on a disk and lines in a ticket."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from signing.attestation import SUFFIX, attest
from signing.canonical import digest
from signing.keys import Ed25519Signer, Vkey
from signing.override import Override, sign_override
from support.logs import seeded

ALICE = seeded(21)
"""Whose attestations count."""
CAROL = seeded(22)
"""Whose overrides count."""
MALLORY = seeded(66)
"""Whose signatures count for nothing."""

LOG = Vkey("writ.local/log", seeded(1).public)
"""The log of a gateway that overrides are signed for, where a test has no running one."""

HOUR_US = 3_600 * 1_000_000
OUTPUT = b"symbol,target\nAAPL,10\n"


@dataclass(frozen=True, slots=True)
class TrustFiles:
    """The files that a gateway is configured with."""

    folder: Path

    @property
    def attesters(self) -> Path:
        return self.folder / "attesters"

    @property
    def officers(self) -> Path:
        return self.folder / "officers"

    @property
    def attestations(self) -> Path:
        return self.folder / "runs"

    @property
    def ledger(self) -> Path:
        return self.folder / "audit.jsonl"

    def settings(self) -> dict[str, Any]:
        """The settings that name them."""
        return {
            "attesters": self.attesters,
            "attestations": self.attestations,
            "run_ledger": self.ledger,
            "override_officers": self.officers,
        }

    def attest(
        self, run: str, name: str = "targets.csv", output: bytes | None = OUTPUT,
        signer: Ed25519Signer = ALICE, signed: bytes = OUTPUT,
    ) -> Path:  # fmt: skip
        """Write an output file, if one is given, and the attestation of ``signed`` beside it."""
        if output is not None:
            (self.attestations / name).write_bytes(output)
        data = attest(run, name, digest(signed), created_us=1, by="whoever", signer=signer)
        path = self.attestations / f"{run}.{name}{SUFFIX}"
        path.write_bytes(data + b"\n")
        return path

    def audit(self, *lines: object) -> None:
        """Write the ledger of audits anew; text stands as it is."""
        texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
        self.ledger.write_text("".join(f"{text}\n" for text in texts), encoding="utf-8")


def trust_files(folder: Path) -> TrustFiles:
    """One attester, one officer, no run attested yet, no run listed."""
    files = TrustFiles(folder)
    files.attestations.mkdir(parents=True)
    files.attesters.write_text(f"alice {ALICE.public.hex}\n", encoding="ascii")
    files.officers.write_text(f"carol {CAROL.public.hex}\n", encoding="ascii")
    files.ledger.write_bytes(b"")
    return files


def an_override(signer: Ed25519Signer = CAROL, *, log: Vkey = LOG, **changes: Any) -> str:
    """An override for ten AAPL bought under the caller's id ``c-1``, an hour from now.

    It is for a SIMULATION at the gateway of that log.
    """
    now_us = time.time_ns() // 1000
    fields: dict[str, Any] = {
        "override_id": "ovr_" + "1c" * 16,
        "control": "REG-01",
        "log": str(log),
        "mode": "SIMULATION",
        "account": "primary",
        "symbol": "AAPL",
        "side": "buy",
        "qty": "10",
        "client_order_id": "c-1",
        "principal": "*",
        "created_us": now_us,
        "expires_us": now_us + HOUR_US,
        "by": "carol",
        "reason": "agreed",
    }
    return sign_override(Override(**(fields | changes)), signer)
