"""What the entries say of permission: logs that allow what no officer can have permitted."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from signing import canonical
from signing.verify import verify_log
from support.logs import (
    START_US,
    LogBuilder,
    decision_payload,
    document,
    exit_only,
    lapse,
    manifest,
    trust,
    unlock,
)

RELEASE: str = decision_payload(1)["release_digest"]
LAPSES_US: int = manifest()["lapses_us"]
OTHER = "cd" * 32
Act = Callable[[LogBuilder], object]


def permitted(log: LogBuilder, **changes: Any) -> None:
    log.add("trust", trust())
    log.add("manifest", manifest() | {"release_digest": RELEASE} | changes)


def opened(log: LogBuilder, **changes: Any) -> None:
    log.add("unlock", unlock() | {"outcome": "done", "code": "none"} | changes)


def allows(log: LogBuilder, mode: str = "PAPER", wall_us: int = START_US, **order: Any) -> None:
    stated = document(1)
    stated["order"] |= {"side": "sell", "strategy_id": "s"} | order
    stated |= {"projected": {"reduces": True}, "time": {"wall_us": wall_us}}
    digest = log.publish_document(canonical.encode(stated))
    log.decide(1, mode=mode, input_digest=digest)


def exits(log: LogBuilder, mode: str = "PAPER") -> None:
    allows(log, mode, reduce_only=True)


POSSIBLE: dict[str, Act] = {
    "simulation without a manifest": lambda log: allows(log, "SIMULATION"),
    "paper under a manifest": lambda log: (permitted(log), allows(log)),
    "to its last moment": lambda log: (permitted(log), allows(log, wall_us=LAPSES_US - 1)),
    "under the next manifest": lambda log: (
        permitted(log),
        log.add("lapse", lapse()),
        permitted(log, epoch=2, manifest_digest=OTHER),
        allows(log),
    ),
    "under the same one again": lambda log: (
        permitted(log),
        log.add("lapse", lapse()),
        permitted(log),
        allows(log),
    ),
    "live that was opened": lambda log: (
        permitted(log, mode="LIVE"),
        opened(log),
        allows(log, "LIVE"),
    ),
    "an exit after a lapse in an exit-only state": lambda log: (
        permitted(log),
        log.add("lapse", lapse()),
        log.add("exit-only", exit_only()),
        exits(log),
    ),
    "an exit after live has lapsed": lambda log: (
        permitted(log, mode="LIVE"),
        log.add("exit-only", exit_only()),
        exits(log, "LIVE"),
    ),
}

IMPOSSIBLE: dict[str, Act] = {
    "paper without a manifest": allows,
    "an exit without any manifest": lambda log: (log.add("exit-only", exit_only()), exits(log)),
    "paper under a live manifest": lambda log: (permitted(log, mode="LIVE"), allows(log)),
    "live under a paper manifest": lambda log: (permitted(log), opened(log), allows(log, "LIVE")),
    "another release": lambda log: (permitted(log, release_digest=OTHER), allows(log)),
    "after its end": lambda log: (permitted(log), allows(log, wall_us=LAPSES_US)),
    "after a lapse": lambda log: (permitted(log), log.add("lapse", lapse()), allows(log)),
    "an exit after a lapse": lambda log: (permitted(log), log.add("lapse", lapse()), exits(log)),
    "no exit in an exit-only state": lambda log: (
        permitted(log),
        log.add("lapse", lapse()),
        log.add("exit-only", exit_only()),
        allows(log),
    ),
    "live that nobody opened": lambda log: (permitted(log, mode="LIVE"), allows(log, "LIVE")),
    "live whose opening was refused": lambda log: (
        permitted(log, mode="LIVE"),
        opened(log, outcome="refused", code="passkey-origin"),
        allows(log, "LIVE"),
    ),
    "live opened for another manifest": lambda log: (
        permitted(log, mode="LIVE"),
        opened(log, manifest_digest=OTHER),
        allows(log, "LIVE"),
    ),
    "live after its lapse": lambda log: (
        permitted(log, mode="LIVE"),
        opened(log),
        log.add("lapse", lapse() | {"of": "live"}),
        allows(log, "LIVE"),
    ),
    "an older epoch": lambda log: (
        permitted(log, epoch=2),
        permitted(log, manifest_digest=OTHER),
    ),
    "a second manifest of one epoch": lambda log: (
        permitted(log),
        permitted(log, manifest_digest=OTHER),
    ),
    "a manifest without its trust root": lambda log: log.add("manifest", manifest()),
    "a manifest of another trust root": lambda log: permitted(log, trust_digest=OTHER),
    "the end of another manifest": lambda log: (
        permitted(log),
        log.add("lapse", lapse() | {"manifest_digest": OTHER}),
    ),
}


@pytest.fixture
def log(tmp_path: Path) -> LogBuilder:
    log = LogBuilder(tmp_path / "log")
    log.begin()
    return log


@pytest.mark.requirement("S1-13")
@pytest.mark.parametrize("act", POSSIBLE.values(), ids=POSSIBLE)
def test_what_was_permitted_is_a_possible_story(log: LogBuilder, act: Act) -> None:
    act(log)
    log.publish()
    report = verify_log(log.directory, log.vkey)
    assert all(step.ok for step in report.steps), report.steps


@pytest.mark.attack
@pytest.mark.requirement("S1-13")
@pytest.mark.parametrize("act", IMPOSSIBLE.values(), ids=IMPOSSIBLE)
def test_what_was_not_permitted_is_found(log: LogBuilder, act: Act) -> None:
    act(log)
    log.publish()
    report = verify_log(log.directory, log.vkey)
    assert [step.number for step in report.steps if not step.ok] == [7], report.steps
    assert report.first_bad_index == log.tree.size - 1
