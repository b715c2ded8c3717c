"""Real published logs, built without the gateway: signed entries, tiles, bundles, documents.

`make_log` writes a sound log with every kind of entry. `LogBuilder` writes whatever a test wants,
sound or not, and can publish step by step as a gateway would.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from signing import canonical
from signing.checkpoint import Checkpoint, sign_checkpoint
from signing.envelope import open_envelope, seal
from signing.inferred import inferred_id
from signing.keys import Ed25519Signer, PublicKey, Vkey
from signing.merkle import Tree, leaf_hash
from signing.receipt import encode_permit, encode_receipt
from signing.tiles import FULL, changed, encode_bundle, tile_bytes

ORIGIN = "writ.example/log"
HEX = "ab" * 32
START_US = 1_440_000_000_000_000
HOUR_US = 3_600_000_000
CONTROLS = ["OMEGA-2", "OMEGA-4", "ORD-01"]

Payload = dict[str, Any]


@dataclass
class LogBuilder:
    """A log in memory, and the folder that it is published to."""

    directory: Path
    origin: str = ORIGIN
    log_signer: Ed25519Signer = field(default_factory=lambda: seeded(1))
    identity: Ed25519Signer = field(default_factory=lambda: seeded(2))
    decider: Ed25519Signer = field(default_factory=lambda: seeded(3))
    at_us: int = START_US
    entries: list[bytes] = field(default_factory=list[bytes])
    tree: Tree = field(default_factory=Tree)
    published: int = 0

    @property
    def vkey(self) -> Vkey:
        return Vkey(self.origin, self.log_signer.public)

    def add(
        self, kind: str, payload: Mapping[str, Any], signer: Ed25519Signer | None = None
    ) -> int:
        """Append an entry a millisecond after the last; fields given as `at_us` stand."""
        self.at_us += 1_000
        return self.add_bytes(seal(kind, {"at_us": self.at_us, **payload}, signer or self.decider))

    def add_bytes(self, entry: bytes) -> int:
        self.entries.append(entry)
        return self.tree.append(leaf_hash(entry))

    def begin(self) -> None:
        """Genesis, certificate, release, mode, the lifted Omega 4, a statement."""
        self.add("genesis", self.genesis(), self.identity)
        self.add("certificate", self.certificate(self.decider.public), self.identity)
        self.add("release", self.release())
        self.add("mode", {"mode": "SIMULATION", "by": "configuration"})
        self.add(
            "omega4",
            {"lifted": True, "by": "alice", "reason": "a test of ours", "until_us": "none"},
        )
        self.add(
            "statement",
            {
                "account": "main",
                "broker": "simulator",
                "cash_micros": 100_000_000_000,
                "positions": {"AAPL": {"qty": 10, "qty_decimals": 0}},
                "source": "start",
            },
        )

    def genesis(self) -> Payload:
        return {
            "origin": self.origin,
            "log_key": self.log_signer.public.hex,
            "identity_key": self.identity.public.hex,
        }

    def certificate(self, key: PublicKey, hours: int = 24) -> Payload:
        return {
            "decision_key": key.hex,
            "not_before_us": self.at_us,
            "not_after_us": self.at_us + hours * HOUR_US,
        }

    def rotate(
        self,
        number: int,
        *,
        revoked: bool = False,
        signer: Ed25519Signer | None = None,
        certified: Ed25519Signer | None = None,
    ) -> int:
        """Bring in identity key `number`; it certifies the decider, or another key from then on.

        The entry is sealed by who has to seal it, unless by a `signer` of the test's choice.
        """
        coming = seeded(number)
        sealed_by = signer or (coming if revoked else self.identity)
        index = self.add("identity", identity(coming.public.hex, revoked=revoked), sealed_by)
        self.identity, self.decider = coming, certified or self.decider
        self.add("certificate", self.certificate(self.decider.public), coming)
        return index

    def release(self) -> Payload:
        """A release whose documents are published."""
        names = ("release", "bundle", "wasm", "data")
        digests = {
            f"{name}_digest": self.publish_document(f"the {name}".encode()) for name in names
        }
        return {**digests, "revision": "r1", "label": "unsigned", "by": "configuration"}

    def decision(self, number: int, *, allow: bool = True, **changes: object) -> Payload:
        """A decision on order `number`, its input document published; `changes` replace fields."""
        payload = decision_payload(number, allow=allow)
        payload["release_digest"] = canonical.digest(b"the release")
        body = document(number)
        body["ids"] |= {name: changes[name] for name in body["ids"].keys() & changes.keys()}
        body["order"] |= {name: changes[name] for name in {"replaces"} & changes.keys()}
        payload["input_digest"] = self.publish_document(canonical.encode(body))
        return {**payload, **changes}

    def decide(self, number: int, *, allow: bool = True, **changes: object) -> int:
        return self.add("decision", self.decision(number, allow=allow, **changes))

    def submit(self, number: int, outcome: str = "accepted", **changes: object) -> int:
        return self.add("submission", {**submission(number, outcome), **changes})

    def execute(self, number: int, qty: int, part: int = 1, **changes: object) -> int:
        return self.add("execution", {**execution(number, qty, part), **changes})

    def publish_document(self, data: bytes) -> str:
        digest = canonical.digest(data)
        path = self.directory / "blobs" / digest
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return digest

    def checkpoint(self, size: int | None = None) -> bytes:
        count = self.tree.size if size is None else size
        root = self.tree.root(count)
        return sign_checkpoint(Checkpoint(self.origin, count, root), self.log_signer)

    def publish_tiles(self, size: int | None = None) -> int:
        """Write what a log of `size` entries adds to what is published; not the checkpoint."""
        count = self.tree.size if size is None else size
        for name in changed(self.published, count):
            start = name.index * FULL
            if name.level == "entries":
                data = encode_bundle(self.entries[start : start + name.width])
            else:
                data = tile_bytes(self.tree, name.level, name.index, name.width)
            path = self.directory / name.path
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        self.published = count
        return count

    def publish(self, size: int | None = None) -> None:
        """Publish everything up to `size`, the checkpoint last."""
        self.directory.mkdir(parents=True, exist_ok=True)
        count = self.publish_tiles(size)
        (self.directory / "checkpoint").write_bytes(self.checkpoint(count))

    def receipt(self, index: int, size: int | None = None) -> bytes:
        proof = self.tree.inclusion_proof(index, size)
        return encode_receipt(self.entries[index], index, proof, self.checkpoint(size))

    def permit(self, index: int) -> bytes:
        """The bytes of a permit for the decision at `index`, with its published document."""
        digest = open_envelope(self.entries[index]).payload["input_digest"]
        return encode_permit(self.receipt(index), (self.directory / "blobs" / digest).read_bytes())


def seeded(number: int) -> Ed25519Signer:
    """A key that is the same in every run."""
    return Ed25519Signer.from_seed(bytes([number]) * 32)


def document(number: int, qty: int = 100) -> Payload:
    """The input document of order `number`."""
    return {
        "v": 1,
        "salt": f"{number:032x}",
        "ids": {
            "decision_id": f"d{number}",
            "order_id": f"o{number}",
            "client_order_id": f"c{number}",
            "principal": "strategy",
        },
        "order": {
            "account": "main",
            "symbol": "AAPL",
            "side": "buy",
            "type": "market",
            "time_in_force": "day",
            "qty": qty,
            "qty_decimals": 0,
        },
    }


def decision_payload(number: int, *, allow: bool = True) -> Payload:
    passed = CONTROLS if allow else CONTROLS[:2]
    reasons = [] if allow else [{"control": "ORD-01", "observed": 2, "limit": 1}]
    return {
        "decision_id": f"d{number}",
        "order_id": f"o{number}",
        "account": "main",
        "principal": "strategy",
        "client_order_id": f"c{number}",
        "broker_client_id": f"W-{number}",
        "mode": "SIMULATION",
        "label": "none",
        "market_us": START_US,
        "input_digest": canonical.digest(canonical.encode(document(number))),
        "release_digest": canonical.digest(b"the release"),
        "engine": {"name": "opa-wasm", "version": "1.21.3"},
        "allow": allow,
        "verdict": {
            "allow": allow,
            "required": CONTROLS,
            "passed": passed,
            "reasons": reasons,
            "proofs": [{"control": control} for control in passed],
            "halts": [],
            "door": {
                "approval_age_max_ms": 300_000,
                "close_buffer_min_ms": 900_000,
                "quote_age_max_ms": 15_000,
                "spread_max_bps": 200,
            },
        },
        "failure": "none",
    }


def submission(number: int, outcome: str = "accepted") -> Payload:
    return {
        "decision_id": f"d{number}",
        "order_id": f"o{number}",
        "broker_client_id": f"W-{number}",
        "broker": "simulator",
        "outcome": outcome,
        "code": "none",
        "broker_order_id": f"b{number}" if outcome == "accepted" else "none",
    }


def execution(number: int, qty: int, part: int = 1) -> Payload:
    return {
        "order_id": f"o{number}",
        "broker_client_id": f"W-{number}",
        "execution_id": f"e{part}",
        "account": "main",
        "symbol": "AAPL",
        "side": "buy",
        "qty": qty,
        "qty_decimals": 0,
        "price": 10_350,
        "price_decimals": 2,
        "fee_micros": 1_000_000,
        "market_us": START_US,
        "session": "2015-08-20",
    }


def status(number: int, state: str) -> Payload:
    return {
        "order_id": f"o{number}",
        "broker_client_id": f"W-{number}",
        "status": state,
        "code": "none",
        "source": "stream",
    }


def cancel(number: int) -> Payload:
    return {
        "order_id": f"o{number}",
        "broker_client_id": f"W-{number}",
        "by": "alice",
        "cause": "requested",
        "market_us": START_US,
    }


def settlement(number: int, outcome: str) -> Payload:
    return {
        "order_id": f"o{number}",
        "decision_id": f"d{number}",
        "broker_client_id": f"W-{number}",
        "outcome": outcome,
        "evidence": "queried",
    }


def replacement(number: int, by: int) -> Payload:
    return {
        "order_id": f"o{number}",
        "broker_client_id": f"W-{number}",
        "by_order_id": f"o{by}",
        "by": "strategy",
        "market_us": START_US,
    }


def trade_correction(number: int, *, of: int, before: int, cum_qty: int) -> Payload:
    """The bust of the execution `of`, which had been `before`."""
    told = execution(number, before, of)
    kept = ("order_id", "broker_client_id", "account", "symbol", "side", "qty_decimals")
    same = (*kept, "price_decimals", "market_us", "session")
    return {name: told[name] for name in same} | {
        "execution_id": f"c{of}",
        "of_execution_id": told["execution_id"],
        "cause": "bust",
        "qty_before": before,
        "qty_after": 0,
        "price_before": told["price"],
        "price_after": 0,
        "fee_change_micros": -1_000_000,
        "cum_qty": cum_qty,
    }


def anomaly(number: int, state: str) -> Payload:
    return {
        "order_id": f"o{number}",
        "account": "main",
        "broker": "simulator",
        "broker_client_id": f"W-{number}",
        "told": "status",
        "code": "ILLEGAL_STATUS",
        "state": state,
    }


def external() -> Payload:
    return {
        "account": "main",
        "broker": "simulator",
        "broker_order_id": "theirs-1",
        "broker_client_id": "none",
        "symbol": "AAPL",
        "side": "sell",
        "status": "ACKNOWLEDGED",
        "qty": 5,
        "filled_qty": 0,
        "qty_decimals": 0,
        "limit_price": 11_000,
        "price_decimals": 2,
    }


def correction() -> Payload:
    return {
        "account": "main",
        "broker": "simulator",
        "cause": "UNEXPLAINED_POSITION",
        "reconciliation_id": "rec_1",
        "by": "reconciliation",
        "cash": {"before_micros": 5, "after_micros": 6},
        "positions": {"AAPL": {"before": 10, "after": 12, "qty_decimals": 0}},
    }


def reconciliation() -> Payload:
    return {
        "reconciliation_id": "rec_1",
        "account": "main",
        "broker": "simulator",
        "cause": "periodic",
        "outcome": "corrected",
        "orders": 3,
        "positions": 1,
        "differences": 1,
        "drift_bps": 12,
        "by": "reconciliation",
    }


def feed() -> Payload:
    return {
        "symbol": "AAPL",
        "source": "secondary",
        "cause": "STALE",
        "age_ms": 15_001,
        "market_us": START_US,
    }


def halt(number: int, **changes: object) -> Payload:
    return {
        "halt_id": f"h{number}",
        "scope": {"kind": "global", "name": "*"},
        "cause": "OMEGA2_VOLATILITY",
        "cancels": True,
        "reduce_allowed": False,
        "clear_by": "operator",
        "by": "triggers",
        "observed": 407_400,
        "limit": 400_000,
        **changes,
    }


def resume(number: int) -> Payload:
    return {"halt_id": f"h{number}", "by": "alice", "reason": "the market is calm again"}


def exit_only(*, opened: bool = True, **changes: object) -> Payload:
    return {
        "opened": opened,
        "scope": {"kind": "global", "name": "*"},
        "by": "alice",
        "reason": "positions have to go",
        "until_us": "none",
        **changes,
    }


def tell(log: LogBuilder, number: int) -> None:
    """One order's story, another one for each of five numbers in a row."""
    log.decide(number, allow=number % 5 != 4)
    match number % 5:
        case 0:
            log.submit(number)
            log.execute(number, 40, 1)
            log.execute(number, 60, 2)
        case 1:
            log.submit(number)
            log.execute(number, 30)
            log.add("cancel", cancel(number))
            log.add("status", status(number, "CANCELED"))
        case 2:
            log.submit(number, "unknown")
            log.add("settlement", settlement(number, "adopted"))
            log.execute(number, 100)
        case 3:
            log.submit(number, "refused", code="approval-age")
        case _:
            pass


