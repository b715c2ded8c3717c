"""A gateway that dies over an order, and one that must not forward anything afterwards."""

from __future__ import annotations

import asyncio

import pytest

from gateway.brokers.gate import Gate
from gateway.domain.execution import Submission


def dies_at_the_gate(monkeypatch: pytest.MonkeyPatch, *, arrived: bool) -> None:
    """Have each order end without an answer, as if the process died; ``arrived``: it was sent."""
    real = Gate.forward

    async def dies(self: Gate, permit: bytes, approved_ns: int) -> Submission:
        if arrived:
            await real(self, permit, approved_ns)
        raise asyncio.CancelledError

    monkeypatch.setattr(Gate, "forward", dies)


def forwards_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the test fail if anything is forwarded from here on."""

    async def never(*_: object) -> None:
        pytest.fail("an order in doubt was forwarded")

    monkeypatch.setattr(Gate, "forward", never)
