"""What many people would write: FastAPI, the policy engine asked, a row an order committed.

`python -m bench.naive FOLDER`: RELEASE_DIR is its release, and FACTS a file with one recorded input
document for each symbol. With OPA_URL it asks that server, else the release's wasm in its own
process. It has no signature, no log, no limits across orders, no idempotency, no keys of callers,
and its facts are held still: account, market and portfolio are as they were recorded.
"""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
import sys
import threading
from collections.abc import Awaitable, Callable
from decimal import Decimal
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import aiohttp
from fastapi import FastAPI
from fastapi.responses import JSONResponse
from opapywasm import OpaWasmPolicy
from pydantic import BaseModel

from bench.serving import run

QUERY: Final = "writ/main/decisions"
_THREADS: Final = 2


class Ticket(BaseModel):
    """An order as callers send it."""

    account: str
    symbol: str
    side: str
    type: str
    time_in_force: str
    qty: str
    limit_price: str
    strategy_id: str


def document_of(recorded: dict[str, dict[str, Any]], ticket: Ticket) -> dict[str, Any]:
    """The input document of a ticket: its own figures, everything else as recorded."""
    known = recorded[ticket.symbol]
    decimals = known["order"]["price_decimals"]
    qty, price = int(ticket.qty), int(Decimal(ticket.limit_price).scaleb(decimals))
    own = {"qty": qty, "qty_e8": qty * 10**8, "limit_price": price, "worst_price": price}
    own["notional_micros"] = qty * price * 10**6 // 10**decimals
    touch = known.get("market", {}).get("ask" if ticket.side == "buy" else "bid")
    if touch:
        own["price_deviation_bps"] = abs(price - touch) * 10_000 // touch + 1
    own |= {"side": ticket.side, "account": ticket.account, "strategy_id": ticket.strategy_id}
    return known | {"order": known["order"] | own, "salt": uuid4().hex}


class Table:
    """One SQLite table on the real disk, a commit an order."""

    def __init__(self, path: Path) -> None:
        """Open it as safely as the gateway's ledger is: WAL, synchronous=FULL."""
        self._database = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._database.execute("PRAGMA journal_mode=WAL")
        self._database.execute("PRAGMA synchronous=FULL")
        self._database.execute("CREATE TABLE orders (id TEXT PRIMARY KEY, body TEXT, allow INT)")
        self._lock = threading.Lock()

    def insert(self, order_id: str, body: str, allow: bool) -> None:  # noqa: FBT001  a column
        """Insert and commit."""
        with self._lock:
            self._database.execute("INSERT INTO orders VALUES (?, ?, ?)", (order_id, body, allow))


def over_http(url: str) -> Callable[[dict[str, Any]], Awaitable[bool]]:
    """Ask an OPA server, over connections that are kept."""
    session: list[aiohttp.ClientSession] = []

    async def ask(document: dict[str, Any]) -> bool:
        if not session:
            session.append(aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)))
        body = {"input": {"batch": [document]}}
        async with session[0].post(f"{url}/v1/data/{QUERY}", json=body) as answer:
            return (await answer.json())["result"][0]["allow"] is True

    return ask


def in_process(release: Path) -> Callable[[dict[str, Any]], Awaitable[bool]]:
    """Ask the release's module, on a thread."""
    policy = OpaWasmPolicy.from_wasm_bytes((release / "policy.wasm").read_bytes())
    policy.set_data((release / "data.json").read_bytes())

    async def ask(document: dict[str, Any]) -> bool:
        body = json.dumps({"batch": [document]}).encode()
        answer: Any = await asyncio.to_thread(policy.evaluate, body, QUERY)
        return answer[0]["allow"] is True

    return ask


def build(folder: Path) -> FastAPI:
    """The service."""
    release, url = Path(os.environ["RELEASE_DIR"]), os.environ.get("OPA_URL")
    recorded = json.loads(Path(os.environ["FACTS"]).read_bytes())
    table = Table(folder / "orders.db")
    ask = over_http(url) if url else in_process(release)
    app = FastAPI()

    @app.post("/v1/orders")
    async def propose(ticket: Ticket) -> JSONResponse:  # pyright: ignore[reportUnusedFunction]  a route
        allow = await ask(document_of(recorded, ticket))
        order_id = uuid4().hex
        await asyncio.to_thread(table.insert, order_id, ticket.model_dump_json(), allow)
        return JSONResponse({"order_id": order_id, "allow": allow}, 201 if allow else 403)

    return app


if __name__ == "__main__":
    run(build(Path(sys.argv[1])))
