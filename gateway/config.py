"""Settings: read once at start, frozen, unknown keys refused; for the cli and bootstrap only."""

from __future__ import annotations

import json
import os
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict, SettingsError

from gateway.domain.errors import InvalidInputError
from gateway.domain.mode import Mode
from vault.errors import ProviderError
from vault.references import SecretRef

PREFIX = "WRIT_"
CLIENT_VARIABLES = frozenset(
    {"WRIT_URL", "WRIT_API_KEY", "WRIT_VAULT_TOKEN_FILE"}
    | {"WRIT_CA_FILE", "WRIT_CLIENT_CERT", "WRIT_CLIENT_KEY"}
)
"""Read by the command line's client, not by the gateway."""

Alias = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]{1,32}$")]
Cash = Annotated[str, StringConstraints(pattern=r"^(0|[1-9][0-9]{0,8})(\.[0-9]{1,6})?$")]


_PLAIN: Final = re.compile(r"0|[1-9][0-9]{0,15}")
_INSTANT: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?(Z|[+-][0-9]{2}:[0-9]{2})"
)
_FIRST: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LAST: Final = datetime(2200, 1, 1, tzinfo=UTC)
"""Later instants leave the integers that a document may hold."""


def _plain(value: object) -> object:
    # The model would take "1_000", " 10 ", "+10", "10.0", truths and digits of any script as well.
    if isinstance(value, bool | float) or (isinstance(value, str) and not _PLAIN.fullmatch(value)):
        raise ValueError("needs to be a plain whole number")
    return value


def _instant(value: object) -> object:
    # The model would take seconds since 1970 as well, and instants without an offset.
    if isinstance(value, str) and not _INSTANT.fullmatch(value):
        raise ValueError("needs to look like 2015-01-02T15:30:00-05:00")
    return value


def _aware(value: datetime | None) -> datetime | None:
    if value is not None and value.tzinfo is None:
        raise ValueError("needs a UTC offset, such as 2015-01-02T15:30:00-05:00")
    if value is not None and not _FIRST <= value < _LAST:
        raise ValueError("needs to lie between 1970 and 2200")
    return value


def _named(value: object) -> object:
    # An empty path is the folder one happens to stand in.
    if isinstance(value, str | Path) and str(value) in ("", "."):
        raise ValueError("needs to name a file or folder")
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("has the same name twice")
    return found


def _json_object(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value, object_pairs_hook=_unique)
    except json.JSONDecodeError as error:
        raise ValueError("is not JSON") from error
    except RecursionError as error:
        raise ValueError("is nested too deeply") from error


def _toggle(value: object) -> object:
    # The model would take 1, "yes", "on" and "t" as well: what opens LIVE has one spelling.
    if isinstance(value, bool):
        return value
    if value not in ("true", "false"):
        raise ValueError("needs to be true or false")
    return value == "true"


Toggle = Annotated[bool, BeforeValidator(_toggle)]
WholeNumber = Annotated[int, BeforeValidator(_plain)]
Named = Annotated[Path, BeforeValidator(_named)]
Host = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._:%-]{1,253}$")]
"""Not empty: that would be every address of the machine."""


def _reference(value: object) -> object:
    """Where a secret is, in its one spelling; the text is never repeated: it may be the secret."""
    if not isinstance(value, str):
        return value
    try:
        return str(SecretRef.parse(value))
    except ProviderError as error:
        raise ValueError(error.detail) from None


Reference = Annotated[str, BeforeValidator(_reference)]
"""A reference to a secret (``vault.references``), such as ``vault://kv/writ/gateway#key``."""


ClockSource = Annotated[
    str,
    StringConstraints(
        pattern=r"^(none|broker|ntp:([A-Za-z0-9.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(:[1-9][0-9]{0,4})?)$"
    ),
]
"""Who tells whether this host's clock is right: nobody, a broker, or a time server."""


