"""How Writ proves to a vault who it is: AppRole with a wrapped secret id, or Kubernetes.

A wrapping token is worth something once. Whoever unwraps it first has the secret id, so a token
that turns out to be spent is a warning, and one that wraps something else is refused unopened.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NoReturn, Protocol

from vault import hvac_api
from vault.answers import Answer, StatusError, text_in
from vault.errors import ProviderError
from vault.private_files import read_private
from vault.transport import BoundedAdapter

KUBERNETES_TOKEN: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount/token")
_TOKEN_BYTES_MAX: Final = 16_384
_TOKEN: Final = re.compile(r"[!-~]{8,16384}")
_NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_REFUSALS: Final = (400, 401, 403)


class Login(Protocol):
    """One way to begin a session."""

    def log_in(self, way: BoundedAdapter) -> Answer:
        """Return the vault's answer to a login; blocking and bounded.

        Args:
            way: reaches the vault, without a token.

        Raises:
            ProviderError: `vault-login`, `vault-wrapping`, or why the vault does not answer.
            StatusError: the vault answered with another status than a refusal.
        """
        ...


class AppRoleLogin:
    """Log in with a role id and a secret id.

    The secret id stays in memory, so that a session can be begun anew without anybody's help. When
    the file changes, what is in it is used: that is how a secret id is rotated.
    """

    def __init__(
        self, role_id: str, secret_id_file: Path, wrapped_for: str | None, mount: str = "approle"
    ) -> None:
        """Remember where the secret id is; nothing is read yet.

        Args:
            role_id: names the role; worth nothing alone.
            secret_id_file: readable by its owner alone.
            wrapped_for: the role's name: the file holds a wrapping token, which must have been
                made for a secret id of this role. None: it holds the secret id itself.
            mount: where the vault has AppRole.

        Raises:
            ProviderError: `vault-login`: a name that could not be one.
        """
        _check_name("the AppRole mount", mount)
        _check_name("the role id", role_id)
        if wrapped_for is not None:
            _check_name("the AppRole's name", wrapped_for)
        self._role_id, self._file = role_id, secret_id_file
        self._wrapped_for, self._mount = wrapped_for, mount
        self._secret_id, self._read = "", b""

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        """Refuse to be copied or pickled: a secret id has one place."""
        raise TypeError("what holds a secret id is neither copied nor pickled")

    def log_in(self, way: BoundedAdapter) -> Answer:
        """As :meth:`Login.log_in`; unwraps first what has not been unwrapped yet."""
        self._take(way)
        try:
            return hvac_api.app_role(way).login(
                self._role_id, self._secret_id, use_token=False, mount_point=self._mount
            )
        except StatusError as error:
            _refuse_login(error, "have an operator issue a new wrapped secret id into its file")

    def look(self, way: BoundedAdapter) -> None:
        """See whether a secret id waits in the file, without spending what serves once.

        Raises:
            ProviderError: `vault-wrapping`, or why file or vault cannot be read.
            StatusError: as :meth:`log_in`.
        """
        text = _token_in(self._file, read_private(self._file, _TOKEN_BYTES_MAX).data)
        if self._wrapped_for is not None:
            with self._unspent():
                self._check_wrapping(way, text)

    def _take(self, way: BoundedAdapter) -> None:
        """Read the secret id, if its file holds another text than the last time."""
        if self._secret_id and not self._file.exists():
            return  # many remove the file once it has served
        text = _token_in(self._file, read_private(self._file, _TOKEN_BYTES_MAX).data)
        digest = hashlib.sha256(text.encode()).digest()
        if digest == self._read:
            return
        self._secret_id = text if self._wrapped_for is None else self._unwrapped(way, text)
        self._read = digest

    def _unwrapped(self, way: BoundedAdapter, token: str) -> str:
        """Open the wrapping, if it says that it was made for a secret id of this role."""
        with self._unspent():
            self._check_wrapping(way, token)
            # If we crash after this request, the secret id is gone: a new one must be issued.
            found = hvac_api.wrapping(way.with_token(token)).unwrap()
        return text_in(found, "data", "secret_id")

    def _check_wrapping(self, way: BoundedAdapter, token: str) -> None:
        path = f"auth/{self._mount}/role/{self._wrapped_for}/secret-id"
        about = way.post("/v1/sys/wrapping/lookup", json={"token": token})
        if text_in(about, "data", "creation_path") != path:
            raise ProviderError(
                "vault-wrapping",
                f"the token in {self._file} wraps no secret id of {self._wrapped_for}",
                "find out who put it there: it was not used",
            )

    @contextmanager
    def _unspent(self) -> Generator[None]:
        """Say what it means that the vault does not know the wrapping token."""
        try:
            yield
        except StatusError as error:
            if error.status not in _REFUSALS:
                raise
            raise ProviderError(
                "vault-wrapping",
                f"the wrapping token in {self._file} is spent, has ended, or never was one",
                "have a new one issued; if nobody here has used it, somebody else has: destroy the "
                "secret id by the accessor in the vault's audit log",
            ) from error


class KubernetesLogin:
    """Log in with the token that Kubernetes mounts into a pod and renews there."""

    def __init__(
        self, role: str, token_file: Path = KUBERNETES_TOKEN, mount: str = "kubernetes"
    ) -> None:
        """Remember where the token is; it is read anew for each login.

        Raises:
            ProviderError: `vault-login`: a name that could not be one.
        """
        _check_name("the Kubernetes mount", mount)
        _check_name("the Kubernetes role", role)
        self._role, self._file, self._mount = role, token_file, mount

    def log_in(self, way: BoundedAdapter) -> Answer:
        """As :meth:`Login.log_in`."""
        token = _token_in(self._file, _read_mounted(self._file))
        try:
            return hvac_api.kubernetes(way).login(
                self._role, token, use_token=False, mount_point=self._mount
            )
        except StatusError as error:
            _refuse_login(error, "check the role's service accounts, namespaces and audience")


def _token_in(path: Path, data: bytes) -> str:
    text = data.decode("ascii", "replace").removesuffix("\n")
    if _TOKEN.fullmatch(text) is None:
        raise ProviderError(
            "vault-login",
            f"{path} holds no token: one line of 8 to {_TOKEN_BYTES_MAX} printable characters",
            "write it there again, without anything beside it",
        )
    return text


def _read_mounted(path: Path) -> bytes:
    """Read a file whose mode is Kubernetes' matter: other users of the pod may see it."""
    try:
        with path.open("rb") as file:
            return file.read(_TOKEN_BYTES_MAX + 1)
    except OSError as error:
        raise ProviderError(
            "file-unreadable",
            f"{path} cannot be read: {error.strerror}",
            "have Kubernetes mount the service account's token there",
        ) from error


def _check_name(what: str, text: str) -> None:
    if _NAME.fullmatch(text) is None:
        raise ProviderError(
            "vault-login",
            f"{what} is not of 1 to 128 letters, digits and _ . -",
            "write it as the vault shows it",
        )


def _refuse_login(error: StatusError, remedy: str) -> NoReturn:
    if error.status not in _REFUSALS:
        raise error
    detail = f"the vault refuses the login (HTTP status {error.status})"
    raise ProviderError("vault-login", detail, remedy) from error
