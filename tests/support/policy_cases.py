"""Input documents and release data at their limits, and both ways of deciding them.

`opa eval` reads the bundle of a release, the engine its module; a case is a document with the
data that it is decided under, so that hundreds of cases cost one process.
"""

from __future__ import annotations

import asyncio
import copy
import json
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from gateway.domain.decision import EngineFailure, HaltTriggers, Verdict
from gateway.host import ThreadRunner
from gateway.policy import decode
from gateway.policy.opa_tool import find_opa, run_opa
from gateway.policy.opa_wasm import WasmEngine
from gateway.policy.release import BUNDLE, Release, shipped_directory, shipped_release
from signing import canonical
from signing.overlay import CAPPABLE

SOURCE = shipped_directory().parent
"""The policies folder of this tree."""

Document = dict[str, Any]
Data = dict[str, Any]
Place = tuple[str, ...]

LIMIT = 1_000
"""Most facts and their limits, so that each stands exactly at its limit."""

COMPLIANCE_LIMIT = 2 * LIMIT
"""Beyond what ORD-01 lets through, so that its own limit is reached first."""

QTY_E8 = 10 * 10**8

MODEL_VALUES = {
    "volatility_e4": LIMIT,
    "regime": "CRISIS",
    "entropy_e4": LIMIT,
    "drift_e4": LIMIT,
    "data_integrity": True,
    "protocol_firing": True,
}

CLASSES = {"equity": True, "etf": True, "crypto": True}


def instruments() -> Data:
    """One share in lots of ten and ticks of 100."""
    return {
        "ACME": {
            "class": "equity",
            "sector": "Industrials",
            "currency": "USD",
            "qty_decimals": 0,
            "price_decimals": 4,
            "lot": 10,
            "tick": 100,
            "multiplier": 1,
            "min_notional_micros": 0,
            "borrow": "easy",
        }
    }


def limits() -> dict[str, int]:
    """Every limit, at the value of the fact it bounds."""
    return {
        "approval_age_max_ms": 300_000,
        "crisis_buy_max_bps": LIMIT,
        "day_loss_max_micros": LIMIT,
        "day_turnover_max_micros": LIMIT,
        "asset_exposure_max_bps": LIMIT,
        "drawdown_max_bps": LIMIT,
        "exchange_rate_age_max_ms": LIMIT,
        "initial_margin_min_bps": LIMIT,
        "maintenance_margin_min_bps": LIMIT,
        "drift_max_e4": LIMIT,
        "entropy_max_e4": LIMIT,
        "model_age_max_ms": LIMIT,
        "gross_exposure_max_micros": LIMIT,
        "leverage_max_bps": LIMIT,
        "margin_debit_max_micros": LIMIT,
        "order_notional_max_micros": LIMIT,
        "order_qty_max_e8": QTY_E8,
        "position_notional_max_micros": LIMIT,
        "positions_max_count": LIMIT,
        "price_collar_max_bps": LIMIT,
        "quote_age_max_ms": LIMIT,
        "close_buffer_min_ms": LIMIT,
        "compliance_notional_max_micros": COMPLIANCE_LIMIT,
        "price_collar_long_max_bps": LIMIT,
        "price_collar_short_max_bps": LIMIT,
        "spread_max_bps": LIMIT,
        "venue_age_max_ms": LIMIT,
        "sector_exposure_max_bps": LIMIT,
        "short_notional_max_micros": LIMIT,
        "volatility_index_max_e4": LIMIT,
        "messages_per_second_max_count": LIMIT,
        "messages_per_minute_max_count": LIMIT,
        "identical_orders_max_count": LIMIT,
        "repeated_orders_max_count": LIMIT,
        "reconciliation_drift_max_bps": LIMIT,
        "rejections_in_a_row_max_count": LIMIT,
    }


