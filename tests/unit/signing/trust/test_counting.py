"""Whose signatures count: one key is one, one person is one, and nobody else is any."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signing.keys import Ed25519Signer, PublicKey
from signing.trust.library import Metadata, Root, Signature
from signing.trust.metadata import signed_bytes, to_moment
from signing.trust.roles import (
    add_signature,
    counted_officers,
    counted_publisher,
    counted_risk,
    root_of,
    signers_of,
    tuf_key,
)
from support.logs import seeded
from support.trust_root import ANNA, BERT, CARL, COUNCIL, DORA, MALLORY, NOW_US, PUBLISHER, officer

pytestmark = pytest.mark.requirement("W-04")

SIGNERS = [seeded(100 + n) for n in range(6)]
LABELS = [*(tuf_key(one.public).keyid for one in SIGNERS), "a" * 64, "b" * 64]
MESSAGE = signed_bytes(root_of(COUNCIL, 1, to_moment(NOW_US)))
OTHER = b"something else"
NAMES = ["anna", "bert", "carl"]

keys = st.integers(0, len(SIGNERS) - 1)
labels = st.sampled_from(LABELS)
enrolled = st.dictionaries(labels, st.tuples(keys, st.sampled_from(NAMES)), max_size=8)
signed = st.dictionaries(
    labels, st.tuples(keys, st.sampled_from([MESSAGE, OTHER]), st.booleans()), max_size=8
)


def metadata(signatures: dict[str, str]) -> Metadata[Root]:
    root = root_of(COUNCIL, 1, to_moment(NOW_US))
    return Metadata(root, {keyid: Signature(keyid, sig) for keyid, sig in signatures.items()})


@given(enrolled=enrolled, signed=signed)
def test_counting(
    enrolled: dict[str, tuple[int, str]], signed: dict[str, tuple[int, bytes, bool]]
) -> None:
    """Whatever keys are enrolled under whatever ids, and whatever is signed by whom."""
    counted: dict[str, tuple[PublicKey, str]] = {
        label: (SIGNERS[key].public, name) for label, (key, name) in enrolled.items()
    }
    signatures: dict[str, str] = {}
    for label, (key, message, spoilt) in signed.items():
        made = SIGNERS[key].sign(message).hex()
        signatures[label] = f"{made[:-1]}{'1' if made[-1] == '0' else '0'}" if spoilt else made
    names = signers_of(metadata(signatures), counted)

    sound = {
        label
        for label, (key, message, spoilt) in signed.items()
        if message == MESSAGE and not spoilt and enrolled.get(label, (None, ""))[0] == key
    }
    keys_that_signed = {enrolled[label][0] for label in sound}
    people_who_signed = {enrolled[label][1] for label in sound}
    assert names <= people_who_signed
    assert len(names) <= len(keys_that_signed)
    assert bool(names) == bool(sound)
    one_name_each = len(set(enrolled.values())) == len({key for key, _ in enrolled.values()})
    if one_name_each:
        assert names == people_who_signed


@pytest.mark.attack
def test_one_person_with_two_keys_is_one() -> None:
    council = COUNCIL.replacing(officer("anna", ANNA, DORA))
    made = metadata({})
    for signer in (ANNA, DORA):
        add_signature(made, signer)
    assert signers_of(made, counted_officers(council)) == {"anna"}


@pytest.mark.attack
@pytest.mark.parametrize(
    "change",
    [
        str.upper,
        lambda text: f" {text[2:]} ",
        lambda text: text + "00",
        lambda text: "",
        lambda text: "zz" * 64,
        # The same point and number, written as if the group had no order.
        lambda text: (
            text[:64]
            + (
                int.from_bytes(bytes.fromhex(text[64:]), "little")
                + 2**252
                + 27742317777372353535851937790883648493
            )
            .to_bytes(32, "little")
            .hex()
        ),
    ],
)
def test_a_signature_has_one_writing(change: Callable[[str], str]) -> None:
    keyid = tuf_key(ANNA.public).keyid
    made = metadata({keyid: change(ANNA.sign(MESSAGE).hex())})
    assert signers_of(made, counted_officers(COUNCIL)) == frozenset()


def signed_by(*signers: Ed25519Signer) -> Metadata[Root]:
    made = metadata({})
    for signer in signers:
        add_signature(made, signer)
    return made


def test_each_role_has_its_signers() -> None:
    everybody = signed_by(ANNA, BERT, CARL, PUBLISHER, MALLORY)
    assert signers_of(everybody, counted_officers(COUNCIL)) == {"anna", "bert", "carl"}
    assert signers_of(everybody, counted_publisher(COUNCIL)) == {"publisher"}
    delegated = [ANNA.public, CARL.public, MALLORY.public]
    assert signers_of(everybody, counted_risk(COUNCIL, delegated)) == {"carl"}
    assert signers_of(everybody, counted_risk(COUNCIL, [ANNA.public])) == frozenset()
