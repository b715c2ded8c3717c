"""Step 7: what the entries say must be a story that can have happened.

Nothing is sent without an earlier allow, no decision is spent twice, and every order goes through
its life cycle by the one table.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeVar, cast

from signing.canonical import JsonObject
from signing.lifecycle import LifecycleError, State, state_after
from signing.verification.days import DayCheck
from signing.verification.findings import Findings
from signing.verification.permitted import PermissionCheck
from signing.verification.trades import TradeCheck

STORY = 7

_Value = TypeVar("_Value", str, tuple[str, str])

_EXECUTED: Final = {"sell_short": "sell"}
"""The side of an order's executions, where it is not the order's own."""


@dataclass(slots=True)
class _Order:
    """What the log has told of one order so far."""

    decision_id: str
    broker_client_id: str
    account: str
    state: State
    forwards: bool
    ticket: JsonObject | None
    spent: bool = False
    replaces: str = "none"


class _ImpossibleError(ValueError):
    """An entry that contradicts the entries before it."""


class StoryCheck:
    """Follows orders, halts and releases through the log."""

    def __init__(self, findings: Findings) -> None:
        self._findings = findings
        self._orders: dict[str, _Order] = {}
        self._decisions: set[str] = set()
        self._broker_ids: set[str] = set()
        self._client_ids: set[tuple[str, str]] = set()
        self._trades = TradeCheck()
        # (account, reconciliation id) of every reconciliation.
        self._runs: set[tuple[str, str]] = set()
        self._releases: set[str] = set()
        self._halts: set[str] = set()
        # Halts that stand, by id: None where one covers a part only, else whether it lets
        # positions be reduced by itself.
        self._standing: dict[str, bool | None] = {}
        # Exit-only states: (kind, name) of the scope -> the wall time of its end, None without.
        self._exit_only: dict[tuple[str, str], int | None] = {}
        self._permission = PermissionCheck()
        self._days = DayCheck()

    def take(self, index: int, kind: str, payload: JsonObject, document: JsonObject | None) -> None:
        """Follow one entry.

        Args:
            index: its place in the log.
            kind: its kind.
            payload: its payload, the fields already checked.
            document: a decision's input document, where it is published and matches.
        """
        try:
            _refuse(self._days.take(kind, payload))
            match kind:
                case "release":
                    self._releases.add(payload["release_digest"])
                case "halt":
                    self._halt(payload)
                case "resume":
                    self._resume(payload)
                case "exit-only":
                    self._change_exit_only(payload)
                case "decision":
                    self._decide(payload, document)
                case (
                    "submission"
                    | "execution"
                    | "trade-correction"
                    | "status"
                    | "cancel"
                    | "replace"
                    | "settlement"
                ):
                    self._follow(kind, payload)
                case "anomaly":
                    self._question(payload)
                case "reconciliation" | "correction":
                    self._reconcile(kind, payload)
                case _:
                    _refuse(self._permission.take(kind, payload))
        except (_ImpossibleError, LifecycleError) as error:
            self._findings.fault(STORY, index, str(error))

    def _halt(self, payload: JsonObject) -> None:
        halt_id = payload["halt_id"]
        if halt_id in self._halts:
            raise _ImpossibleError(f"halt {halt_id} was declared before")
        self._halts.add(halt_id)
        total = payload["scope"]["kind"] == "global"
        self._standing[halt_id] = payload["reduce_allowed"] if total else None

    def _resume(self, payload: JsonObject) -> None:
        if payload["halt_id"] not in self._standing:
            raise _ImpossibleError(f"no halt {payload['halt_id']} stands")
        del self._standing[payload["halt_id"]]

    def _change_exit_only(self, payload: JsonObject) -> None:
        scope = (payload["scope"]["kind"], payload["scope"]["name"])
        if payload["opened"]:
            until = payload["until_us"]
            self._exit_only[scope] = None if until == "none" else until
        elif scope not in self._exit_only:
            raise _ImpossibleError("it closes an exit-only state that is not open")
        else:
            del self._exit_only[scope]

    def _passes(self, payload: JsonObject, document: JsonObject | None) -> bool:
        """Whether an allow may be although halts of everything stand: none does, or it is an exit.

        An exit passes where each of them lets positions be reduced, or an exit-only state covers
        it.
        """
        halts = [reduces for reduces in self._standing.values() if reduces is not None]
        return not halts or self._exits(payload, document, let_through=all(halts))

    def _exits(
        self, payload: JsonObject, document: JsonObject | None, *, let_through: bool
    ) -> bool:
        """Whether it is an exit that is let through anyway, or by an exit-only state.

        Without its document it cannot be told whether it reduces, and what covers it.
        """
        if document is None:
            return let_through or bool(self._exit_only)
        order, projected, time = (
            _section(document, name) for name in ("order", "projected", "time")
        )
        if order.get("reduce_only") is not True or projected.get("reduces") is not True:
            return False
        at_us, covering = time.get("wall_us"), {("global", "*"), ("account", payload["account"])}
        covering |= {("symbol", order.get("symbol")), ("strategy", order.get("strategy_id"))}
        return let_through or any(
            scope in covering and (until is None or (isinstance(at_us, int) and at_us < until))
            for scope, until in self._exit_only.items()
        )

    def _decide(self, payload: JsonObject, document: JsonObject | None) -> None:
        order_id = payload["order_id"]
        current = self._orders.get(order_id)
        state = state_after(current.state if current else None, "decision", payload)
        self._orders[order_id] = _Order(
            decision_id=payload["decision_id"],
            broker_client_id=payload["broker_client_id"],
            account=payload["account"],
            state=state,
            forwards=payload["allow"] and payload["mode"] != "RESEARCH",
            ticket=document["order"] if document else None,
            replaces=payload.get("replaces", "none"),
        )
        self._claim(self._decisions, payload["decision_id"], "decision id")
        self._claim(self._broker_ids, payload["broker_client_id"], "broker client id")
        if payload["client_order_id"] != "none":
            pair = (payload["principal"], payload["client_order_id"])
            if pair in self._client_ids:
                raise _ImpossibleError("its principal used this client order id before")
            self._client_ids.add(pair)
        if payload["release_digest"] not in self._releases:
            raise _ImpossibleError("it names a release that was not accepted before it")
        if document is not None:
            replaces = _section(document, "order").get("replaces", "none")
            if payload.get("replaces", "none") != replaces:
                raise _ImpossibleError("its document names another order to replace")
        if payload["allow"] and not self._passes(payload, document):
            raise _ImpossibleError("it allows while a halt of everything stands")
        if payload["allow"]:
            exits = self._exits(payload, document, let_through=False)
            at_us = _section(document or {}, "time").get("wall_us")
            wall_us = at_us if isinstance(at_us, int) else None
            _refuse(self._permission.forbids(payload, wall_us=wall_us, exits=exits))

    def _reconcile(self, kind: str, payload: JsonObject) -> None:
        """What reconciliation corrects, it corrects in a run that is on the record before it."""
        run = (payload["account"], payload["reconciliation_id"])
        if kind == "reconciliation":
            self._claim(self._runs, run, "reconciliation id")
        elif run[1] != "none" and run not in self._runs:
            raise _ImpossibleError("it names a reconciliation that is not before it")

    @staticmethod
    def _claim(taken: set[_Value], value: _Value, what: str) -> None:
        if value in taken:
            raise _ImpossibleError(
                f"the {what} {value if isinstance(value, str) else value[1]} was used before"
            )
        taken.add(value)

    def _follow(self, kind: str, payload: JsonObject) -> None:
        order = self._orders.get(payload["order_id"])
        if order is None:
            raise _ImpossibleError(f"a {kind} of an order that was never decided")
        if payload["broker_client_id"] != order.broker_client_id:
            raise _ImpossibleError(f"the {kind} names another broker client id than the decision")
        if payload.get("decision_id", order.decision_id) != order.decision_id:
            raise _ImpossibleError(f"the {kind} names another decision than the order's")
        if kind != "cancel" and not order.forwards:
            raise _ImpossibleError(f"a {kind} without an earlier allow that forwards")
        leaves = None
        if kind in {"submission", "settlement"}:
            self._spend(kind, order)
        elif kind == "execution":
            leaves = self._fill(payload, order)
        elif kind == "trade-correction":
            _refuse(self._trades.correct(payload, order.account))
        elif kind == "replace":
            self._check_successor(payload)
        order.state = state_after(order.state, kind, payload, leaves=leaves)

    @staticmethod
    def _spend(kind: str, order: _Order) -> None:
        """A decision is sent once, and never after its order was settled."""
        if kind == "submission" and order.spent:
            raise _ImpossibleError("the decision was spent before")
        order.spent = True

    def _fill(self, payload: JsonObject, order: _Order) -> int | None:
        """Count an execution; return what remains of the order, None where that is not known."""
        _refuse(self._trades.execute(payload, order.account))
        if payload["account"] != order.account:
            raise _ImpossibleError("the execution is in another account than its order")
        ticket = order.ticket
        if ticket is None:
            return None
        for name in ("symbol", "side", "qty_decimals"):
            stated = ticket.get(name)
            if payload[name] != _EXECUTED.get(str(stated), stated):
                raise _ImpossibleError(f"the execution's {name} is not the order's")
        quantity = ticket.get("qty")
        if not isinstance(quantity, int):
            raise _ImpossibleError("the order's document has no quantity")
        return quantity - self._trades.filled(order.broker_client_id)

    def _check_successor(self, payload: JsonObject) -> None:
        successor = self._orders.get(payload["by_order_id"])
        if successor is None or successor.replaces != payload["order_id"]:
            raise _ImpossibleError("no decision before it takes the order's place")

    def _question(self, payload: JsonObject) -> None:
        """An anomaly changes nothing by itself, but it is of an order as it stands."""
        if payload["order_id"] == "none":
            return
        order = self._orders.get(payload["order_id"])
        if order is None or payload["broker_client_id"] != order.broker_client_id:
            raise _ImpossibleError("it is of an order that was never decided")
        if payload["state"] != order.state:
            raise _ImpossibleError(f"it is of an order that is {payload['state']}")


def _refuse(why: str | None) -> None:
    if why is not None:
        raise _ImpossibleError(why)


def _section(document: JsonObject, name: str) -> JsonObject:
    """A part of an input document; empty where there is none."""
    found = document.get(name)
    return cast("JsonObject", found) if isinstance(found, dict) else {}
