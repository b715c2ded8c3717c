"""Limits by account, strategy and symbol, and an operator's caps, over HTTP: the strictest counts.

Each denial names where its limit stands.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from gateway.policy.build import DATA, DESCRIPTOR
from signing import canonical
from support.doors import CASH, Door, opened, problem
from support.release_folder import write_release
from support.releases import DOLLAR

NAME = "order_notional_max_micros"
ACCOUNTS = {
    alias: {"broker": "simulator", "opening_cash": CASH} for alias in ("primary", "strict", "loose")
}
SCOPED = {
    "accounts": {"strict": {NAME: 200 * DOLLAR}, "loose": {NAME: 900 * DOLLAR}},
    "strategies": {"careful": {NAME: 150 * DOLLAR}, "bold": {NAME: 900 * DOLLAR}},
    "symbols": {"KO": {NAME: 100 * DOLLAR}, "PEP": {NAME: 900 * DOLLAR}, "XOM": {NAME: 0}},
}
AAPL: dict[str, Any] = {"symbol": "AAPL", "limit_price": "24.80"}
KO: dict[str, Any] = {"symbol": "KO", "limit_price": "32.20"}


def write_scoped(folder: Path, tables: Mapping[str, Any], **limits: int) -> Path:
    """A release of the test's own, with tables beside the global one."""
    write_release(folder, **limits)
    data = canonical.decode_object((folder / DATA).read_bytes())
    data["limits"] |= tables
    (folder / DATA).write_bytes(canonical.encode(data))
    fields = canonical.decode_object((folder / DESCRIPTOR).read_bytes())
    fields["data_sha256"] = canonical.digest((folder / DATA).read_bytes())
    (folder / DESCRIPTOR).write_bytes(canonical.encode(fields))
    return folder


@asynccontextmanager
async def scoped(folder: Path, caps: str = "") -> AsyncGenerator[Door]:
    """A gateway whose global limit of an order is 500 dollars; ``caps`` is a broker.yaml."""
    release = write_scoped(folder / "scoped", SCOPED, **{NAME: 500 * DOLLAR})
    changes: dict[str, Any] = {"release": release, "accounts": ACCOUNTS}
    if caps:
        changes["broker_file"] = folder / "broker.yaml"
        changes["broker_file"].write_text(caps, encoding="utf-8")
    async with opened(folder, **changes) as door:
        yield door


async def denied_by(door: Door, **order: Any) -> dict[str, tuple[int | None, str | None]]:
    """The controls that deny an order, each with its limit and where that stands."""
    denied = problem(await door.propose(**order), 403, "order-denied")
    return {r["control"]: (r["limit"], r["source"]) for r in denied["reasons"]}


@pytest.mark.requirement("S0-06")
@pytest.mark.requirement("S0-15")
async def test_the_strictest_table_counts_and_is_named(tmp_path: Path) -> None:
    async with scoped(tmp_path) as door:
        for order, limit, source in (
            (AAPL | {"qty": "21"}, 500, "global"),
            (AAPL | {"qty": "9", "account": "strict"}, 200, "account"),
            (AAPL | {"qty": "21", "account": "loose"}, 500, "global"),
            (AAPL | {"qty": "7", "strategy_id": "careful"}, 150, "strategy"),
            (AAPL | {"qty": "7", "strategy_id": "careful", "account": "strict"}, 150, "strategy"),
            (AAPL | {"qty": "21", "strategy_id": "bold"}, 500, "global"),
            (KO | {"qty": "4"}, 100, "symbol"),
            (KO | {"qty": "4", "strategy_id": "careful", "account": "strict"}, 100, "symbol"),
            ({"symbol": "PEP", "limit_price": "70.00", "qty": "8"}, 500, "global"),
            ({"symbol": "XOM", "limit_price": "66.00", "qty": "1"}, 0, "symbol"),
        ):
            reasons = await denied_by(door, **order)
            assert reasons["ORD-01"] == (limit * DOLLAR, source), order
        within: tuple[dict[str, Any], ...] = (
            AAPL | {"qty": "20"},
            AAPL | {"qty": "8", "account": "strict"},
            AAPL | {"qty": "20", "account": "loose"},
            AAPL | {"qty": "6", "strategy_id": "careful"},
            KO | {"qty": "3"},
        )
        for order in within:
            allowed = await door.propose(**order)
            assert allowed.status_code == 201, allowed.text


@pytest.mark.requirement("S0-02")
@pytest.mark.requirement("S0-06")
async def test_a_cap_tightens_and_never_loosens(tmp_path: Path) -> None:
    caps = "execution:\n  mode: PAPER\n  default_account: primary\nrisk:\n"
    caps += "  max_order_notional_usd: 250\n  max_positions: 900\n  block_short_selling: true\n"
    async with scoped(tmp_path, caps) as door:
        reasons = await denied_by(door, **AAPL | {"qty": "11"})
        assert reasons == {"ORD-01": (250 * DOLLAR, "caps")}
        stricter = await denied_by(door, **AAPL | {"qty": "11", "account": "strict"})
        assert stricter["ORD-01"] == (200 * DOLLAR, "account")
        allowed = await door.propose(**AAPL, qty="10")
        assert allowed.status_code == 201, allowed.text
        short = await denied_by(door, **KO | {"qty": "1", "side": "sell_short"})
        assert short["SHT-01"] == (0, "caps")
        decision = (await door.call("GET", f"/v1/decisions/{allowed.json()['decision_id']}")).json()
        proofs = {proof["control"]: proof for proof in decision["controls"]}
        assert (proofs["ORD-01"]["limit"], proofs["ORD-01"]["source"]) == (250 * DOLLAR, "caps")
        assert proofs["POS-01"]["source"] == "global"


@pytest.mark.requirement("S2-02")
async def test_a_cap_of_zero_is_no_trading(tmp_path: Path) -> None:
    async with scoped(tmp_path, "risk:\n  max_notional: 0\n  max_daily_loss: 0\n") as door:
        reasons = await denied_by(door, **AAPL | {"qty": "1"})
        assert reasons == {"ORD-01": (0, "caps"), "POS-02": (0, "caps")}
