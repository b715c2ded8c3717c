"""Many HTTP clients in one thread: bare sockets that stay open, each with one request at a time."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

TIMEOUT_S = 30

Body = Mapping[str, Any]


class LostConnectionError(Exception):
    """The server went away before it had answered."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole answer."""

    status: int
    headers: dict[str, str]
    body: dict[str, Any]

    @property
    def decision_id(self) -> str:
        return self.body["decision_id"]


@dataclass(slots=True)
class Client:
    """One connection to a gateway, with one caller's key."""

    url: str
    key: str
    under_way: bool = False
    """Whether a request was sent whole and its answer has not been read."""
    _reader: asyncio.StreamReader | None = field(default=None)
    _writer: asyncio.StreamWriter | None = field(default=None)

    async def open(self) -> None:
        address = urlsplit(self.url)
        self._reader, self._writer = await asyncio.open_connection(address.hostname, address.port)

    def close(self) -> None:
        if self._writer is not None:
            self._writer.transport.abort()
            self._writer = None

    async def order(self, key: str, body: Body) -> Reply:
        """Propose an order under an Idempotency-Key."""
        return await self.ask("POST", "/v1/orders", body, {"Idempotency-Key": key})

    async def ask(
        self, method: str, path: str, body: Body | None = None, headers: Mapping[str, str] = {}
    ) -> Reply:
        """Send one request and read its answer.

        Raises:
            LostConnectionError: the connection ended before the answer did.
        """
        data = b"" if body is None else json.dumps(body).encode()
        lines = [
            f"{method} {path} HTTP/1.1",
            "Host: gateway",
            f"Authorization: Bearer {self.key}",
            "Content-Type: application/json",
            f"Content-Length: {len(data)}",
            *(f"{name}: {value}" for name, value in headers.items()),
        ]
        try:
            if self._writer is None:
                await self.open()
            assert self._reader is not None
            assert self._writer is not None
            self._writer.write("\r\n".join([*lines, "", ""]).encode() + data)
            self.under_way = True
            async with asyncio.timeout(TIMEOUT_S):
                reply = await _read(self._reader)
            self.under_way = False
        except TimeoutError:
            raise  # it is there and does not answer: that is no lost connection
        except (asyncio.IncompleteReadError, OSError) as error:
            self.close()
            raise LostConnectionError from error
        return reply


async def _read(reader: asyncio.StreamReader) -> Reply:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    headers = {
        name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])
    }
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Reply(int(head[0].split()[1]), headers, json.loads(body) if body else {})
