"""What `writ doctor` looks at: each check says what it found and, if it is not well, the remedy.

Nothing is changed and nothing is started; a running gateway is not disturbed.
"""

from __future__ import annotations

import os
import socket
import ssl
import stat
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from gateway.api.access import FILE_NAME, AccessFile
from gateway.api.tls import door_tls
from gateway.config import Settings
from gateway.control.modes import check_label
from gateway.domain.errors import WritError
from gateway.policy.opa_tool import find_opa
from gateway.policy.release import Release, load_release, shipped_release
from signing.keys import InvalidKeyError, Vkey
from vault.signers import KeyFileError, load_key

PYTHON_MIN: Final = (3, 11)
SQLITE_MIN: Final = (3, 51, 3)
"""Earlier versions can corrupt a write-ahead log."""
CLOCK_MIN_S: Final = 1_790_000_000
"""September 2026: no clock that is right is behind the day this was written."""
_SKEW_MAX_S: Final = 2
_CONNECT_TIMEOUT_S: Final = 1.0


class Grade(StrEnum):
    """How a check came out; only ``fail`` keeps a gateway from working as it should."""

    OK = "ok"
    NOTE = "note"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found."""

    check: str
    grade: Grade
    found: str
    remedy: str = ""


def examine(settings: Settings) -> list[Finding]:
    """Run every check; a check that breaks is a failed one."""
    checks: dict[str, Callable[[Settings], Finding]] = {
        "python": _python,
        "sqlite": _sqlite,
        "clock": _clock,
        "data folder": _data_folder,
        "keys": _keys,
        "access": _access,
        "release": _release,
        "port": _port,
        "opa": _opa,
    }
    return [_run(name, check, settings) for name, check in checks.items()]


def _run(name: str, check: Callable[[Settings], Finding], settings: Settings) -> Finding:
    try:
        return check(settings)
    except WritError as error:
        return Finding(name, Grade.FAIL, error.detail, error.remedy)
    except KeyFileError as error:
        return Finding(name, Grade.FAIL, str(error), error.remedy)
    except OSError as error:
        return Finding(name, Grade.FAIL, str(error), "look at the file's owner and mode")


def _python(_: Settings) -> Finding:
    found = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info < PYTHON_MIN:
        return Finding("python", Grade.FAIL, found, "install Python 3.11 or newer")
    return Finding("python", Grade.OK, found)


def _sqlite(_: Settings) -> Finding:
    import apsw

    found = apsw.sqlite_lib_version()
    if tuple(int(part) for part in found.split(".")) < SQLITE_MIN:
        return Finding("sqlite", Grade.FAIL, found, "install a newer apsw: make venv")
    return Finding("sqlite", Grade.OK, f"{found} (apsw {apsw.apsw_version()})")


def _clock(settings: Settings) -> Finding:
    now_s = int(time.time())
    newest_s = max(
        (int(p.stat().st_mtime) for p in settings.data.glob("writ.db*")), default=CLOCK_MIN_S
    )
    found = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now_s))
    if now_s < max(newest_s - _SKEW_MAX_S, CLOCK_MIN_S):
        return Finding(
            "clock", Grade.FAIL, f"{found} is in the past of this data", "set the clock, use NTP"
        )
    return Finding("clock", Grade.OK, found)


def _data_folder(settings: Settings) -> Finding:
    folder = settings.data
    if not folder.exists():
        return Finding("data folder", Grade.NOTE, f"{folder} is not there; serve makes it")
    mode = stat.S_IMODE(folder.stat().st_mode)
    if not folder.is_dir() or not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        return Finding("data folder", Grade.FAIL, f"{folder} cannot be used", "see its owner")
    if mode & 0o077:
        found = f"{folder} is open to others ({mode:04o})"
        return Finding("data folder", Grade.FAIL, found, f"chmod 700 {folder}")
    free_mib = os.statvfs(folder).f_bavail * os.statvfs(folder).f_frsize // 2**20
    return Finding("data folder", Grade.OK, f"{folder}, {free_mib:,} MiB free")


def _keys(settings: Settings) -> Finding:
    folder = settings.data / "keys"
    kept = {"log.key": settings.log_key, "identity.key": settings.identity_key}
    here = [name for name, elsewhere in kept.items() if elsewhere is None]
    if here and not folder.exists():
        return Finding("keys", Grade.NOTE, "none yet; serve makes them")
    raw = {name: load_key(folder / name).public_key().public_bytes_raw() for name in here}
    named = " and ".join(here) or "none in the data folder"
    vkey_file = settings.data / "log.vkey"
    if not vkey_file.exists():
        return Finding("keys", Grade.OK, f"{named}; no log yet")
    try:
        vkey = Vkey.parse(vkey_file.read_text(encoding="ascii").strip())
    except (InvalidKeyError, UnicodeDecodeError):
        return Finding("keys", Grade.FAIL, "log.vkey is damaged", "restore it from a backup")
    if vkey.name != settings.origin or vkey.public.raw != raw.get("log.key", vkey.public.raw):
        return Finding(
            "keys", Grade.FAIL, "log.vkey is of another log", "restore the keys of this data"
        )
    return Finding("keys", Grade.OK, f"{named}, of {vkey.name}")


def _access(settings: Settings) -> Finding:
    records = AccessFile(settings.data / FILE_NAME).records()
    working = sum(not record.revoked_us for record in records)
    if not working:
        return Finding(
            "access", Grade.NOTE, "no working API key", "writ access add NAME --scope propose …"
        )
    return Finding("access", Grade.OK, f"{working} working API keys")


def _release(settings: Settings) -> Finding:
    release = load_release(settings.release) if settings.release else shipped_release()
    check_label(settings.mode, release.label)
    found = f"{release.revision} ({release.label}) {release.digest}"
    if not _trades(release):
        return Finding(
            "release", Grade.NOTE, f"{found}: its limits are zero, every order is denied"
        )
    return Finding("release", Grade.OK, found)


def _trades(release: Release) -> bool:
    table = release.limits.base.values()
    return bool(table) and all(limit > 0 for limit in table)


def _port(settings: Settings) -> Finding:
    tls = door_tls(
        settings.tls_certificate_file, settings.tls_key_file, settings.tls_client_ca_file
    )
    where = f"{settings.host} port {settings.port}{' (TLS)' if tls else ''}"
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            if answers(settings):
                return Finding("port", Grade.NOTE, f"{where}: a gateway is running there")
            return Finding(
                "port", Grade.FAIL, f"{where}: {error.strerror}", "choose another --port"
            )
    return Finding("port", Grade.OK, f"{where} is free")


def answers(settings: Settings) -> bool:
    """Whether a gateway runs at the address of the settings."""
    import httpx2

    if settings.tls_certificate_file is not None:
        return _shows(settings.tls_certificate_file, settings)
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    try:
        answer = httpx2.get(
            f"http://{host}:{settings.port}/healthz", timeout=_CONNECT_TIMEOUT_S, trust_env=False
        )
    except httpx2.HTTPError:
        return False
    return answer.is_success and answer.json() == {"status": "up"}


def _shows(certificate: Path, settings: Settings) -> bool:
    """Whether this certificate is shown there; to get an answer takes one of a caller's own."""
    try:
        shown = ssl.get_server_certificate(
            (settings.host, settings.port), timeout=_CONNECT_TIMEOUT_S
        )
        ours = certificate.read_text(encoding="ascii")
    except (OSError, ValueError):
        return False
    return "".join(shown.split()) in "".join(ours.split())


def _opa(_: Settings) -> Finding:
    try:
        path: Path = find_opa()
    except WritError as error:
        return Finding("opa", Grade.NOTE, "not found; only policy work needs it", error.remedy)
    return Finding("opa", Grade.OK, str(path))