def data() -> Data:
    """What a release's data.json would hold."""
    return {
        "base_currency": "USD",
        "limits": tables(limits()),
        "instruments": instruments(),
        "restricted": {},
        "compliance_symbols": {},
        "permissions": {
            "*": {"principals": {"*": True}, "classes": CLASSES, "extended_hours": False}
        },
    }


def tables(base: Mapping[str, Any]) -> Data:
    """A global table of limits, and none that tighten it."""
    return {"global": dict(base), "accounts": {}, "strategies": {}, "symbols": {}}


def no_caps() -> Document:
    """The ``caps`` section of a gateway whose operator caps nothing."""
    return dict.fromkeys(CAPPABLE, "none")


def venue() -> Document:
    """The ``venue`` section of one that takes everything but extended hours, in steps of one."""
    return {
        "lot": 1,
        "tick": 1,
        "min_notional_micros": 0,
        "tradable": True,
        "shortable": True,
        "short_restricted": False,
        "types": dict.fromkeys(("market", "limit", "stop", "stop_limit"), True),
        "times_in_force": dict.fromkeys(("day", "gtc", "ioc", "fok", "gtd"), True),
        "reduce_only": True,
        "extended_hours": False,
        "age_ms": 0,
    }


def document() -> Document:
    """A limit order in SIMULATION, allowed under :func:`data`, every fact at its limit."""
    return {
        "v": 2,
        "salt": "00112233445566778899aabbccddeeff",
        "ids": {
            "decision_id": "dec_0184a1b2c3d4",
            "order_id": "ord_0184a1b2c3d4",
            "client_order_id": "none",
            "source_signal_id": "none",
            "principal": "strategy-a",
        },
        "time": {
            "wall_us": 1_440_444_600_000_000,
            "market_us": 1_440_444_600_000_000,
            "session": "2015-08-24",
        },
        "order": {
            "account": "main",
            "symbol": "ACME",
            "side": "buy",
            "type": "limit",
            "time_in_force": "gtd",
            "expires_us": 1_440_444_600_000_001,
            "qty": 10,
            "qty_decimals": 0,
            "price_decimals": 4,
            "limit_price": 500,
            "stop_price": "none",
            "strategy_id": "none",
            "reduce_only": False,
            "extended_hours": False,
            "locate_id": "none",
            "source_run": "run-1",
            "replaces": "ord_0184a1b2c3d3",
            "qty_e8": QTY_E8,
            "worst_price": 500,
            "notional_micros": LIMIT,
            "price_deviation_bps": LIMIT,
            "equity_share_bps": LIMIT,
            "short_window_deviation_bps": LIMIT,
            "long_window_deviation_bps": LIMIT,
        },
        "instrument": instruments()["ACME"],
        "account": {
            "equity_micros": 1,
            "cash_micros": 1,
            "day_loss_micros": LIMIT,
            "drawdown_bps": LIMIT,
            "maintenance_margin_bps": LIMIT,
        },
        "rates": {"EUR": {"rate_e8": 110_000_000, "age_ms": LIMIT}},
        "market": {
            "bid": 490,
            "ask": 500,
            "last": 495,
            "age_ms": LIMIT,
            "spread_bps": LIMIT,
            "source": "primary",
        },
        "hours": {"open": True, "to_close_ms": LIMIT},
        "venue": venue() | {"lot": 10, "tick": 100, "age_ms": LIMIT},
        "projected": {
            "positions_count": LIMIT,
            "position_notional_micros": LIMIT,
            "gross_exposure_micros": LIMIT,
            "day_turnover_micros": LIMIT,
            "leverage_bps": LIMIT,
            "short_notional_micros": LIMIT,
            "margin_debit_micros": LIMIT,
            "sector_exposure_bps": LIMIT,
            "asset_exposure_bps": LIMIT,
            "initial_margin_bps": LIMIT,
            "reduces": False,
        },
        "replaced": {
            "order_id": "ord_0184a1b2c3d3",
            "working": True,
            "same": True,
            "filled_qty": LIMIT,
        },
        "doubt": {"orders": 0, "anomalies": 0},
        "model": {
            name: {"value": value, "age_ms": LIMIT, "source": "monitor"}
            for name, value in MODEL_VALUES.items()
        },
        "control": {
            "mode": "SIMULATION",
            "omega4_lifted": True,
            "halted": False,
            "exit_allowed": False,
        },
        "permission": permission(),
        "overlay": {"restricted": False},
        "provenance": {"source_run": "run-1", "attested": True, "by": "alice"},
        "override": {"control": "OTH-01", "override_id": "ovr_" + "0a" * 16, "by": "carol"},
        "caps": no_caps(),
        "activity": {
            "messages_1s_count": LIMIT,
            "messages_60s_count": LIMIT,
            "identical_60s_count": LIMIT,
            "repeated_300s_count": LIMIT,
            "opposite_price": 501,
        },
    }