class AccountSettings(BaseModel):
    """One account: which broker holds it and by what, or what a simulated one is opened with."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    broker: Literal["simulator", "null", "alpaca"] = "simulator"
    opening_cash: Cash = "0"
    """Decimal string in the base currency; a simulated account opens with it."""
    short_allowed: bool = False
    """Whether the simulator lets the account sell short; the policy has its own word on it."""
    margin_multiple_bps: int = Field(default=10_000, ge=10_000, le=100_000)
    """How much of its equity a simulated account may hold; 10,000 is cash alone."""
    venue: Literal["paper", "live"] = "paper"
    """Which of a broker's venues the account is at; it never changes while the gateway runs."""
    broker_account: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]{1,64}$")] = "none"
    """The broker's own number of the account, which its credentials must lead to."""
    url_override: Annotated[str, StringConstraints(min_length=1, max_length=300)] | None = None
    """Another address than the broker's own for that venue, such as a test peer's."""
    key_id: Reference | None = None
    """Where the public half of the broker's credentials is."""
    secret: Reference | None = None
    """Where the secret half is."""

    @model_validator(mode="after")
    def _fits_its_broker(self) -> Self:
        outside = {"venue", "broker_account", "url_override", "key_id", "secret"}
        if self.broker == "alpaca":
            if self.key_id is None or self.secret is None:
                raise ValueError("alpaca needs key_id and secret: references to its credentials")
            if "opening_cash" in self.model_fields_set:
                raise ValueError("opening_cash is for a simulated account")
        elif given := sorted(self.model_fields_set & outside):
            raise ValueError(f"{given[0]} says nothing to the broker {self.broker}")
        simulated = {"short_allowed", "margin_multiple_bps"} & self.model_fields_set
        if self.broker != "simulator" and simulated:
            raise ValueError(f"{min(simulated)} is for an account at the simulator")
        return self


