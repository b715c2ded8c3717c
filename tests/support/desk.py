"""A gateway at a broker whose books the test writes, and what may be asked of both."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from gateway.domain.book import OrderState
from gateway.tracking.reconciliation.rows import Result
from signing.envelope import open_envelope
from signing.published import PublishedLog
from signing.verify import verify_log
from support.doors import Door
from support.stated_broker import Books


@dataclass
class Desk:
    """The gateway, its broker's books, and what may be asked of both."""

    door: Door
    books: Books

    async def order(self, qty: str = "100", **changes: Any) -> str:
        """Propose an order that works at the broker; returns its client id there."""
        answer = await self.door.propose(
            qty=qty, time_in_force="gtc", headers={"Prefer": "wait=30"}, **changes
        )
        assert answer.status_code == 201, answer.text
        assert answer.json()["status"] == "ACKNOWLEDGED"
        return answer.json()["broker_client_id"]

    def state(self, client_id: str) -> OrderState:
        book = self.door.app.book()
        return book.orders[book.by_client_id[client_id]]

    async def run(self, cause: str = "requested") -> Result:
        return await self.door.app.reconciliations.run("primary", cause, "ann")

    async def pull(self) -> None:
        await self.door.app.trackers["stated"].pull()

    async def entries(self, *kinds: str) -> list[dict[str, Any]]:
        """The payloads of these kinds in the published log, with their kind."""
        await self.door.app.journal.settled()
        await self.door.app.ledger.publish_now()
        envelopes = map(open_envelope, PublishedLog(self.door.app.log_dir).entries())
        return [{"kind": e.kind} | dict(e.payload) for e in envelopes if e.kind in kinds]

    async def holds(self) -> None:
        """The log verifies, and a book built of it alone is the running one."""
        await self.entries()
        report = verify_log(self.door.app.log_dir, self.door.app.vkey)
        assert report.ok, json.dumps([step.detail for step in report.steps])
        rebuilt = await self.door.app.ledger.replay()
        running = self.door.app.book()
        assert rebuilt.accounts == running.accounts
        assert rebuilt.orders == running.orders
        for order_id, order in running.orders.items():
            again = rebuilt.orders[order_id]
            assert (again.unreported, again.corrections) == (order.unreported, order.corrections)

    @property
    def cash(self) -> int:
        return self.door.app.book().account("primary").cash_micros

    @property
    def position(self) -> int:
        return self.door.app.book().account("primary").positions.get("AAPL", (0, 0))[0]
