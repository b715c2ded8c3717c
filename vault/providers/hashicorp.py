"""Secrets in a HashiCorp Vault or an OpenBao: fields of documents in a KV version 2 engine."""

from __future__ import annotations

from typing import NoReturn

from vault import hvac_api
from vault.answers import Answer, StatusError, malformed, number_in
from vault.errors import ProviderError
from vault.references import Scheme, SecretRef
from vault.secret import Moment, Provenance, Secret
from vault.session import VaultSession
from vault.transport import BoundedAdapter


class HashiCorpProvider:
    """Answers `vault://MOUNT/PATH#KEY`, and one version of it with `@VERSION`."""

    scheme = Scheme.VAULT

    def __init__(self, session: VaultSession) -> None:
        """Read through a session, which others may use too."""
        self._session = session

    def fetch(self, reference: SecretRef, now: Moment) -> Secret:
        """Read a field of a document.

        Raises:
            ProviderError: `secret-missing`: no such document, version or field;
                `secret-malformed`: the field is no text; or a code of the session.
        """

        def read(way: BoundedAdapter) -> Answer:
            return hvac_api.kv(way).read_secret_version(
                reference.name,
                version=reference.version,
                mount_point=reference.mount,
                raise_on_deleted_version=True,
            )

        try:
            answer = self._session.ask(read, now)
        except StatusError as error:
            _refuse_missing(reference, error)
        version = number_in(answer, "data", "metadata", "version")
        if reference.version not in (None, version):
            raise malformed(f"version {reference.version} of what was asked for")
        return Secret(_field(answer, reference), Provenance(reference, now, str(version)))

    def trouble(self, now: Moment) -> ProviderError | None:
        """Tell why the vault gives nothing now; None: nothing is known. Asks nobody."""
        return self._session.trouble(now)


def _field(answer: Answer, reference: SecretRef) -> str:
    document: Answer | None = answer["data"].get("data")
    if not isinstance(document, dict):
        raise malformed("document")
    value: object = document.get(reference.key)
    if value is None:
        raise ProviderError(
            "secret-missing",
            f"{reference} names no field of its document",
            "write the field, or mend the reference",
        )
    if not isinstance(value, str):
        raise ProviderError(
            "secret-malformed", f"{reference} is no text", "store the secret there as text"
        )
    return value


def _refuse_missing(reference: SecretRef, error: StatusError) -> NoReturn:
    gone = "has been deleted or destroyed" if error.deleted else "does not exist"
    what = "the document" if reference.version is None else f"version {reference.version}"
    raise ProviderError(
        "secret-missing",
        f"{what} of {reference} {gone}",
        "write it with `bao kv put` or `vault kv put` in a KV version 2 engine",
    ) from error
