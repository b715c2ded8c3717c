"""The gates of LIVE: pure functions of the evidence, each proven or not, none by default.

LIVE opens when every one of them holds, and closes with the first that does not. No text here
names a host or a secret: every reader of the mode may see them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final

from gateway.control.live.evidence import Evidence, Validation
from gateway.domain.mode import Mode
from signing.manifest import Account

VALIDATION_MAX_NS: Final = 24 * 3_600 * 1_000_000_000
"""How long a broker's word on credentials and clock counts."""
SKEW_MAX_MS: Final = 2_000
"""How far a broker's clock may be from ours."""
ENGINE_LOOK_MAX_NS: Final = 10_000_000_000
"""How long the last look at the engine counts; it is looked at every second."""
_NONE: Final = "none"


@dataclass(frozen=True, slots=True)
class Gate:
    """One condition of LIVE: whether it is proven, by what, or what is missing and the remedy."""

    name: str
    holds: bool
    evidence: str
    missing: str = ""
    remedy: str = ""


def judge(found: Evidence) -> tuple[Gate, ...]:
    """Every gate, in the order in which they are shown."""
    return tuple(gate(name, found) for name, gate in _GATES.items())


def all_hold(gates: Sequence[Gate]) -> bool:
    """Whether LIVE may be open: no gate is left out, and each is proven."""
    return tuple(gate.name for gate in gates) == NAMES and all(gate.holds for gate in gates)


def _proven(name: str, evidence: str) -> Gate:
    return Gate(name, holds=True, evidence=evidence)


def _missing(name: str, missing: str, remedy: str, evidence: str = _NONE) -> Gate:
    return Gate(name, holds=False, evidence=evidence, missing=missing, remedy=remedy)


def _enabled(name: str, found: Evidence) -> Gate:
    if not found.enabled:
        return _missing(
            name, "WRIT_LIVE_ENABLED is not true", "set it, and start the gateway anew", "false"
        )
    return _proven(name, "WRIT_LIVE_ENABLED=true")


def _mode(name: str, found: Evidence) -> Gate:
    if found.mode is not Mode.LIVE:
        return _missing(name, "the mode is not LIVE", "writ mode set LIVE", found.mode.value)
    return _proven(name, found.mode.value)


def _manifest(name: str, found: Evidence) -> Gate:
    held = found.permission
    if held is None or not held.stands(found.wall_us):
        return _missing(name, "no manifest stands", "have the officers sign and publish one")
    manifest = held.manifest
    told = f"{held.digest} of epoch {manifest.epoch} until {_instant(manifest.lapses_us)}"
    if manifest.mode != Mode.LIVE.value:
        return _missing(name, "the manifest is not for LIVE", "have one signed that is", told)
    return _proven(name, told)


def _release(name: str, found: Evidence) -> Gate:
    told = f"release {found.release_digest}"
    if found.permission is None:
        return _missing(name, _NO_MANIFEST, _FIRST_MANIFEST, told)
    manifest = found.permission.manifest
    if manifest.release_digest != found.release_digest:
        return _missing(
            name, "the manifest names another release", "writ policy switch to that one", told
        )
    if manifest.limits_digest != found.limits_digest:
        return _missing(name, "the manifest names other limits", "have a manifest signed", told)
    return _proven(name, told)


def _venue(name: str, found: Evidence) -> Gate:
    if found.permission is None:
        return _missing(name, _NO_MANIFEST, _FIRST_MANIFEST)
    accounts = found.permission.manifest.accounts
    astray = [alias for alias, account in accounts.items() if not _leads_to(found, alias, account)]
    if astray or not accounts:
        return _missing(
            name,
            f"other broker, account, hosts or mode than the manifest's: {_list(astray)}",
            "mend WRIT_ACCOUNTS or the manifest, and start the gateway anew",
        )
    return _proven(name, f"as the manifest says: {_list(accounts)}")


def _leads_to(found: Evidence, alias: str, account: Account) -> bool:
    route = found.routes.get(alias)
    return route is not None and (
        route.mode,
        route.broker,
        route.broker_account,
        tuple(sorted(route.hosts)),
    ) == (Mode.LIVE, account.broker, account.broker_account, account.hosts)


def _credentials(name: str, found: Evidence) -> Gate:
    if found.permission is None:
        return _missing(name, _NO_MANIFEST, _FIRST_MANIFEST)
    accounts = found.permission.manifest.accounts
    for alias, account in accounts.items():
        why = _invalid(_recent(found, alias), account)
        if why:
            return _missing(name, f"{alias}: {why}", _VALIDATE)
    if not accounts:
        return _missing(name, "the manifest names no account", "have a manifest signed")
    return _proven(name, f"validated within a day: {_list(accounts)}")


def _recent(found: Evidence, alias: str) -> Validation | None:
    """The broker's word on an account, while it counts."""
    validation = found.validations.get(alias)
    if validation is None or found.monotonic_ns - validation.at_ns > VALIDATION_MAX_NS:
        return None
    return validation


