"""LIVE in the words of the interface: its steps, its gates, and what is about to be opened."""

from __future__ import annotations

from pydantic import BaseModel, Field

from gateway.api import times
from gateway.api.access import Principal
from gateway.control.live.confirming import Pending
from gateway.control.live.unlocking import LiveStatus
from gateway.domain.permission import Permission
from gateway.domain.quantities import MICROS, format_scaled


class StepAnswer(BaseModel):
    """A step that was taken."""

    step: str
    by: str
    at: str


class GateAnswer(BaseModel):
    """One of the conditions of LIVE."""

    name: str
    holds: bool
    evidence: str
    missing: str
    remedy: str


class LapsedAnswer(BaseModel):
    """How LIVE closed by itself in this process."""

    gate: str
    missing: str
    at: str


class LiveAccount(BaseModel):
    """An account that the manifest names, and the only hosts that its orders may go to."""

    account: str
    broker: str
    broker_account: str
    hosts: list[str]


class LiveAnswer(BaseModel):
    """LIVE as it is, and what stands in its way."""

    open: bool
    instance: str = Field(description="this process: what is confirmed to one counts in no other")
    manifest_digest: str | None
    taken: list[StepAnswer]
    next: str | None = Field(description="the step whose turn it is; null once LIVE is open")
    confirmation_waits: bool = Field(description="whether a link waits for an Admin's passkey")
    gates: list[GateAnswer]
    lapsed: LapsedAnswer | None
    refusals_unrecorded: int = Field(description="refusals that came too fast to be recorded")
    accounts: list[LiveAccount] | None = Field(
        description="null for keys without the scope admin, operate or risk"
    )


class ConfirmationAnswer(BaseModel):
    """What an Admin is about to open, and the browser's options for the passkey."""

    by: str
    until: str
    manifest_digest: str
    release_digest: str
    environment: str
    gateway: str
    accounts: list[LiveAccount]
    strategies: list[str]
    orders_per_day: int
    notional_per_day: str = Field(description="in the release's base currency")
    lapses: str
    acknowledgement: str
    options: dict[str, object]


def live_answer(status: LiveStatus, who: Principal) -> LiveAnswer:
    """LIVE for one caller."""
    permission = status.permission
    sees = who.sees_hosts
    lapsed = status.lapsed
    return LiveAnswer(
        open=status.open,
        instance=status.instance,
        manifest_digest=permission.digest if permission is not None else None,
        taken=[
            StepAnswer(step=taken.step, by=taken.by, at=times.written(taken.at_us))
            for taken in status.progress.taken
        ],
        next=status.progress.next,
        confirmation_waits=status.confirmation_waits,
        gates=[
            GateAnswer(
                name=gate.name,
                holds=gate.holds,
                evidence=gate.evidence,
                missing=gate.missing,
                remedy=gate.remedy,
            )
            for gate in status.gates
        ],
        lapsed=None
        if lapsed is None
        else LapsedAnswer(gate=lapsed.gate, missing=lapsed.missing, at=times.written(lapsed.at_us)),
        refusals_unrecorded=status.refusals_unrecorded,
        accounts=_accounts(permission) if permission is not None and sees else None,
    )


def confirmation_answer(pending: Pending, options: dict[str, object]) -> ConfirmationAnswer:
    """What is shown to whoever holds the link."""
    permission = pending.permission
    manifest = permission.manifest
    return ConfirmationAnswer(
        by=pending.by,
        until=times.written(pending.ends_us),
        manifest_digest=permission.digest,
        release_digest=manifest.release_digest,
        environment=manifest.environment,
        gateway=manifest.gateway,
        accounts=_accounts(permission),
        strategies=list(manifest.strategies),
        orders_per_day=manifest.ceilings.orders_per_day,
        notional_per_day=format_scaled(manifest.ceilings.notional_per_day_micros, MICROS),
        lapses=times.written(manifest.lapses_us),
        acknowledgement=manifest.acknowledgement.text,
        options=options,
    )


def _accounts(permission: Permission) -> list[LiveAccount]:
    return [
        LiveAccount(
            account=alias,
            broker=account.broker,
            broker_account=account.broker_account,
            hosts=list(account.hosts),
        )
        for alias, account in sorted(permission.manifest.accounts.items())
    ]
