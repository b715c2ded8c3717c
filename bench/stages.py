"""A gateway with timers around its parts: `python -m bench.stages FOLDER`, configured by WRIT_*.

It is the wiring of `writ serve` on the same event loop. SIGUSR1 begins a count, SIGUSR2 writes
it to FOLDER/stages.json.
"""

from __future__ import annotations

import asyncio
import functools
import json
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import uvloop

from bench.timers import Timers
from gateway.api.server import serving
from gateway.bootstrap import running
from gateway.config import load_settings
from gateway.domain.order import Order
from gateway.pipeline import Pipeline
from gateway.turns import Turns

_CYCLE: Final = "uvicorn.protocols.http.httptools_impl:RequestResponseCycle"

STAGES: Final[dict[str, tuple[str, ...]]] = {
    "read HTTP": ("gateway.api.protocol:BoundedProtocol.data_received",),
    "server: a task a request": (f"{_CYCLE}.run_asgi", "gateway.api.services:Services.to_the_end"),
    "bounds of a request": ("gateway.api.bounds:Bounds.__call__",),
    "FastAPI: middleware, routing": (
        "starlette.middleware.exceptions:ExceptionMiddleware.__call__",
    ),
    "FastAPI: dependencies": ("fastapi.routing:solve_dependencies",),
    "who is asking": ("gateway.api.access:AccessKeys.find",),
    "parse JSON": ("gateway.api.bodies:read_object",),
    "check the ticket (pydantic)": ("gateway.intake.orders:OrderBody.model_validate",),
    "caller's keys": (
        "gateway.api.routes.orders:caller_keys",
        "gateway.api.routes.orders:decide",
        "gateway.intake.idempotency:CallerKeys.recorded",
        "gateway.ledger.reader:Reader.claim",
    ),
    "intake: exact integers": ("gateway.api.proposals:make_order",),
    "queue and turn": (
        "gateway.pipeline:Pipeline.propose",
        "gateway.pipeline:Pipeline._turn",
        "gateway.turns:Turns.decide",
    ),
    "facts": ("gateway.facts.document:Facts.gather",),
    "canonical encoding, digests": ("signing.canonical:encode", "signing.canonical:digest"),
    "payload and order state": (
        "gateway.turns:_payload",
        "gateway.turns:_decided",
        "gateway.turns:order_state",
    ),
    "engine: around the call": (
        "gateway.policy.batches:BatchEngine.decide",
        "gateway.policy.decode:verdicts",
    ),
    "engine: check and join the batch": ("gateway.policy.batches:batch_of",),
    "engine: wasm": ("gateway.policy.opa_wasm:_evaluate",),
    "journal and book": ("gateway.ledger.journal:Journal.record", "gateway.ledger.journal:apply"),
    "commit: queue": (
        "gateway.ledger.committer:Committer.commit",
        "gateway.ledger.committer:Committer._write",
        "gateway.ledger.journal:Journal._commit",
    ),
    "commit: around": ("gateway.ledger.sequencer:Sequencer.commit",),
    "seal: check and match": (
        "gateway.ledger.seals:Sealer.entries",
        "gateway.ledger.seals:match_document",
        "gateway.ledger.seals:check",
    ),
    "seal: envelope": ("gateway.ledger.seals:seal",),
    "seal: signature": ("signing.keys:Ed25519Signer.sign",),
    "tree and checkpoint": ("gateway.ledger.sequencer:Sequencer._sign",),
    "SQL": ("gateway.ledger.database:Database.run", "gateway.ledger.database:Database.flush"),
    "COMMIT and fsync": ("gateway.ledger.sequencer:Sequencer._commit",),
    "publish the log": ("gateway.ledger.publication:Publication.bring_to",),
    "copy the write-ahead log": ("gateway.ledger.sequencer:Sequencer.maintain",),
    "receipt, gate, broker, submission": (
        "gateway.forwarding:Forwarding.forward",
        "gateway.ledger.sqlite:SqliteLedger.receipt",
        "gateway.brokers.gate:Gate.forward",
    ),
    "answer": (
        "gateway.pipeline:Pipeline._recorded",
        "gateway.api.routes.orders:order_answer",
        "gateway.api.proposed:_denied",
        "starlette.responses:JSONResponse.render",
    ),
    "write HTTP": (f"{_CYCLE}.send",),
}
"""Stage -> the parts that belong to it, in the order of an order's way."""

_INSIDE: Final = {"SQL": "COMMIT and fsync"}
"""The COMMIT is run as any other SQL is; it stays on its own account."""

BESIDE: Final = frozenset({"publish the log", "copy the write-ahead log"})
"""Stages that no caller waits for."""


class Waits:
    """How long orders wait for their turn, how long a turn takes, how many are in it."""

    def __init__(self) -> None:
        """Nothing was seen yet."""
        self.orders = self.turns = self.queued_ns = self.turn_ns = self.answered_ns = 0
        self._since: dict[str, int] = {}

    def reset(self) -> None:
        """Begin again."""
        self.orders = self.turns = self.queued_ns = self.turn_ns = self.answered_ns = 0

    def watch(self) -> None:
        """Look at the queue and at the turns."""
        propose, decide = Pipeline.propose, Turns.decide

        @functools.wraps(propose)
        async def proposed(pipeline: Pipeline, order: Order, *rest: Any) -> Any:  # noqa: ANN401  as the original
            began = self._since[order.order_id] = time.perf_counter_ns()
            try:
                return await propose(pipeline, order, *rest)
            finally:
                self._since.pop(order.order_id, None)
                self.answered_ns += time.perf_counter_ns() - began

        @functools.wraps(decide)
        async def decided(turns: Turns, orders: Sequence[Order], *rest: Any) -> Any:  # noqa: ANN401  as the original
            began = time.perf_counter_ns()
            self.queued_ns += sum(began - self._since[order.order_id] for order in orders)
            found = await decide(turns, orders, *rest)
            self.turn_ns += time.perf_counter_ns() - began
            self.orders += len(orders)
            self.turns += 1
            return found

        Pipeline.propose, Turns.decide = proposed, decided  # pyright: ignore[reportAttributeAccessIssue]  wrapped on purpose


async def _serve(folder: Path) -> None:
    timers, waits = Timers(), Waits()
    missing = [
        place
        for stage, places in STAGES.items()
        for place in places
        if not timers.wrap(place, stage, _INSIDE)
    ]
    waits.watch()
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def begin() -> None:
        timers.reset()
        waits.reset()

    def write() -> None:
        found = {
            "stages": timers.document(),
            "missing": missing,
            "orders": waits.orders,
            "turns": waits.turns,
            "queued_ns": waits.queued_ns,
            "turn_ns": waits.turn_ns,
            "answered_ns": waits.answered_ns,
        }
        beside = folder / "stages.new"
        beside.write_text(json.dumps(found), encoding="utf-8")
        beside.rename(folder / "stages.json")

    loop.add_signal_handler(signal.SIGUSR1, begin)
    loop.add_signal_handler(signal.SIGUSR2, write)
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    settings = load_settings(data=folder / "data")
    async with running(settings) as app, serving(app, host="127.0.0.1", port=0) as address:
        sys.stdout.write(f"{address}\n")
        sys.stdout.flush()
        await stop.wait()


def main() -> None:
    """Serve until SIGTERM."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(Path(sys.argv[1])))


if __name__ == "__main__":
    main()
