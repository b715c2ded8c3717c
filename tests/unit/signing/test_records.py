"""The table of records: every field of every kind is needed, typed and bounded."""

import copy
from typing import Any

import pytest

from signing.canonical import INT_MAX
from signing.records import KINDS, RecordError, check
from support.logs import (
    HOUR_US,
    START_US,
    Payload,
    anomaly,
    cancel,
    correction,
    day,
    decision_payload,
    execution,
    exit_only,
    external,
    feed,
    halt,
    identity,
    lapse,
    manifest,
    reconciliation,
    replacement,
    resume,
    seeded,
    settlement,
    status,
    submission,
    trade_correction,
    trust,
    unlock,
)

HEX = "ab" * 32

SAMPLES: dict[str, Payload] = {
    "genesis": {"origin": "writ.example/log", "log_key": HEX, "identity_key": HEX},
    "certificate": {
        "decision_key": seeded(3).public.hex,
        "not_before_us": START_US,
        "not_after_us": START_US + 1,
    },
    "release": {
        "release_digest": HEX,
        "revision": "r1",
        "label": "unsigned",
        "bundle_digest": HEX,
        "wasm_digest": HEX,
        "data_digest": HEX,
        "by": "configuration",
    },
    "mode": {"mode": "PAPER", "by": "alice"},
    "omega4": {"lifted": True, "by": "alice", "reason": "a trial run", "until_us": START_US},
    "halt": halt(1),
    "resume": resume(1),
    "exit-only": exit_only(until_us=START_US),
    "statement": {
        "account": "main",
        "broker": "simulator",
        "cash_micros": -5,
        "positions": {"BRK.B": {"qty": -3, "qty_decimals": 8}},
        "source": "start",
    },
    "day": day(),
    "decision": decision_payload(1, allow=False),
    "submission": submission(1),
    "execution": execution(1, 100),
    "status": status(1, "CANCELED"),
    "cancel": cancel(1),
    "settlement": settlement(1, "voided"),
    "trust": trust(),
    "manifest": manifest(),
    "lapse": lapse(),
    "unlock": unlock(),
    "identity": identity(),
    "replace": replacement(1, 2),
    "trade-correction": trade_correction(1, of=1, before=10, cum_qty=0),
    "anomaly": anomaly(1, "FILLED"),
    "external": external(),
    "correction": correction(),
    "reconciliation": reconciliation(),
    "feed": feed(),
}
OPTIONAL = {
    ("halt", "observed"),
    ("halt", "limit"),
    ("decision", "verdict.reasons[0].observed"),
    ("decision", "verdict.reasons[0].limit"),
    # A map from names: an empty one is a map too.
    ("decision", "verdict.door.approval_age_max_ms"),
    ("decision", "verdict.door.close_buffer_min_ms"),
    ("decision", "verdict.door.quote_age_max_ms"),
    ("decision", "verdict.door.spread_max_bps"),
    ("statement", "positions.BRK.B"),
    ("trust", "floor.overlays.overlays/calm.json"),
    ("correction", "positions.AAPL"),
}


def sample(kind: str) -> Payload:
    return {"at_us": START_US, **copy.deepcopy(SAMPLES[kind])}


def leaves(value: object, path: str = "") -> list[tuple[str, list[str | int]]]:
    """Every field below a value, as the path that errors name and as keys."""
    if isinstance(value, dict):
        items: list[tuple[str, str | int, Any]] = [
            (f"{path}.{key}" if path else key, key, item) for key, item in value.items()
        ]
    elif isinstance(value, list):
        items = [(f"{path}[{at}]", at, item) for at, item in enumerate(value)]
    else:
        return []
    found: list[tuple[str, list[str | int]]] = []
    for name, key, item in items:
        found.append((name, [key]))
        found += [(below, [key, *keys]) for below, keys in leaves(item, name)]
    return found


FIELDS = [(kind, path, keys) for kind in SAMPLES for path, keys in leaves(sample(kind))]
NAMED = [(kind, path, keys) for kind, path, keys in FIELDS if isinstance(keys[-1], str)]


def at(payload: Payload, keys: list[str | int]) -> Any:  # noqa: ANN401  a field of any type
    found: Any = payload
    for key in keys:
        found = found[key]
    return found


def test_there_is_a_sample_of_every_kind() -> None:
    assert SAMPLES.keys() == KINDS.keys()


@pytest.mark.parametrize("kind", SAMPLES)
def test_samples_are_records(kind: str) -> None:
    check(kind, sample(kind))


@pytest.mark.parametrize(("kind", "path", "keys"), NAMED)
def test_a_missing_field_is_named(kind: str, path: str, keys: list[str | int]) -> None:
    payload = sample(kind)
    del at(payload, keys[:-1])[keys[-1]]
    if (kind, path) in OPTIONAL:
        check(kind, payload)
        return
    with pytest.raises(RecordError) as caught:
        check(kind, payload)
    assert (caught.value.path, caught.value.reason) == (path, "is missing")


