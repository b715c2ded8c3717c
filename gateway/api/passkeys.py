"""Passkeys at work: the invited register one, and an Admin answers what is asked with it.

User verification is required at both, so that a passkey is something that one has together with
something that one is or knows. Attestation is not asked for: who may register is decided by
whoever has a shell at the gateway's host, as for API keys.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final, TypeVar

import webauthn
from webauthn.helpers import (
    base64url_to_bytes,
    bytes_to_base64url,
    options_to_json_dict,
)
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from gateway.api.access import AccessFile, is_admin
from gateway.api.passkey_answers import ALGORITHMS, Assertion, Attested, attested, verified
from gateway.api.passkey_file import Held, Passkey, PasskeyFile
from gateway.control.live.confirming import LIFE_NS, Pending
from gateway.domain.errors import NotFoundError, RefusedError
from gateway.domain.passkeys import PasskeyOrigin
from gateway.ports import BlockingRunner, Clock, Entropy

CHALLENGE_BYTES: Final = 32
CHALLENGES_MAX: Final = 50
"""Registrations under way at once."""
TIMEOUT_MS: Final = LIFE_NS // 1_000_000
_T = TypeVar("_T")


class Passkeys:
    """Registers and verifies; what is kept is in the file, and the challenges are in memory."""

    def __init__(
        self,
        file: PasskeyFile,
        access: AccessFile,
        origin: PasskeyOrigin | None,
        clock: Clock,
        entropy: Entropy,
        runner: BlockingRunner,
    ) -> None:
        """``access`` says who is an Admin at the moment; without an ``origin`` all is refused."""
        self._file = file
        self._access = access
        self._origin = origin
        self._clock = clock
        self._entropy = entropy
        self._runner = runner
        self._challenges: dict[str, bytes] = {}
        """Invitation -> the challenge of its newest attempt."""

    def origin(self) -> PasskeyOrigin:
        """Where passkeys are used.

        Raises:
            RefusedError: ``passkey-origin-unset``.
        """
        if self._origin is None:
            raise RefusedError(
                "passkey-origin-unset",
                "this gateway does not know its address as browsers have it",
                "set WRIT_PASSKEY_ORIGIN, and start the gateway anew",
            )
        return self._origin

    async def invited(self, token: str) -> tuple[str, dict[str, Any]]:
        """Begin to register an invited person's passkey: the name, and the browser's options.

        Raises:
            NotFoundError: ``invitation-unknown``.
            RefusedError: ``passkey-origin-unset``, ``passkey-not-admin``.
        """
        origin, now_us = self.origin(), self._clock.wall_us()

        def look() -> tuple[str, list[Passkey]]:
            held = self._file.held()
            name = held.invited(token, now_us).name
            self._check_admin(name)
            return name, held.working(name)

        name, known = await self._run(look)
        challenge = self._entropy.token(CHALLENGE_BYTES)
        self._challenges.pop(token, None)
        if len(self._challenges) >= CHALLENGES_MAX:
            del self._challenges[next(iter(self._challenges))]
        self._challenges[token] = challenge
        options = webauthn.generate_registration_options(
            rp_id=origin.relying_party,
            rp_name="Writ",
            user_name=name,
            user_id=_handle(name),
            challenge=challenge,
            timeout=TIMEOUT_MS,
            authenticator_selection=AuthenticatorSelectionCriteria(
                resident_key=ResidentKeyRequirement.PREFERRED,
                user_verification=UserVerificationRequirement.REQUIRED,
            ),
            exclude_credentials=[_descriptor(passkey) for passkey in known],
            supported_pub_key_algs=ALGORITHMS,
        )
        return name, options_to_json_dict(options)

    async def register(self, token: str, answer: Attested) -> str:
        """Take the invited person's passkey, and end the invitation; returns the name.

        Raises:
            NotFoundError: ``invitation-unknown``.
            RefusedError: ``passkey-origin-unset``, ``passkey-not-admin``, ``passkey-refused``.
            InvalidInputError: ``passkey-known``, ``passkeys-full``.
        """
        origin, now_us = self.origin(), self._clock.wall_us()
        challenge = self._challenges.pop(token, None)
        if challenge is None:
            raise NotFoundError("invitation-unknown", "this link was not opened here", "open it")

        def take() -> str:
            with self._file.edited() as held:
                invitation = held.invited(token, now_us)
                self._check_admin(invitation.name)
                held.add(attested(answer, challenge, origin, invitation.name, now_us))
                del held.invitations[invitation.sha256]
            return invitation.name

        return await self._run(take)

    async def options(self, pending: Pending) -> dict[str, Any]:
        """What a browser needs to have an Admin confirm.

        Raises:
            RefusedError: ``passkey-origin-unset``, ``passkey-none``.
        """
        origin = self.origin()
        known = await self._run(lambda: self._file.held().working(pending.by))
        if not known:
            raise RefusedError(
                "passkey-none",
                f"{pending.by} has no passkey here",
                f"at the gateway's host: writ access passkey {pending.by}",
            )
        options = webauthn.generate_authentication_options(
            rp_id=origin.relying_party,
            challenge=pending.challenge,
            timeout=TIMEOUT_MS,
            allow_credentials=[_descriptor(passkey) for passkey in known],
            user_verification=UserVerificationRequirement.REQUIRED,
        )
        return options_to_json_dict(options)

    async def verify(self, pending: Pending, answer: Assertion) -> Mapping[str, Any]:
        """Hold an assertion against what was asked; returns all that it takes to do so again.

        The counter is written before this returns, so that a copy of the authenticator is seen.

        Raises:
            RefusedError: ``passkey-unknown``, ``passkey-other-user``, ``passkey-not-admin``,
                ``passkey-challenge``, ``passkey-origin``, ``passkey-unverified``,
                ``passkey-counter``, ``passkey-refused``.
        """
        origin = self.origin()

        def check() -> Passkey:
            with self._file.edited() as held:
                passkey = _own(held, answer, pending.by)
                self._check_admin(pending.by)
                count = verified(answer, passkey, pending.challenge, origin)
                counted = replace(passkey, sign_count=count)
                held.passkeys[passkey.credential_id] = counted
            return counted

        passkey = await self._run(check)
        return {
            "authenticator_data": answer.authenticator_data,
            "client_data": answer.client_data,
            "credential_id": passkey.credential_id,
            "origin": origin.text,
            "public_key": passkey.public_key,
            "relying_party": origin.relying_party,
            "signature": answer.signature,
            "statement": pending.statement().decode(),
        }

    def _check_admin(self, name: str) -> None:
        """A passkey counts for as long as its owner has a working key of the scope admin."""
        if not is_admin(self._access, name):
            raise RefusedError(
                "passkey-not-admin",
                f"{name} has no working API key of the scope admin",
                f"writ access add {name} --scope admin",
            )

    async def _run(self, work: Callable[[], _T]) -> _T:
        return await self._runner.run(work)


def _handle(name: str) -> bytes:
    """What an authenticator keeps of the name: no more than it needs to tell people apart."""
    return hashlib.sha256(b"writ passkey user v1\x00" + name.encode()).digest()


def _descriptor(passkey: Passkey) -> PublicKeyCredentialDescriptor:
    return PublicKeyCredentialDescriptor(id=base64url_to_bytes(passkey.credential_id))


def _own(held: Held, answer: Assertion, name: str) -> Passkey:
    """The Admin's own passkey that answers.

    Raises:
        RefusedError: ``passkey-unknown`` or ``passkey-other-user``.
    """
    passkey = held.passkeys.get(answer.credential_id)
    if passkey is None or passkey.revoked_us:
        raise RefusedError("passkey-unknown", "this passkey is not registered, or was revoked")
    handle = bytes_to_base64url(_handle(name))
    if passkey.name != name or (answer.user_handle or handle) != handle:
        raise RefusedError("passkey-other-user", f"this is not a passkey of {name}")
    return passkey
