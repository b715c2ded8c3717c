"""Attacks upon a trust root, each with what Writ answers and what two foreign TUF clients do.

An attacker has the disk that the folder lies on. Where an attack republishes, the publisher's key
is stolen too, and where it names an officer's key, that officer plays along. No attack has as many
officers as it takes, except where the point is that officers were made to sign something odd.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from securesystemslib.formats import encode_canonical

from signing.keys import Ed25519Signer
from signing.trust.roles import tuf_key
from signing.trust.targets import LIFTED_FIELD
from support.logs import seeded
from support.trust_root import (
    ANNA,
    BERT,
    CARL,
    COUNCIL,
    DAY_US,
    DORA,
    FILES,
    MALLORY,
    PUBLISHER,
    Json,
    TrustFolder,
    named,
    officer,
    signature,
)

OVERLAY = "overlays/a.json"
OVERLAYS = {OVERLAY: b'{"caps":1}'}
SMALL_ORDER = "01" + "00" * 31
GO, PYTHON = "go-tuf", "python-tuf"


@dataclass(frozen=True)
class Attack:
    """Something that must fail.

    Attributes:
        act: what is done to a sound, published folder.
        step: the step at which Writ refuses.
        code: how.
        accepted_by: the foreign clients that let it pass, as far as they are asked: they count keys
            and not people, or do not know what Writ holds officers to.
        grown: upon a folder of two roots, two targets and two overlays, that the clients know; else
            upon one that is new to them.
        fetches: the file that a client is asked for.
        age_days: how long before the present the folder was published.
    """

    act: Callable[[TrustFolder], object]
    step: int
    code: str
    accepted_by: frozenset[str] = frozenset()
    grown: bool = False
    fetches: str = "manifest.json"
    age_days: int = 0


def only(*clients: str) -> frozenset[str]:
    return frozenset(clients)


# --- targets --------------------------------------------------------------------------------------

EVIL = b'{"mode":"LIVE","v":1}'


def name_evil(signed: Json) -> None:
    signed["version"] = 2
    signed["targets"]["manifest.json"] = named(EVIL)


def publish_evil(made: TrustFolder, *signers: Ed25519Signer) -> Json:
    """Offer another manifest, signed by some, and published."""
    metadata = made.forge("1.targets.json", name_evil, *signers, to="2.targets.json")
    digest = metadata["signed"]["targets"]["manifest.json"]["hashes"]["sha256"]
    (made.folder / f"targets/{digest}.manifest.json").write_bytes(EVIL)
    point_snapshot_at(made, "targets.json", 2)
    return metadata


def point_snapshot_at(made: TrustFolder, name: str, version: int) -> None:
    last = max(int(path.name.split(".")[0]) for path in made.path("").glob("*.snapshot.json"))
    metadata = made.read(f"{last}.snapshot.json")
    metadata["signed"]["meta"].setdefault(name, {})["version"] = version
    made.write(f"{last}.snapshot.json", metadata)
    made.republish()


def one_of_three(made: TrustFolder) -> None:
    publish_evil(made, ANNA)


def one_officer_and_the_publisher(made: TrustFolder) -> None:
    publish_evil(made, ANNA, PUBLISHER)


def one_officer_under_two_key_ids(made: TrustFolder) -> None:
    metadata = publish_evil(made, ANNA)
    for keyid in ("0" * 64, tuf_key(BERT.public).keyid):
        metadata["signatures"].append(signature(ANNA, metadata["signed"], keyid))
    made.write("2.targets.json", metadata)
    made.republish()


def one_officer_with_two_keys(made: TrustFolder) -> None:
    anna = officer("anna", ANNA, DORA, roles=("admin", "compliance"))
    made.root(COUNCIL.replacing(anna), ANNA, BERT)
    publish_evil(made, ANNA, DORA)


def signatures_of_other_targets(made: TrustFolder) -> None:
    metadata = publish_evil(made)
    metadata["signatures"] = made.read("1.targets.json")["signatures"]
    made.write("2.targets.json", metadata)
    made.republish()


def signatures_of_envelopes(made: TrustFolder) -> None:
    """What officers signed for another purpose, over the same bytes, is no signature of targets."""
    metadata = publish_evil(made)
    body = (encode_canonical(metadata["signed"]) or "").encode()
    kind = b"application/vnd.writ.override.v1+json"
    message = b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(body), body)
    metadata["signatures"] = [
        {"keyid": tuf_key(one.public).keyid, "sig": one.sign(message).hex()} for one in (ANNA, BERT)
    ]
    made.write("2.targets.json", metadata)
    made.republish()


def targets_cut(made: TrustFolder) -> None:
    metadata = made.read("1.targets.json")
    del metadata["signed"]["targets"]["release/data.json"]
    made.write("1.targets.json", metadata)


def targets_cut_and_published(made: TrustFolder) -> None:
    targets_cut(made)
    made.republish()


def targets_reordered(made: TrustFolder) -> None:
    metadata = made.read("1.targets.json")
    targets = metadata["signed"]["targets"]
    metadata["signed"]["targets"] = dict(reversed(targets.items()))
    made.path("1.targets.json").write_text(json.dumps(metadata, indent=1), "utf-8")


def targets_said_twice(made: TrustFolder) -> None:
    """Who takes the first of two fields reads another manifest than who takes the last."""
    text = made.path("1.targets.json").read_text("utf-8")
    made.path("1.targets.json").write_text(text.replace('"signed"', '"signed": {}, "signed"', 1))
    made.republish()


def an_overlay_in_the_targets(made: TrustFolder) -> None:
    def act(signed: Json) -> None:
        signed["version"] = 2
        signed["targets"][OVERLAY] = named(OVERLAYS[OVERLAY])

    made.forge("1.targets.json", act, ANNA, BERT, to="2.targets.json")
    point_snapshot_at(made, "targets.json", 2)


def a_wider_delegation(made: TrustFolder) -> None:
    def act(signed: Json) -> None:
        signed["version"] = 2
        signed["delegations"]["roles"][0]["paths"] = ["*"]

    made.forge("1.targets.json", act, ANNA, BERT, to="2.targets.json")
    point_snapshot_at(made, "targets.json", 2)


# --- files ----------------------------------------------------------------------------------------


def target_file(made: TrustFolder) -> Path:
    return next((made.folder / "targets").glob("*.manifest.json"))


def wrong_digest(made: TrustFolder) -> None:
    file = target_file(made)
    file.write_bytes(file.read_bytes().replace(b"PAPER", b"LIVE "))


def wrong_length(made: TrustFolder) -> None:
    file = target_file(made)
    file.write_bytes(file.read_bytes() + b" ")


def a_file_is_gone(made: TrustFolder) -> None:
    target_file(made).unlink()


# --- root -----------------------------------------------------------------------------------------


def forge_root(
    made: TrustFolder, change: Callable[[Json], object], *signers: Ed25519Signer
) -> None:
    def act(signed: Json) -> None:
        signed["version"] = 2
        change(signed)

    made.forge("1.root.json", act, *signers, to="2.root.json")


def add_key(signed: Json, key: Json, keyid: str, *roles: str) -> None:
    signed["keys"][keyid] = key
    for role in roles or ("root", "targets"):
        keyids = signed["roles"][role]["keyids"]
        signed["roles"][role]["keyids"] = sorted({*keyids, keyid})


def key_of(signer: Ed25519Signer, name: str) -> Json:
    key = tuf_key(signer.public)
    return {**key.to_dict(), "x-writ-officer": name, "x-writ-roles": []}


def a_key_added_by_one_officer(made: TrustFolder) -> None:
    keyid = tuf_key(MALLORY.public).keyid
    forge_root(made, lambda signed: add_key(signed, key_of(MALLORY, "mallory"), keyid), ANNA)


def a_key_added_by_itself(made: TrustFolder) -> None:
    """Enough by the new root, and one of the old: the chain would break here."""
    keyid = tuf_key(MALLORY.public).keyid
    add = lambda signed: add_key(signed, key_of(MALLORY, "mallory"), keyid)  # noqa: E731  it is handed on
    forge_root(made, add, ANNA, MALLORY)


def one_key_under_two_ids(made: TrustFolder) -> None:
    anna = key_of(ANNA, "zoe")
    forge_root(made, lambda signed: add_key(signed, anna, "a" * 64), ANNA, BERT)
    metadata = publish_evil(made, ANNA)
    metadata["signatures"].append(signature(ANNA, metadata["signed"], "a" * 64))
    made.write("2.targets.json", metadata)
    made.republish()


def a_small_order_key(made: TrustFolder) -> None:
    key = {**key_of(MALLORY, "mallory"), "keyval": {"public": SMALL_ORDER}}
    forge_root(made, lambda signed: add_key(signed, key, "b" * 64), ANNA, BERT)


def a_wrong_algorithm(made: TrustFolder) -> None:
    def act(signed: Json) -> None:
        signed["keys"][tuf_key(CARL.public).keyid]["scheme"] = "rsassa-pss-sha256"

    forge_root(made, act, ANNA, BERT)


def a_key_id_of_its_own(made: TrustFolder) -> None:
    key = key_of(DORA, "dora")
    forge_root(made, lambda signed: add_key(signed, key, "c" * 64), ANNA, BERT)


def one_officer_is_enough(made: TrustFolder) -> None:
    def act(signed: Json) -> None:
        for role in ("root", "targets"):
            signed["roles"][role]["threshold"] = 1

    forge_root(made, act, ANNA, BERT)


def one_officer_is_enough_for_targets(made: TrustFolder) -> None:
    forge_root(made, lambda signed: signed["roles"]["targets"].update(threshold=1), ANNA, BERT)


def the_publisher_is_an_officer(made: TrustFolder) -> None:
    def act(signed: Json) -> None:
        signed["roles"]["timestamp"]["keyids"] = [tuf_key(ANNA.public).keyid]

    forge_root(made, act, ANNA, BERT)
    made.forge("timestamp.json", lambda signed: None, ANNA)


def a_root_is_left_out(made: TrustFolder) -> None:
    """Root 3 stands in the place of root 2, which had removed an officer."""
    made.root(COUNCIL.removing("carl"), ANNA, BERT)
    made.root(COUNCIL, ANNA, BERT)
    made.path("3.root.json").replace(made.path("2.root.json"))


def another_trust_root(made: TrustFolder) -> None:
    other = TrustFolder(made.folder.parent / "other", made.now_us, publisher=MALLORY)
    other.begin(
        replace(
            COUNCIL,
            officers=(officer("anna", DORA), officer("bert", seeded(99))),
            publisher=MALLORY.public,
        ),
        DORA,
        seeded(99),
    )
    other.targets(FILES, DORA, seeded(99))
    other.publish()
    other.folder.rename(made.folder.parent / "theirs")
    made.folder.rename(made.folder.parent / "ours")
    (made.folder.parent / "theirs").rename(made.folder)


# --- older than seen ------------------------------------------------------------------------------


def roll_back_the_timestamp(made: TrustFolder) -> None:
    made.forge("timestamp.json", lambda signed: signed.update(version=1), PUBLISHER)


def roll_back_the_snapshot(made: TrustFolder) -> None:
    def act(signed: Json) -> None:
        signed["version"] += 1
        data = made.path("1.snapshot.json").read_bytes()
        signed["meta"]["snapshot.json"] = {"version": 1, **named(data)}

    made.forge("timestamp.json", act, PUBLISHER)


def roll_back_the_targets(made: TrustFolder) -> None:
    point_snapshot_at(made, "targets.json", 1)


def roll_back_the_overlays(made: TrustFolder) -> None:
    point_snapshot_at(made, "risk.json", 1)


def forget_the_overlays(made: TrustFolder) -> None:
    last = max(int(path.name.split(".")[0]) for path in made.path("").glob("*.snapshot.json"))
    metadata = made.read(f"{last}.snapshot.json")
    del metadata["signed"]["meta"]["risk.json"]
    made.write(f"{last}.snapshot.json", metadata)
    made.republish()


def signed_and_put_aside(made: TrustFolder) -> None:
    """Two officers had signed another draft with the number of the one that was published."""

    def act(signed: Json) -> None:
        signed["targets"]["manifest.json"] = named(EVIL)

    made.forge("2.targets.json", act, ANNA, BERT)
    (made.folder / f"targets/{named(EVIL)['hashes']['sha256']}.manifest.json").write_bytes(EVIL)
    made.republish()


def a_root_signed_and_put_aside(made: TrustFolder) -> None:
    made.forge(
        "2.root.json", lambda signed: signed.update(expires="2098-01-01T00:00:00Z"), ANNA, BERT
    )


def roll_back_the_root(made: TrustFolder) -> None:
    made.path("2.root.json").unlink()


def the_risk_officer_takes_back(made: TrustFolder) -> None:
    def act(signed: Json) -> None:
        signed["version"] += 1
        signed["targets"] = {}

    made.forge("2.risk.json", act, CARL, to="3.risk.json")
    point_snapshot_at(made, "risk.json", 3)


# --- expired --------------------------------------------------------------------------------------


def expire(name: str, *signers: Ed25519Signer) -> Callable[[TrustFolder], None]:
    def act(made: TrustFolder) -> None:
        def expired(signed: Json) -> None:
            signed["expires"] = "2020-01-01T00:00:00Z"

        made.forge(name, expired, *signers)
        if name != "timestamp.json":
            made.republish()

    return act


def an_expired_root_chain(made: TrustFolder) -> None:
    def act(signed: Json) -> None:
        signed["expires"] = "2020-01-01T00:00:00Z"

    forge_root(made, act, ANNA, BERT)


def a_timestamp_for_a_year(made: TrustFolder) -> None:
    made.forge(
        "timestamp.json", lambda signed: signed.update(expires="2099-01-01T00:00:00Z"), PUBLISHER
    )


# --- published by another -------------------------------------------------------------------------


def published_by_an_officer(made: TrustFolder) -> None:
    made.forge("timestamp.json", lambda signed: signed.update(version=9), ANNA)


def the_risk_officer_waits_for_new_targets(made: TrustFolder) -> None:
    """The officers sign something else, and one of them takes an overlay back beside it."""
    made.targets({**FILES, "release/data.json": b"{}"})
    the_risk_officer_takes_back(made)


def the_risk_officer_lifts(made: TrustFolder) -> None:
    """What only targets may say is said in the overlays."""
    lifted = {OVERLAY: hashlib.sha256(OVERLAYS[OVERLAY]).hexdigest()}
    latest = f"{made.repository.latest('risk')}.risk.json"
    made.forge(latest, lambda signed: signed.update({LIFTED_FIELD: lifted}), CARL)
    made.republish()


def overlays_by_another_officer(made: TrustFolder) -> None:
    def act(signed: Json) -> None:
        signed["version"] = 3

    made.forge("2.risk.json", act, ANNA, BERT, to="3.risk.json")
    point_snapshot_at(made, "risk.json", 3)


def overlays_by_a_removed_officer(made: TrustFolder) -> None:
    made.root(COUNCIL.removing("carl"), ANNA, BERT)


def a_manifest_by_the_risk_officer(made: TrustFolder) -> None:
    def act(signed: Json) -> None:
        signed["version"] = 3
        signed["targets"]["manifest.json"] = named(EVIL)

    made.forge("2.risk.json", act, CARL, to="3.risk.json")
    point_snapshot_at(made, "risk.json", 3)


# --- the table ------------------------------------------------------------------------------------

BOTH = only(GO, PYTHON)

ATTACKS = {
    "one officer of three": Attack(one_of_three, 6, "targets-short"),
    "one officer and the publisher": Attack(one_officer_and_the_publisher, 6, "targets-short"),
    "one officer under two key ids": Attack(one_officer_under_two_key_ids, 6, "targets-short"),
    "one officer with two keys": Attack(one_officer_with_two_keys, 6, "targets-short", BOTH),
    "signatures of other targets": Attack(signatures_of_other_targets, 6, "targets-short"),
    "signatures of envelopes": Attack(signatures_of_envelopes, 6, "targets-short"),
    "targets cut": Attack(targets_cut, 6, "targets-other"),
    "targets cut and published": Attack(targets_cut_and_published, 6, "targets-short"),
    "targets reordered": Attack(targets_reordered, 6, "targets-other"),
    "targets said twice": Attack(targets_said_twice, 6, "metadata-form", BOTH),
    "an overlay in the targets": Attack(an_overlay_in_the_targets, 6, "target-name", BOTH),
    "a wider delegation": Attack(a_wider_delegation, 6, "targets-form", BOTH),
    "wrong digest": Attack(wrong_digest, 8, "target-differs"),
    "wrong length": Attack(wrong_length, 8, "target-differs"),
    "a file is gone": Attack(a_file_is_gone, 8, "target-missing"),
    "a key added by one officer": Attack(a_key_added_by_one_officer, 2, "root-short"),
    "a key added by itself": Attack(a_key_added_by_itself, 2, "root-short"),
    "one key under two ids": Attack(one_key_under_two_ids, 2, "key-twice", only(PYTHON)),
    "a small-order key": Attack(a_small_order_key, 2, "key-refused", BOTH),
    "a wrong algorithm": Attack(a_wrong_algorithm, 2, "metadata-form", only(GO)),
    "a key id of its own": Attack(a_key_id_of_its_own, 2, "root-form", BOTH),
    "one officer is enough": Attack(one_officer_is_enough, 2, "threshold-low", BOTH),
    "one is enough for targets": Attack(one_officer_is_enough_for_targets, 2, "root-form", BOTH),
    "the publisher is an officer": Attack(
        the_publisher_is_an_officer, 2, "publisher-officer", BOTH
    ),
    "a root is left out": Attack(a_root_is_left_out, 2, "root-version"),
    "another trust root": Attack(another_trust_root, 1, "root-other"),
    "an expired root chain": Attack(an_expired_root_chain, 3, "root-expired"),
    "an expired timestamp": Attack(expire("timestamp.json", PUBLISHER), 4, "timestamp-expired"),
    "an expired snapshot": Attack(expire("1.snapshot.json", PUBLISHER), 5, "snapshot-expired"),
    "expired targets": Attack(expire("1.targets.json", ANNA, BERT), 6, "targets-expired"),
    "expired overlays": Attack(
        expire("2.risk.json", CARL), 7, "risk-expired", grown=True, fetches=OVERLAY
    ),
    "frozen": Attack(lambda made: None, 4, "timestamp-expired", age_days=4),
    "a timestamp for a year": Attack(a_timestamp_for_a_year, 4, "timestamp-long", BOTH),
    "published by an officer": Attack(published_by_an_officer, 4, "timestamp-short"),
    # A TUF client keeps the roots that it has seen itself, so for it nothing is rolled back.
    "the root rolled back": Attack(roll_back_the_root, 3, "root-older", BOTH, grown=True),
    "the timestamp rolled back": Attack(roll_back_the_timestamp, 4, "timestamp-older", grown=True),
    "the snapshot rolled back": Attack(roll_back_the_snapshot, 5, "snapshot-older", grown=True),
    # A TUF client compares the numbers, and keeps the root of a number that it has.
    "targets that were put aside": Attack(
        signed_and_put_aside, 6, "targets-changed", BOTH, grown=True
    ),
    "a root that was put aside": Attack(
        a_root_signed_and_put_aside, 3, "root-changed", BOTH, grown=True
    ),
    "the targets rolled back": Attack(roll_back_the_targets, 6, "targets-older", grown=True),
    "the overlays rolled back": Attack(roll_back_the_overlays, 7, "risk-older", grown=True),
    "the overlays forgotten": Attack(forget_the_overlays, 5, "role-removed", grown=True),
    "an overlay taken back": Attack(
        the_risk_officer_takes_back, 7, "overlay-removed", BOTH, grown=True
    ),
    "an overlay taken back beside new targets": Attack(
        the_risk_officer_waits_for_new_targets, 7, "overlay-removed", BOTH, grown=True
    ),
    "an overlay lifted by the risk officer": Attack(
        the_risk_officer_lifts, 7, "targets-form", BOTH, grown=True
    ),
    "overlays by other officers": Attack(
        overlays_by_another_officer, 7, "risk-short", grown=True, fetches=OVERLAY
    ),
    "overlays by a removed officer": Attack(
        overlays_by_a_removed_officer, 7, "risk-short", BOTH, grown=True, fetches=OVERLAY
    ),
    "a manifest by the risk officer": Attack(
        a_manifest_by_the_risk_officer, 7, "target-name", BOTH, grown=True
    ),
}


def attacked(name: str, folder: Path, now_us: int) -> tuple[Attack, TrustFolder]:
    """A sound, published folder, and the attack that is to be done to it."""
    attack = ATTACKS[name]
    made = TrustFolder(folder, now_us - attack.age_days * DAY_US)
    made.begin()
    made.targets()
    if attack.grown:
        made.overlays(OVERLAYS)
        made.publish()
        made.root(COUNCIL, ANNA, BERT)
        made.targets()
        made.overlays({**OVERLAYS, "overlays/b.json": b"{}"})
    made.publish()
    made.now_us = now_us
    return attack, made
