"""The engine outside this process: an OPA server that holds the same release.

Each batch is one request, never repeated. The server's answer carries its version and the
revision of its bundle, which is the release's digest, and anything but both as pinned is a
failure: while the server holds another release it is out of rotation by itself, without a state
here that could be behind. No other engine takes its place.
"""

from __future__ import annotations

import asyncio
import logging
from http import HTTPStatus
from typing import Final

import aiohttp

from gateway.policy import decode
from gateway.policy.batches import DECISIONS, HALTS, RESULT_MAX_BYTES, BatchEngine
from gateway.policy.opa_server.answer import Cause, Fault, Pinned, Reply, result_of
from gateway.policy.opa_server.client import AnswerTooLongError, StrictOpaClient
from gateway.policy.opa_server.endpoint import OpaEndpoint
from gateway.policy.release import Release

TIMEOUT_MS: Final = 500
"""How long one request may take, from the connection to the last byte."""

READINESS_AGE_S: Final = 1
"""How long an answer about readiness counts, so that asking for it often costs nothing."""

_ASK_AGAIN_S: Final = 0.005

HEALTH: Final = "/health?bundles=true&plugins=true"
_QUERY: Final = "?provenance=true&strict-builtin-errors=true"
EMPTY_BATCH: Final = b'{"batch":[]}'
_MS: Final = 1000

_log = logging.getLogger(__name__)


class OpaServerEngine(BatchEngine):
    """A ``PolicyEngine`` that asks an OPA server.

    It can be made while the server is not there, or has no bundle yet: every decision is a
    failure until it has. It belongs to the event loop that first asks.

    Args:
        release: the release that the server must hold; its OPA version is demanded as well.
        endpoint: where the server is (``gateway.policy.opa_server.endpoint``).
        timeout_ms: bound for one request.
    """

    def __init__(
        self, release: Release, endpoint: OpaEndpoint, *, timeout_ms: int = TIMEOUT_MS
    ) -> None:
        """Remember what is pinned; nothing is sent before the first question."""
        self._pinned = Pinned(release.opa_version, release.digest)
        self._timeout_s = timeout_ms / _MS
        self._client = StrictOpaClient(
            endpoint, timeout_ms=timeout_ms, answer_max_bytes=RESULT_MAX_BYTES
        )
        self._asking = asyncio.Lock()
        self._known: tuple[str | None] | None = None
        self._known_until_s: float = 0

    @property
    def name(self) -> str:
        """How decisions name this engine."""
        return "opa-server"

    @property
    def version(self) -> str:
        """OPA's version that is demanded of each answer."""
        return self._pinned.version

    async def readiness(self) -> str | None:
        """Why the server cannot decide with this release; asked at most once a second."""
        async with self._asking:
            now_s = asyncio.get_running_loop().time()
            if self._known is None or now_s >= self._known_until_s:
                self._known = (_told(await self.fault()),)
                self._known_until_s = asyncio.get_running_loop().time() + READINESS_AGE_S
            return self._known[0]

    async def ready_within(self, timeout_ms: int) -> Fault | None:
        """Ask again and again until the server can decide; what is wrong with it if it cannot.

        For the moments in which it fetches the release; nothing of it goes into the log.
        """
        end_s = asyncio.get_running_loop().time() + timeout_ms / _MS
        while True:
            fault = await self.fault()
            if fault is None or asyncio.get_running_loop().time() >= end_s:
                self._known = None  # what was known of it is of another release
                return fault
            await asyncio.sleep(_ASK_AGAIN_S)

    async def examine(self, path: str, document: bytes) -> object:
        """The bare answer to one query, or the :class:`Fault` that says what is wrong with it."""
        body = b'{"input":' + document + b"}"
        reply = await self.exchange("POST", address(path), body)
        return reply if isinstance(reply, Fault) else result_of(reply, self._pinned)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close_connection()

    async def fault(self) -> Fault | None:
        """What keeps the server from deciding: both queries, then its own word on its health."""
        for path, document in ((DECISIONS, EMPTY_BATCH), (HALTS, b"{}")):
            answer = await self.examine(path, document)
            if isinstance(answer, Fault):
                return answer
        reply = await self.exchange("GET", HEALTH)
        if isinstance(reply, Fault):
            return reply
        if reply.status != HTTPStatus.OK:
            told = f"it tells its health with HTTP status {reply.status}"
            return Fault(decode.ENGINE_ERROR, Cause.UNHEALTHY, told)
        return None

    async def _ask(self, entrypoint: str, data: bytes) -> object:
        answer = await self.examine(entrypoint, data)
        if not isinstance(answer, Fault):
            return answer
        _log.error("the policy engine cannot decide: %s: %s", answer.failure.code, answer.detail)
        return answer.failure

    async def exchange(
        self, method: str, path: str, body: bytes | None = None, *, token: bool = True
    ) -> Reply | Fault:
        """One request; whatever goes wrong on the way is a fault. ``doctor`` looks through it."""
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._client.exchange(method, path, body, token=token)
        except (aiohttp.ClientConnectionError, TimeoutError, OSError) as error:
            return _unreached(error)
        except AnswerTooLongError:
            return Fault(decode.ENGINE_MALFORMED, Cause.MALFORMED, "its answer is too long")
        except aiohttp.ClientError as error:
            kind = type(error).__name__
            return Fault(decode.ENGINE_MALFORMED, Cause.MALFORMED, f"its answer is no HTTP: {kind}")
        except Exception:  # noqa: BLE001  whatever breaks on the way is a recorded denial (law 3)
            _log.exception("the engine's client failed outside its own errors")
            return Fault(decode.ENGINE_ERROR, Cause.DEFECT, "asking it failed; see the log")


def address(path: str) -> str:
    """Where a query is asked, with what its answer must say about itself."""
    return f"/v1/data/{path}{_QUERY}"


def _told(fault: Fault | None) -> str | None:
    return None if fault is None else f"{fault.failure.code}: {fault.detail}"


def _unreached(error: Exception) -> Fault:
    connecting = isinstance(error, aiohttp.ConnectionTimeoutError)
    if isinstance(error, TimeoutError) and not connecting:
        return Fault(decode.ENGINE_TIMEOUT, Cause.TIMEOUT, "it does not answer in time")
    kind = type(error).__name__
    return Fault(decode.ENGINE_UNREACHABLE, Cause.UNREACHABLE, f"the connection fails: {kind}")
