"""TLS at the gateway's own door: its certificate, and whose certificates callers must show.

A certificate says that a machine may connect; who is asking, the API key says, with TLS as without.
"""

from __future__ import annotations

import ssl
from pathlib import Path

from gateway.domain.errors import InvalidInputError


def door_tls(
    certificate: Path | None, key: Path | None, authorities: Path | None
) -> ssl.SSLContext | None:
    """The context that the settings ask for; ``None``: the gateway speaks plain HTTP.

    Args:
        certificate: the gateway's own, in PEM, with those between it and its authority.
        key: the certificate's, for its owner alone.
        authorities: whose certificates callers must show; without them they need none.

    Raises:
        InvalidInputError: ``config-invalid``: they contradict each other, or a file cannot be used.
    """
    if certificate is None and key is None and authorities is None:
        return None
    if certificate is None or key is None:
        raise _invalid("WRIT_TLS_CERTIFICATE_FILE and WRIT_TLS_KEY_FILE are needed together")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # Every connection shows its certificate anew, and a renegotiation is work for nothing.
    context.options |= ssl.OP_NO_TICKET | ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION
    context.num_tickets = 0
    load_own(context, certificate, key)
    if authorities is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        context.verify_flags |= ssl.VERIFY_X509_STRICT
        trust_only(context, authorities)
    return context


def load_own(context: ssl.SSLContext, certificate: Path, key: Path) -> None:
    """Take a certificate and its key, which nobody else may be able to read.

    Raises:
        InvalidInputError: ``config-invalid``.
    """
    try:
        mode = key.stat().st_mode
    except OSError as error:
        raise _invalid(f"{key}: {error.strerror}") from error
    if mode & 0o077:
        raise InvalidInputError(
            "config-invalid", f"{key} can be read by others", f"chmod 600 {key}"
        )
    try:
        # Without a password to give, an encrypted key would be asked for at the terminal.
        context.load_cert_chain(certificate, key, password=_no_password)
    except (OSError, ValueError) as error:
        raise _invalid(f"{certificate} and {key} are no certificate and its key in PEM") from error


def trust_only(context: ssl.SSLContext, authorities: Path) -> None:
    """Believe certificates of these authorities.

    Raises:
        InvalidInputError: ``config-invalid``.
    """
    try:
        context.load_verify_locations(authorities)
    except OSError as error:  # of which the library's own errors are a kind
        raise _invalid(f"{authorities} holds no certificates in PEM") from error


def _no_password() -> str:
    raise ValueError("the key is encrypted")


def _invalid(detail: str) -> InvalidInputError:
    return InvalidInputError("config-invalid", detail, "see docs/operating.md, TLS")
