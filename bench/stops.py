"""A gateway that notes when each halt came and what it denied: `python -m bench.stops FOLDER`.

Configured by WRIT_* and wired as `writ serve` is, with notes taken from outside. It serves until
SIGTERM; with a second argument it is loaded in its own process instead, without HTTP, and is
halted that many times. Either way it then writes FOLDER/stops.json.
"""

from __future__ import annotations

import asyncio
import functools
import json
import signal
import sys
import time
from collections.abc import Sequence
from contextvars import ContextVar
from dataclasses import asdict, dataclass
from itertools import count
from pathlib import Path
from typing import Any, Final

from bench import workload
from bench.loading import CLIENTS
from gateway.api.protocol import BoundedProtocol
from gateway.api.server import serving
from gateway.bootstrap import App, running
from gateway.config import load_settings
from gateway.control.halting import MANUAL, Halting
from gateway.domain.halt import GLOBAL
from gateway.domain.order import Order
from gateway.host import keep_loaded, new_event_loop
from gateway.intake.orders import OrderBody, to_order
from gateway.pipeline import Pipeline
from gateway.turns import HALTED

WRITTEN: Final = "stops.json"
LOADED_S: Final = 0.25
"""How long orders are proposed before each halt."""
_KILL: Final = b"POST /v1/kill "
_arrived: ContextVar[int] = ContextVar("arrived", default=0)
"""When the request that is being worked on came in through the socket, monotonic; 0: by none."""


@dataclass(slots=True)
class Stop:
    """One halt; monotonic times in ns, 0 where it did not come to that."""

    arrived_ns: int
    arrived_wall_us: int
    halted_ns: int = 0
    """When nothing was allowed any more."""
    denied_ns: int = 0
    """When the first order that it denied was on disk, and the caller was about to be told."""
    denied_later_ns: int = 0
    """The same of the first order that came after it."""


class Notes:
    """Every halt of this process, in order."""

    def __init__(self) -> None:
        """None was seen yet."""
        self.stops: list[Stop] = []

    def watch(self) -> None:
        """Look at the socket, at the halts and at the orders."""
        received, halt, propose = BoundedProtocol.data_received, Halting.halt, Pipeline.propose
        notes = self

        @functools.wraps(received)
        def arriving(protocol: BoundedProtocol, data: bytes) -> None:
            now_ns = time.monotonic_ns()
            _arrived.set(now_ns)
            if data.startswith(_KILL):
                notes.begin(now_ns)
            received(protocol, data)

        @functools.wraps(halt)
        async def halting(halts: Halting, **fields: Any) -> Any:  # noqa: ANN401  as the original
            if not _arrived.get():  # not by HTTP: this is where it comes in
                notes.begin(time.monotonic_ns())
            return await halt(halts, **fields)

        @functools.wraps(propose)
        async def proposing(pipeline: Pipeline, order: Order, *rest: Any) -> Any:  # noqa: ANN401  as the original
            arrived_ns = _arrived.get() or time.monotonic_ns()
            outcome = await propose(pipeline, order, *rest)
            if _by_halt(outcome.order):
                notes.denied(arrived_ns)
            return outcome

        BoundedProtocol.data_received = arriving  # pyright: ignore[reportAttributeAccessIssue]  wrapped on purpose
        Halting.halt, Pipeline.propose = halting, proposing  # pyright: ignore[reportAttributeAccessIssue]  the same

    def begin(self, now_ns: int) -> None:
        """Somebody asked for a halt."""
        self.stops.append(Stop(now_ns, time.time_ns() // 1_000))

    def halted(self) -> None:
        """It is in the book."""
        stop = self.stops[-1]
        stop.halted_ns = stop.halted_ns or time.monotonic_ns()

    def denied(self, arrived_ns: int) -> None:
        """An order was denied by it."""
        stop, now_ns = self.stops[-1], time.monotonic_ns()
        stop.denied_ns = stop.denied_ns or now_ns
        if arrived_ns > stop.arrived_ns:
            stop.denied_later_ns = stop.denied_later_ns or now_ns

    def write(self, folder: Path) -> None:
        """Say what was seen."""
        found = json.dumps([asdict(stop) for stop in self.stops])
        (folder / WRITTEN).write_text(found, encoding="utf-8")


def read(folder: Path) -> list[Stop]:
    """What :meth:`Notes.write` wrote."""
    found = json.loads((folder / WRITTEN).read_text(encoding="utf-8"))
    return [Stop(**stop) for stop in found]


def _by_halt(order: Any) -> bool:  # noqa: ANN401  an order's state
    return order.failure == HALTED or any(one.control == "OMEGA-2" for one in order.reasons)


async def _serve(folder: Path, notes: Notes) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    settings = load_settings(data=folder / "data")
    async with running(settings) as app, serving(app, host="127.0.0.1", port=0) as address:
        app.halting.on_halt.append(notes.halted)
        keep_loaded()
        _say(address)
        await stop.wait()
    notes.write(folder)


async def _halt_inside(folder: Path, notes: Notes, rounds: int) -> None:
    """Propose with as many tasks as there are clients otherwise, and halt in between."""
    async with running(load_settings(data=folder / "data")) as app:
        app.halting.on_halt.append(notes.halted)
        keep_loaded()
        await app.modes.lift_omega4("bench", "measured", None)
        numbers, bodies = count(), [OrderBody.model_validate(one) for one in workload.orders()]

        async def propose() -> None:
            while True:
                number = next(numbers)
                await app.pipeline.propose(_order(app, bodies[number % len(bodies)], number), [])

        proposing = [asyncio.create_task(propose()) for _ in range(CLIENTS)]
        for _ in range(rounds):
            await asyncio.sleep(LOADED_S)
            await _halted_once(app, notes)
        for task in proposing:
            task.cancel()
        await asyncio.wait(proposing)
        await app.pipeline.quiesce()
    notes.write(folder)
    _say("done")


async def _halted_once(app: App, notes: Notes) -> None:
    halt = await app.halting.halt(
        cause=MANUAL, scope=GLOBAL, by="bench", clear_by="admin", cancels=True, reason="measured"
    )
    while not notes.stops[-1].denied_later_ns or app.cancels.outstanding():  # noqa: ASYNC110  seen from outside
        await asyncio.sleep(0.01)
    await app.halting.resume(
        halt.halt_id, by="bench", scopes=frozenset({"admin"}), reason="measured"
    )


def _order(app: App, body: OrderBody, number: int) -> Order:
    return to_order(
        body,
        order_id=f"ord_{number}",
        principal="bench",
        instruments=app.release.instruments,
        accounts=app.settings.accounts,
        now_us=app.clock.market_us(),
    )


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main(arguments: Sequence[str]) -> None:
    """Serve until SIGTERM, or be halted so many times."""
    folder, notes = Path(arguments[0]), Notes()
    notes.watch()
    inside = len(arguments) > 1
    work = _halt_inside(folder, notes, int(arguments[1])) if inside else _serve(folder, notes)
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(work)


if __name__ == "__main__":
    main(sys.argv[1:])