class Settings(BaseSettings):
    """What an operator chooses. Each field is the environment variable ``WRIT_<FIELD>``."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="forbid")

    data: Named = Path("writ-data")
    """Folder for the database, keys, access file and published log."""
    host: Host = "127.0.0.1"
    port: WholeNumber = Field(default=8470, ge=0, le=65535)
    mode: Mode = Mode.RESEARCH
    origin: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9./_-]{0,62}$")] = (
        "writ.local/log"
    )
    """The log's permanent name (C2SP: a URL without scheme)."""
    release: Named | None = None
    """Folder of the policy release; the one shipped with the sources when not set."""
    broker_file: Named | None = None
    """A ``broker.yaml``: the operator's caps, which tighten the signed limits."""
    market: Literal["none", "historical", "venue"] = "none"
    """Recorded prices, or real time: a broker's calendar, and prices that services push."""
    market_start: Annotated[datetime | None, BeforeValidator(_instant), AfterValidator(_aware)] = (
        None
    )
    """Where the market clock of a historical feed begins."""
    ledger: Literal["sqlite", "postgresql"] = "sqlite"
    """Where the record is kept: a file in the data folder, or a database."""
    postgresql_url: Annotated[str, StringConstraints(min_length=1, max_length=1000)] | None = None
    """Where the database is, without a password."""
    postgresql_password_file: Named | None = None
    """The file with the password; the password itself is no setting."""
    accounts: Annotated[dict[Alias, AccountSettings], NoDecode, BeforeValidator(_json_object)] = (
        Field(default={"primary": AccountSettings(broker="null")}, min_length=1, max_length=1000)
    )
    attesters: Named | None = None
    """The file of keys whose attestations of runs count: a name and a key a line."""
    attestations: Named | None = None
    """The folder with attestations, and with the output files that they name."""
    run_ledger: Named | None = None
    """The ledger of audits, a JSON object a line: it lists runs that were audited."""
    override_officers: Named | None = None
    """The file of keys whose overrides count: a name and a key a line."""
    simulator_seed: WholeNumber = Field(default=1, ge=0, lt=2**31)
    alpaca_quotes: Literal["none", "iex", "sip"] = "none"
    """Which feed of Alpaca's market data quotes are taken from; its host is then in the routes."""
    broker_timeout_ms: WholeNumber = Field(default=5_000, ge=1, le=60_000)
    cancel_before_close_ms: WholeNumber = Field(default=60_000, ge=0, le=3_600_000)
    """How long before the close day orders are cancelled; 0: the venue ends them."""
    settle_ms: WholeNumber = Field(default=62_000, ge=1_000, le=600_000)
    """For how long a broker must go on not knowing an order that may have been sent before it
    counts as never arrived. The simulator, in this process, has a time of its own."""
    reconcile_in_flight_ms: WholeNumber = Field(default=2_000, ge=100, le=3_600_000)
    """How often orders that are on their way for long are asked for."""
    reconcile_orders_ms: WholeNumber = Field(default=10_000, ge=1_000, le=3_600_000)
    """How often a broker's open orders are compared with the record."""
    reconcile_positions_ms: WholeNumber = Field(default=60_000, ge=1_000, le=3_600_000)
    """How often its positions and cash are compared as well."""
    reconcile_full_ms: WholeNumber = Field(default=300_000, ge=1_000, le=3_600_000)
    """How often everything is compared, and the outcome entered whatever it is."""
    reconcile_settle_ms: WholeNumber = Field(default=10_000, ge=10, le=600_000)
    """How long a difference has to stand before it counts: brokers disagree with themselves."""
    reconcile_cash_tolerance: Cash = "0.01"
    """A difference of cash up to this is none."""
    engine: Literal["opa-wasm", "opa-server"] = "opa-wasm"
    engine_timeout_ms: WholeNumber = Field(default=500, ge=1, le=10_000)
    opa_url: Annotated[str, StringConstraints(min_length=1, max_length=300)] | None = None
    """Where the OPA server is; ``http://127.0.0.1:8181`` when not set."""
    opa_token_file: Named | None = None
    """The file with the token that the OPA server asks for; the token itself is no setting."""
    opa_ca_file: Named | None = None
    """Certificates to trust at an ``https`` OPA server instead of the system's."""
    clock_source: ClockSource = "none"
    """``ntp:HOST[:PORT]``, or ``broker``: the Date of the first account's broker that tells it."""
    alerts: Annotated[dict[Alias, Reference], NoDecode, BeforeValidator(_json_object)] = Field(
        default={}, max_length=4
    )
    """The channels that alerts go to: a name of each, and where its address is, a secret."""
    environment: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,31}$")] = (
        "development"
    )
    """What a manifest has to be for, such as ``production``."""
    trust: Named | None = None
    """The officers' trust root: the folder with ``metadata/`` and ``targets/``."""
    trust_root: Named | None = None
    """The pinned root file, kept apart from that folder: the first officers, as they were told."""
    live_enabled: Toggle = False
    """One of all that LIVE needs; without it LIVE is not even prepared."""
    passkey_origin: Annotated[str, StringConstraints(min_length=1, max_length=300)] | None = None
    """The gateway's address as a browser has it; passkeys are bound to it."""
    log_key: Reference | None = None
    """Where the log key is; a file of the data folder when not set."""
    identity_key: Annotated[str, StringConstraints(min_length=1, max_length=200)] | None = None
    """``vault:transit/NAME/VERSION``; a file of the data folder when not set."""
    vault_url: Annotated[str, StringConstraints(min_length=1, max_length=300)] | None = None
    """The vault; without it no reference can begin with ``vault://``."""
    vault_ca_file: Named | None = None
    """The only certificates that may vouch for it; needed with ``https``."""
    vault_namespace: Annotated[str, StringConstraints(max_length=300)] = ""
    vault_login: Literal["approle", "kubernetes"] = "approle"
    vault_role: Annotated[
        str, StringConstraints(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$")
    ] = "writ-gateway"
    """The role that the gateway logs in as; what its token wraps is held against it."""
    vault_role_id: Annotated[str, StringConstraints(min_length=1, max_length=200)] | None = None
    """AppRole's role id, which is no secret."""
    vault_secret_id_file: Named | None = None
    """The file with the wrapped secret id."""
    vault_kubernetes_token_file: Named | None = None
    """Kubernetes: the service account's token, where it is not in its usual place."""
    vault_ledger_role: Annotated[
        str, StringConstraints(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$")
    ] = "writ-ledger"
    """The role that reads the log key, once, at the start."""
    vault_ledger_role_id: Annotated[str, StringConstraints(min_length=1, max_length=200)] | None = (
        None
    )
    vault_ledger_secret_id_file: Named | None = None
    vault_timeout_ms: WholeNumber = Field(default=5_000, ge=1, le=30_000)
    tls_certificate_file: Named | None = None
    """PEM: the gateway's own certificate; with the key it serves ``https``."""
    tls_key_file: Named | None = None
    tls_client_ca_file: Named | None = None
    """PEM: who connects has to show a certificate of these authorities."""


def load_settings(**overrides: object) -> Settings:
    """Read settings from the environment, overridden by what the command line gave.

    Raises:
        InvalidInputError: ``config-invalid``: a value out of bounds, or an unknown ``WRIT_`` key.
    """
    known = {PREFIX + name.upper() for name in Settings.model_fields} | CLIENT_VARIABLES
    # In its one spelling: of two that differ in case only one would be heard.
    unknown = sorted(k for k in os.environ if k.upper().startswith(PREFIX) and k not in known)
    if unknown:
        raise InvalidInputError(
            "config-invalid",
            f"unknown setting {unknown[0]!a}",
            f"remove it; known settings: {', '.join(sorted(known))}",
        )
    given = {key: value for key, value in overrides.items() if value is not None}
    try:
        return Settings(**given)  # pyright: ignore[reportArgumentType]  validated by pydantic
    except SettingsError as error:
        raise InvalidInputError("config-invalid", str(error), "see docs/operating.md") from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise InvalidInputError(
            "config-invalid",
            f"{PREFIX}{ascii(where.upper())[1:-1]}: {first['msg'].removeprefix('Value error, ')}",
            "see docs/operating.md",
        ) from None
