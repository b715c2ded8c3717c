"""The command line's HTTP client: bounded in time, never follows, never sends anything twice."""

from __future__ import annotations

import json
import os
import re
import ssl
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final, cast

import httpx2

from gateway.api.tls import load_own, trust_only
from gateway.cli import exits
from gateway.domain.errors import InvalidInputError, UnavailableError

DEFAULT_URL: Final = "http://127.0.0.1:8470"
CONNECT_TIMEOUT_S: Final = 3.0
TIMEOUT_S: Final = 40.0
"""Longer than the longest wait that the gateway grants (Prefer: wait=30)."""
DENIED_CODE: Final = "order-denied"
_TLS_VARIABLES: Final = ("WRIT_CA_FILE", "WRIT_CLIENT_CERT", "WRIT_CLIENT_KEY")
_ID: Final = re.compile(r"[A-Za-z0-9_.:-]{0,63}[A-Za-z0-9_:-]")


class ProblemError(exits.CommandError):
    """The gateway answered with a problem; ``document`` is it."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        """Keep the document."""
        self.document = document
        code = str(document.get("code", "unknown"))
        super().__init__(
            code,
            str(document.get("detail", "")),
            str(document.get("remedy", "")),
            _exit_status(code, int(document.get("status", 0))),
        )


def _exit_status(code: str, status: int) -> int:
    if code == DENIED_CODE or status == HTTPStatus.CONFLICT:
        return exits.DENIED
    return exits.UNAVAILABLE if status >= HTTPStatus.INTERNAL_SERVER_ERROR else exits.USAGE


class Client:
    """Talks to one gateway as one principal.

    Raises (from every call):
        ProblemError: the gateway refused.
        UnavailableError: ``gateway-unreachable`` or ``gateway-unreadable``.
    """

    def __init__(self, url: str, key: str, tls: ssl.SSLContext | None = None) -> None:
        self._tls = tls
        self._headers = {"Authorization": f"Bearer {key}", "User-Agent": "writ"}
        self._base_url = httpx2.URL(url)

    @property
    def url(self) -> str:
        """Where the gateway is."""
        return str(self._base_url).rstrip("/")

    def _open(self) -> httpx2.Client:
        return httpx2.Client(
            base_url=self._base_url,
            headers=self._headers,
            timeout=httpx2.Timeout(TIMEOUT_S, connect=CONNECT_TIMEOUT_S),
            follow_redirects=False,
            trust_env=False,  # a proxy would see the key
            verify=True if self._tls is None else self._tls,
        )

    def get(self, path: str, **params: str | int | None) -> dict[str, Any]:
        """Read."""
        wanted = {name: value for name, value in params.items() if value is not None}
        return self._json(self._send("GET", path, params=wanted))

    def text(self, path: str) -> str:
        """Read what is no JSON."""
        return self._send("GET", path).text

    def post(
        self, path: str, body: Mapping[str, Any], headers: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        """Change something: sent once, whatever becomes of it."""
        return self._write("POST", path, body, headers or {})

    def patch(
        self, path: str, body: Mapping[str, Any], headers: Mapping[str, str]
    ) -> dict[str, Any]:
        """Change a part of something: sent once."""
        return self._write("PATCH", path, body, headers)

    def put(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """State something: sent once."""
        return self._write("PUT", path, body, {})

    def delete(self, path: str, **params: str) -> dict[str, Any]:
        """Take something back: sent once."""
        return self._json(self._send("DELETE", path, params=params))

    def _write(
        self, method: str, path: str, body: Mapping[str, Any], headers: Mapping[str, str]
    ) -> dict[str, Any]:
        # In ASCII, so that whatever was typed arrives as it was typed, to be refused there.
        content = json.dumps(dict(body)).encode("ascii")
        sent = {"Content-Type": "application/json", **headers}
        return self._json(self._send(method, path, content=content, headers=sent))

    def _send(self, method: str, path: str, **parts: Any) -> httpx2.Response:
        try:
            # A connection of its own for each request: commands make one, or two.
            with self._open() as http:
                answer = http.request(method, path, **parts)
        except (httpx2.InvalidURL, httpx2.LocalProtocolError, ValueError) as error:
            raise InvalidInputError(
                "argument-malformed",
                "an argument cannot be sent: it holds characters that have no place there",
                "type plain letters, digits and signs",
            ) from error
        except httpx2.HTTPError as error:
            remedy = "start it with `writ serve`, or set WRIT_URL"
            if method != "GET":
                remedy += "; whether it arrived is not known, so repeat it with the same key"
            raise UnavailableError(
                "gateway-unreachable",
                f"no answer from {self._base_url}: {str(error) or type(error).__name__}",
                remedy,
            ) from error
        if answer.is_success:
            return answer
        raise ProblemError(_problem(answer))

    def _json(self, answer: httpx2.Response) -> dict[str, Any]:
        try:
            value = answer.json()
        except ValueError:
            value = None
        if not isinstance(value, dict):
            raise UnavailableError(
                "gateway-unreadable", f"{self._base_url} is no gateway", "check WRIT_URL"
            )
        return cast("dict[str, Any]", value)


def _problem(answer: httpx2.Response) -> dict[str, Any]:
    """The problem document, or one that stands for an answer without."""
    try:
        value = answer.json()
    except ValueError:
        value = None
    if isinstance(value, dict) and "code" in value:
        return {"status": answer.status_code, **cast("dict[str, Any]", value)}
    return {
        "status": answer.status_code,
        "code": "gateway-unreadable",
        "detail": f"HTTP status {answer.status_code} without a problem document",
        "remedy": "check WRIT_URL",
    }


def in_address(typed: str) -> str:
    """An id as part of an address: nothing in it can lead to another one.

    Raises:
        InvalidInputError: ``id-malformed``.
    """
    if _ID.fullmatch(typed) is None:
        raise InvalidInputError(
            "id-malformed",
            "that is no id: ids are 1 to 64 characters of A-Z a-z 0-9 _ . : -",
            "writ order list shows the ids of orders",
        )
    return typed


def connect() -> Client:
    """The client that the environment asks for: ``WRIT_URL`` and ``WRIT_API_KEY``.

    Raises:
        InvalidInputError: ``key-missing``: there is no key; ``url-malformed``; ``config-invalid``:
            of TLS.
    """
    key = os.environ.get("WRIT_API_KEY", "")
    if not key.isascii() or not key.isprintable() or not key:
        raise InvalidInputError(
            "key-missing",
            "WRIT_API_KEY holds no key",
            "make one with `writ access add NAME --scope …`, then: export WRIT_API_KEY=writ_…",
        )
    url = os.environ.get("WRIT_URL") or DEFAULT_URL
    if not url.startswith(("http://", "https://")):
        raise InvalidInputError(
            "url-malformed", "WRIT_URL is no http address", f"for example {DEFAULT_URL}"
        )
    try:
        return Client(url, key, client_tls(url))
    except (httpx2.InvalidURL, UnicodeError, ValueError) as error:
        raise InvalidInputError(
            "url-malformed", "WRIT_URL is no http address", f"for example {DEFAULT_URL}"
        ) from error


def client_tls(url: str) -> ssl.SSLContext | None:
    """Whom the client believes, and what it shows of itself; ``None``: the library's own.

    ``WRIT_CA_FILE`` alone vouches for the gateway then; ``WRIT_CLIENT_CERT`` and
    ``WRIT_CLIENT_KEY`` are this machine's.

    Raises:
        InvalidInputError: ``config-invalid``.
    """
    authorities, certificate, key = (os.environ.get(name) or None for name in _TLS_VARIABLES)
    if authorities is None and certificate is None and key is None:
        return None
    if not url.startswith("https://"):
        # Whoever set them believes that the key travels encrypted.
        raise _tls_invalid(f"{' and '.join(_TLS_VARIABLES)} are for a WRIT_URL with https://")
    if authorities is None or (certificate is None) != (key is None):
        raise _tls_invalid("WRIT_CLIENT_CERT and WRIT_CLIENT_KEY need each other and WRIT_CA_FILE")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    trust_only(context, Path(authorities))
    if certificate is not None and key is not None:
        load_own(context, Path(certificate), Path(key))
    return context


def _tls_invalid(detail: str) -> InvalidInputError:
    return InvalidInputError("config-invalid", detail, "see docs/operating.md, TLS")
