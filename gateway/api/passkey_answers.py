"""What a browser answers with a passkey, and whether it is what was asked for.

The library verifies; which of the usual reasons a refusal has is found out here, because it names
them in sentences alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import webauthn
from webauthn.helpers import (
    base64url_to_bytes,
    bytes_to_base64url,
    parse_authenticator_data,
    parse_client_data_json,
)
from webauthn.helpers.cose import COSEAlgorithmIdentifier
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import AttestationFormat

from gateway.api.passkey_file import Passkey
from gateway.domain.errors import RefusedError
from gateway.domain.passkeys import PasskeyOrigin

ALGORITHMS: Final = [
    COSEAlgorithmIdentifier.EDDSA,
    COSEAlgorithmIdentifier.ECDSA_SHA_256,
    COSEAlgorithmIdentifier.RSASSA_PKCS1_v1_5_SHA_256,
]


@dataclass(frozen=True, slots=True)
class Assertion:
    """What a browser answers to a challenge; base64url throughout, as it came."""

    credential_id: str
    client_data: str
    authenticator_data: str
    signature: str
    user_handle: str | None


@dataclass(frozen=True, slots=True)
class Attested:
    """What a browser answers to an invitation; base64url."""

    credential_id: str
    client_data: str
    attestation_object: str


def attested(
    answer: Attested, challenge: bytes, origin: PasskeyOrigin, name: str, now_us: int
) -> Passkey:
    """The passkey that a registration's answer brings.

    Raises:
        RefusedError: ``passkey-refused``.
    """
    credential = _credential(answer, attestationObject=answer.attestation_object)
    try:
        found = webauthn.verify_registration_response(
            credential=credential,
            expected_challenge=challenge,
            expected_rp_id=origin.relying_party,
            expected_origin=origin.text,
            require_user_verification=True,
            supported_pub_key_algs=ALGORITHMS,
        )
    except Exception as error:
        raise _refused(error) from error
    if found.fmt != AttestationFormat.NONE:
        raise RefusedError("passkey-refused", "it came with an attestation that was not asked for")
    return Passkey(
        credential_id=bytes_to_base64url(found.credential_id),
        name=name,
        public_key=bytes_to_base64url(found.credential_public_key),
        sign_count=found.sign_count,
        added_us=now_us,
    )


def verified(answer: Assertion, passkey: Passkey, challenge: bytes, origin: PasskeyOrigin) -> int:
    """The authenticator's new counter, if the assertion is what was asked for.

    Raises:
        RefusedError: ``passkey-challenge``, ``passkey-origin``, ``passkey-unverified``,
            ``passkey-counter`` or ``passkey-refused``.
    """
    credential = _credential(
        answer, authenticatorData=answer.authenticator_data, signature=answer.signature
    )
    try:
        found = webauthn.verify_authentication_response(
            credential=credential,
            expected_challenge=challenge,
            expected_rp_id=origin.relying_party,
            expected_origin=origin.text,
            credential_public_key=base64url_to_bytes(passkey.public_key),
            credential_current_sign_count=passkey.sign_count,
            require_user_verification=True,
        )
    except Exception as error:
        code = _why(answer, passkey, challenge, origin)
        raise _refused(error, code) from error
    return found.new_sign_count


def _credential(answer: Assertion | Attested, **response: str) -> dict[str, object]:
    """An answer as a browser would write it in JSON, which is what the library reads."""
    return {
        "id": answer.credential_id,
        "rawId": answer.credential_id,
        "type": "public-key",
        "response": {"clientDataJSON": answer.client_data, **response},
    }


def _why(answer: Assertion, passkey: Passkey, challenge: bytes, origin: PasskeyOrigin) -> str:
    """Which of the usual reasons it is: the library names them in sentences alone."""
    try:
        client = parse_client_data_json(base64url_to_bytes(answer.client_data))
        data = parse_authenticator_data(base64url_to_bytes(answer.authenticator_data))
    except Exception:  # noqa: BLE001  what cannot be read has no reason of its own
        return "passkey-refused"
    if client.challenge != challenge:
        return "passkey-challenge"
    if client.origin != origin.text:
        return "passkey-origin"
    if not data.flags.uv:
        return "passkey-unverified"
    counts = data.sign_count or passkey.sign_count
    copied = counts and data.sign_count <= passkey.sign_count
    return "passkey-counter" if copied else "passkey-refused"


def _refused(error: Exception, code: str = "passkey-refused") -> RefusedError:
    # The library's sentences may repeat what was sent; other errors say nothing to a reader.
    known = isinstance(error, WebAuthnException)
    detail = "the passkey's answer does not verify" if known else "the answer cannot be read"
    return RefusedError(code, detail, "begin again, in the gateway's own page, with your passkey")
