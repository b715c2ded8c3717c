"""HTTP with one account at Alpaca: each request bounded in time and bytes, orders sent once.

No redirect is followed, no proxy is taken from the environment, no answer is unpacked, and what
goes wrong is told apart by one question: can the venue have taken it? The credentials are asked
for at each request and are kept nowhere; no error that leaves here holds a request's headers.
"""

from __future__ import annotations

import asyncio
import json
import re
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import httpx2

from gateway.brokers.alpaca.address import Address
from gateway.brokers.alpaca.wire import UnreadableError, read_json
from gateway.brokers.budget import Budget, BudgetSpentError
from gateway.brokers.contract import Credentials, unheard
from gateway.domain.execution import NotSentError, OutcomeUnknownError
from gateway.ports import Clock
from vault.errors import ProviderError

REQUEST_TIMEOUT_S: Final = 10
CONNECT_TIMEOUT_S: Final = 3
ANSWER_BYTES_MAX: Final = 4 * 1024 * 1024
READS_MAX: Final = 3
"""How often a read is tried in all."""
READ_PAUSES_MS: Final = (200, 800)
"""Waits between the tries of a read."""
ORDER_WAIT_MS: Final = 1_000
READ_WAIT_MS: Final = 10_000
HOLD_OFF_MAX_MS: Final = 60_000
"""The longest time that the venue is believed when it says to wait: the span in which it counts."""

