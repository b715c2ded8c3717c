"""Settings: read once at start, frozen, unknown keys refused; for the cli and bootstrap only."""

from __future__ import annotations

import json
import os
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict, SettingsError

from gateway.domain.errors import InvalidInputError
from gateway.domain.mode import Mode

PREFIX = "WRIT_"
CLIENT_VARIABLES = frozenset({"WRIT_URL", "WRIT_API_KEY"})
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


WholeNumber = Annotated[int, BeforeValidator(_plain)]
Named = Annotated[Path, BeforeValidator(_named)]
Host = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._:%-]{1,253}$")]
"""Not empty: that would be every address of the machine."""


class AccountSettings(BaseModel):
    """One account: which broker holds it, and what a simulated one is opened with."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    broker: Literal["simulator", "null"] = "simulator"
    opening_cash: Cash = "0"
    """Decimal string in the base currency; a simulated account opens with it."""


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
    market: Literal["none", "historical"] = "none"
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
    broker_timeout_ms: WholeNumber = Field(default=5_000, ge=1, le=60_000)
    engine: Literal["opa-wasm", "opa-server"] = "opa-wasm"
    engine_timeout_ms: WholeNumber = Field(default=500, ge=1, le=10_000)
    opa_url: Annotated[str, StringConstraints(min_length=1, max_length=300)] | None = None
    """Where the OPA server is; ``http://127.0.0.1:8181`` when not set."""
    opa_token_file: Named | None = None
    """The file with the token that the OPA server asks for; the token itself is no setting."""
    opa_ca_file: Named | None = None
    """Certificates to trust at an ``https`` OPA server instead of the system's."""


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
