"""Drafts: files that travel between officers, and what they may not hide on the way."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from signing import canonical
from signing.encoding import to_base64
from signing.keys import PublicKey, Signer
from signing.trust import (
    DRAFT_BYTES_MAX,
    Draft,
    TrustError,
    complete,
    merge_drafts,
    propose_overlays,
    propose_root,
    propose_targets,
    sign_draft,
    tally,
)
from signing.trust.roles import tuf_key
from support.trust_attacks import OVERLAYS
from support.trust_root import (
    ANNA,
    BERT,
    CARL,
    COUNCIL,
    DAY_US,
    DORA,
    FILES,
    MALLORY,
    NOW_US,
    PUBLISHER,
    TrustFolder,
    officer,
    trust_folder,
)

pytestmark = pytest.mark.requirement("W-04")

END_US = NOW_US + 100 * DAY_US


@pytest.fixture
def made(tmp_path: Path) -> TrustFolder:
    return trust_folder(tmp_path)


@pytest.fixture
def draft(made: TrustFolder) -> Draft:
    return propose_targets(made.repository, made.roots, FILES, END_US)


def code_of(act: Callable[[], object]) -> str:
    with pytest.raises(TrustError) as refused:
        act()
    assert refused.value.remedy
    return refused.value.code


def test_two_officers_who_never_meet(made: TrustFolder, draft: Draft) -> None:
    """Each has the draft as bytes, and signs at home; anybody brings them together."""
    sent = draft.encode()
    at_annas = sign_draft(Draft.parse(sent), ANNA, made.roots).encode()
    at_berts = sign_draft(Draft.parse(sent), BERT, made.roots).encode()
    merged = merge_drafts([Draft.parse(at_annas), Draft.parse(at_berts)])
    assert tally(merged, made.roots).complete
    assert merged.digest == draft.digest
    complete(merged, made.repository, made.pinned, NOW_US)
    assert made.publish().signed_by["targets"] == {"anna", "bert"}


def test_what_a_draft_says(made: TrustFolder, draft: Draft) -> None:
    assert Draft.parse(draft.encode()).encode() == draft.encode()
    assert Draft.parse(draft.encode() + b"\n").digest == draft.digest
    assert (draft.role, draft.version, draft.expires_us) == ("targets", 2, END_US)
    assert draft.files == FILES
    assert draft.council is None
    assert draft.delegated == (CARL.public,)
    root = propose_root(COUNCIL.requiring(3), made.roots, END_US)
    assert root.council == COUNCIL.requiring(3)
    assert root.delegated == ()
    assert propose_overlays(made.repository, OVERLAYS, END_US).delegated == ()
    assert "anna" not in repr(root)


def test_the_tally(made: TrustFolder, draft: Draft) -> None:
    assert tally(draft, made.roots).missing == 2
    once = sign_draft(draft, ANNA, made.roots)
    assert tally(once, made.roots) == tally(sign_draft(once, ANNA, made.roots), made.roots)
    count = tally(once, made.roots)
    assert (count.signed, count.needed, count.missing) == ({"anna"}, 2, 1)
    assert not count.complete


def test_a_root_needs_the_officers_before_and_after(made: TrustFolder) -> None:
    council = COUNCIL.removing("anna").adding(officer("dora", DORA)).requiring(3)
    draft = propose_root(council, made.roots, END_US)
    for signer, missing in ((ANNA, 3), (BERT, 2), (CARL, 1), (DORA, 0)):
        draft = sign_draft(draft, signer, made.roots)
        assert tally(draft, made.roots).missing == missing
    assert tally(draft, made.roots).needed == 3
    assert complete(draft, made.repository, made.pinned, NOW_US).follows == ("targets", "publish")


def test_one_risk_officer_is_enough_for_overlays(made: TrustFolder) -> None:
    draft = propose_overlays(made.repository, OVERLAYS, END_US)
    assert code_of(lambda: sign_draft(draft, ANNA, made.roots)) == "signer-unknown"
    assert tally(sign_draft(draft, CARL, made.roots), made.roots).complete


@pytest.mark.attack
@pytest.mark.parametrize("signer", [MALLORY, PUBLISHER], ids=["a stranger", "the publisher"])
def test_nobody_else_signs(made: TrustFolder, draft: Draft, signer: Signer) -> None:
    assert code_of(lambda: sign_draft(draft, signer, made.roots)) == "signer-unknown"


def test_a_new_key_signs_the_root_that_adds_it(made: TrustFolder) -> None:
    draft = propose_root(COUNCIL.adding(officer("dora", DORA)), made.roots, END_US)
    assert tally(sign_draft(draft, DORA, made.roots), made.roots).missing == 2


def test_drafts_of_another_time_are_stale(made: TrustFolder, draft: Draft) -> None:
    root = propose_root(COUNCIL, made.roots, END_US)
    made.root(COUNCIL.replacing(officer("carl", CARL)), ANNA, BERT)
    assert code_of(lambda: sign_draft(root, ANNA, made.roots)) == "draft-stale"
    assert code_of(lambda: tally(root, None)) == "draft-stale"
    assert code_of(lambda: tally(draft, None)) == "draft-stale"
    assert code_of(lambda: sign_draft(draft, ANNA, made.roots)) == "draft-stale"


@pytest.mark.attack
def test_a_proposer_cannot_drop_the_risk_officers(made: TrustFolder) -> None:
    without = replace(made.roots, council=COUNCIL.replacing(officer("carl", CARL)))
    draft = propose_targets(made.repository, without, FILES, END_US)
    assert draft.delegated == ()
    for act in (
        lambda: sign_draft(draft, ANNA, made.roots),
        lambda: tally(draft, made.roots),
        lambda: complete(draft, made.repository, made.pinned, NOW_US),
    ):
        assert code_of(act) == "draft-stale"


def test_only_copies_of_one_draft_are_merged(made: TrustFolder, draft: Draft) -> None:
    other = propose_targets(made.repository, made.roots, FILES, END_US + DAY_US)
    assert code_of(lambda: merge_drafts([draft, other])) == "draft-differs"
    root = propose_root(COUNCIL, made.roots, END_US)
    assert code_of(lambda: merge_drafts([draft, root])) == "draft-differs"
    signed = sign_draft(draft, ANNA, made.roots)
    spoilt = replace(signed, metadata=signed.metadata.replace(b'"sig": "', b'"sig": "00'))
    assert code_of(lambda: merge_drafts([signed, spoilt])) == "draft-differs"
    assert merge_drafts([signed]) == signed


def test_a_signers_own_error_is_what_is_seen(made: TrustFolder, draft: Draft) -> None:
    class Sealed:
        @property
        def public(self) -> PublicKey:
            return ANNA.public

        def sign(self, message: bytes) -> bytes:
            raise ConnectionError("the vault is sealed")

    with pytest.raises(ConnectionError, match="sealed"):
        sign_draft(draft, Sealed(), made.roots)


def change_field(act: Callable[[dict[str, Any]], object]) -> Callable[[bytes], bytes]:
    def change(data: bytes) -> bytes:
        fields = canonical.decode_object(data)
        act(fields)
        return canonical.encode(fields)

    return change


MANIFEST = "manifest.json"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda data: b"", "draft-form"),
        (lambda data: data.replace(b",", b", ", 1), "draft-form"),
        (lambda data: data + b"\n\n", "draft-form"),
        (lambda data: b" " * (DRAFT_BYTES_MAX + 1), "draft-form"),
        (change_field(lambda one: one.update(further=1)), "draft-form"),
        (change_field(lambda one: one.update(v=True)), "draft-form"),
        (change_field(lambda one: one.update(v=2)), "draft-form"),
        (change_field(lambda one: one.update(kind="x")), "draft-form"),
        (change_field(lambda one: one.update(role="snapshot")), "draft-form"),
        (change_field(lambda one: one.update(role=[])), "draft-form"),
        (change_field(lambda one: one.update(files=[])), "draft-form"),
        (change_field(lambda one: one["files"].update({MANIFEST: "?"})), "draft-form"),
        (change_field(lambda one: one["files"].update({MANIFEST: 1})), "draft-form"),
        (change_field(lambda one: one["files"].pop(MANIFEST)), "draft-files"),
        (change_field(lambda one: one["files"].update({"release/x": ""})), "draft-files"),
        (change_field(lambda one: one["files"].update({MANIFEST: to_base64(b"")})), "draft-files"),
        (change_field(lambda one: one["metadata"]["signed"]["targets"][MANIFEST].update(length=3)),
         "draft-files"),
        (change_field(lambda one: one.update(role="root")), "metadata-form"),
        (change_field(lambda one: one.update(role="risk")), "target-name"),
        (change_field(lambda one: one.update(metadata=1)), "metadata-form"),
        (change_field(lambda one: one["metadata"]["signed"].update(version=0)), "metadata-form"),
        (change_field(lambda one: one["metadata"]["signed"].update(x=1)), "targets-form"),
        (change_field(lambda one: one["metadata"]["signed"]["targets"].pop(MANIFEST)),
         "draft-files"),
    ],
)  # fmt: skip
def test_a_draft_has_one_writing(draft: Draft, change: Callable[[bytes], bytes], code: str) -> None:
    assert code_of(lambda: Draft.parse(change(draft.encode()))) == code


@pytest.mark.attack
def test_a_root_draft_with_a_key_twice(made: TrustFolder) -> None:
    def act(fields: dict[str, Any]) -> None:
        signed = fields["metadata"]["signed"]
        signed["keys"]["a" * 64] = signed["keys"][tuf_key(ANNA.public).keyid]
        for role in ("root", "targets"):
            signed["roles"][role]["keyids"].insert(0, "a" * 64)

    data = propose_root(COUNCIL, made.roots, END_US).encode()
    assert code_of(lambda: Draft.parse(change_field(act)(data))) == "key-twice"