_OK: Final = 200
_TOO_MANY: Final = 429
_SERVER_ERROR: Final = 500
_HEADER: Final = re.compile(r"[!-~]{1,512}")
_SECONDS: Final = re.compile(r"[0-9]{1,11}")
_MS_PER_S: Final = 1_000
_US_PER_MS: Final = 1_000
# An idle connection is given up long before a venue would: an order must not be the first to
# notice that it was closed.
_CONNECTIONS: Final = httpx2.Limits(
    max_connections=32, max_keepalive_connections=8, keepalive_expiry=5
)
_NEVER_SENT: Final = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout)


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer of the venue, whatever its status, and when it was asked and had (wall time)."""

    status: int
    body: bytes
    content_type: str
    date: str
    asked_us: int
    had_us: int

    def document(self) -> object:
        """The body as JSON.

        Raises:
            UnreadableError: it is none, or does not say that it is.
        """
        if self.content_type.partition(";")[0].strip().lower() != "application/json":
            raise UnreadableError("not JSON")
        return read_json(self.body)


class AlpacaClient:
    """One account's connection."""

    def __init__(
        self,
        address: Address,
        credentials: Credentials,
        budget: Budget,
        clock: Clock,
        heard: Callable[[str], None] = unheard,
    ) -> None:
        """Wire it; nothing is sent before the first call. ``heard`` is told how each one ended."""
        self._credentials = credentials
        self._budget = budget
        self._clock = clock
        self._heard = heard
        self._http = httpx2.AsyncClient(
            base_url=address.url,
            headers={"Accept": "application/json", "Accept-Encoding": "identity"},
            timeout=httpx2.Timeout(REQUEST_TIMEOUT_S, connect=CONNECT_TIMEOUT_S),
            limits=_CONNECTIONS,
            verify=ssl.create_default_context() if address.tls else False,
            follow_redirects=False,
            trust_env=False,
        )

    async def read(self, path: str, parameters: Mapping[str, str] | None = None) -> Reply:
        """Ask for something; tried at most three times where the venue did not answer for it.

        Raises:
            OutcomeUnknownError: ERR_NETWORK, ERR_RATE_LIMIT or ERR_CREDENTIALS.
        """
        for pause_ms in (*READ_PAUSES_MS, None):
            answer = await self._read_once(path, parameters)
            if isinstance(answer, Reply):
                return answer
            if pause_ms is None:
                raise answer
            await self._clock.sleep_ms(pause_ms)
        raise AssertionError("the last try returns or raises")

    async def _read_once(
        self, path: str, parameters: Mapping[str, str] | None
    ) -> Reply | OutcomeUnknownError:
        """What the venue says, or why it should be asked again."""
        try:
            await self._budget.take_for_read(READ_WAIT_MS)
        except BudgetSpentError:
            raise OutcomeUnknownError("ERR_RATE_LIMIT") from None
        try:
            reply = await self._exchange("GET", path, parameters)
        except OutcomeUnknownError as error:
            # Never as "not sent": a question may be asked about an order that was.
            failure = OutcomeUnknownError(error.code)
            if error.code == "ERR_CREDENTIALS":
                raise failure from None
            return failure
        if reply.status == _TOO_MANY:
            return OutcomeUnknownError("ERR_RATE_LIMIT")
        return reply if reply.status < _SERVER_ERROR else OutcomeUnknownError("ERR_NETWORK")

    async def probe(self, path: str) -> None:
        """Ask for something once, to see whether the venue answers as it should.

        Raises:
            OutcomeUnknownError: it does not; as :meth:`read`, and ERR_AUTH or ERR_UNREADABLE.
        """
        answer = await self._read_once(path, None)
        if not isinstance(answer, Reply):
            raise answer
        if answer.status != _OK:
            raise OutcomeUnknownError(
                "ERR_AUTH" if answer.status in (401, 403) else "ERR_UNREADABLE"
            )

    async def read_document(self, path: str, parameters: Mapping[str, str] | None = None) -> object:
        """As :meth:`read`, for what must be there.

        Raises:
            OutcomeUnknownError: as there, and ERR_AUTH or ERR_UNREADABLE.
        """
        reply = await self.read(path, parameters)
        if reply.status in (401, 403):
            raise OutcomeUnknownError("ERR_AUTH")
        if reply.status != _OK:
            raise OutcomeUnknownError("ERR_UNREADABLE")
        try:
            return reply.document()
        except UnreadableError:
            raise OutcomeUnknownError("ERR_UNREADABLE") from None

    async def post_order(self, body: Mapping[str, object]) -> Reply:
        """Send an order, once.

        Raises:
            NotSentError: nothing left: no budget, no credentials or no connection.
            OutcomeUnknownError: it may have arrived.
        """
        return await self._sent("POST", "/v2/orders", body)

    async def patch_order(self, broker_order_id: str, body: Mapping[str, object]) -> Reply:
        """Send what is to take an order's place, once; raises as :meth:`post_order`."""
        return await self._sent("PATCH", f"/v2/orders/{broker_order_id}", body)

    async def _sent(self, method: str, path: str, body: Mapping[str, object]) -> Reply:
        try:
            await self._budget.take_for_order(ORDER_WAIT_MS)
        except BudgetSpentError:
            raise NotSentError("ERR_RATE_LIMIT") from None
        content = json.dumps(body, separators=(",", ":")).encode()
        return await self._exchange(method, path, None, content)

    async def delete_order(self, broker_order_id: str) -> Reply:
        """Ask for the cancel of an order, once.

        Raises:
            OutcomeUnknownError: the venue did not answer.
        """
        self._budget.take_for_cancel()
        try:
            return await self._exchange("DELETE", f"/v2/orders/{broker_order_id}", None)
        except NotSentError as error:
            raise OutcomeUnknownError(error.code) from None

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def _exchange(
        self,
        method: str,
        path: str,
        parameters: Mapping[str, str] | None,
        content: bytes | None = None,
    ) -> Reply:
        answer = await self._answer(method, path, parameters, content)
        if isinstance(answer, Reply):
            return answer
        # Raised here, where nothing of the request is in hand: what an error remembers of where
        # it came from must not hold the credentials.
        raise answer

    async def _answer(
        self, method: str, path: str, parameters: Mapping[str, str] | None, content: bytes | None
    ) -> Reply | OutcomeUnknownError:
        """What came back, or why nothing did."""
        headers = self._headers(has_body=content is not None)
        if headers is None:
            return NotSentError("ERR_CREDENTIALS")
        asked_us = self._clock.wall_us()
        try:
            async with (
                asyncio.timeout(REQUEST_TIMEOUT_S),
                self._http.stream(
                    method, path, params=parameters, content=content, headers=headers
                ) as response,
            ):
                body = await _bounded(response)
        except _NEVER_SENT:
            self._heard("unreachable")
            return NotSentError("ERR_NETWORK")
        except (httpx2.HTTPError, httpx2.StreamError, TimeoutError, OSError):
            self._heard("unreachable")
            return OutcomeUnknownError("ERR_NETWORK")
        if body is None:
            self._heard("unreadable")
            return OutcomeUnknownError("ERR_UNREADABLE")
        return self._reply(response, body, asked_us)

    def _reply(self, response: httpx2.Response, body: bytes, asked_us: int) -> Reply:
        status, had_us = response.status_code, self._clock.wall_us()
        if status == _TOO_MANY:
            self._budget.hold_off(_wait_ms(response, had_us))
            self._heard("limited")
        else:
            self._heard("ok" if status < _SERVER_ERROR else "failed")
        return Reply(
            status=status,
            body=body,
            content_type=response.headers.get("content-type", ""),
            date=response.headers.get("date", ""),
            asked_us=asked_us,
            had_us=had_us,
        )

    def _headers(self, *, has_body: bool) -> dict[str, str] | None:
        """The credentials as they are at this moment; ``None`` where they are lost."""
        try:
            key_id = self._credentials.key_id().reveal()
            secret = self._credentials.secret().reveal()
        except ProviderError:
            return None
        if not (_HEADER.fullmatch(key_id) and _HEADER.fullmatch(secret)):
            return None
        shown = {"APCA-API-KEY-ID": key_id, "APCA-API-SECRET-KEY": secret}
        return shown | ({"Content-Type": "application/json"} if has_body else {})


def _wait_ms(response: httpx2.Response, now_us: int) -> int:
    """What a 429 says of when to ask again: in seconds, or as the second of 1970; bounded."""
    after = response.headers.get("retry-after", "")
    reset = response.headers.get("x-ratelimit-reset", "")
    wait_ms = 0
    if _SECONDS.fullmatch(after):
        wait_ms = int(after) * _MS_PER_S
    elif _SECONDS.fullmatch(reset):
        wait_ms = int(reset) * _MS_PER_S - now_us // _US_PER_MS
    return max(0, min(wait_ms, HOLD_OFF_MAX_MS))


async def _bounded(response: httpx2.Response) -> bytes | None:
    """The whole body as it came; ``None`` if it is packed, or longer than the bound."""
    if response.headers.get("content-encoding", "identity") != "identity":
        return None
    parts: list[bytes] = []
    size = 0
    async for part in response.aiter_raw():
        size += len(part)
        if size > ANSWER_BYTES_MAX:
            return None
        parts.append(part)
    return b"".join(parts)
