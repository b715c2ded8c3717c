"""A trust root in a folder, made by its own ceremony, and ways to forge its files."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from securesystemslib.formats import encode_canonical

from signing.keys import Ed25519Signer
from signing.trust import (
    Completed,
    Council,
    Draft,
    Floor,
    Officer,
    Repository,
    RootState,
    TrustState,
    complete,
    propose_overlays,
    propose_root,
    propose_targets,
    publish,
    read_roots,
    sign_draft,
    verify_trust,
)
from signing.trust.roles import tuf_key
from support.logs import seeded

NOW_US = 1_800_000_000_000_000
DAY_US = 86_400_000_000
YEAR_US = 365 * DAY_US

ANNA, BERT, CARL, DORA = seeded(31), seeded(32), seeded(33), seeded(34)
PUBLISHER, OTHER_PUBLISHER = seeded(41), seeded(42)
MALLORY = seeded(66)

FILES = {
    "manifest.json": b'{"mode":"PAPER","v":1}',
    "release/data.json": b'{"limits":{}}',
    "release/policy.wasm": b"\0asm" + bytes(100),
}

Json = dict[str, Any]


def officer(name: str, *signers: Ed25519Signer, roles: tuple[str, ...] = ()) -> Officer:
    return Officer(name, tuple(signer.public for signer in signers), frozenset(roles))


COUNCIL = Council(
    (
        officer("anna", ANNA, roles=("admin", "compliance")),
        officer("bert", BERT, roles=("compliance",)),
        officer("carl", CARL, roles=("risk",)),
    ),
    2,
    PUBLISHER.public,
)


@dataclass
class TrustFolder:
    """A trust root in a folder; whatever it writes goes through the ceremony."""

    folder: Path
    now_us: int = NOW_US
    pinned: bytes = b""
    publisher: Ed25519Signer = field(default_factory=lambda: PUBLISHER)

    @property
    def repository(self) -> Repository:
        return Repository(self.folder)

    @property
    def roots(self) -> RootState:
        return read_roots(self.repository, self.pinned)

    def verify(self, now_us: int | None = None, floor: Floor | None = None) -> TrustState:
        return verify_trust(self.repository, self.pinned, now_us or self.now_us, floor)

    def begin(self, council: Council = COUNCIL, *signers: Ed25519Signer) -> Completed:
        """Write the first root, and pin it."""
        draft = propose_root(council, None, self.now_us + 2 * YEAR_US)
        for signer in signers or (ANNA, BERT):
            draft = sign_draft(draft, signer, None)
        done = complete(draft, self.repository, None, self.now_us)
        self.pinned = self.path("1.root.json").read_bytes()
        return done

    def root(self, council: Council, *signers: Ed25519Signer) -> Completed:
        return self.finish(propose_root(council, self.roots, self.now_us + 2 * YEAR_US), *signers)

    def targets(
        self,
        files: Mapping[str, bytes] = FILES,
        *signers: Ed25519Signer,
        days: int = 300,
        lift: tuple[str, ...] = (),
    ) -> Completed:
        ends_us = self.now_us + days * DAY_US
        draft = propose_targets(
            self.repository, self.roots, files, ends_us, lift=lift, now_us=self.now_us
        )
        return self.finish(draft, *(signers or (ANNA, BERT)))

    def overlays(self, files: Mapping[str, bytes], *signers: Ed25519Signer) -> Completed:
        draft = propose_overlays(self.repository, files, self.now_us + YEAR_US)
        return self.finish(draft, *(signers or (CARL,)))

    def finish(self, draft: Draft, *signers: Ed25519Signer) -> Completed:
        for signer in signers:
            draft = sign_draft(draft, signer, self.roots)
        return complete(draft, self.repository, self.pinned, self.now_us)

    def publish(self, days: int = 3) -> TrustState:
        return publish(self.repository, self.pinned, self.publisher, self.now_us, days)

    # --- what an attacker with the disk, and perhaps with some keys, can do -----------------------

    def path(self, name: str) -> Path:
        return self.folder / "metadata" / name

    def read(self, name: str) -> Json:
        return json.loads(self.path(name).read_bytes())

    def write(self, name: str, metadata: Json) -> None:
        self.path(name).write_text(json.dumps(metadata, indent=1, sort_keys=True), "utf-8")

    def forge(
        self,
        name: str,
        change: Callable[[Json], object],
        *signers: Ed25519Signer,
        to: str | None = None,
    ) -> Json:
        """Change what is signed in a file, and sign the result with these keys alone."""
        metadata = self.read(name)
        change(metadata["signed"])
        metadata["signatures"] = [signature(signer, metadata["signed"]) for signer in signers]
        self.write(to or name, metadata)
        return metadata

    def republish(self) -> None:
        """Sign snapshot and timestamp over whatever lies there: the publisher's key is stolen."""
        snapshots = [int(path.name.split(".")[0]) for path in self.path("").glob("*.snapshot.json")]
        last = max(snapshots)

        def snapshot(signed: Json) -> None:
            signed["version"] = last + 1
            for name, meta in signed["meta"].items():
                meta.update(named(self.path(f"{meta['version']}.{name}").read_bytes()))

        def timestamp(signed: Json) -> None:
            signed["version"] = last + 1
            data = self.path(f"{last + 1}.snapshot.json").read_bytes()
            signed["meta"]["snapshot.json"] = {"version": last + 1, **named(data)}

        to = f"{last + 1}.snapshot.json"
        self.forge(f"{last}.snapshot.json", snapshot, self.publisher, to=to)
        self.forge("timestamp.json", timestamp, self.publisher)


def named(data: bytes) -> Json:
    return {"length": len(data), "hashes": {"sha256": hashlib.sha256(data).hexdigest()}}


def signature(signer: Ed25519Signer, signed: Json, keyid: str | None = None) -> Json:
    message = encode_canonical(signed)
    assert message is not None
    made = signer.sign(message.encode()).hex()
    return {"keyid": keyid or tuf_key(signer.public).keyid, "sig": made}


def trust_folder(
    folder: Path, *, overlays: Mapping[str, bytes] | None = None, now_us: int = NOW_US
) -> TrustFolder:
    """A published trust root of anna, bert and carl, two of three."""
    made = TrustFolder(folder, now_us)
    made.begin()
    made.targets()
    if overlays is not None:
        made.overlays(overlays)
    made.publish()
    return made
