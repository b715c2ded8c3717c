"""Verify that a trust root permits one gateway to run: its numbered steps.

`signing.trust.verify` has proven what the officers signed. This proves that what they signed is
meant for this gateway, as it is configured, at this moment. The first step that fails is the
answer:

1) There is a manifest among the files that the officers signed, and it is what they signed.
2) It is written as Writ writes manifests.
3) The root takes as many officers as this environment asks for: one alone is enough in the
   environment `development` and nowhere else, and never for LIVE.
4) It is for this environment.
5) It is for this gateway, by the origin or by the key of its log.
6) Its epoch is not below the highest that was accepted here, and that epoch has one manifest.
7) It is valid now, and none of its attestations has ended.
8) Every account that it names is one of this gateway's, and leads exactly where it says: the same
   venue, broker, number and hosts.

Which release runs is judged apart (`holds_release`): a manifest may name the next one, and then
permits nothing before the switch to it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Protocol

from signing.addressee import is_for
from signing.canonical import digest
from signing.keys import Vkey
from signing.manifest import NAME, Account, Manifest, ManifestError, parse_manifest

DEVELOPMENT: Final = "development"
"""The one environment in which one officer alone may be enough."""

STEP_NAMES: Final = MappingProxyType(
    {
        1: "the officers signed a manifest, and it is there as they signed it",
        2: "it is written as a manifest",
        3: "the root takes enough officers for this environment and mode",
        4: "it is for this environment",
        5: "it is for this gateway",
        6: "its epoch is not below the highest that was accepted, and has one manifest",
        7: "it is valid now, and its attestations stand",
        8: "every account that it names leads exactly there",
    }
)
"""What each step proves."""

_SIGN_ANOTHER: Final = "let the officers sign a manifest that says so, or configure the gateway"


class NotPermittedError(Exception):
    """A manifest that permits nothing here.

    Attributes:
        step: the step that failed.
        code: a stable word, as `environment-other`.
        detail: what is wrong, in one line.
        remedy: what to do about it.
    """

    def __init__(self, step: int, code: str, detail: str, remedy: str) -> None:
        super().__init__(detail)
        self.step = step
        self.code = code
        self.detail = detail
        self.remedy = remedy


class SignedFile(Protocol):
    """A file that officers signed (`signing.trust.Target`)."""

    def read(self) -> bytes:
        """Read it, and compare it with what was signed."""
        ...


class Signed(Protocol):
    """What a trust root was verified to hold (`signing.trust.TrustState`)."""

    @property
    def development(self) -> bool:
        """Whether one officer alone was enough."""
        ...

    @property
    def targets(self) -> Mapping[str, SignedFile]:
        """The files that the officers signed, by name."""
        ...


@dataclass(frozen=True, slots=True)
class Venue:
    """Where an account of this gateway really leads.

    Attributes:
        mode: the one mode in which its orders go out: SIMULATION, PAPER or LIVE.
        account: its broker, number and hosts, as a manifest would have to name them.
    """

    mode: str
    account: Account


@dataclass(frozen=True, slots=True)
class Here:
    """What this gateway is.

    Attributes:
        environment: as it is configured.
        log: the key that its log is verified with.
        accounts: by their alias.
    """

    environment: str
    log: Vkey
    accounts: Mapping[str, Venue]


@dataclass(frozen=True, slots=True)
class Seen:
    """What was accepted here before.

    Attributes:
        epoch: the highest epoch; 0: none.
        digest: the manifest that was accepted with it; empty: none.
    """

    epoch: int = 0
    digest: str = ""


@dataclass(frozen=True, slots=True)
class Verified:
    """A manifest that passed every step, its bytes and the SHA-256 that names them."""

    manifest: Manifest
    digest: str
    data: bytes


def verify_permission(state: Signed, here: Here, seen: Seen, now_us: int) -> Verified:
    """Verify the manifest of a trust root, steps 1 to 8.

    Args:
        state: what the officers signed, as `signing.trust.verify_trust` found it.
        here: the gateway that it must be for.
        seen: what was accepted before.
        now_us: the moment to judge, microseconds UTC.

    Raises:
        NotPermittedError: the first step that fails.
        TrustError: the manifest's file is not there as it was signed.
    """
    data = _signed_manifest(state)
    manifest = _parsed(data)
    _check_council(state, here, manifest)
    _check_addressee(here, manifest)
    named = digest(data)
    _check_epoch(manifest, named, seen)
    _check_time(manifest, now_us)
    for alias, account in manifest.accounts.items():
        _check_account(alias, account, here.accounts.get(alias), manifest.mode)
    return Verified(manifest, named, data)


def holds_release(manifest: Manifest, release_digest: str, data_digest: str) -> bool:
    """Tell whether a release, by its descriptor and by its data, is the one that is permitted."""
    return (manifest.release_digest, manifest.limits_digest) == (release_digest, data_digest)


def leads_there(manifest: Manifest, alias: str, venue: Venue) -> bool:
    """Tell whether a manifest names an account with exactly this venue."""
    return manifest.mode == venue.mode and manifest.accounts.get(alias) == venue.account


def _signed_manifest(state: Signed) -> bytes:
    target = state.targets.get(NAME)
    if target is None:
        raise NotPermittedError(
            1,
            "manifest-revoked",
            "the officers signed no manifest, or took it back",
            "let the officers sign one: `writ manifest draft`",
        )
    return target.read()


def _parsed(data: bytes) -> Manifest:
    try:
        return parse_manifest(data)
    except ManifestError as error:
        raise NotPermittedError(
            2, "manifest-malformed", str(error), "let the officers sign another manifest"
        ) from error


def _check_council(state: Signed, here: Here, manifest: Manifest) -> None:
    if state.development and (here.environment != DEVELOPMENT or manifest.mode == "LIVE"):
        raise NotPermittedError(
            3,
            "root-development",
            f"one officer alone was enough for this root, and this is {here.environment} "
            f"in {manifest.mode}",
            "begin with a root that takes two officers, and pin that one",
        )


def _check_addressee(here: Here, manifest: Manifest) -> None:
    if manifest.environment != here.environment:
        raise NotPermittedError(
            4,
            "environment-other",
            f"it is for {manifest.environment}, and this is {here.environment}",
            _SIGN_ANOTHER,
        )
    if not is_for(manifest.gateway, here.log):
        raise NotPermittedError(
            5,
            "gateway-other",
            f"it is for the gateway {manifest.gateway}, and this is {here.log}",
            _SIGN_ANOTHER,
        )


def _check_epoch(manifest: Manifest, named: str, seen: Seen) -> None:
    if manifest.epoch < seen.epoch:
        raise NotPermittedError(
            6,
            "epoch-older",
            f"its epoch is {manifest.epoch}, and {seen.epoch} was accepted here",
            "let the officers sign a manifest with the next epoch",
        )
    if manifest.epoch == seen.epoch and named != seen.digest:
        raise NotPermittedError(
            6,
            "epoch-changed",
            f"another manifest of epoch {seen.epoch} was accepted here",
            "let the officers sign it with the next epoch",
        )


def _check_time(manifest: Manifest, now_us: int) -> None:
    ended = [one for one in manifest.attestations if one.valid_until_us <= now_us]
    if now_us < manifest.valid_from_us:
        code, detail = "manifest-early", "it is not valid yet"
    elif now_us >= manifest.valid_until_us:
        code, detail = "manifest-expired", "it has expired"
    elif ended:
        code = "attestation-ended"
        detail = f"its attestation {ended[0].kind} in {ended[0].jurisdiction} has ended"
    else:
        return
    raise NotPermittedError(7, code, detail, "let the officers sign one that is valid now")


def _check_account(alias: str, named: Account, venue: Venue | None, mode: str) -> None:
    if venue is None:
        raise NotPermittedError(
            8, "account-unknown", f"this gateway has no account {alias}", _SIGN_ANOTHER
        )
    if venue.mode != mode:
        raise NotPermittedError(
            8,
            "account-venue",
            f"it is for {mode}, and the account {alias} is a {venue.mode} account",
            _SIGN_ANOTHER,
        )
    if venue.account != named:
        here, there = _shown(venue.account), _shown(named)
        field = next(field for field, value in here.items() if value != there[field])
        raise NotPermittedError(
            8,
            "account-other",
            f"the {field} of {alias} here: {here[field]}; in the manifest: {there[field]}",
            _SIGN_ANOTHER,
        )


def _shown(account: Account) -> dict[str, str]:
    return {
        "broker": account.broker,
        "number": account.broker_account,
        "hosts": ", ".join(account.hosts) or "none",
    }