def tell_of_two(log: LogBuilder, number: int, other: int) -> None:
    """An order that another one takes the place of; of that, a trade is corrected afterwards."""
    log.decide(number)
    log.submit(number)
    log.decide(other, replaces=f"o{number}")
    log.add("replace", replacement(number, other))
    log.submit(other)
    log.add("status", status(number, "REPLACED"))
    log.execute(other, 40, source="inferred", execution_id=inferred_id("main", f"W-{other}", 40))
    log.execute(other, 60, 2, merged_qty=40)
    log.add("trade-correction", trade_correction(other, of=2, before=60, cum_qty=0))
    log.add("anomaly", anomaly(other, "ACKNOWLEDGED"))
    log.add("settlement", settlement(other, "canceled") | {"by": "alice", "reason": "asked them"})


def make_log(directory: Path, decisions: int = 20) -> Vkey:
    """Publish a sound log of `decisions` decisions, every fifth a denial; return its key.

    From 10 decisions on it holds every kind of entry.
    """
    log = LogBuilder(directory)
    log.begin()
    for number in range(decisions):
        if number == 9:
            log.add("halt", halt(number))
            log.decide(number, allow=False)
            log.add("exit-only", exit_only())
            log.add("exit-only", exit_only(opened=False))
            log.add("resume", resume(number))
            log.add("day", day())
            log.add("trust", trust())
            log.add("manifest", manifest())
            log.add("unlock", unlock())
            log.add("lapse", lapse())
            log.add("external", external())
            log.add("reconciliation", reconciliation())
            log.add("correction", correction())
            log.add("feed", feed())
        elif (number, number + 1 < decisions) == (15, True):
            tell_of_two(log, 15, 16)
        elif number != 16:
            tell(log, number)
    if decisions > 9:
        log.rotate(5)
    log.publish()
    return log.vkey


