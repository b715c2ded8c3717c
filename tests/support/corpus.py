"""The corpus: thousands of documents that every engine must answer with the same bytes.

Made from a seed, so that each run and each machine has the same ones. Five families: orders that
are allowed, orders pushed over the edge of one control at a time (``support.boundaries``), states
whose failures plain arithmetic knows, damaged documents, and things that are no document.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from gateway.domain.quantities import ceil_div, notional_micros
from support.policy_cases import (
    CLASSES,
    Data,
    Document,
    Place,
    at,
    drop,
    no_caps,
    paths,
    put,
    tables,
    venue,
)

SEED: Final = 20261121
INT_MAX: Final = 2**53 - 1
PLAIN: Final = 700
STATES: Final = 400
DAMAGED: Final = 600

BOUNDED: Final[Mapping[str, tuple[Place, str]]] = {
    "ORD-01": (("order", "notional_micros"), "order_notional_max_micros"),
    "ORD-02": (("order", "qty_e8"), "order_qty_max_e8"),
    "ORD-03": (("order", "price_deviation_bps"), "price_collar_max_bps"),
    "ORD-04": (("order", "short_window_deviation_bps"), "price_collar_short_max_bps"),
    "ORD-05": (("order", "long_window_deviation_bps"), "price_collar_long_max_bps"),
    "MKT-01": (("market", "age_ms"), "quote_age_max_ms"),
    "MKT-02": (("market", "spread_bps"), "spread_max_bps"),
    "ACC-02": (("account", "day_loss_micros"), "day_loss_max_micros"),
    "ACC-03": (("projected", "day_turnover_micros"), "day_turnover_max_micros"),
    "POS-01": (("projected", "positions_count"), "positions_max_count"),
    "POS-02": (("projected", "position_notional_micros"), "position_notional_max_micros"),
    "EXP-01": (("projected", "gross_exposure_micros"), "gross_exposure_max_micros"),
    "EXP-02": (("projected", "leverage_bps"), "leverage_max_bps"),
    "EXP-03": (("projected", "sector_exposure_bps"), "sector_exposure_max_bps"),
    "EXP-04": (("projected", "asset_exposure_bps"), "asset_exposure_max_bps"),
    "ACC-04": (("account", "drawdown_bps"), "drawdown_max_bps"),
    "SHT-01": (("projected", "short_notional_micros"), "short_notional_max_micros"),
    "MGN-01": (("projected", "margin_debit_micros"), "margin_debit_max_micros"),
    "MOD-01": (("model", "volatility_e4", "value"), "volatility_index_max_e4"),
    "MOD-03": (("model", "entropy_e4", "value"), "entropy_max_e4"),
    "MOD-04": (("model", "drift_e4", "value"), "drift_max_e4"),
    "MSG-01": (("activity", "messages_1s_count"), "messages_per_second_max_count"),
    "MSG-02": (("activity", "messages_60s_count"), "messages_per_minute_max_count"),
    "DUP-01": (("activity", "identical_60s_count"), "identical_orders_max_count"),
    "REP-01": (("activity", "repeated_300s_count"), "repeated_orders_max_count"),
}
"""The controls that compare one fact with one limit."""

FLOORED: Final[Mapping[str, tuple[Place, str]]] = {
    "MGN-02": (("projected", "initial_margin_bps"), "initial_margin_min_bps"),
    "MGN-03": (("account", "maintenance_margin_bps"), "maintenance_margin_min_bps"),
}
"""The controls that ask for at least as much as one limit."""

BLOCKED_DOWN_TO_ZERO: Final = frozenset({"SHT-01", "MGN-01"})
"""Controls that nothing at all passes even without a limit: nothing is what they block down to."""

_LIMITS: Final = {
    "approval_age_max_ms": 300_000,
    "close_buffer_min_ms": 900_001,
    "price_collar_long_max_bps": 2_003,
    "price_collar_short_max_bps": 1_009,
    "spread_max_bps": 211,
    "venue_age_max_ms": 60_037,
    "crisis_buy_max_bps": 4_999,
    "compliance_notional_max_micros": 600_000_000_019,
    "day_loss_max_micros": 7_500_000_001,
    "day_turnover_max_micros": 2_000_000_000_003,
    "asset_exposure_max_bps": 3_307,
    "drawdown_max_bps": 2_500,
    "exchange_rate_age_max_ms": 3_600_001,
    "initial_margin_min_bps": 5_003,
    "maintenance_margin_min_bps": 2_503,
    "drift_max_e4": 5_003,
    "entropy_max_e4": 8_009,
    "model_age_max_ms": 60_013,
    "gross_exposure_max_micros": 900_000_000_007,
    "leverage_max_bps": 20_001,
    "margin_debit_max_micros": 40_000_000_009,
    "order_notional_max_micros": 500_000_000_011,
    "order_qty_max_e8": 5_000_000_000_000,
    "position_notional_max_micros": 400_000_000_013,
    "positions_max_count": 17,
    "price_collar_max_bps": 611,
    "quote_age_max_ms": 15_019,
    "sector_exposure_max_bps": 4_421,
    "short_notional_max_micros": 1_000_000_023,
    "volatility_index_max_e4": 450_000,
    "messages_per_second_max_count": 41,
    "messages_per_minute_max_count": 701,
    "identical_orders_max_count": 3,
    "repeated_orders_max_count": 1_009,
    "reconciliation_drift_max_bps": 503,
    "rejections_in_a_row_max_count": 7,
}
INDEX: Final[Place] = ("order", "qty_decimals")
"""The one number that Rego looks something up with: see ``test_one_answer``, what is known."""

_FORWARDING: Final = ("SIMULATION", "PAPER", "LIVE")
_NOTHING: Final = "none"


@dataclass(frozen=True, slots=True)
class Case:
    """One document and what is known of its verdict before any engine is asked.

    ``limits`` are changes to the corpus's limits (``None`` takes one away), ``lists`` other lists
    of the release (permissions, restricted symbols); ``failing`` are the
    controls that cannot be proven, or ``None`` where only the engines' agreement is asked.
    ``control``, ``point`` and ``side`` are set where one control is pushed.
    """

    document: Any
    failing: frozenset[str] | None = None
    limits: tuple[tuple[str, int | None], ...] = ()
    lists: tuple[tuple[str, Any], ...] = ()
    control: str = ""
    point: str = ""
    side: str = ""

    @property
    def moved(self) -> bool:
        """Whether it is decided under other data than that of the corpus."""
        return bool(self.limits or self.lists)


def instruments() -> Data:
    """Instruments of every class, at coarse and fine scales, with lots and ticks that bite."""
    rows = {
        "AAPL": ("equity", "Information Technology", "USD", 0, 4, 1, 100),
        "BRK.B": ("equity", "Financials", "USD", 0, 2, 1, 1),
        "7203.T": ("equity", "Consumer Discretionary", "JPY", 0, 1, 100, 5),
        "PENNY": ("equity", "Energy", "USD", 2, 6, 50, 25),
        "VOD-L": ("equity", "S" * 64, "GBP", 0, 4, 10, 50),
        "SPY": ("etf", "Broad Market", "USD", 4, 4, 1, 100),
        "BTC/USD": ("crypto", "Digital Assets", "USD", 8, 2, 1, 1),
        "ETH:EUR": ("crypto", "Digital Assets", "EUR", 8, 8, 1, 1_000),
    }
    names = ("class", "sector", "currency", "qty_decimals", "price_decimals", "lot", "tick")
    more = {"multiplier": 1, "min_notional_micros": 0, "borrow": "easy"}
    return {symbol: dict(zip(names, row, strict=True)) | more for symbol, row in rows.items()}


def data() -> Data:
    """The data of the corpus's release: every limit another number, none of them round."""
    return {
        "base_currency": "USD",
        "limits": tables(dict(_LIMITS)),
        "instruments": instruments(),
        "restricted": {},
        "compliance_symbols": {},
        "permissions": {
            "*": {"principals": {"*": True}, "classes": CLASSES, "extended_hours": False}
        },
    }


