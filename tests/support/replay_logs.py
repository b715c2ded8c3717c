"""Published logs whose decisions were really decided: true releases, true verdicts, true bytes."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateway.facts.instruments import instrument_facts
from gateway.host import ThreadRunner
from gateway.policy.opa_wasm import WasmEngine
from gateway.policy.release import Release, load_release
from signing import canonical
from support import policy_cases
from support.logs import LogBuilder, decision_payload
from support.release_folder import write_release

SYMBOL = "AAPL"
ENGINE = {"name": "opa-wasm", "version": "1.21.3+opa-py-wasm.1.2.1"}


def release_in(folder: Path, **limits: int) -> Release:
    """A release with limits of the test's own, its digests sound."""
    return load_release(write_release(folder, **limits))


def facts(release: Release, number: int, notional_micros: int) -> dict[str, Any]:
    """The input document of order `number`: all is well, but perhaps its notional."""
    known = release.instruments[SYMBOL]
    body = copy.deepcopy(policy_cases.document())
    body["salt"] = f"{number:032x}"
    body["ids"] |= {
        "decision_id": f"d{number}",
        "order_id": f"o{number}",
        "client_order_id": f"c{number}",
        "principal": "strategy",
    }
    body["order"] |= {
        "symbol": SYMBOL,
        "qty_decimals": known.qty_decimals,
        "price_decimals": known.price_decimals,
        "qty": 10 * known.lot,
        "qty_e8": 10 * known.lot * 10 ** (8 - known.qty_decimals),
        "limit_price": 500 * known.tick,
        "worst_price": 500 * known.tick,
        "price_deviation_bps": 1,
        "notional_micros": notional_micros,
    }
    body["instrument"] = instrument_facts(known)
    body["projected"] |= {"short_notional_micros": 0, "margin_debit_micros": 0}
    body["projected"] |= {"positions_count": 1, "sector_exposure_bps": 1}
    body["projected"] |= {"initial_margin_bps": 10_000, "asset_exposure_bps": 1}
    body["account"] |= {"maintenance_margin_bps": 10_000}
    body["market"] |= {"spread_bps": 1}
    body["hours"] |= {"to_close_ms": 10_000_000}
    body["activity"] |= {"opposite_price": "none"}
    body["order"] |= {"source_run": "none"}
    body.pop("provenance", None)
    return body


@dataclass
class Replayable:
    """A log builder together with the engine of the release in force."""

    log: LogBuilder
    release: Release
    engine: WasmEngine
    runner: asyncio.Runner
    number: int = 0

    @property
    def vkey_file(self) -> Path:
        return self.log.directory.with_name("log.vkey")

    def accept(self, release: Release, **changes: object) -> int:
        """Enter a release and publish everything in it."""
        for part in (release.descriptor, release.bundle, release.wasm, release.data):
            self.log.publish_document(part)
        entry = {
            "release_digest": release.digest,
            "revision": release.revision,
            "label": release.label,
            "bundle_digest": release.bundle_digest,
            "wasm_digest": release.wasm_digest,
            "data_digest": release.data_digest,
            "by": "configuration",
        }
        return self.log.add("release", entry | changes)

    def bodies(self, count: int) -> list[dict[str, Any]]:
        """The next documents; every third asks for too much."""
        limit = self.release.limits.base["order_notional_max_micros"]
        numbers = range(self.number, self.number + count)
        self.number += count
        return [facts(self.release, n, limit + (1 if n % 3 == 2 else -n)) for n in numbers]

    def decided(self, bodies: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """The payloads of the decisions on some documents, which are published."""
        found: list[dict[str, Any]] = []
        encoded = [canonical.encode(body) for body in bodies]
        for at in range(0, len(encoded), 16):
            batch = encoded[at : at + 16]
            answers = self.runner.run(self.engine.decide(batch))
            for body, data, answer in zip(bodies[at : at + 16], batch, answers, strict=True):
                number = int(body["ids"]["decision_id"][1:])
                payload = decision_payload(number) | {
                    "input_digest": self.log.publish_document(data),
                    "release_digest": self.release.digest,
                    "engine": ENGINE,
                }
                verdict = answer.payload()  # type: ignore[union-attr]  # a failure fails here
                found.append(payload | {"verdict": verdict, "allow": verdict["allow"]})
        return found

    def decide(self, count: int) -> list[int]:
        """Enter so many decisions; returns their indices."""
        return [self.log.add("decision", p) for p in self.decided(self.bodies(count))]

    def publish(self) -> Path:
        """Write the log and its key beside it; returns the log's folder."""
        self.log.publish()
        self.vkey_file.write_text(f"{self.log.vkey}\n")
        return self.log.directory


@contextmanager
def engine_of(release: Release) -> Iterator[WasmEngine]:
    """An engine that decides for a log, closed in the end."""
    threads = ThreadRunner()
    engine = WasmEngine(release, threads, timeout_ms=10_000)
    try:
        yield engine
    finally:
        engine.close()
        threads.close()


@contextmanager
def replayable(folder: Path, release: Release, engine: WasmEngine) -> Iterator[Replayable]:
    """A log with its first entries, ready for decisions under a release."""
    log = LogBuilder(folder / "log")
    with asyncio.Runner() as runner:
        made = Replayable(log, release, engine, runner)
        log.add("genesis", log.genesis(), log.identity)
        log.add("certificate", log.certificate(log.decider.public), log.identity)
        made.accept(release)
        log.add("mode", {"mode": "SIMULATION", "by": "configuration"})
        yield made
