"""Secrets as a place would have handed them out, for code that wants one."""

from vault.references import SecretRef
from vault.secret import Moment, Provenance, Secret

NOW = Moment(1_800_000_000_000_000, 1)


def secret(value: str) -> Secret:
    """A secret with this value."""
    return Secret(value, Provenance(SecretRef.parse("env://TEST"), NOW))