def limits_of(case: Case) -> dict[str, int]:
    """The global limits that a case is decided under."""
    changed = dict(_LIMITS) | dict(case.limits)
    return {name: value for name, value in changed.items() if value is not None}


def under_of(case: Case) -> Data:
    """The data that a case is decided under."""
    return data() | {"limits": tables(limits_of(case))} | dict(case.lists)


def plain(rng: random.Random, symbol: str) -> Document:
    """An order in good standing, allowed under :func:`data`; its own sums are right."""
    listed = instruments()[symbol]
    order = _order(rng, symbol, listed)
    mode = rng.choice(("RESEARCH", *_FORWARDING))
    lifted = mode != "RESEARCH" or rng.random() < 0.5
    document = {
        "v": 2,
        "salt": rng.randbytes(16).hex(),
        "ids": {
            "decision_id": f"dec_{rng.getrandbits(48):012x}",
            "order_id": f"ord_{rng.getrandbits(48):012x}",
            "client_order_id": rng.choice((_NOTHING, f"my.order:{rng.getrandbits(20)}")),
            "source_signal_id": rng.choice((_NOTHING, f"sig-{rng.getrandbits(20)}")),
            "principal": rng.choice(("desk", "strategy-a", "x" * 64)),
        },
        "time": _time(rng),
        "order": order,
        "instrument": listed,
        "account": {
            "equity_micros": _amount(rng, 10**13) + 1,
            "cash_micros": rng.choice((1, -1)) * _amount(rng, 10**12),
            "day_loss_micros": _amount(rng, _LIMITS["day_loss_max_micros"]),
            "drawdown_bps": _amount(rng, _LIMITS["drawdown_max_bps"]),
            "maintenance_margin_bps": _least(rng, _LIMITS["maintenance_margin_min_bps"]),
        },
        "rates": _rates(rng, listed["currency"]),
        "market": _market(rng, order, listed),
        "hours": {"open": True, "to_close_ms": _least(rng, _LIMITS["close_buffer_min_ms"])},
        "venue": venue()
        | {
            "extended_hours": order["extended_hours"],
            "age_ms": _amount(rng, _LIMITS["venue_age_max_ms"]),
        },
        "projected": {
            place[1]: _amount(rng, _LIMITS[limit])
            for place, limit in BOUNDED.values()
            if place[0] == "projected"
        }
        | {"initial_margin_bps": _least(rng, _LIMITS["initial_margin_min_bps"])}
        | {"reduces": rng.random() < 0.5},
        "model": _model(rng),
        "control": {
            "mode": mode,
            "omega4_lifted": lifted,
            "halted": False,
            "exit_allowed": rng.random() < 0.5,
        },
        "doubt": {"orders": 0, "anomalies": 0},
        "permission": _permission(rng, mode),
        "overlay": {"restricted": False},
        "caps": no_caps(),
        "activity": activity(rng, order["side"], order["worst_price"]),
    }
    if order["source_run"] != _NOTHING:
        by = rng.choice(("alice", "run-ledger"))
        document["provenance"] = {"source_run": order["source_run"], "attested": True, "by": by}
    if rng.random() < 0.1:
        document["override"] = override("REG-01")
    if order["side"] == "sell" and document["projected"]["short_notional_micros"]:
        order["side"] = "sell_short"
    if rng.random() < 0.1:
        order["replaces"] = f"ord_{rng.getrandbits(48):012x}"
        document["replaced"] = {
            "order_id": order["replaces"],
            "working": True,
            "same": True,
            "filled_qty": rng.randint(0, order["qty"]),
        }
    return _without_some_cash(rng, document)


