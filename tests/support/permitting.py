"""Officers who permit a gateway: a trust root with a manifest, signed by the ceremony itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gateway.control.permission import Permissions
from gateway.control.trust_reading import Trust
from gateway.domain.book import Book
from gateway.domain.permission import Permission, RunningRelease
from gateway.policy.release import Release
from gateway.ports import Clock
from signing import canonical
from signing.keys import Ed25519Signer, Vkey
from signing.manifest import Account, Manifest, read_fields
from signing.permission import Here, Venue
from signing.trusted import TrustedKeys
from support.brokers import LOG_SIGNER
from support.manifests import manifest_fields
from support.trust_root import ANNA, BERT, NOW_US, TrustFolder

HOUR_US = 3_600_000_000
DAY_US = 24 * HOUR_US
LOG = Vkey("trading.example/log", LOG_SIGNER.public)
HOSTS = ("paper-api.example.com:443",)
PRIMARY = Account("alpaca", "PA1234", HOSTS)
HERE = Here("production", LOG, {"primary": Venue("PAPER", PRIMARY)})
"""The gateway that the manifests of `support.manifests` are for."""


def fields(**changes: Any) -> dict[str, Any]:
    """The fields of a manifest that is valid at the trust root's moment."""
    attestation = manifest_fields()["attestations"][0]
    return (
        manifest_fields(
            attestations=[attestation | {"valid_until_us": NOW_US + 400 * DAY_US}],
            valid_from_us=NOW_US - HOUR_US,
            valid_until_us=NOW_US + 300 * DAY_US,
        )
        | changes
    )


def gateway_fields(
    now_us: int, release: Release, account: Mapping[str, Any], **changes: Any
) -> dict[str, Any]:
    """The fields of a manifest for a gateway of the tests' own: its one account, its release."""
    attestation = fields()["attestations"][0]
    return fields(
        gateway="writ.local/log",
        accounts={"primary": account},
        release_digest=release.digest,
        limits_digest=release.data_digest,
        strategies=["*"],
        valid_from_us=now_us - HOUR_US,
        valid_until_us=now_us + 100 * DAY_US,
        attestations=[attestation | {"valid_until_us": now_us + 300 * DAY_US}],
        **changes,
    )


def manifest(**changes: Any) -> Manifest:
    """The same, read."""
    return read_fields(fields(**changes))


def trust(holds_until_us: int = NOW_US + 3 * 24 * HOUR_US) -> Trust:
    """A trust root that was verified and holds for three days."""
    return Trust(
        floor={},
        targets_digest="ab" * 32,
        holds_until_us=holds_until_us,
        versions={},
        development=False,
        officers=TrustedKeys({ANNA.public.raw: "anna"}),
        overlays=(),
        evidence=b"{}",
    )


def running(signed: Manifest) -> RunningRelease:
    """The release that a manifest names, in force."""
    return RunningRelease("test", signed.release_digest, signed.limits_digest)


def permissions(
    book: Book, clock: Clock, signed: Manifest | None = None, release: RunningRelease | None = None
) -> Permissions:
    """What is permitted under a manifest, its release in force, or under none."""
    in_force = release or running(signed or manifest())
    made = Permissions(lambda: book, clock, lambda: in_force)
    if signed is not None:
        made.accept(trust(), Permission("cd" * 32, signed))
    return made


@dataclass
class Officers:
    """Anna and Bert, the folder that they sign into, and the file of the root to be pinned."""

    folder: Path
    now_us: int = NOW_US
    given: dict[str, Any] = field(default_factory=fields)
    """The fields that every manifest begins with."""

    def __post_init__(self) -> None:
        self.trust = TrustFolder(self.folder, self.now_us)
        self.trust.begin()
        self.pinned = self.folder.with_name(f"{self.folder.name}.root.json")
        self.pinned.write_bytes(self.trust.pinned)

    def sign(self, *signers: Ed25519Signer, days: int = 3, **changes: Any) -> str:
        """Sign and publish a manifest; returns its digest."""
        data = canonical.encode(self.given | changes)
        self.trust.targets({"manifest.json": data}, *(signers or (ANNA, BERT)))
        self.trust.publish(days)
        return canonical.digest(data)

    def revoke(self) -> None:
        """Take everything back."""
        self.trust.targets({"release/data.json": b"{}"})
        self.trust.publish()
