"""What the gates of LIVE are judged by: everything as of one instant, nothing but values."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from gateway.control.halting import Exercised
from gateway.domain.book import Book
from gateway.domain.halt import Halt
from gateway.domain.mode import Mode
from gateway.domain.permission import Permission, Route, Validated
from gateway.ports import Clock


@dataclass(frozen=True, slots=True)
class Validation:
    """What a broker said of one account's credentials, and when (monotonic nanoseconds)."""

    answer: Validated
    at_ns: int


@dataclass(frozen=True, slots=True)
class EngineLook:
    """Why the engine could not decide when it was last asked (``None``: it could), and when."""

    trouble: str | None
    at_ns: int


@dataclass(frozen=True, slots=True)
class Confirmation:
    """An Admin's passkey has confirmed this manifest to this process, at a wall time."""

    by: str
    manifest_digest: str
    instance: str
    at_us: int
    cancels_at_lapse: bool


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that the gates look at.

    Attributes:
        wall_us: wall time.
        monotonic_ns: the clock that ages are measured by.
        instance: this process.
        enabled: what ``WRIT_LIVE_ENABLED`` says.
        mode: the mode as it is.
        permission: the manifest that stands.
        release_digest: the release in force.
        limits_digest: that release's data.
        routes: where each account leads.
        validations: what brokers said of the accounts' credentials, by account.
        unfit: why custody's secrets are not fit for LIVE; empty when they are.
        store_trouble: why LIVE cannot rest on the ledger's store, or ``None``.
        clock_trouble: why LIVE cannot go by this host's clock, or ``None``.
        engine: the last look at the engine.
        omega4_lifted: whether the research-only directive is lifted.
        stale_facts: required facts that are missing or too old.
        exercised: when the kill switch was tried in this process.
        halts: those that stand.
        confirmation: the Admin's, once it was given.
    """

    wall_us: int
    monotonic_ns: int
    instance: str
    enabled: bool
    mode: Mode
    permission: Permission | None
    release_digest: str
    limits_digest: str
    routes: Mapping[str, Route]
    validations: Mapping[str, Validation]
    unfit: Sequence[str]
    store_trouble: str | None
    clock_trouble: str | None
    engine: EngineLook | None
    omega4_lifted: bool
    stale_facts: Sequence[str]
    exercised: Exercised | None
    halts: Sequence[Halt]
    confirmation: Confirmation | None


@dataclass(frozen=True, slots=True)
class Sources:
    """Where the evidence comes from; each answer is instant, save those that are awaited."""

    enabled: bool
    clock: Clock
    book: Callable[[], Book]
    permission: Callable[[], Permission | None]
    release: Callable[[], tuple[str, str]]
    """Digest of the release in force, and of its data."""
    routes: Mapping[str, Route]
    validate: Callable[[str], Awaitable[Validated]]
    """Ask an account's broker; ``OutcomeUnknownError`` when it does not answer."""
    unfit: Callable[[], Sequence[str]]
    look_at_vault: Callable[[], Awaitable[None]]
    """Find out whether the vault is there; ``unfit`` tells what came of it."""
    store_trouble: Callable[[], str | None]
    clock_trouble: Callable[[], str | None]
    """Of the source that the settings name; brokers' clocks are part of their validations."""
    engine_trouble: Callable[[], Awaitable[str | None]]
    stale_facts: Callable[[], Sequence[str]]
    exercised: Callable[[], Exercised | None]