def override(control: str) -> dict[str, str]:
    """What is said of a signed override that counts for the order."""
    return {"control": control, "override_id": "ovr_" + "0f" * 16, "by": "carol"}


def _order(rng: random.Random, symbol: str, listed: Mapping[str, Any]) -> dict[str, Any]:
    kind = rng.choice(("market", "limit", "stop", "stop_limit"))
    tick, lot = listed["tick"], listed["lot"]
    price = tick * rng.randint(100, 9_000)
    unit = notional_micros(lot, listed["qty_decimals"], price, listed["price_decimals"])
    step_e8 = lot * 10 ** (8 - listed["qty_decimals"])
    lots_max = min(
        _LIMITS["order_notional_max_micros"] // max(unit, 1),
        _LIMITS["order_qty_max_e8"] // step_e8,
    )
    qty = lot * rng.choice((1, rng.randint(1, lots_max), lots_max))
    return {
        "account": rng.choice(("main", "second:eu", "a")),
        "symbol": symbol,
        "side": rng.choice(("buy", "sell")),
        "type": kind,
        "time_in_force": rng.choice(("day", "gtc", "ioc", "fok")),
        "qty": qty,
        "qty_decimals": listed["qty_decimals"],
        "price_decimals": listed["price_decimals"],
        "limit_price": price if "limit" in kind else _NOTHING,
        "stop_price": price - tick if "stop" in kind else _NOTHING,
        "strategy_id": rng.choice((_NOTHING, "mean-reversion_2")),
        "reduce_only": False,
        "extended_hours": rng.random() < 0.1,
        "locate_id": rng.choice((_NOTHING, f"loc-{rng.getrandbits(20)}")),
        "source_run": rng.choice((_NOTHING, f"run-{rng.getrandbits(20)}")),
        "replaces": _NOTHING,
        "qty_e8": qty * 10 ** (8 - listed["qty_decimals"]),
        "worst_price": price,
        "notional_micros": notional_micros(
            qty, listed["qty_decimals"], price, listed["price_decimals"]
        ),
        "price_deviation_bps": 0,  # set with the market
        "short_window_deviation_bps": _amount(rng, _LIMITS["price_collar_short_max_bps"]),
        "long_window_deviation_bps": _amount(rng, _LIMITS["price_collar_long_max_bps"]),
        "equity_share_bps": _amount(rng, _LIMITS["crisis_buy_max_bps"]),
    }


