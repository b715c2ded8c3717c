"""The compliance manifest: what officers permit one gateway to do, where, and until when.

It is canonical JSON with a closed set of fields, and a target of the trust root: the officers'
signatures stand in the trust root's metadata, not here. It permits one release in one environment
of one gateway. Whatever it does not name is not permitted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

from signing.canonical import INT_MAX, CanonicalError, JsonObject, decode_object, digest, encode
from signing.manifest_shape import MANIFEST, VERSION
from signing.shapes import RecordError

NAME: Final = "manifest.json"
"""What a manifest is called among the trust root's targets."""
MANIFEST_BYTES_MAX: Final = 262_144
"""The longest manifest that is read."""
LIFETIME_MAX_US: Final = 366 * 24 * 3_600 * 1_000_000
"""A manifest is valid for a year at most."""
ANY_STRATEGY: Final = "*"
"""Alone in `strategies`: every strategy, and orders that name none."""


@dataclass(frozen=True, slots=True)
class Account:
    """An account that orders may go to.

    Attributes:
        broker: the broker's name in the gateway's configuration.
        broker_account: the broker's own number of the account, or "none" where it has none.
        hosts: the only `host:port` that its orders go to; none for a broker inside the gateway.
    """

    broker: str
    broker_account: str
    hosts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Ceilings:
    """What the whole gateway may forward in a day, whatever the limits of its release allow.

    Attributes:
        orders_per_day: orders.
        notional_per_day_micros: their value, millionths of the release's base currency.
    """

    orders_per_day: int
    notional_per_day_micros: int