def permission() -> Document:
    """The ``permission`` section of an account that a PAPER manifest names, its day at the end."""
    return {
        "standing": True,
        "mode": "PAPER",
        "epoch": 1,
        "venue": True,
        "account": True,
        "strategy": True,
        "live_open": False,
        "exit_open": False,
        "day_orders": LIMIT,
        "day_notional_micros": LIMIT,
        "orders_per_day_max": LIMIT,
        "notional_per_day_max_micros": LIMIT,
    }


def stop_limit_document() -> Document:
    """A sale with both prices, borrowing and shorting nothing, in RESEARCH."""
    base = document()
    base["order"] |= {"side": "sell", "type": "stop_limit", "stop_price": 500}
    base["projected"] |= {"short_notional_micros": 0, "margin_debit_micros": 0}
    base["control"] |= {"mode": "RESEARCH", "omega4_lifted": False}
    base["activity"]["opposite_price"] = 499
    return base


def put(base: Mapping[str, Any], path: Place, value: object) -> dict[str, Any]:
    """A copy with one value set."""
    changed = copy.deepcopy(dict(base))
    node: Any = changed
    for name in path[:-1]:
        node = node[name]
    node[path[-1]] = value
    return changed


def drop(base: Mapping[str, Any], path: Place) -> dict[str, Any]:
    """A copy without one value or section."""
    changed = copy.deepcopy(dict(base))
    node: Any = changed
    for name in path[:-1]:
        node = node[name]
    del node[path[-1]]
    return changed


def paths(base: Mapping[str, Any]) -> Iterator[Place]:
    """Every section and every leaf."""
    for name, value in base.items():
        yield (name,)
        if isinstance(value, dict):
            yield from ((name, *rest) for rest in paths(value))


def at(base: Mapping[str, Any], path: Place) -> Any:  # noqa: ANN401  whatever stands there
    """The value at a path."""
    node: Any = base
    for name in path:
        node = node[name]
    return node


def raw(value: object) -> bytes:
    """JSON as an attacker might write it: canonical where that exists, any number otherwise."""
    return json.dumps(value, separators=(",", ":"), sort_keys=True).encode()


def failing(verdict: Verdict | EngineFailure) -> set[str]:
    """The controls that were not proven; an allow has none."""
    assert isinstance(verdict, Verdict), verdict
    missing = set(verdict.required) - set(verdict.passed)
    assert verdict.allow is not bool(missing)
    return missing


