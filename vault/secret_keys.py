"""Signing keys that are kept as secrets: PKCS#8 PEM, Ed25519, without a passphrase."""

from __future__ import annotations

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from vault.errors import ProviderError
from vault.secret import Secret


def key_of(secret: Secret) -> Ed25519PrivateKey:
    """Read the private key that a secret is.

    Raises:
        ProviderError: `secret-malformed`: it is no such key.
    """
    try:
        key = load_pem_private_key(secret.reveal().encode(), None)
    except (TypeError, ValueError, UnsupportedAlgorithm):
        key = None  # the library's words may tell of what it was given
    if isinstance(key, Ed25519PrivateKey):
        return key
    raise ProviderError(
        "secret-malformed",
        f"{secret.provenance.reference} is no Ed25519 key in PKCS#8 PEM without a passphrase",
        "store there what `writ keys new` wrote into a file",
    )