@dataclass(frozen=True, slots=True)
class RegulatoryAttestation:
    """The officers' word that a registration, membership or disclosure stands.

    Attributes:
        jurisdiction: ISO 3166, such as US or US-NY.
        kind: one of ATTESTATION_KINDS.
        reference: where it can be looked up, one line.
        valid_until_us: from when on it no longer stands, microseconds UTC.
    """

    jurisdiction: str
    kind: str
    reference: str
    valid_until_us: int


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """The text that each officer agrees to by signing.

    Attributes:
        version: the text's own version.
        text: all of it, printable characters and line ends.
    """

    version: str
    text: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What is permitted.

    Attributes:
        environment: the one environment, such as production.
        gateway: whom it is for: the origin or the verifier key of the gateway's log
            (`signing.addressee.is_for`).
        mode: PAPER or LIVE.
        accounts: by their alias.
        release_digest: SHA-256 of the one release's descriptor.
        limits_digest: SHA-256 of that release's data: limits, instruments, lists.
        strategies: the strategies that may trade, sorted, or ANY_STRATEGY alone.
        ceilings: of a day.
        epoch: rises with every manifest of an environment, so that an older one is known.
        valid_from_us: from when on it permits, microseconds UTC.
        valid_until_us: from when on it permits nothing, microseconds UTC.
        attestations: the regulatory attestations.
        acknowledgement: what the officers agree to.
        at_lapse: when it lapses, working orders are cancelled ("cancel") or left ("leave").
    """

    environment: str
    gateway: str
    mode: str
    accounts: Mapping[str, Account]
    release_digest: str
    limits_digest: str
    strategies: tuple[str, ...]
    ceilings: Ceilings
    epoch: int
    valid_from_us: int
    valid_until_us: int
    attestations: tuple[RegulatoryAttestation, ...]
    acknowledgement: Acknowledgement
    at_lapse: str

    @property
    def lapses_us(self) -> int:
        """When it lapses by itself: at its end, or with the first attestation that ends."""
        return min(self.valid_until_us, *(a.valid_until_us for a in self.attestations), INT_MAX)

    def valid_at(self, now_us: int) -> bool:
        """Tell whether it permits anything at an instant, microseconds UTC."""
        return self.valid_from_us <= now_us < self.lapses_us

    def allows_strategy(self, strategy: str) -> bool:
        """Tell whether a strategy may trade."""
        return self.strategies == (ANY_STRATEGY,) or strategy in self.strategies


class ManifestError(ValueError):
    """Fields that no manifest can have, or bytes that are no manifest; the message says where."""


def parse_manifest(data: bytes) -> Manifest:
    """Read a manifest.

    Raises:
        ManifestError: not canonical JSON of at most MANIFEST_BYTES_MAX bytes, another field, a
            value out of bounds, or fields that contradict each other.
    """
    if len(data) > MANIFEST_BYTES_MAX:
        raise ManifestError(f"a manifest has at most {MANIFEST_BYTES_MAX} bytes")
    try:
        payload = decode_object(data)
    except CanonicalError as error:
        raise ManifestError(str(error)) from error
    return read_fields(payload)


def read_fields(payload: JsonObject) -> Manifest:
    """Take a manifest out of its decoded fields.

    Raises:
        ManifestError: as `parse_manifest`.
    """
    try:
        MANIFEST("", payload)
        manifest = _manifest(payload)
        _check_together(manifest)
    except RecordError as error:
        raise ManifestError(str(error)) from error
    return manifest


def encode_manifest(manifest: Manifest) -> bytes:
    """Write a manifest, the same bytes that `parse_manifest` reads.

    Raises:
        ManifestError: its fields are not those of a manifest, or it is too long.
    """
    try:
        accounts = {alias: asdict(account) for alias, account in manifest.accounts.items()}
        data = encode(
            {**asdict(replace(manifest, accounts={})), "accounts": accounts, "v": VERSION}
        )
    except CanonicalError as error:
        raise ManifestError(str(error)) from error
    if parse_manifest(data) != manifest:
        raise ManifestError("it is not what its bytes say")
    return data


def manifest_digest(manifest: Manifest) -> str:
    """The SHA-256 that names a manifest, 64 lower-case hexadecimal digits.

    Raises:
        ManifestError: as `encode_manifest`.
    """
    return digest(encode_manifest(manifest))


def _manifest(payload: JsonObject) -> Manifest:
    """Build the value of fields that `MANIFEST` has accepted."""
    nested: JsonObject = {
        "accounts": {alias: _account(account) for alias, account in payload["accounts"].items()},
        "strategies": tuple(payload["strategies"]),
        "ceilings": Ceilings(**payload["ceilings"]),
        "attestations": tuple(RegulatoryAttestation(**item) for item in payload["attestations"]),
        "acknowledgement": Acknowledgement(**payload["acknowledgement"]),
    }
    plain = {name: value for name, value in payload.items() if name != "v"}
    return Manifest(**{**plain, **nested})


def _account(fields: JsonObject) -> Account:
    return Account(fields["broker"], fields["broker_account"], tuple(fields["hosts"]))


def _check_together(manifest: Manifest) -> None:
    """Refuse fields that are each right and together mean nothing, or two things."""
    if not manifest.accounts:
        raise RecordError("accounts", "names no account")
    for alias, account in manifest.accounts.items():
        _check_once(f"accounts.{alias}.hosts", account.hosts)
        if manifest.mode == "LIVE" and not account.hosts:
            raise RecordError(f"accounts.{alias}.hosts", "is empty, and LIVE goes to a broker")
        if manifest.mode == "LIVE" and account.broker_account == "none":
            raise RecordError(f"accounts.{alias}.broker_account", "is none, and LIVE names it")
    _check_once("strategies", manifest.strategies)
    if not manifest.strategies:
        raise RecordError("strategies", 'is empty: name them, or write "*" alone')
    if ANY_STRATEGY in manifest.strategies and len(manifest.strategies) > 1:
        raise RecordError("strategies", 'has "*" beside names')
    _check_times(manifest)


def _check_times(manifest: Manifest) -> None:
    if not 0 < manifest.valid_until_us - manifest.valid_from_us <= LIFETIME_MAX_US:
        raise RecordError("valid_until_us", "is not within 366 days after valid_from_us")
    seen = [(a.jurisdiction, a.kind, a.reference) for a in manifest.attestations]
    _check_once("attestations", seen)
    for index, item in enumerate(manifest.attestations):
        if item.valid_until_us <= manifest.valid_from_us:
            raise RecordError(
                f"attestations[{index}].valid_until_us", "has ended when the manifest begins"
            )
    if manifest.mode == "LIVE" and not manifest.attestations:
        raise RecordError("attestations", "is empty, and LIVE rests on one at least")


def _check_once(path: str, values: Sequence[Any]) -> None:
    """Refuse lists in another order than sorted: one set has one writing."""
    if list(values) != sorted(set(values)):
        raise RecordError(path, "is not sorted, or has something twice")
