"""The evidence of an accepted trust root: it is enough to judge the same moment again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from signing import canonical
from signing.trust import TrustError, verify_trust
from signing.trust.evidence import encode_evidence, read_evidence
from support.trust_root import ANNA, BERT, COUNCIL, FILES, NOW_US, TrustFolder, trust_folder

OVERLAY = {"overlays/calm.json": b'{"name":"calm"}'}


def of(made: TrustFolder) -> bytes:
    return encode_evidence(made.verify(), made.pinned, NOW_US)


@pytest.mark.requirement("S1-13")
def test_evidence_is_verified_again_with_the_documents_beside_it(tmp_path: Path) -> None:
    made = trust_folder(tmp_path, overlays=OVERLAY)
    made.root(COUNCIL, ANNA, BERT)
    made.publish()
    state = made.verify()
    evidence = read_evidence(of(made))
    assert (evidence.judged_us, evidence.pinned) == (NOW_US, made.pinned)
    documents = {canonical.digest(data): data for data in FILES.values()}
    assert set(evidence.documents.values()) == set(documents)
    repository = evidence.repository(documents.get)
    again = verify_trust(repository, evidence.pinned, evidence.judged_us)
    assert (again.floor, again.targets_digest) == (state.floor, state.targets_digest)
    assert again.targets["overlays/calm.json"].read() == OVERLAY["overlays/calm.json"]


@pytest.mark.attack
def test_evidence_without_a_document_or_with_another_proves_nothing(tmp_path: Path) -> None:
    evidence = read_evidence(of(trust_folder(tmp_path)))
    for document, code in ((None, "target-missing"), (b"another", "target-differs")):
        repository = evidence.repository(lambda _, data=document: data)
        with pytest.raises(TrustError) as refused:
            verify_trust(repository, evidence.pinned, evidence.judged_us)
        assert (refused.value.step, refused.value.code) == (8, code)


@pytest.mark.parametrize(
    "change",
    [
        lambda fields: fields | {"v": 2},
        lambda fields: fields | {"more": 1},
        lambda fields: fields | {"judged_us": -1},
        lambda fields: fields | {"pinned": "metadata/9.root.json"},
        lambda fields: fields | {"files": fields["files"] | {"elsewhere": "x"}},
        lambda fields: fields | {"files": fields["files"] | {"metadata/x": 1}},
        lambda fields: fields | {"documents": {"targets/x": "no digest"}},
    ],
    ids=["version", "field", "time", "pinned", "path", "content", "digest"],
)
def test_what_is_no_evidence_is_refused(
    tmp_path: Path, change: Callable[[dict[str, Any]], dict[str, Any]]
) -> None:
    fields = canonical.decode_object(of(trust_folder(tmp_path)))
    with pytest.raises(TrustError, match="it is no evidence"):
        read_evidence(canonical.encode(change(fields)))
    with pytest.raises(TrustError, match="it is no evidence"):
        read_evidence(b"{")