def identity(key: str = HEX, *, revoked: bool = False) -> Payload:
    return {"identity_key": key, "revoked": revoked, "by": "alice", "reason": "a year is over"}


def trust() -> Payload:
    versions = dict.fromkeys(("root", "timestamp", "snapshot", "targets", "risk"), 1)
    digests = dict.fromkeys(("publisher", "root_digest", "targets_digest"), HEX)
    return {
        "floor": {**versions, **digests, "overlays": {"overlays/calm.json": HEX}},
        "holds_until_us": START_US + 1_000_000,
        "evidence_digest": HEX,
    }


def manifest() -> Payload:
    return {
        "manifest_digest": HEX,
        "trust_digest": HEX,
        "environment": "production",
        "epoch": 1,
        "mode": "PAPER",
        "release_digest": HEX,
        "limits_digest": HEX,
        "valid_from_us": START_US,
        "lapses_us": START_US + 1_000_000,
        "at_lapse": "cancel",
    }


def lapse() -> Payload:
    return {
        "of": "manifest",
        "manifest_digest": HEX,
        "cause": "MANIFEST_EXPIRED",
        "cancels": True,
        "by": "control",
    }


def unlock() -> Payload:
    return {
        "step": "enable",
        "outcome": "refused",
        "code": "passkey-origin",
        "manifest_digest": HEX,
        "instance": "gw-1",
        "by": "alice",
    }


def day() -> Payload:
    return {
        "account": "main",
        "session": "2015-08-20",
        "equity_micros": 100_000_000_000,
        "market_us": START_US,
    }


def filled_log(directory: Path, size: int) -> LogBuilder:
    """A log of exactly `size` entries, published; 2 at least are needed to be sound."""
    log = LogBuilder(directory)
    log.begin()
    number = 0
    while log.tree.size < size:
        tell(log, number)
        number += 1
    log.tree.truncate(size)
    del log.entries[size:]
    log.publish()
    return log
