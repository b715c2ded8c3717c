"""How hvac reaches a vault: one request, one answer, within one deadline and one size.

hvac's own adapters follow redirects, ask the environment for proxies and certificates, wait for as
long as bytes trickle in, and put the vault's words into their exceptions. This one does none of it.
Each request has a connection of its own, so that any thread may make one.
"""

from __future__ import annotations

import http.client
import io
import json
import socket
import ssl
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, NoReturn
from urllib.parse import urlencode

from hvac.adapters import Adapter

from vault.address import VaultAddress
from vault.answers import ANSWER_BYTES_MAX, Answer, read_answer
from vault.errors import ProviderError

_MS: Final = 1_000_000


if TYPE_CHECKING:
    _Base = Adapter[Answer]
else:
    _Base = Adapter  # the type's argument is known to checkers alone


class BoundedAdapter(_Base):
    """An hvac adapter whose answers are JSON objects (empty for 204).

    Looking up the server's name is the one step with a limit that is not ours but the resolver's.
    """

    def __init__(self, address: VaultAddress, token: str = "") -> None:
        """Read the CA file, once.

        Args:
            address: where the vault is.
            token: sent with each request, if there is one.

        Raises:
            ProviderError: `vault-address`: the CA file cannot be used.
        """
        # hvac's own constructor would open a session of `requests`; nothing of that is used here.
        self.token = token
        self.address = address
        self._tls = address.trust()

    def __repr__(self) -> str:
        """Name the address, never the token."""
        return f"BoundedAdapter({self.address.url})"

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        """Refuse to be copied or pickled: a token has one place."""
        raise TypeError("what holds a vault's token is neither copied nor pickled")

    def with_token(self, token: str) -> BoundedAdapter:
        """Return a way to the same vault with another token."""
        other = object.__new__(BoundedAdapter)
        other.token, other.address, other._tls = token, self.address, self._tls
        return other

    def anonymous(self) -> BoundedAdapter:
        """Return a way to the same vault without token and namespace: to ask how it is."""
        other = self.with_token("")
        other.address = replace(self.address, namespace="")
        return other

    def close(self) -> None:
        """Do nothing: no connection is kept."""

    def get_login_token(self, response: Answer) -> str:
        """Return the token of an answer to a login."""
        return str(response["auth"]["client_token"])

    def request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None = None,
        raise_exception: bool = True,  # noqa: FBT001, FBT002  hvac's signature
        **kwargs: Any,
    ) -> Answer:
        """Ask once.

        Raises:
            ProviderError: `vault-unreachable`, `vault-slow`, `vault-tls` or `vault-answer`: no
                answer that could be used.
            StatusError: any other status than 200 and 204, redirects among them.
        """
        del raise_exception  # an answer that says no is never handed on as if it said yes
        if kwargs.get("params"):
            url = f"{url}?{urlencode(kwargs['params'])}"
        body = None if kwargs.get("json") is None else json.dumps(kwargs["json"]).encode()
        status, data = self._exchange(method.upper(), url, self._headers(headers or {}), body)
        return read_answer(status, data)

    def _headers(self, more: Mapping[str, str]) -> dict[str, str]:
        headers = {"X-Vault-Request": "true", "Connection": "close", **more}
        headers["Content-Type"] = "application/json"
        if self.token:
            headers["X-Vault-Token"] = self.token
        if self.address.namespace:
            headers["X-Vault-Namespace"] = self.address.namespace
        return headers

    def _exchange(
        self, method: str, url: str, headers: dict[str, str], body: bytes | None
    ) -> tuple[int, bytes]:
        deadline = _Deadline(self.address.timeout_ms)
        connection = _Connection(self.address, self._tls, deadline)
        try:
            connection.request(method, url, body, headers)
            response = connection.getresponse()
            return response.status, response.read(ANSWER_BYTES_MAX + 1)
        except TimeoutError as error:
            raise ProviderError(
                "vault-slow",
                f"the vault did not answer within {self.address.timeout_ms} ms",
                "see what it is busy with, and whether its audit device can still write",
            ) from error
        except ssl.SSLError as error:
            raise ProviderError(
                "vault-tls",
                "the vault's certificate is not one that the CA file vouches for, or TLS broke",
                "check the CA file and the host name in the address",
            ) from error
        except (OSError, http.client.HTTPException) as error:
            raise ProviderError(
                "vault-unreachable",
                f"no answer from the vault: {type(error).__name__}",
                "start it, or mend its address",
            ) from error
        finally:
            connection.end()


class _Deadline:
    """An instant, by this machine's monotonic clock, after which nothing is waited for."""

    def __init__(self, timeout_ms: int) -> None:
        self._end_ns = time.monotonic_ns() + timeout_ms * _MS

    def left_s(self) -> float:
        """Return the seconds that are left, more than none.

        Raises:
            TimeoutError: none are.
        """
        left_ns = self._end_ns - time.monotonic_ns()
        if left_ns <= 0:
            raise TimeoutError
        return left_ns / 1e9


class _Connection(http.client.HTTPConnection):
    """A connection of which no step, however small, outlives the deadline."""

    def __init__(
        self, address: VaultAddress, tls: ssl.SSLContext | None, deadline: _Deadline
    ) -> None:
        super().__init__(address.host, address.port)
        self._tls = tls
        self._deadline = deadline
        self._raw: socket.socket | None = None

    def end(self) -> None:
        """Close it, whatever came."""
        if self._raw is not None:
            self._raw.close()

    def connect(self) -> None:
        """Try each address of the host, and shake hands."""
        self._raw = self._reach()
        self._raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._tls is not None:
            self._raw.settimeout(self._deadline.left_s())
            self._raw = self._tls.wrap_socket(self._raw, server_hostname=self.host)
        self.sock = _TimedSocket(self._raw, self._deadline)

    def _reach(self) -> socket.socket:
        problem: OSError = OSError("the host has no address")
        for *_, where in socket.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM):
            try:
                where_to = (str(where[0]), int(where[1]))
                return socket.create_connection(where_to, timeout=self._deadline.left_s())
            except TimeoutError:
                raise
            except OSError as error:
                problem = error
        raise problem


class _TimedSocket:
    """What `http.client` uses of a socket, with the time that is left for each call."""

    def __init__(self, raw: socket.socket, deadline: _Deadline) -> None:
        self._raw = raw
        self._deadline = deadline

    def sendall(self, data: bytes) -> None:
        self._raw.settimeout(self._deadline.left_s())
        self._raw.sendall(data)

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(_TimedReader(self._raw, self._deadline))

    def close(self) -> None:
        """Leave it open: `http.client` calls this before the answer is read."""


class _TimedReader(io.RawIOBase):
    def __init__(self, raw: socket.socket, deadline: _Deadline) -> None:
        super().__init__()
        self._raw = raw
        self._deadline = deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401  a buffer has no type in Python 3.11
        self._raw.settimeout(self._deadline.left_s())
        return self._raw.recv_into(buffer)
