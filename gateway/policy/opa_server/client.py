"""opa-python-client, tightened: one attempt, no redirect, no proxy, bounded in time and bytes.

The library's own defaults suit a web application: it tries a request three times, follows
redirects, and unpacks whatever comes. Here a second attempt could decide an order twice, and a
redirect or a proxy could have somebody else decide it.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, Final, NoReturn

import aiohttp
from opa_client.opa_async import (  # pyright: ignore[reportMissingTypeStubs]  it has no types
    AsyncOpaClient,
)

from gateway.policy.opa_server.answer import Reply
from gateway.policy.opa_server.endpoint import OpaEndpoint

CONNECT_TIMEOUT_MIN_MS: Final = 50
"""A connection may take a tenth of the whole time, and this at least."""

_KEEPALIVE_S: Final = 60
_CONNECTIONS_MAX: Final = 4
"""How many are looked at for one request: two may lie idle, and one is new."""
_MS: Final = 1000


class AnswerTooLongError(Exception):
    """The answer goes on beyond the bound; the rest of it was not read."""


class _CleanConnector(aiohttp.BaseConnector):
    """Hands out no connection that is dead, or on which something came that nobody asked for.

    The library looks at a connection when it is given back, not when it is taken again: an answer
    that came in between would be taken for the answer to the next question.
    """

    async def connect(
        self,
        req: aiohttp.ClientRequest,
        traces: list[Any],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109  the library's name
    ) -> aiohttp.connector.Connection:
        """As the library's.

        Raises:
            aiohttp.ServerDisconnectedError: the server speaks before it is asked.
        """
        for _ in range(_CONNECTIONS_MAX):
            found = await super().connect(req, traces, timeout)
            for _ in range(2):  # the first pass only tells the loop, the second has read what came
                await asyncio.sleep(0)
            protocol = found.protocol
            if protocol is not None and protocol.is_connected() and not protocol.should_close:
                return found
            found.close()
        raise aiohttp.ServerDisconnectedError("it speaks before it is asked")


class _TcpConnector(_CleanConnector, aiohttp.TCPConnector):
    """For loopback and TLS."""


class _UnixConnector(_CleanConnector, aiohttp.UnixConnector):
    """For a Unix socket."""


class StrictOpaClient(AsyncOpaClient):
    """An ``AsyncOpaClient`` that asks once and never changes what the server holds.

    Args:
        endpoint: the server.
        timeout_ms: for one request, from the connection to the last byte of the answer.
        answer_max_bytes: how much of an answer is read.
    """

    def __init__(self, endpoint: OpaEndpoint, *, timeout_ms: int, answer_max_bytes: int) -> None:
        super().__init__(  # pyright: ignore[reportUnknownMemberType]  the library has no types
            host=endpoint.host,
            port=endpoint.port or 80,
            ssl=endpoint.tls,
            retries=0,
            timeout=timeout_ms / _MS,
        )
        self._endpoint = endpoint
        self._answer_max_bytes = answer_max_bytes
        self._connect_timeout_ms = min(timeout_ms, max(timeout_ms // 10, CONNECT_TIMEOUT_MIN_MS))

    async def exchange(
        self, method: str, path: str, body: bytes | None = None, *, token: bool = True
    ) -> Reply:
        """Send one request and read its answer, whatever its status; never sent again.

        ``token=False`` leaves the token out, to see whether the server minds.

        Raises:
            TimeoutError: no whole answer within the time.
            aiohttp.ClientError: no connection, or no sound HTTP.
            AnswerTooLongError: the answer is too long.
        """
        headers = {"Content-Type": "application/json"} if body is not None else {}
        if not token:
            headers["Authorization"] = "Bearer none"
        url = f"{self.schema}{self.host}:{self.port}{path}"
        async with self._request(method, url, data=body, headers=headers) as response:
            return Reply(
                status=response.status,
                content_type=response.headers.get("Content-Type", ""),
                encoding=response.headers.get("Content-Encoding", ""),
                body=await self._read(response),
            )

    async def _read(self, response: aiohttp.ClientResponse) -> bytes:
        parts: list[bytes] = []
        size = 0
        async for part in response.content.iter_any():
            size += len(part)
            if size > self._answer_max_bytes:
                raise AnswerTooLongError
            parts.append(part)
        return b"".join(parts)

    async def _init_session(self) -> None:
        self._session = self._new_session()

    def _new_session(self) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            headers={
                "Authorization": f"Bearer {self._endpoint.token.reveal()}",
                "Accept-Encoding": "identity",
            },
            connector=self._new_connector(),
            timeout=aiohttp.ClientTimeout(
                total=self.timeout, sock_connect=self._connect_timeout_ms / _MS
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
        )

    def _new_connector(self) -> aiohttp.BaseConnector:
        """No limit: a turn and a halt query may overlap, and neither may wait for the other."""
        there = self._endpoint
        if there.socket is not None:
            return _UnixConnector(str(there.socket), limit=0, keepalive_timeout=_KEEPALIVE_S)
        trust = ssl.create_default_context(cafile=there.ca_file) if there.tls else True
        return _TcpConnector(ssl=trust, limit=0, keepalive_timeout=_KEEPALIVE_S)

    @asynccontextmanager
    async def _request(
        self,
        method: str,
        url: str,
        **parts: Any,
    ) -> AsyncGenerator[aiohttp.ClientResponse]:
        """One attempt; every inherited method comes through here."""
        if self._session is None:
            self._session = self._new_session()
        parts["allow_redirects"] = False
        response = await self._session.request(method, url, **parts)
        try:
            yield response
        finally:
            response.release()  # closes the connection too, where the answer was not read whole

    async def _never(self, *_args: object, **_named: object) -> NoReturn:
        """What a decision point holds comes as a bundle, and as nothing else."""
        raise NotImplementedError("policies and data arrive as bundles only")

    update_policy_from_string = _never
    update_policy_from_file = _never
    update_policy_from_url = _never
    update_or_create_data = _never
    patch_data = _never
    delete_policy = _never
    delete_data = _never
