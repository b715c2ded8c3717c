"""What LIVE is judged by, all of it in order, and one way to break each gate alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from gateway.control.halting import Exercised
from gateway.control.live.evidence import Confirmation, EngineLook, Evidence, Validation
from gateway.domain.halt import GLOBAL, Halt
from gateway.domain.mode import Mode
from gateway.domain.permission import Permission, Route, Validated
from signing.manifest import encode_manifest, manifest_digest, read_fields
from support.manifests import DAY_US, FROM_US, manifest_fields

HOST = "api.example.com:443"
NUMBER = "A1234"
NOW_US = FROM_US + DAY_US
NOW_NS = 10**15
INSTANCE = "inst_1"
ADMIN = "ada"
ACCOUNTS = {"primary": {"broker": "alpaca", "broker_account": NUMBER, "hosts": [HOST]}}
HALT = Halt("halt_1", GLOBAL, "DRIFT", cancels=True, reduce_allowed=False, clear_by="admin", by="x")


def live_permission(**changes: Any) -> Permission:
    """A LIVE manifest that stands at ``NOW_US``."""
    manifest = read_fields(manifest_fields(mode="LIVE", accounts=ACCOUNTS, **changes))
    assert encode_manifest(manifest)
    return Permission(manifest_digest(manifest), manifest)


PERMISSION = live_permission()
ROUTE = Route("primary", "alpaca", NUMBER, Mode.LIVE, (HOST,))
ANSWER = Validated("none", NUMBER, trade_only=True, skew_ms=12)
CONFIRMATION = Confirmation(ADMIN, PERMISSION.digest, INSTANCE, NOW_US, cancels_at_lapse=True)


def in_order(**changes: Any) -> Evidence:
    """Evidence with which every gate holds; ``changes`` replace some of it."""
    found = Evidence(
        wall_us=NOW_US,
        monotonic_ns=NOW_NS,
        instance=INSTANCE,
        enabled=True,
        mode=Mode.LIVE,
        permission=PERMISSION,
        release_digest=PERMISSION.manifest.release_digest,
        limits_digest=PERMISSION.manifest.limits_digest,
        routes={"primary": ROUTE},
        validations={"primary": Validation(ANSWER, NOW_NS)},
        unfit=(),
        store_trouble=None,
        clock_trouble=None,
        engine=EngineLook(None, NOW_NS),
        omega4_lifted=True,
        stale_facts=(),
        exercised=Exercised("bo", ADMIN, NOW_US),
        halts=(),
        confirmation=CONFIRMATION,
    )
    return replace(found, **changes)


def answered(found: Evidence, **changes: Any) -> Evidence:
    """The same with another word of the broker."""
    validation = found.validations["primary"]
    answer = replace(validation.answer, **changes)
    return replace(found, validations={"primary": replace(validation, answer=answer)})


BREAKS: Mapping[str, Callable[[Evidence], Evidence]] = {
    "enabled": lambda found: replace(found, enabled=False),
    "mode": lambda found: replace(found, mode=Mode.PAPER),
    "manifest": lambda found: replace(found, wall_us=PERMISSION.manifest.lapses_us),
    "release": lambda found: replace(found, release_digest="0" * 64),
    "venue": lambda found: replace(found, routes={"primary": replace(ROUTE, mode=Mode.PAPER)}),
    "credentials": lambda found: answered(found, problem="CREDENTIALS_INVALID"),
    "vault": lambda found: replace(found, unfit=("vault-sealed",)),
    "store": lambda found: replace(found, store_trouble="the ledger is kept in sqlite"),
    "risk-engine": lambda found: replace(found, omega4_lifted=False),
    "halts": lambda found: replace(found, halts=(HALT,)),
    "clock": lambda found: answered(found, skew_ms=2_001),
    "confirmation": lambda found: replace(found, confirmation=None),
}
"""Gate -> what makes it fail and leaves every other one as it is."""
