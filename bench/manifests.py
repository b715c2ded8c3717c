"""What a manifest costs: verifying it, and the time from its revocation to the first refusal.

The reference beside a verification is one Ed25519 signature, verified: it is what the officers'
word comes down to, once for each of them and each file. A revocation is timed from the moment that
the publisher's last file is written to the gate's first refusal, by the acceptance as it runs in a
gateway: the look four times a second, everything verified anew, and nothing told to it by hand.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Final

from bench.measure import BenchError, Figure, Findings, Scale, interleaved, ratios
from bench.releases import bench_release
from gateway.bootstrap import running
from gateway.config import Settings
from gateway.control.acceptance import Acceptance
from gateway.control.permission import Permissions, venue_of
from gateway.control.trust_reading import Reading
from gateway.control.trust_root import TrustRoot
from gateway.domain.book import Book
from gateway.domain.mode import Mode
from gateway.domain.permission import Route
from gateway.host import new_event_loop
from gateway.policy.release import Release, load_release
from signing.keys import Ed25519Signer
from signing.manifest import (
    Account,
    Acknowledgement,
    Ceilings,
    Manifest,
    RegulatoryAttestation,
    encode_manifest,
)
from signing.permission import Here, Seen, Verified
from signing.trust import (
    MANIFEST,
    Council,
    Draft,
    Officer,
    Repository,
    complete,
    propose_root,
    propose_targets,
    publish,
    read_roots,
    sign_draft,
)

CALLS_MAX: Final = 200
"""Verifications of a round."""
SEEN_MAX_S: Final = 30
POLL_S: Final = 0.001

_DAY_US: Final = 24 * 3_600 * 1_000_000
_NS_PER_US: Final = 1_000
_NS_PER_MS: Final = 1_000_000
_ROUTE: Final = Route("primary", "alpaca", "PA1", Mode.PAPER, ("paper.example.com:443",))
_MESSAGE: Final = bytes(1_000)


@dataclass
class _Desk:
    """Two officers and a publisher at one table, and the folder that they sign into."""

    folder: Path
    release: Release
    officers: tuple[Ed25519Signer, ...] = field(
        default_factory=lambda: (Ed25519Signer.generate(), Ed25519Signer.generate())
    )
    publisher: Ed25519Signer = field(default_factory=Ed25519Signer.generate)
    now_us: int = field(default_factory=lambda: time.time_ns() // _NS_PER_US)
    epoch: int = 0

    def __post_init__(self) -> None:
        """Make the root, and pin it."""
        named = tuple(
            Officer(f"officer-{number}", (signer.public,), frozenset({"compliance"}))
            for number, signer in enumerate(self.officers)
        )
        draft = propose_root(Council(named, 2, self.publisher.public), None, self._in_days(300))
        for signer in self.officers:
            draft = sign_draft(draft, signer, None)
        complete(draft, self.repository, None, self.now_us)
        self.pinned = self.folder / "root.json"
        self.pinned.write_bytes((self.folder / "metadata" / "1.root.json").read_bytes())

    @property
    def repository(self) -> Repository:
        """The folder."""
        return Repository(self.folder)

    def sign(self) -> None:
        """Put the next manifest into force."""
        self.epoch += 1
        self._publish({MANIFEST: encode_manifest(self._manifest())})

    def revoke(self) -> None:
        """Take it back."""
        self._publish({"release/data.json": self.release.data})

    def reader(self, gateway: Here) -> TrustRoot:
        """The trust root as a gateway reads it."""
        return TrustRoot(self.folder, self.pinned, gateway)

    def _publish(self, files: dict[str, bytes]) -> None:
        root = self.pinned.read_bytes()
        roots = read_roots(self.repository, root)
        draft: Draft = propose_targets(self.repository, roots, files, self._in_days(200))
        for signer in self.officers:
            draft = sign_draft(draft, signer, roots)
        complete(draft, self.repository, root, self.now_us)
        publish(self.repository, root, self.publisher, self.now_us)

    def _manifest(self) -> Manifest:
        account = Account(_ROUTE.broker, _ROUTE.broker_account, _ROUTE.hosts)
        return Manifest(
            environment="bench",
            gateway="writ.local/log",
            mode="PAPER",
            accounts={_ROUTE.account: account},
            release_digest=self.release.digest,
            limits_digest=self.release.data_digest,
            strategies=("*",),
            ceilings=Ceilings(1_000, 10**12),
            epoch=self.epoch,
            valid_from_us=self.now_us - _DAY_US,
            valid_until_us=self._in_days(100),
            attestations=(
                RegulatoryAttestation("US", "registration", "SEC 8-12345", self._in_days(150)),
            ),
            acknowledgement=Acknowledgement("2026-01", "We have read the limits."),
            at_lapse="cancel",
        )

    def _in_days(self, days: int) -> int:
        return self.now_us + days * _DAY_US


def measure(folder: Path, scale: Scale) -> Findings:
    """Verification beside one signature, then revocations one after the other."""
    release = load_release(bench_release(folder / "release"))
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        return runner.run(_measure(folder, release, scale))


async def _measure(folder: Path, release: Release, scale: Scale) -> Findings:
    desk = _Desk(folder / "trust", release)
    settings = Settings(data=folder / "data", release=folder / "release")
    async with running(settings) as app:
        here = Here("bench", app.vkey, {_ROUTE.account: venue_of(_ROUTE)})
        desk.sign()
        calls = min(scale.calls, CALLS_MAX)
        found = interleaved(
            scale.rounds,
            {
                "manifest": lambda: _p50_us(_verification(desk, here), calls),
                "signature": lambda: _p50_us(_signature(desk.publisher), calls),
            },
        )
        # What is asked is the mode PAPER; orders of this gateway stay in RESEARCH.
        book = Book(mode=Mode.PAPER)
        permissions = Permissions(lambda: book, app.clock, lambda: app.releases.current.named)
        looking = Acceptance(
            permissions=permissions,
            reader=desk.reader(here),
            journal=app.journal,
            repair=app.journal.repair,
            stops=app.halting,
            clock=app.clock,
            runner=app.runner,
        )
        task = asyncio.create_task(looking.run())
        try:
            waited_ms = [await _revocation_ms(desk, permissions) for _ in range(scale.rounds)]
        finally:
            task.cancel()
    return _findings(found["manifest"], found["signature"], waited_ms)


def _verification(desk: _Desk, here: Here) -> Callable[[], None]:
    reader = desk.reader(here)

    def verify() -> None:
        reading: Reading = reader.read(desk.now_us, None, Seen())
        if not isinstance(reading.manifest, Verified):
            raise BenchError(f"the manifest was refused: {reading.manifest}")

    return verify


def _signature(signer: Ed25519Signer) -> Callable[[], None]:
    signature, public = signer.sign(_MESSAGE), signer.public

    def verify() -> None:
        if not public.verify(signature, _MESSAGE):
            raise BenchError("a signature does not verify")

    return verify


def _p50_us(call: Callable[[], None], calls: int) -> float:
    took_us: list[float] = []
    for _ in range(calls):
        began_ns = time.perf_counter_ns()
        call()
        took_us.append((time.perf_counter_ns() - began_ns) / _NS_PER_US)
    return median(took_us)


async def _revocation_ms(desk: _Desk, permissions: Permissions) -> float:
    """From the last file of a revocation to the first refusal; the manifest stood before."""
    desk.sign()
    await _until(permissions, desk.release.digest, None)
    desk.revoke()
    began_ns = time.perf_counter_ns()
    await _until(permissions, desk.release.digest, "GATE_MANIFEST")
    return (time.perf_counter_ns() - began_ns) / _NS_PER_MS


async def _until(permissions: Permissions, release: str, refusal: str | None) -> None:
    ends_ns = time.perf_counter_ns() + SEEN_MAX_S * 1_000 * _NS_PER_MS
    while permissions.refusal(_ROUTE, release_digest=release, exits=False) != refusal:
        if time.perf_counter_ns() > ends_ns:
            raise BenchError(f"not so within {SEEN_MAX_S} s: {permissions.report().refused}")
        await asyncio.sleep(POLL_S)


def _findings(manifest_us: list[float], signature_us: list[float], waited: list[float]) -> Findings:
    note = (
        "A manifest is verified with its whole trust root, from the pinned root to every signed "
        "file, and its evidence is written. A revocation is seen by the next of four looks a "
        "second, so half of a quarter of a second of it is waiting."
    )
    figures = {
        "manifest_verify_p50_us": Figure.of(manifest_us, "µs"),
        "manifest_over_signature": ratios(manifest_us, signature_us),
        "revocation_to_refusal_ms": Figure.of(waited, "ms"),
    }
    return Findings(figures, notes=[note])
