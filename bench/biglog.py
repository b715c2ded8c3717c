"""A long log, made quickly: `python -m bench.biglog FOLDER ENTRIES`, configured by WRIT_*.

One order is decided by a real gateway. Its decision is then written again and again under ids of
its own, each with its own document, in the ledger's largest batches: every entry is sealed, signed
and stored as any other, and can be verified and decided again. Only the published copy is not
synced while it is made, which would take longer than all the rest.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any, Final

import uvloop

from bench import workload
from gateway.bootstrap import App, running
from gateway.config import load_settings
from gateway.domain.ids import new_id
from gateway.domain.order_entries import order_state
from gateway.intake.orders import OrderBody, to_order
from gateway.ports import Batch, Draft, KeyClaim
from signing import canonical

BATCH: Final = 256
"""Entries in one transaction: the most that the ledger takes."""


async def grow(folder: Path, size: int) -> None:
    """Begin a log in ``folder``/data and write until it has ``size`` entries."""
    async with running(load_settings(data=folder / "data")) as app:
        payload, document = await _decided(app)
        drafts = _copies(app, payload, document)
        while (missing := size - app.ledger.size) > 0:
            batch = list(islice(drafts, min(BATCH, missing)))
            states = tuple(order_state(draft.payload, _of(draft)) for draft in batch)
            await app.ledger.commit(Batch(tuple(batch), states, tuple(map(_claim, batch))))
        await app.ledger.publish_now()
    if app.ledger.size < size:
        raise RuntimeError(f"the log has {app.ledger.size} entries, not {size}")


async def _decided(app: App) -> tuple[dict[str, Any], dict[str, Any]]:
    """One order's decision by this gateway: its payload without the time, and its document."""
    body = OrderBody.model_validate(next(iter(workload.orders())))
    order = to_order(
        body,
        order_id=new_id("ord", app.clock.wall_us(), app.host.entropy.token(10)),
        principal="bench",
        instruments=app.release.instruments,
        accounts=app.settings.accounts,
    )
    outcome = await app.pipeline.propose(order, ())
    entry = await app.ledger.entry(outcome.order.decision_id)
    assert entry is not None, "it is durable"
    payload = {name: value for name, value in entry[1].items() if name != "at_us"}
    data = await app.ledger.document(payload["input_digest"])
    assert data is not None, "it was written with its decision"
    document: Any = canonical.decode(data)
    return payload, document


def _copies(app: App, payload: dict[str, Any], document: dict[str, Any]) -> Iterator[Draft]:
    while True:
        now_us, entropy = app.clock.wall_us(), app.host.entropy
        ids = {name: new_id(name[:3], now_us, entropy.token(10)) for name in _IDS}
        named = document["ids"] | {name: ids[name] for name in ("decision_id", "order_id")}
        own = document | {"ids": named, "salt": entropy.token(16).hex()}
        data = canonical.encode(own)
        yield Draft(
            "decision", payload | ids | {"input_digest": canonical.digest(data)}, (data,), own
        )


_IDS: Final = ("decision_id", "order_id", "broker_client_id")


def _of(draft: Draft) -> Any:  # noqa: ANN401  a document
    return draft.document


def _claim(draft: Draft) -> KeyClaim:
    payload = draft.payload
    return KeyClaim(
        principal="bench",
        kind="idempotency",
        key=payload["order_id"],
        request_digest=canonical.digest(b""),
        decision_id=payload["decision_id"],
        order_id=payload["order_id"],
        status=201 if payload["allow"] else 403,
    )


def _unsynced(_: object) -> None:
    """Instead of a sync; SQLite's own are in C and stay."""


def main() -> None:
    """Make the log and end."""
    os.fsync = os.fdatasync = _unsynced
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(grow(Path(sys.argv[1]), int(sys.argv[2])))


if __name__ == "__main__":
    main()