@pytest.mark.parametrize(("kind", "path", "keys"), FIELDS)
@pytest.mark.parametrize(
    "wrong",
    [None, 1.5, INT_MAX + 1, -INT_MAX - 1, "", "none\n", "\u202e", "x" * 300, [[]], {"": 0}],
)
def test_a_wrong_value_is_named(kind: str, path: str, keys: list[str | int], wrong: object) -> None:
    payload = sample(kind)
    at(payload, keys[:-1])[keys[-1]] = wrong
    if wrong == "\u202e" and path == "reason":
        return  # Text for people may be in any script.
    with pytest.raises(RecordError) as caught:
        check(kind, payload)
    assert caught.value.path.startswith(path)


@pytest.mark.parametrize(("kind", "path", "keys"), FIELDS)
def test_a_boolean_is_no_integer_and_an_integer_no_boolean(
    kind: str, path: str, keys: list[str | int]
) -> None:
    payload = sample(kind)
    value = at(payload, keys)
    if not isinstance(value, int):
        return
    at(payload, keys[:-1])[keys[-1]] = 1 if isinstance(value, bool) else True
    with pytest.raises(RecordError, match=r"is not") as caught:
        check(kind, payload)
    assert caught.value.path == path


@pytest.mark.parametrize("kind", SAMPLES)
def test_an_unknown_field_is_named(kind: str) -> None:
    with pytest.raises(RecordError) as caught:
        check(kind, {**sample(kind), "note": "x"})
    assert caught.value.path == "note"


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(RecordError):
        check("wish", {"at_us": 1})


@pytest.mark.parametrize(
    ("kind", "path", "value"),
    [
        ("mode", "at_us", -1),
        ("mode", "mode", "live"),
        ("certificate", "not_after_us", START_US),
        ("certificate", "not_after_us", START_US + 24 * HOUR_US + 1),
        ("identity", "revoked", "no"),
        ("identity", "identity_key", "ab"),
        ("execution", "qty", 0),
        ("execution", "price", -1),
        ("execution", "qty_decimals", 19),
        ("execution", "session", "2015-13-01"),
        ("execution", "session", "2015-8-1"),
        ("execution", "side", "BUY"),
        ("decision", "broker_client_id", "x" * 37),
        ("decision", "broker_client_id", "a.b"),
        ("decision", "input_digest", "AB" * 32),
        ("submission", "outcome", "sent"),
        ("status", "status", "DENIED"),
        ("status", "status", "CREATED"),
        ("status", "status", "FATAL_ERROR"),
        ("settlement", "outcome", "guessed"),
        ("halt", "scope", {"kind": "global", "name": "main"}),
        ("halt", "scope", {"kind": "account", "name": "*"}),
        ("halt", "scope", {"kind": "venue", "name": "x"}),
        ("halt", "clear_by", "nobody"),
        ("omega4", "until_us", "never"),
        ("exit-only", "until_us", "never"),
        ("exit-only", "opened", "yes"),
        ("exit-only", "scope", {"kind": "venue", "name": "x"}),
    ],
)
def test_bounds(kind: str, path: str, value: object) -> None:
    with pytest.raises(RecordError) as caught:
        check(kind, {**sample(kind), path: value})
    assert caught.value.path.startswith(path)


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"failure": "engine-timeout"}, "failure"),
        ({"verdict": {"allow": False}}, "verdict.allow"),
        ({"verdict": {"required": [], "passed": []}}, "verdict.passed"),
        ({"verdict": {"passed": []}}, "verdict.passed"),
        ({"verdict": {"passed": ["OMEGA-2", "ORD-01"]}}, "verdict.passed"),
        ({"mode": "RESEARCH"}, "label"),
    ],
)
def test_an_allow_is_proven_by_its_own_verdict(change: Payload, path: str) -> None:
    payload: Payload = {"at_us": 1, **decision_payload(1)}
    check("decision", payload)
    merged = {**payload, **change, "verdict": {**payload["verdict"], **change.get("verdict", {})}}
    with pytest.raises(RecordError) as caught:
        check("decision", merged)
    assert caught.value.path == path


def test_a_denial_may_have_failed_before_it_had_a_verdict() -> None:
    empty = {
        "allow": False,
        "required": [],
        "passed": [],
        "reasons": [],
        "proofs": [],
        "halts": [],
        "door": {},
    }
    payload = {**decision_payload(1, allow=False), "verdict": empty, "failure": "engine-timeout"}
    check("decision", {"at_us": 1, **payload})


def test_lists_and_maps_are_bounded() -> None:
    payload = sample("decision")
    payload["verdict"]["required"] = ["ORD-01"] * 257
    with pytest.raises(RecordError, match=r"more than 256"):
        check("decision", payload)
    payload = sample("statement")
    payload["positions"] = {f"S{n}": {"qty": 1, "qty_decimals": 0} for n in range(1_001)}
    with pytest.raises(RecordError, match=r"more than 1000"):
        check("statement", payload)