def _invalid(validation: Validation | None, account: Account) -> str:
    """Why the credentials are not proven, or nothing."""
    if validation is None:
        return "not validated by the broker within a day, in this process"
    answer = validation.answer
    if answer.problem != _NONE:
        return f"the broker says {answer.problem}"
    if answer.broker_account != account.broker_account:
        return "the credentials lead to another account than the manifest's"
    if answer.trade_only is False:
        return "the credentials could also move money out"
    return ""


def _vault(name: str, found: Evidence) -> Gate:
    if found.unfit:
        return _missing(name, f"not fit for LIVE: {_list(found.unfit)}", "see docs/vault.md")
    return _proven(name, "every secret is fit, and its place answers")


def _store(name: str, found: Evidence) -> Gate:
    if found.store_trouble is not None:
        return _missing(name, found.store_trouble, "keep the ledger in PostgreSQL, and mend it")
    return _proven(name, "postgresql")


def _risk_engine(name: str, found: Evidence) -> Gate:
    look = found.engine
    if look is None or found.monotonic_ns - look.at_ns > ENGINE_LOOK_MAX_NS:
        return _missing(name, "the engine has not said that it can decide", "writ doctor")
    if look.trouble is not None:
        return _missing(name, f"the engine cannot decide: {look.trouble}", "writ doctor")
    if not found.omega4_lifted:
        return _missing(name, "Omega 4 is in force", "writ omega4 lift --reason TEXT")
    if found.stale_facts:
        return _missing(
            name,
            f"missing or too old: {_list(found.stale_facts)}",
            "have the services that push these facts send them",
        )
    if found.exercised is None:
        return _missing(
            name,
            "the kill switch was not tried in this process",
            "writ kill --reason TEXT, then writ resume ID --reason TEXT",
        )
    tried = f"kill of {found.exercised.by} lifted by {found.exercised.lifted_by}"
    return _proven(name, f"ready, Omega 4 lifted, facts fresh, {tried}")


def _halts(name: str, found: Evidence) -> Gate:
    if found.halts:
        causes = _list(sorted({halt.cause for halt in found.halts}))
        return _missing(name, f"halts stand: {causes}", "writ halt list, then writ resume ID")
    return _proven(name, "none stands")


def _clock(name: str, found: Evidence) -> Gate:
    if found.clock_trouble is not None:
        return _missing(name, found.clock_trouble, "set this host's clock, or mend its source")
    if found.permission is None:
        return _missing(name, _NO_MANIFEST, _FIRST_MANIFEST)
    skews: list[str] = []
    for alias in found.permission.manifest.accounts:
        validation = _recent(found, alias)
        skew_ms = validation.answer.skew_ms if validation is not None else None
        if skew_ms is None:
            return _missing(name, f"{alias}: the broker's clock is not known", _VALIDATE)
        if abs(skew_ms) > SKEW_MAX_MS:
            return _missing(
                name,
                f"{alias}: the broker's clock is {skew_ms} ms ahead of ours",
                f"set this host's clock: at most {SKEW_MAX_MS} ms; then {_VALIDATE}",
            )
        skews.append(f"{alias} {skew_ms} ms")
    if not skews:
        return _missing(name, "the manifest names no account", "have a manifest signed")
    return _proven(name, _list(skews))


def _confirmation(name: str, found: Evidence) -> Gate:
    given, held = found.confirmation, found.permission
    if given is None or held is None:
        return _missing(name, "no Admin has confirmed with a passkey", "take the five steps")
    if (given.manifest_digest, given.instance) != (held.digest, found.instance):
        return _missing(
            name, "what was confirmed is another manifest or process", "take the five steps anew"
        )
    return _proven(name, f"{given.by} at {_instant(given.at_us)}")


def _instant(at_us: int) -> str:
    return f"{datetime.fromtimestamp(at_us // 1_000_000, UTC):%Y-%m-%dT%H:%M:%SZ}"


def _list(names: Sequence[str] | Mapping[str, object]) -> str:
    return ", ".join(names) or _NONE


_NO_MANIFEST: Final = "no manifest stands to compare with"
_FIRST_MANIFEST: Final = "see the gate manifest"
_VALIDATE: Final = "writ mode live credentials"

_GATES: Final[Mapping[str, Callable[[str, Evidence], Gate]]] = MappingProxyType(
    {
        "enabled": _enabled,
        "mode": _mode,
        "manifest": _manifest,
        "release": _release,
        "venue": _venue,
        "credentials": _credentials,
        "vault": _vault,
        "store": _store,
        "risk-engine": _risk_engine,
        "halts": _halts,
        "clock": _clock,
        "confirmation": _confirmation,
    }
)
NAMES: Final = tuple(_GATES)
"""Every gate, in order."""
CONFIRMATION: Final = "confirmation"
"""The gate that the last step itself proves."""
