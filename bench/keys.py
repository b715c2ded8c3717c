"""Where the keys are: in files, or in a vault that certifies the key that signs.

Two gateways, loaded in turn. Afterwards the vault is killed in the middle of a window: whatever
the gateway had answered is in its log, or was lost.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final

from bench import workload
from bench.loading import CLIENTS, ORDER_STATUSES, Loaded, Target, load
from bench.measure import BenchError, Figure, Findings, Scale, Table, interleaved, ratios
from bench.releases import bench_release
from bench.servers import Gateway, gateway_server
from bench.vault import Vault, vault_environment, vault_server
from gateway.demo.tally import entries
from signing.keys import Vkey
from vault.signers import create_key

FILES: Final = "keys in files"
VAULT: Final = "keys in a vault"
_HALF: Final = 2_000
"""Milliseconds in two: half of a window, in seconds."""


def measure(folder: Path, scale: Scale) -> Findings:
    """Rates of both, round by round, and what was lost with the vault."""
    release = bench_release(folder / "release")
    create_key(folder / "log.key")
    log_key = (folder / "log.key").read_text(encoding="ascii")
    work = workload.write_orders(folder / "orders")
    with vault_server(folder / "server") as vault:
        told = vault_environment(vault, folder / "handed-out", log_key)
        with (
            gateway_server(folder / "files", release) as plain,
            gateway_server(folder / "vault", release, more=told) as kept,
        ):
            found = interleaved(
                scale.rounds,
                {FILES: _loader(plain, work, scale), VAULT: _loader(kept, work, scale)},
            )
            found[VAULT].append(_killed(kept, work, vault, scale))
            data = kept.data
    lost = sum(loaded.total for loaded in found[VAULT]) - _recorded(data)
    if lost > 0:
        raise BenchError(f"{lost} answered orders are in no log")
    return _findings({name: rounds[: scale.rounds] for name, rounds in found.items()})


def _loader(gateway: Gateway, work: Path, scale: Scale) -> Callable[[], Loaded]:
    target = Target(f"{gateway.server.url}/v1/orders", work, gateway.key, ORDER_STATUSES)
    return lambda: load(target, warm_ms=scale.warm_ms, measured_ms=scale.measured_ms)


def _killed(gateway: Gateway, work: Path, vault: Vault, scale: Scale) -> Loaded:
    """A window in the middle of which the vault dies; anything but a decision is an error."""
    half = threading.Timer(scale.measured_ms / _HALF, vault.kill)
    half.start()
    try:
        return _loader(gateway, work, scale)()
    finally:
        half.join()


def _recorded(data: Path) -> int:
    vkey = Vkey.parse((data / "log.vkey").read_text(encoding="ascii").strip())
    return sum(kind == "decision" for kind, _ in entries(data / "log", vkey))


def _findings(found: dict[str, list[Loaded]]) -> Findings:
    rates = {name: [loaded.rate for loaded in rounds] for name, rounds in found.items()}
    figures = {
        "vault_over_files": ratios(rates[VAULT], rates[FILES]),
        "vault_killed_orders_lost": Figure.of([0], "orders"),
    }
    table = Table(
        f"Decisions a second by where the keys are, {CLIENTS} clients, in RESEARCH",
        ("keys", "decisions/s"),
        tuple((name, str(Figure.of(values, ""))) for name, values in rates.items()),
    )
    note = (
        "In a vault: the log key is read from KV at the start, the identity key stays in Transit "
        "and certifies the key in memory that signs entries, as a file's does. Lost: orders that "
        "were answered and are in no log, with the vault killed under load; none may be, or the "
        "measurement fails."
    )
    return Findings(figures, [table], [note])