def _market(rng: random.Random, order: dict[str, Any], listed: Mapping[str, Any]) -> dict[str, Any]:
    """A quote near the worst price; the order's deviation from it, rounded up, is within."""
    worst, collar = order["worst_price"], _LIMITS["price_collar_max_bps"]
    last = worst + rng.randint(0, worst * collar // 11_000)
    order["price_deviation_bps"] = ceil_div((last - worst) * 10_000, last)
    spread = rng.choice((0, listed["tick"]))
    return {
        "bid": max(1, last - spread),
        "ask": last + spread,
        "last": last,
        "age_ms": _amount(rng, _LIMITS["quote_age_max_ms"]),
        "spread_bps": _amount(rng, _LIMITS["spread_max_bps"]),
        "source": rng.choice(("primary", "secondary")),
    }


def activity(rng: random.Random, side: str, worst: int) -> dict[str, Any]:
    """Counts within their limits; whoever of the house stands on the other side is not reached."""
    counts = {
        place[1]: max(1, _amount(rng, _LIMITS[limit]))
        for place, limit in BOUNDED.values()
        if place[0] == "activity"
    }
    beyond = worst + rng.randint(1, worst) if side == "buy" else worst - 1
    return counts | {"opposite_price": rng.choice((_NOTHING, beyond))}


def _model(rng: random.Random) -> dict[str, Any]:
    """Models in good health; a volatility of nothing is a broken feed."""
    values: dict[str, Any] = {
        place[1]: _amount(rng, _LIMITS[limit])
        for place, limit in BOUNDED.values()
        if place[0] == "model"
    }
    values["volatility_e4"] = max(1, values["volatility_e4"])
    values["regime"] = rng.choice(("CALM", "NORMAL", "STRESSED", "CRISIS"))
    values |= {"data_integrity": True, "protocol_firing": True}
    return {
        name: {
            "value": value,
            "age_ms": _amount(rng, _LIMITS["model_age_max_ms"]),
            "source": rng.choice(("monitor", "historical", "m" * 64)),
        }
        for name, value in values.items()
    }


def _permission(rng: random.Random, mode: str) -> dict[str, Any]:
    """A manifest of the mode, or anything where none is needed; the account leads to the mode."""
    needed = mode in {"PAPER", "LIVE"}
    standing = needed or rng.random() < 0.5
    orders, notional = (rng.choice((1, INT_MAX, rng.randint(1, 10**6))) for _ in range(2))
    return {
        "standing": standing,
        "mode": mode if needed else rng.choice(("PAPER", "LIVE")) if standing else _NOTHING,
        "epoch": rng.randint(0, 99) if standing else _NOTHING,
        "venue": True,
        "account": needed or rng.random() < 0.5,
        "strategy": needed or rng.random() < 0.5,
        "live_open": mode == "LIVE" or rng.random() < 0.5,
        "exit_open": rng.random() < 0.5,
        "day_orders": rng.choice((1, orders)),
        "day_notional_micros": rng.choice((0, notional)),
        "orders_per_day_max": orders if standing else _NOTHING,
        "notional_per_day_max_micros": notional if standing else _NOTHING,
    }


def _time(rng: random.Random) -> dict[str, Any]:
    wall_us = rng.randint(1_400_000_000_000_000, 1_900_000_000_000_000)
    session = f"{rng.randint(1999, 2035)}-{rng.randint(1, 12):02}-{rng.randint(1, 28):02}"
    return {"wall_us": wall_us, "market_us": wall_us - rng.randint(0, 10**9), "session": session}


def _amount(rng: random.Random, limit: int) -> int:
    """From nothing to the limit, both ends as often as everything between."""
    return rng.choice((0, limit, limit - 1, rng.randint(0, limit), rng.randint(0, limit)))


def _least(rng: random.Random, limit: int) -> int:
    """From a minimum on, both ends as often as everything between."""
    return rng.choice((limit, limit + 1, INT_MAX, rng.randint(limit, 10 * limit)))


def _rates(rng: random.Random, currency: str) -> dict[str, Any]:
    """The rate of the order's currency, and of whatever else the account holds."""
    needed = {currency, *rng.sample(("CHF", "EUR", "NOK"), rng.randint(0, 2))} - {"USD"}
    return {
        name: {
            "rate_e8": rng.choice((1, 10**8, 110_000_003, INT_MAX)),
            "age_ms": _amount(rng, _LIMITS["exchange_rate_age_max_ms"]),
        }
        for name in sorted(needed)
    }


def _without_some_cash(rng: random.Random, document: Document) -> Document:
    """Cash is the one fact that no control compares."""
    return drop(document, ("account", "cash_micros")) if rng.random() < 0.1 else document


def plains(rng: random.Random) -> Iterator[Case]:
    """Allowed orders, instruments in turn."""
    symbols = list(instruments())
    for number in range(PLAIN):
        document = plain(rng, symbols[number % len(symbols)])
        if rng.random() < 0.1:
            end_us = document["time"]["market_us"] + rng.choice((1, 10**6, 90 * 86_400 * 10**6))
            document["order"] |= {"time_in_force": "gtd", "expires_us": end_us}
        yield Case(document, frozenset())


def states(rng: random.Random) -> Iterator[Case]:
    """Accounts in any state: which controls fail is what comparing integers says."""
    for _ in range(STATES):
        document = plain(rng, rng.choice(list(instruments())))
        for control, (place, limit) in BOUNDED.items():
            if control not in {"ORD-01", "ORD-02"} and rng.random() < 0.25:
                bound = _LIMITS[limit]
                pushed = rng.choice((bound + 1, bound, 2 * bound, INT_MAX, INT_MAX - 1))
                document = put(document, place, pushed)
        for place, limit in FLOORED.values():
            if rng.random() < 0.25:
                bound = _LIMITS[limit]
                document = put(document, place, rng.choice((bound - 1, bound, 0, 1, INT_MAX)))
        document = put(document, ("account", "equity_micros"), rng.choice((-INT_MAX, 0, 1, 1)))
        document["control"] |= {"halted": rng.random() < 0.2, "omega4_lifted": rng.random() < 0.8}
        yield Case(document, arithmetic(document))


def arithmetic(document: Document) -> frozenset[str]:
    """What fails in a well-formed document of a listed instrument."""
    failing = {
        control
        for control, (place, limit) in BOUNDED.items()
        if at(document, place) > _LIMITS[limit]
    }
    failing |= {
        control
        for control, (place, limit) in FLOORED.items()
        if at(document, place) < _LIMITS[limit]
    }
    if document["account"]["equity_micros"] <= 0:
        failing.add("ACC-01")
    short = document["projected"]["short_notional_micros"]
    if document["order"]["side"] == "sell" and short:
        failing.add("SHT-02")
    control = document["control"]
    if control["halted"]:
        failing.add("OMEGA-2")
    if control["mode"] != "RESEARCH" and not control["omega4_lifted"]:
        failing.add("OMEGA-4")
    return frozenset(failing)


_ODD: Final[tuple[Any, ...]] = (
    None, True, False, "", "none", "1", "1e3", " 1", "\u0661", "\ud83d\ude00", "x" * 65, [], {},
    [1], {"value": 1}, 0, 1, -1, 0.5, -0.5, -0.0, 1.0, 1000.0, 1e3, 1e-7, 1e22, 2**31, 2**32,
    INT_MAX - 1, INT_MAX, INT_MAX + 1, INT_MAX + 2, -INT_MAX, -INT_MAX - 1, 2**63, 2**64 + 1,
    10**20, 10**400, -(10**400),
)  # fmt: skip
"""What no source of facts gives: other types, other writings of numbers, numbers too large."""


def damaged(rng: random.Random) -> Iterator[Case]:
    """Parts missing, of another type, out of range; one to three of them at a time."""
    base = plain(rng, "AAPL")
    for place in paths(base):
        yield Case(drop(base, place))
        if isinstance(at(base, place), int):
            for near in (INT_MAX - 1, INT_MAX, INT_MAX + 1, -INT_MAX, -INT_MAX - 1):
                yield Case(put(base, place, near))
    for _ in range(DAMAGED):
        document = plain(rng, rng.choice(list(instruments())))
        for _ in range(rng.choice((1, 1, 2, 3))):
            place = rng.choice(list(paths(document)))
            odd = 1.5 if place == INDEX else rng.choice(_ODD)
            document = drop(document, place) if rng.random() < 0.2 else put(document, place, odd)
        yield Case(document)
    for extra in ("extra", "batch", "", "\u00e9"):
        yield Case(put(plain(rng, "SPY"), (extra,), 1))


def no_documents(rng: random.Random) -> Iterator[Case]:
    """JSON that is no document at all, and documents inside of other things."""
    inner = plain(rng, "SPY")
    for odd in (*_ODD, [inner], {"batch": [inner]}, {"input": inner}, {"order": inner["order"]}):
        yield Case(odd)
