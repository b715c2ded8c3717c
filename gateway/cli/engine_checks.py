"""What `writ doctor` looks at in an OPA server: does it decide with this release, and only that.

Everything is asked over the wire, as the gateway does. Nothing is changed: the one request that
would change something carries a policy that no server can take.
"""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import Final

from gateway.cli.checks import Finding, Grade
from gateway.config import Settings
from gateway.domain.errors import WritError
from gateway.host import SystemClock
from gateway.policy.batches import DECISIONS
from gateway.policy.engine import OPA_WASM, chosen_endpoint
from gateway.policy.opa_server.answer import Cause, Fault, Reply
from gateway.policy.opa_server.endpoint import OpaEndpoint
from gateway.policy.opa_server.engine import EMPTY_BATCH, OpaServerEngine, address
from gateway.policy.release import Release, load_release, shipped_directory
from gateway.ports import moment

CHECK: Final = "engine"
ACCESS_CHECK: Final = "engine access"

_NO_POLICY: Final = b"this is no Rego"
_INPUT: Final = b'{"input":' + EMPTY_BATCH + b"}"
_START: Final = "start it with the command that `writ policy opa-config` prints"
_REMEDIES: Final = {
    Cause.UNREACHABLE: f"{_START}, or mend WRIT_OPA_URL",
    Cause.TIMEOUT: "see what the server is busy with, or raise WRIT_ENGINE_TIMEOUT_MS",
    Cause.REFUSED: "WRIT_OPA_TOKEN_FILE must be the file that `writ policy opa-config` was given; "
    "run it again and restart the server",
    Cause.STATUS: "look at the server's log: its authorization policy or its release is broken",
    Cause.MALFORMED: "WRIT_OPA_URL is not an OPA server, or something stands in between",
    Cause.NO_BUNDLE: "start the gateway, which serves the release; if it runs, look at the "
    "server's log: its key needs the scope policy:read",
    Cause.REVISION: "the server follows another gateway or still holds an older release: run "
    "`writ policy opa-config` for this gateway, and give gateway and doctor the same WRIT_RELEASE",
    Cause.VERSION: "install the version of OPA that the release was built with, or build anew",
    Cause.UNDEFINED: "its bundle lacks the release's entry points: have it fetch the bundle from "
    "the gateway, and from nowhere else",
    Cause.UNHEALTHY: "look at the server's log: a bundle or plugin is not ready",
    Cause.DEFECT: "look at the message above, and report it",
}


def engine_findings(settings: Settings) -> list[Finding]:
    """What the configured engine is, and whether it can decide with the configured release."""
    try:
        there = chosen_endpoint(settings, moment(SystemClock()))
        if there is None:
            return [Finding(CHECK, Grade.OK, f"{OPA_WASM}, in the gateway's own process")]
        release = load_release(settings.release or shipped_directory())
    except WritError as error:
        return [Finding(CHECK, Grade.FAIL, error.detail, error.remedy)]
    return asyncio.run(_examined(release, there, settings.engine_timeout_ms))


async def _examined(release: Release, there: OpaEndpoint, timeout_ms: int) -> list[Finding]:
    engine = OpaServerEngine(release, there, timeout_ms=timeout_ms)
    try:
        fault = await engine.fault()
        found = [_decides(there, release, fault)]
        if fault is None or fault.cause not in (Cause.UNREACHABLE, Cause.TIMEOUT):
            found.append(await _access(engine))
    finally:
        await engine.close()
    return found


def _decides(there: OpaEndpoint, release: Release, fault: Fault | None) -> Finding:
    if fault is not None:
        found = f"{there.url}: {fault.detail} ({fault.failure.code})"
        return Finding(CHECK, Grade.FAIL, found, _REMEDIES[fault.cause])
    found = f"opa-server {release.opa_version} at {there.url}, release {release.digest}"
    return Finding(CHECK, Grade.OK, found)


async def _access(engine: OpaServerEngine) -> Finding:
    """Whether the server does more than it must, for more than it should."""
    stranger = await engine.exchange("POST", address(DECISIONS), _INPUT, token=False)
    if _lets_in(stranger):
        return Finding(
            ACCESS_CHECK,
            Grade.FAIL,
            "it answers without the token: anybody here can ask it, and perhaps change it",
            f"{_START}: it needs --authentication=token --authorization=basic",
        )
    reads = await engine.exchange("GET", "/v1/policies")
    writes = await engine.exchange("PUT", "/v1/policies/writ-doctor", _NO_POLICY)
    if _lets_in(reads) or _lets_in(writes):
        what = "change its policies" if _lets_in(writes) else "read its policies"
        return Finding(
            ACCESS_CHECK,
            Grade.NOTE,
            f"its authorization policy is too open: the gateway's token can {what}",
            "use the authz.rego that `writ policy opa-config` writes",
        )
    return Finding(ACCESS_CHECK, Grade.OK, "the token may ask for decisions and health alone")


def _lets_in(reply: Reply | Fault) -> bool:
    """Whether the request got past authorization, even if what it carried was then refused."""
    return isinstance(reply, Reply) and reply.status in (HTTPStatus.OK, HTTPStatus.BAD_REQUEST)