class Bench:
    """The shipped module under data of the test's own, and without a running loop."""

    def __init__(self, runner: ThreadRunner, release: Release | None = None) -> None:
        self.engine = WasmEngine(release or shipped_release(), runner)
        self._runner = asyncio.Runner()
        self._now: bytes | None = None

    def close(self) -> None:
        self._runner.close()
        self.engine.close()

    def under(self, value: object) -> Bench:
        """Load data as it is; releases refuse what is malformed, the module must do so too."""
        encoded = raw(value)
        if encoded != self._now:
            self.engine._policy.set_data(encoded)
            self._now = encoded
        return self

    def decide(self, documents: Sequence[object]) -> list[Verdict | EngineFailure]:
        """Decide any number of documents in batches of 16."""
        return self.decide_encoded([raw(document) for document in documents])

    def decide_encoded(
        self, encoded: Sequence[bytes], batch: int = 16
    ) -> list[Verdict | EngineFailure]:
        """The same of JSON as it is, in batches of 1 to 16."""
        found: list[Verdict | EngineFailure] = []
        for start in range(0, len(encoded), batch):
            found += self._runner.run(self.engine.decide(encoded[start : start + batch]))
        return found

    def decide_under(self, cases: Sequence[tuple[object, Data]]) -> list[Verdict | EngineFailure]:
        """Decide documents, each under its own data; those that share it go together."""
        shared: dict[bytes, list[int]] = {}
        for place, (_, under) in enumerate(cases):
            shared.setdefault(raw(under), []).append(place)
        found: dict[int, Verdict | EngineFailure] = {}
        for places in shared.values():
            answers = self.under(cases[places[0]][1]).decide([cases[place][0] for place in places])
            found |= dict(zip(places, answers, strict=True))
        return [found[place] for place in range(len(cases))]

    def halts(self, document: object) -> HaltTriggers:
        return self._runner.run(self.engine.triggered_halts(raw(document)))


@contextmanager
def bench(release: Release | None = None) -> Iterator[Bench]:
    """A :class:`Bench`, closed in the end."""
    runner = ThreadRunner()
    made = Bench(runner, release)
    try:
        yield made
    finally:
        made.close()
        runner.close()


# What follows `with` is bound to a name first: opa 1.21.3 leaves variables inside a composite term
# there unbound within a comprehension, and would decide an empty batch.
_DECIDE = """[v | some c in input.cases
  batch := {"batch": [c.document]}
  limits := object.get(c.data, "limits", {})
  instruments := object.get(c.data, "instruments", {})
  restricted := object.get(c.data, "restricted", {})
  listed := object.get(c.data, "compliance_symbols", {})
  permissions := object.get(c.data, "permissions", {})
  base := object.get(c.data, "base_currency", "")
  v := data.writ.main.decisions with input as batch
    with data.limits as limits with data.instruments as instruments
    with data.restricted as restricted with data.compliance_symbols as listed
    with data.permissions as permissions
    with data.base_currency as base]"""
_HALTS = """[v | some c in input.cases
  facts := c.document
  limits := object.get(c.data, "limits", {})
  v := data.writ.halts.triggered with input as facts with data.limits as limits]"""


def opa_decides(cases: Iterable[tuple[object, Data]]) -> list[Verdict | EngineFailure]:
    """What ``opa eval`` answers for each document under its data, builtin errors not forgiven."""
    found: list[Verdict | EngineFailure] = []
    for answer in _opa(_DECIDE, cases):
        found += decode.verdicts(answer, 1)
    return found


def opa_halts(cases: Iterable[tuple[object, Data]]) -> list[HaltTriggers]:
    """What ``opa eval`` answers to the second query."""
    return [decode.halts(answer) for answer in _opa(_HALTS, cases)]


def _opa(query: str, cases: Iterable[tuple[object, Data]]) -> list[object]:
    given = [{"document": document, "data": data} for document, data in cases]
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "input.json").write_bytes(raw({"cases": given}))
        arguments = ["eval", "-f", "json", "--strict-builtin-errors", "-i", "input.json"]
        arguments += ["-b", str(shipped_directory() / BUNDLE), query]
        done = run_opa(find_opa(), arguments, cwd=Path(folder))
    assert done.status == 0, done.said
    answers = json.loads(done.stdout)["result"][0]["expressions"][0]["value"]
    assert len(answers) == len(given)
    return answers


def release_of(wasm: bytes) -> Release:
    """The shipped release around another module."""
    return replace(shipped_release(), wasm=wasm, wasm_digest=canonical.digest(wasm))
