"""How orders arrive: when, in whose place, and whether the same one was here before."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass

from gateway.brokers.simulator.admission import DUPLICATE, replace_fault
from gateway.brokers.simulator.rows import order_name, whole
from gateway.brokers.simulator.store import Database, resting
from gateway.domain.execution import Accepted, Rejected
from gateway.domain.order import BrokerOrder


@dataclass(frozen=True, slots=True)
class Arrival:
    """When something comes in, by the market's clock and by the one on the wall."""

    market_us: int
    wall_us: int


@dataclass(frozen=True, slots=True)
class Replacing:
    """Which order is to make room, and what of it was filled when that was decided."""

    broker_client_id: str
    filled_qty: int


def answered(db: Database, broker_client_id: str, content: str) -> Accepted | Rejected | None:
    """What was answered to the order before; ``None`` for one that comes for the first time."""
    known = db.row(
        "SELECT row, content, status, code FROM orders WHERE broker_client_id = ?", broker_client_id
    )
    if known is None:
        return None
    row, stored, status, code = known
    if stored != content:
        return Rejected(DUPLICATE)
    return Rejected(str(code)) if status == "REJECTED" else Accepted(order_name(whole(row)))


def cannot_replace(db: Database, order: BrokerOrder, replacing: Replacing) -> str | None:
    """The code for which it cannot take the other's place as that stands, or ``None``."""
    working = resting(db, "broker_client_id = ?", replacing.broker_client_id)
    return replace_fault(working[0] if working else None, order, replacing.filled_qty)


def content_of(order: BrokerOrder, replacing: Replacing | None) -> str:
    """A digest of everything the order says, to tell a repetition from a second order.

    What it does not say is left out, so that a word which is new changes no digest on file.
    """
    said = asdict(order)
    if order.expires_us is None:
        del said["expires_us"]
    if replacing is not None:
        said["replacing"] = asdict(replacing)
    text = json.dumps(said, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
