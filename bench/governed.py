"""Decisions a second with 64 clients: the gateway, and what one would use in its place.

All servers run at once and only one of them is loaded at a time; the load generator is the same
for all. A forwarding gateway is a new one each round, because every order it sends rests at the
simulator until the market clock moves, which it does not here.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from statistics import median
from typing import Final

from bench import workload
from bench.loading import CLIENTS, ORDER_STATUSES, Loaded, Target, load
from bench.measure import Figure, Findings, Scale, Table, interleaved, ratios
from bench.recorded import QUERY_PATH, Recorded, check_same_verdicts, record
from bench.releases import bench_release
from bench.servers import (
    Gateway,
    access_key,
    gateway_environment,
    gateway_server,
    module_server,
    opa_server,
    plain_environment,
)

GOVERNED: Final = "governed"
OPA: Final = "opa run, bare"
NAIVE_SERVER: Final = "naive, asks opa run"
NAIVE_WASM: Final = "naive, wasm in process"
POLICY_ONLY: Final = "policy alone"
FORWARDING: Final = "governed, forwarding"

RECORDED_ORDERS: Final = 2_000
OPA_STATUSES: Final = frozenset({"200"})


def measure(folder: Path, scale: Scale) -> Findings:
    """Rates of all of them, round by round, and the ratios."""
    release = bench_release(folder / "release")
    with gateway_server(folder / "governed", release) as gateway:
        recorded = record(folder, gateway, min(RECORDED_ORDERS, scale.calls * 4))
        found = _measured(folder, release, gateway, recorded, scale)
    return _findings(found, recorded)


def _measured(
    folder: Path, release: Path, gateway: Gateway, recorded: Recorded, scale: Scale
) -> dict[str, list[Loaded]]:
    with _targets(folder, release, gateway, recorded) as targets:
        parts: dict[str, Callable[[], Loaded]] = {
            name: _loader(target, scale) for name, target in targets.items()
        }
        parts[FORWARDING] = _forwarding(folder, release, scale)
        return interleaved(scale.rounds, parts)


@contextlib.contextmanager
def _targets(
    folder: Path, release: Path, gateway: Gateway, recorded: Recorded
) -> Iterator[dict[str, Target]]:
    work = workload.write_orders(folder / "orders")
    environment = gateway_environment("RESEARCH", release)
    naive = plain_environment() | {"RELEASE_DIR": str(release), "FACTS": str(recorded.facts)}
    alone = folder / "policy-only"
    key = access_key(alone / "data", environment)
    with contextlib.ExitStack() as stack:
        enter = stack.enter_context
        opa = enter(opa_server(folder / "opa", release))
        check_same_verdicts(opa.url, recorded)
        asks = enter(module_server("naive", folder / "naive", naive | {"OPA_URL": opa.url}))
        wasm = enter(module_server("naive", folder / "naive-wasm", naive))
        policy = enter(module_server("policy_only", alone, environment))
        yield {
            GOVERNED: _orders(gateway.server.url, work, gateway.key),
            OPA: Target(opa.url + QUERY_PATH, recorded.requests, "none", OPA_STATUSES),
            NAIVE_SERVER: _orders(asks.url, work, "none"),
            NAIVE_WASM: _orders(wasm.url, work, "none"),
            POLICY_ONLY: _orders(policy.url, work, key),
        }


def _orders(url: str, work: Path, key: str) -> Target:
    return Target(f"{url}/v1/orders", work, key, ORDER_STATUSES)


def _loader(target: Target, scale: Scale) -> Callable[[], Loaded]:
    return lambda: load(target, warm_ms=scale.warm_ms, measured_ms=scale.measured_ms)


def _forwarding(folder: Path, release: Path, scale: Scale) -> Callable[[], Loaded]:
    work = workload.write_orders(folder / "forwarded")
    rounds = iter(range(scale.rounds))

    def run() -> Loaded:
        place = folder / f"forwarding-{next(rounds)}"
        with gateway_server(place, release, mode="SIMULATION") as gateway:
            return _loader(_orders(gateway.server.url, work, gateway.key), scale)()

    return run


def _findings(found: Mapping[str, list[Loaded]], recorded: Recorded) -> Findings:
    rates = {name: [loaded.rate for loaded in rounds] for name, rounds in found.items()}
    naive = max(NAIVE_SERVER, NAIVE_WASM, key=lambda name: median(rates[name]))
    figures = {
        "governed_over_opa_server": ratios(rates[GOVERNED], rates[OPA]),
        "governed_forwarding_over_opa_server": ratios(rates[FORWARDING], rates[OPA]),
        "governed_over_naive": ratios(rates[GOVERNED], rates[naive]),
        "governed_over_policy_only": ratios(rates[GOVERNED], rates[POLICY_ONLY]),
    }
    table = Table(
        f"Decisions a second over HTTP, {CLIENTS} clients",
        ("server", "decisions/s", "p50 ms", "p99 ms", "allowed"),
        tuple(_row(name, rounds) for name, rounds in found.items()),
    )
    note = (
        f"The naive service of the headline is '{naive}'. Of the {len(recorded.allows)} recorded "
        f"documents that the OPA server is asked about, {recorded.allowed_percent:.0f} % were "
        "allowed; every one was decided by all controls."
    )
    return Findings(figures, [table], [note])


def _row(name: str, rounds: list[Loaded]) -> tuple[str, ...]:
    allowed = sum(loaded.statuses.get("201", 0) for loaded in rounds)
    requests = sum(loaded.requests for loaded in rounds)
    p50, p99 = (median(loaded.latency_us[at] for loaded in rounds) for at in ("p50", "p99"))
    return (
        name,
        str(Figure.of([loaded.rate for loaded in rounds], "")),
        f"{p50 / 1_000:.1f}",
        f"{p99 / 1_000:.1f}",
        f"{100 * allowed / requests:.0f} %" if allowed else "as recorded",
    )
