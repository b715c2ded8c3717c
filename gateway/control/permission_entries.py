"""What the log is told of a trust root, a manifest, and its end."""

from __future__ import annotations

from gateway.control.trust_reading import Trust
from gateway.domain.permission import Accepted
from gateway.ports import Draft
from signing.permission import Verified


def trust_draft(trust: Trust) -> Draft:
    """A trust root was accepted, with the evidence for it."""
    entry = {
        "floor": dict(trust.floor),
        "holds_until_us": trust.holds_until_us,
        "evidence_digest": trust.evidence_digest,
    }
    return Draft("trust", entry, (trust.evidence,))


def manifest_draft(trust: Trust, verified: Verified) -> Draft:
    """A manifest is in force from here on, with its bytes."""
    manifest = verified.manifest
    entry = {
        "manifest_digest": verified.digest,
        "trust_digest": trust.targets_digest,
        "environment": manifest.environment,
        "epoch": manifest.epoch,
        "mode": manifest.mode,
        "release_digest": manifest.release_digest,
        "limits_digest": manifest.limits_digest,
        "valid_from_us": manifest.valid_from_us,
        "lapses_us": manifest.lapses_us,
        "at_lapse": manifest.at_lapse,
    }
    return Draft("manifest", entry, (verified.data,))


def lapse_draft(accepted: Accepted, cause: str, by: str) -> Draft:
    """A manifest has ended."""
    entry = {
        "of": "manifest",
        "manifest_digest": accepted.digest,
        "cause": cause,
        "cancels": accepted.cancels_at_lapse,
        "by": by,
    }
    return Draft("lapse", entry)
