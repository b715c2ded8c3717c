"""Step 7: what the entries say must be a story that can have happened.

Nothing is sent without an earlier allow, no decision is spent twice, and every order goes through
its life cycle by the one table.
"""

from __future__ import annotations

from dataclasses import dataclass

from signing.canonical import JsonObject
from signing.lifecycle import LifecycleError, State, state_after
from signing.verification.findings import Findings

STORY = 7


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
    filled: int = 0


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
        self._executions: set[tuple[str, str]] = set()
        self._releases: set[str] = set()
        self._halts: set[str] = set()
        # Halts of everything that leave no way to trade, by id.
        self._standing: dict[str, bool] = {}

    def take(self, index: int, kind: str, payload: JsonObject, document: JsonObject | None) -> None:
        """Follow one entry.

        Args:
            index: its place in the log.
            kind: its kind.
            payload: its payload, the fields already checked.
            document: a decision's input document, where it is published and matches.
        """
        try:
            match kind:
                case "release":
                    self._releases.add(payload["release_digest"])
                case "halt":
                    self._halt(payload)
                case "resume":
                    self._resume(payload)
                case "decision":
                    self._decide(payload, document)
                case "submission" | "execution" | "status" | "cancel" | "settlement":
                    self._follow(kind, payload)
                case _:
                    pass
        except (_ImpossibleError, LifecycleError) as error:
            self._findings.fault(STORY, index, str(error))

    def _halt(self, payload: JsonObject) -> None:
        halt_id = payload["halt_id"]
        if halt_id in self._halts:
            raise _ImpossibleError(f"halt {halt_id} was declared before")
        self._halts.add(halt_id)
        total = payload["scope"]["kind"] == "global" and not payload["reduce_allowed"]
        self._standing[halt_id] = total

    def _resume(self, payload: JsonObject) -> None:
        if self._standing.pop(payload["halt_id"], None) is None:
            raise _ImpossibleError(f"no halt {payload['halt_id']} stands")

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
        if payload["allow"] and any(self._standing.values()):
            raise _ImpossibleError("it allows while a halt of everything stands")

    @staticmethod
    def _claim(taken: set[str], value: str, what: str) -> None:
        if value in taken:
            raise _ImpossibleError(f"the {what} {value} was used before")
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
        order.state = state_after(order.state, kind, payload, leaves=leaves)

    @staticmethod
    def _spend(kind: str, order: _Order) -> None:
        """A decision is sent once, and never after its order was settled."""
        if kind == "submission" and order.spent:
            raise _ImpossibleError("the decision was spent before")
        order.spent = True

    def _fill(self, payload: JsonObject, order: _Order) -> int | None:
        """Count an execution; return what remains of the order, None where that is not known."""
        key = (payload["broker_client_id"], payload["execution_id"])
        if key in self._executions:
            raise _ImpossibleError("the execution was entered before")
        self._executions.add(key)
        if payload["account"] != order.account:
            raise _ImpossibleError("the execution is in another account than its order")
        ticket = order.ticket
        if ticket is None:
            return None
        for name in ("symbol", "side", "qty_decimals"):
            if payload[name] != ticket.get(name):
                raise _ImpossibleError(f"the execution's {name} is not the order's")
        order.filled += payload["qty"]
        quantity = ticket.get("qty")
        if not isinstance(quantity, int):
            raise _ImpossibleError("the order's document has no quantity")
        return quantity - order.filled
