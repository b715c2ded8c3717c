"""Adds up a published log by itself and says where it breaks a promise about limits and forwards.

    python -I -S limitcheck.py LOG_FOLDER

It shares no code with the gateway or its verifier and needs nothing but Python. It does not ask
whether the log is signed or complete (other verifiers do); it reads what the entries say and the
documents that they name, and keeps books of its own:

  - after each allowed order, the worst case of what an account holds and works stays within the
    release's limits on position notional, gross exposure, day turnover and margin debit;
  - no decision id, order id, broker client id or caller's own id is used by two decisions;
  - no order is allowed while a halt covers it, from the halt's entry to that of its end;
  - an order that a broker took although a cancelling halt stands is cancelled afterwards;
  - what was sent, filled or settled was allowed before, under the same ids, and sent once;
  - no order fills for more than was allowed.

Prints one line for each breach, then a line of counts; the exit status is 1 if there was any.
Amounts are exact fractions. The order that is judged counts at its own worst price, the others
at theirs and at the last price that the order's own document names.
"""

import base64
import hashlib
import json
import sys
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

Payload = dict[str, Any]

MICROS = 1_000_000
FULL = 256
OVER = {"FILLED", "CANCELED", "EXPIRED", "REJECTED", "DONE_FOR_DAY"}
ENDS = {"rejected", "refused"}
ABSENT = {"rejected", "absent", "voided"}


