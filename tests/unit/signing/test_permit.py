"""Permits: what may be sent to a broker, and that there is no second way to have one."""

import copy
import dataclasses
import gc
import pickle
from typing import Any

import pytest

import signing.receipt
from signing import canonical
from signing.keys import Vkey
from signing.receipt import PERMIT_BYTES_MAX, Permit, ReceiptError, encode_permit, verify
from support.logs import LogBuilder, Payload, document, halt, seeded, submission


@pytest.fixture
def log(tmp_path_factory: pytest.TempPathFactory) -> LogBuilder:
    log = LogBuilder(tmp_path_factory.mktemp("log"))
    log.begin()
    return log


def code(data: bytes, vkey: Vkey) -> str:
    with pytest.raises(ReceiptError) as caught:
        verify(data, vkey)
    return caught.value.code


@pytest.mark.requirement("W-01")
def test_a_permit_says_what_was_decided(log: LogBuilder) -> None:
    index = log.decide(1)
    data = log.permit(index)
    permit = verify(data, log.vkey)
    assert (permit.decision_id, permit.broker_client_id) == ("d1", "W-1")
    assert permit.decision["allow"] is True
    assert permit.document == document(1)
    assert (permit.index, permit.data) == (index, data)
    assert "d1" in repr(permit)


def test_what_a_permit_says_cannot_be_changed(log: LogBuilder) -> None:
    permit = verify(log.permit(log.decide(1)), log.vkey)
    permit.document["order"]["qty"] = 10**6
    permit.decision["decision_id"] = "d2"
    assert permit.document == document(1)
    assert permit.decision_id == "d1"
    for name in ("document", "decision", "data", "index", "qty"):
        with pytest.raises(AttributeError):
            setattr(permit, name, {})
        with pytest.raises(AttributeError):
            object.__setattr__(permit, name, {})


@pytest.mark.requirement("W-01")
def test_nothing_else_makes_a_permit(log: LogBuilder) -> None:
    permit = verify(log.permit(log.decide(1)), log.vkey)
    make: Any = Permit
    for attempt in (
        make,
        lambda: make(permit.decision, permit.document),
        lambda: make(decision=permit.decision),
        lambda: make.__new__(make),
        lambda: dataclasses.replace(permit),  # type: ignore[type-var]  # it is no dataclass
        lambda: copy.copy(permit),
        lambda: copy.deepcopy(permit),
        lambda: pickle.dumps(permit),
        permit.__reduce__,
        lambda: type("Loose", (make,), {"decision": {}}),
    ):
        with pytest.raises(TypeError):
            attempt()


def test_an_object_made_behind_its_back_says_nothing() -> None:
    empty = object.__new__(Permit)
    for name in ("decision", "document", "decision_id", "broker_client_id", "index", "data"):
        with pytest.raises(TypeError, match=r"not made by"):
            getattr(empty, name)


def test_a_permit_leaves_nothing_behind(log: LogBuilder) -> None:
    """The table of contents is weak: a forgotten permit cannot be found again."""
    before = len(signing.receipt._ISSUED)
    permits = [verify(log.permit(log.decide(number)), log.vkey) for number in range(3)]
    assert len(signing.receipt._ISSUED) == before + 3
    permits.clear()
    gc.collect()
    assert len(signing.receipt._ISSUED) == before


def test_a_denial_permits_nothing(log: LogBuilder) -> None:
    assert code(log.permit(log.decide(1, allow=False)), log.vkey) == "denied"


def test_a_failure_permits_nothing(log: LogBuilder) -> None:
    failed = log.decide(1, allow=False, failure="engine-timeout")
    assert code(log.permit(failed), log.vkey) == "denied"


@pytest.mark.parametrize(
    "change",
    [
        {"verdict": {"allow": False}},
        {"verdict": {"passed": []}},
        {"verdict": {"required": [], "passed": []}},
        {"failure": "engine-timeout"},
        {"allow": 1},
        {"allow": "true"},
        {"extra": 1},
    ],
)
def test_a_record_that_contradicts_itself_permits_nothing(log: LogBuilder, change: Payload) -> None:
    payload = log.decision(1)
    verdict = {**payload["verdict"], **change.get("verdict", {})}
    index = log.add("decision", {**payload, **change, "verdict": verdict})
    assert code(log.permit(index), log.vkey) == "record"


