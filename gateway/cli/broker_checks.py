"""What `writ doctor` says of a `broker.yaml`: what it caps, and what of it nobody acts on yet."""

from __future__ import annotations

from gateway.bootstrap.broker_file import load_broker_file
from gateway.cli.checks import Finding, Grade
from gateway.config import Settings
from gateway.domain.errors import WritError
from gateway.policy.release import load_release, shipped_release

_CHECK = "broker file"


def broker_findings(settings: Settings) -> list[Finding]:
    """Read the file as a start would; nothing is changed."""
    if settings.broker_file is None:
        return [Finding(_CHECK, Grade.OK, "none: the signed limits stand alone")]
    try:
        found = load_broker_file(settings.broker_file)
        release = load_release(settings.release) if settings.release else shipped_release()
        found.check(settings, release.parsed.base_currency)
    except WritError as error:
        return [Finding(_CHECK, Grade.FAIL, error.detail, error.remedy)]
    caps = ", ".join(f"{name} {value}" for name, value in sorted(found.caps.items()))
    said = f"{found.path} caps {caps or 'nothing'}"
    if not found.unacted:
        return [Finding(_CHECK, Grade.OK, said)]
    parts = " and ".join(found.unacted)
    remedy = "WRIT_ACCOUNTS says which broker holds an account"
    return [Finding(_CHECK, Grade.NOTE, f"{said}; {parts}: read, and not acted on", remedy)]