def bundles(folder: Path) -> Iterator[tuple[str, Payload]]:
    """The entries under the checkpoint, as (kind, payload)."""
    size = int((folder / "checkpoint").read_text().splitlines()[1])
    for number in range(-(-size // FULL)):
        name = f"{number % 1000:03d}"
        rest = number // 1000
        while rest:
            name, rest = f"x{rest % 1000:03d}/{name}", rest // 1000
        width = min(FULL, size - number * FULL)
        path = folder / "tile" / "entries" / name
        if width < FULL:
            path = path.with_name(path.name + ".p") / str(width)
        data, at = path.read_bytes(), 0
        while at < len(data):
            end = at + 2 + data[at] * 256 + data[at + 1]
            envelope = json.loads(data[at + 2 : end])
            kind = envelope["payloadType"].removeprefix("application/vnd.writ.").split(".")[0]
            yield kind, json.loads(base64.b64decode(envelope["payload"]))
            at = end


class Order:
    """An allowed order: what is left of it, and the highest price that it may reach."""

    def __init__(self, decision: str, order: Payload) -> None:
        self.decision = decision
        self.account, self.symbol, self.side = order["account"], order["symbol"], order["side"]
        self.strategy = order.get("strategy_id", "none")
        self.qty = Fraction(order["qty"], 10 ** order["qty_decimals"])
        self.price = Fraction(order["worst_price"], 10 ** order["price_decimals"])
        self.filled = Fraction(0)
        self.sent: int | None = None
        self.over, self.cancelled = False, False

    @property
    def left(self) -> Fraction:
        return Fraction(0) if self.over else max(Fraction(0), self.qty - self.filled)


class Account:
    """Cash, positions and what was traded today, from statements, days and executions."""

    def __init__(self, cash: Fraction) -> None:
        self.cash, self.turnover = cash, Fraction(0)
        self.positions: dict[str, Fraction] = {}


class Check:
    """One pass over a log."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.breaches: list[str] = []
        self.accounts: dict[str, Account] = {}
        self.orders: dict[str, Order] = {}
        self.halts: dict[str, Payload] = {}
        self.used: dict[str, dict[Any, int]] = {
            "decision_id": {},
            "order_id": {},
            "broker_client_id": {},
            "caller": {},
        }
        self.limits: dict[str, int] = {}
        self.at = 0
        self.owed: dict[str, Order] = {}
        self.counts = {"entries": 0, "allowed": 0, "denied": 0, "sent": 0, "fills": 0}

    def breach(self, text: str) -> None:
        self.breaches.append(f"entry {self.at}: {text}")

    def blob(self, digest: str) -> Payload:
        data = (self.folder / "blobs" / digest).read_bytes()
        if hashlib.sha256(data).hexdigest() != digest:
            self.breach(f"document {digest} is not what its name says")
        return json.loads(data)

    def run(self) -> list[str]:
        for index, (kind, payload) in enumerate(bundles(self.folder)):
            self.at = index
            self.counts["entries"] += 1
            handler = getattr(self, "on_" + kind, None)
            if handler:
                handler(payload)
        for order in self.owed.values():
            if not (order.over or order.cancelled):
                self.breach(f"{order.decision} was taken under a halt and never cancelled")
        return self.breaches

    # ---- what the account is and what rules

    def on_release(self, payload: Payload) -> None:
        tables = self.blob(payload["data_digest"]).get("limits", {})
        self.limits = tables.get("global", {})

    def on_statement(self, payload: Payload) -> None:
        account = Account(Fraction(payload["cash_micros"], MICROS))
        for symbol, held in payload["positions"].items():
            account.positions[symbol] = Fraction(held["qty"], 10 ** held["qty_decimals"])
        self.accounts[payload["account"]] = account

    def on_day(self, payload: Payload) -> None:
        self.accounts[payload["account"]].turnover = Fraction(0)

    def on_halt(self, payload: Payload) -> None:
        self.halts[payload["halt_id"]] = payload

    def on_resume(self, payload: Payload) -> None:
        if self.halts.pop(payload["halt_id"], None) is None:
            self.breach(f"a resume of {payload['halt_id']}, which did not stand")

    # ---- orders

    def on_decision(self, payload: Payload) -> None:
        caller = (payload["principal"], payload["client_order_id"])
        names = {key: payload[key] for key in ("decision_id", "order_id", "broker_client_id")}
        if payload["client_order_id"] != "none":
            names["caller"] = caller
        for key, value in names.items():
            first = self.used[key].setdefault(value, self.at)
            if first != self.at:
                self.breach(f"{key} {value} was used by entry {first}")
        self.counts["allowed" if payload["allow"] else "denied"] += 1
        if not payload["allow"]:
            return
        document = self.blob(payload["input_digest"])
        order = Order(payload["decision_id"], document["order"])
        for halt in self.standing(order):
            self.breach(f"{order.decision} is allowed under halt {halt['halt_id']}")
        if payload["mode"] == "RESEARCH":
            return
        self.orders[payload["order_id"]] = order
        self.judge(order, document)

    def standing(self, order: Order) -> Iterator[Payload]:
        names = {"account": order.account, "symbol": order.symbol, "strategy": order.strategy}
        for halt in self.halts.values():
            scope = halt["scope"]
            if scope["kind"] == "global" or names[scope["kind"]] == scope["name"]:
                yield halt

    def judge(self, order: Order, document: Payload) -> None:
        """The worst case with this order in it, against each limit."""
        account = self.accounts[order.account]
        scale = 10 ** document["order"]["price_decimals"]
        last = {order.symbol: Fraction(document["market"]["last"], scale)}
        working = [o for o in self.orders.values() if o.account == order.account and o.left]
        bought = sum((o.left * o.price for o in working if o.side == "buy"), Fraction(0))
        sold = sum(
            (
                o.left * max(o.price, last.get(o.symbol, o.price))
                for o in working
                if o.side == "sell"
            ),
            Fraction(0),
        )
        exposure = {}
        for symbol in {o.symbol for o in working} | {s for s, q in account.positions.items() if q}:
            mine = [o for o in working if o.symbol == symbol]
            held = account.positions.get(symbol, Fraction(0))
            long = held + sum(o.left for o in mine if o.side == "buy")
            short = held - sum(o.left for o in mine if o.side == "sell")
            price = max([last.get(symbol, Fraction(0)), *(o.price for o in mine)])
            exposure[symbol] = max(abs(long), abs(short)) * price
        debit = max(Fraction(0), bought - account.cash) if order.side == "buy" else Fraction(0)
        figures = {
            "position_notional_max_micros": exposure.get(order.symbol, Fraction(0)),
            "gross_exposure_max_micros": sum(exposure.values(), Fraction(0)),
            "day_turnover_max_micros": account.turnover + bought + sold,
            "margin_debit_max_micros": debit,
        }
        for name, value in figures.items():
            limit = self.limits.get(name)
            if limit is None or value * MICROS > limit:
                self.breach(f"{order.decision}: {name}: {value * MICROS} is over {limit}")

    def known(self, payload: Payload, kind: str) -> Order | None:
        """The allowed order that an entry is about."""
        order = self.orders.get(payload["order_id"])
        if order is None:
            self.breach(f"{kind} of {payload['order_id']}, which was not allowed before")
        return order

    def on_submission(self, payload: Payload) -> None:
        order = self.known(payload, "submission")
        if order is None:
            return
        if payload["decision_id"] != order.decision:
            self.breach(f"{order.decision} is submitted under {payload['decision_id']}")
        if self.used["broker_client_id"].get(payload["broker_client_id"]) is None:
            self.breach(f"{order.decision} was sent under an id of nobody's")
        if order.sent is not None:
            self.breach(f"{order.decision} was submitted at entry {order.sent} already")
        order.sent = self.at
        order.over = payload["outcome"] in ENDS
        if payload["outcome"] != "refused":
            self.counts["sent"] += 1
            if not order.over and any(halt["cancels"] for halt in self.standing(order)):
                self.owed[payload["order_id"]] = order

    def on_execution(self, payload: Payload) -> None:
        order = self.known(payload, "execution")
        if order is None:
            return
        self.counts["fills"] += 1
        if order.sent is None:
            self.breach(f"{order.decision} fills and was not submitted")
        qty = Fraction(payload["qty"], 10 ** payload["qty_decimals"])
        value = qty * Fraction(payload["price"], 10 ** payload["price_decimals"])
        order.filled += qty
        if order.filled > order.qty:
            self.breach(f"{order.decision} fills for more than was allowed")
        account = self.accounts[order.account]
        signed = qty if payload["side"] == "buy" else -qty
        account.positions[order.symbol] = account.positions.get(order.symbol, Fraction(0)) + signed
        account.cash -= (value if signed > 0 else -value) + Fraction(payload["fee_micros"], MICROS)
        account.turnover += value

    def on_status(self, payload: Payload) -> None:
        order = self.known(payload, "status")
        if order is not None and payload["status"] in OVER:
            order.over = True

    def on_settlement(self, payload: Payload) -> None:
        order = self.known(payload, "settlement")
        if order is not None and payload["outcome"] in ABSENT:
            order.over = True

    def on_cancel(self, payload: Payload) -> None:
        order = self.known(payload, "cancel")
        if order is not None:
            order.cancelled = True


def main() -> None:
    check = Check(Path(sys.argv[1]))
    breaches = check.run()
    counts = " ".join(f"{name}={count}" for name, count in check.counts.items())
    sys.stdout.write("\n".join([*breaches, counts]) + "\n")
    sys.exit(1 if check.breaches else 0)


if __name__ == "__main__":
    main()