def test_research_forwards_nothing(log: LogBuilder) -> None:
    research = log.decide(1, mode="RESEARCH", label="research")
    assert code(log.permit(research), log.vkey) == "research"
    labelled = log.decide(2, mode="SIMULATION", label="research")
    assert code(log.permit(labelled), log.vkey) == "research"


def test_only_a_decision_permits(log: LogBuilder) -> None:
    body = canonical.encode(document(1))
    for kind, payload in (("submission", submission(1)), ("halt", halt(1))):
        receipt = log.receipt(log.add(kind, payload))
        assert code(encode_permit(receipt, body), log.vkey) == "kind"


def test_a_decision_sealed_as_another_kind_permits_nothing(log: LogBuilder) -> None:
    index = log.add("release", log.decision(1))
    receipt = log.receipt(index)
    assert code(encode_permit(receipt, canonical.encode(document(1))), log.vkey) == "kind"


@pytest.mark.parametrize(
    "body",
    [
        canonical.encode(document(2)),
        canonical.encode(document(1, qty=101)),
        canonical.encode(document(1)) + b"\n",
        b"",
    ],
)
def test_another_document_permits_nothing(log: LogBuilder, body: bytes) -> None:
    receipt = log.receipt(log.decide(1))
    assert code(encode_permit(receipt, body), log.vkey) == "document"


@pytest.mark.parametrize(
    "change",
    [
        {"ids": {"decision_id": "d2", "order_id": "o1"}},
        {"ids": {"decision_id": "d1", "order_id": "o2"}},
        {"ids": {"order_id": "o1"}},
        {"ids": "d1"},
        {"order": {"account": "other"}},
        {"order": {}},
        {"order": None},
        {"order": [1]},
    ],
)
def test_a_document_of_another_order_permits_nothing(log: LogBuilder, change: Payload) -> None:
    """Even where the decision names its digest: the two must speak of the same order."""
    body = canonical.encode({**document(1), **change})
    index = log.decide(1, input_digest=log.publish_document(body))
    assert code(log.permit(index), log.vkey) == "document"


@pytest.mark.parametrize("body", [b"[]", b'{"a":1.5}', b"not json", b"{ }", b"\xff"])
def test_a_document_that_is_no_canonical_object_permits_nothing(
    log: LogBuilder, body: bytes
) -> None:
    index = log.decide(1, input_digest=log.publish_document(body))
    assert code(log.permit(index), log.vkey) == "document"


def test_the_form_of_a_permit(log: LogBuilder) -> None:
    data = log.permit(log.decide(1))
    assert verify(data, log.vkey)
    for wrong in (
        b"",
        b"{}",
        b"[]",
        data + b"\n",
        data[:-1],
        data.replace(b'"receipt"', b'"Receipt"'),
        data[:-1] + b',"x":1}',
        canonical.encode({"document": "e30", "receipt": "x"}),
        canonical.encode({"document": 1, "receipt": "x"}),
        canonical.encode({"document": "e30=", "receipt": 1}),
        b" " * (PERMIT_BYTES_MAX + 1),
    ):
        assert code(wrong, log.vkey) == "format"


@pytest.mark.parametrize("kind", ["other key", "other origin"])
def test_the_log_is_the_one_that_is_trusted(log: LogBuilder, kind: str) -> None:
    data = log.permit(log.decide(1))
    other = {
        "other key": Vkey(log.origin, seeded(9).public),
        "other origin": Vkey("writ.example/other", log.log_signer.public),
    }[kind]
    assert code(data, other) == "checkpoint"


def test_a_decision_that_was_never_logged_permits_nothing(log: LogBuilder) -> None:
    index = log.decide(1)
    data = log.permit(index)
    log.tree.truncate(index)
    log.entries.pop()
    log.decide(2)
    swapped = log.receipt(index).split(b"\n\n", 1)[1]
    head = verify(data, log.vkey).data
    receipt = canonical.decode_object(head)["receipt"].encode()
    forged = receipt.split(b"\n\n", 1)[0] + b"\n\n" + swapped
    assert code(encode_permit(forged, canonical.encode(document(1))), log.vkey) == "inclusion"


def test_no_byte_can_be_changed(log: LogBuilder) -> None:
    data = log.permit(log.decide(1))
    for at in range(0, len(data), 11):
        changed = bytearray(data)
        changed[at] ^= 1
        with pytest.raises(ReceiptError):
            verify(bytes(changed), log.vkey)
