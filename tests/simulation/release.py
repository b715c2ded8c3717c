"""The release that all worlds share, made ready once: one module, one engine, for every gateway."""

from __future__ import annotations

import atexit
import functools
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, Final, TypeVar

from opapywasm import OpaWasmPolicy

from gateway.policy.batches import HALTS
from gateway.policy.catalogue import catalogue_of
from gateway.policy.in_force import ReleaseInForce
from gateway.policy.opa_server.bundle import server_bundle
from gateway.policy.opa_wasm import WasmEngine
from gateway.policy.release import load_release
from gateway.ports import BlockingRunner
from support.edited_release import write_edited
from support.releases import DOLLAR

T = TypeVar("T")

ANSWERS_MAX: Final = 20_000
SYMBOLS: Final = ("AAPL", "AMD", "BAC", "BBY", "XOM")
LIMITS: Final = {
    "order_notional_max_micros": 30_000 * DOLLAR,
    "order_qty_max_e8": 400 * 10**8,
    "position_notional_max_micros": 40_000 * DOLLAR,
    "gross_exposure_max_micros": 120_000 * DOLLAR,
    "positions_max_count": 4,
    "asset_exposure_max_bps": 9_000,
    "sector_exposure_max_bps": 9_900,
    "quote_age_max_ms": 15_000,
    "close_buffer_min_ms": 2_000,
    "leverage_max_bps": 20_000,
    "short_notional_max_micros": 1,
    "day_loss_max_micros": 50_000 * DOLLAR,
    "day_turnover_max_micros": 900_000 * DOLLAR,
}


class Hosted:
    """The runner of the world that runs now: the engine outlives worlds, their runners do not."""

    def __init__(self) -> None:
        """Belong to no world yet."""
        self.runner: BlockingRunner | None = None

    def run(self, work: Callable[[], T]) -> Awaitable[T]:
        """See ``gateway.ports.BlockingRunner``."""
        assert self.runner is not None
        return self.runner.run(work)

    def run_quick(self, lane: str, work: Callable[[], T]) -> Awaitable[T]:
        """See ``gateway.ports.BlockingRunner``."""
        assert self.runner is not None
        return self.runner.run_quick(lane, work)


HOSTED: Final = Hosted()


class RememberingPolicy:
    """Answers what was asked before from memory: an evaluation is a pure function of its input.

    Decisions are never asked twice, since each has an id; whether a halt is due is asked of the
    same facts again and again.
    """

    def __init__(self, policy: OpaWasmPolicy) -> None:
        """Ask ``policy`` what was not asked before."""
        self._policy = policy
        self._known: dict[bytes, object] = {}

    def evaluate(self, data: bytes, entrypoint: str) -> object:
        """As ``OpaWasmPolicy.evaluate``."""
        if entrypoint != HALTS:
            return self._policy.evaluate(data, entrypoint)
        if len(self._known) > ANSWERS_MAX:
            self._known.clear()
        if data not in self._known:
            self._known[data] = self._policy.evaluate(data, entrypoint)
        return self._known[data]


def _only_these(data: dict[str, Any]) -> None:
    listed = data["instruments"]
    data["instruments"] = {symbol: listed[symbol] for symbol in SYMBOLS}
    data["restricted"] = {}


@functools.cache
def shared_release() -> tuple[Path, ReleaseInForce]:
    """The folder of the release, and all that is made of it."""
    parent = mkdtemp(prefix="writ-simulation-")
    atexit.register(shutil.rmtree, parent, ignore_errors=True)
    folder = write_edited(Path(parent) / "release", _only_these, **LIMITS)
    release = load_release(folder)
    engine = WasmEngine(release, HOSTED, timeout_ms=10_000)
    engine._policy = RememberingPolicy(engine._policy)  # type: ignore[assignment]  in its place

    async def stays() -> None:
        """Other worlds go on with it."""

    ready = ReleaseInForce(
        release, catalogue_of(release, folder), engine, server_bundle(release), stays
    )
    return folder, ready
