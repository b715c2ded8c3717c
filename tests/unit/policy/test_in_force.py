"""The holder of the release in force: used by many, changed by one, and nobody waits for ever."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from gateway.domain.errors import UnavailableError
from gateway.host import ThreadRunner
from gateway.policy.catalogue import load_catalogue
from gateway.policy.engine import EngineMaker, assemble
from gateway.policy.in_force import POLLERS_MAX, ReleaseHolder, ReleaseInForce
from support.releases import DEMO_RELEASE, release_with

SOON_MS = 30_000


async def nothing() -> None:
    """There is nothing in the spine."""


@pytest.fixture
async def two() -> AsyncIterator[tuple[ReleaseInForce, ReleaseInForce]]:
    runner = ThreadRunner()
    maker = EngineMaker(runner, 2_000, None)
    catalogue = load_catalogue(DEMO_RELEASE)
    made = [
        await assemble(release_with(order_qty_max_e8=limit), catalogue, maker) for limit in (1, 2)
    ]
    yield made[0], made[1]
    for one in made:
        await one.close()
    runner.close()


Two = tuple[ReleaseInForce, ReleaseInForce]


async def test_a_switch_waits_for_those_who_use_it_and_they_see_one_release(two: Two) -> None:
    holder = ReleaseHolder(two[0])
    seen: list[ReleaseInForce] = []

    async def switch() -> None:
        async with holder.alone(nothing, SOON_MS):
            holder.put(two[1])

    async def late() -> None:
        async with holder.using() as in_force:
            seen.append(in_force)

    async with holder.using() as in_force:
        switching = asyncio.create_task(switch())
        await asyncio.sleep(0.01)
        waiting = asyncio.create_task(late())
        await asyncio.sleep(0.01)
        assert (holder.current, holder.switching, seen) == (in_force, True, [])
        assert await holder.readiness() is None
    await asyncio.gather(switching, waiting)
    assert seen == [two[1]]
    assert holder.current is two[1]


async def test_a_door_is_shut_while_the_spine_runs_dry(two: Two) -> None:
    holder = ReleaseHolder(two[0])
    dry = asyncio.Event()
    switched = asyncio.create_task(_alone(holder, dry))
    await asyncio.sleep(0.01)
    entering = asyncio.create_task(holder.opened())
    await asyncio.sleep(0.01)
    async with holder.using():  # what is inside is still decided
        assert not entering.done()
        assert not holder.switching
        dry.set()
    await switched
    await entering


async def _alone(holder: ReleaseHolder, dry: asyncio.Event) -> None:
    async def drained() -> None:
        await dry.wait()

    async with holder.alone(drained, SOON_MS):
        pass


@pytest.mark.parametrize("busy", ["spine", "user"])
async def test_who_cannot_be_alone_in_time_gives_up_and_lets_go(two: Two, busy: str) -> None:
    holder = ReleaseHolder(two[0])
    free = asyncio.Event()

    async def drained() -> None:
        if busy == "spine":
            await free.wait()

    async def user() -> None:
        async with holder.using():
            await free.wait()

    task = asyncio.create_task(user())
    await asyncio.sleep(0)
    with pytest.raises(UnavailableError, match="switch-delayed"):
        async with holder.alone(drained, 20):
            pytest.fail("it is not alone")
    await holder.opened()
    async with holder.using() as in_force:
        assert in_force is two[0]
    free.set()
    await task


async def test_what_fails_while_alone_opens_the_door_again(two: Two) -> None:
    holder = ReleaseHolder(two[0])

    async def failing() -> None:
        async with holder.alone(nothing, SOON_MS):
            holder.announce(two[1].named)
            assert holder.named() == (two[0].named, two[1].named)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await failing()
    assert holder.named() == (two[0].named,)
    await holder.opened()


async def test_pollers_are_told_at_once_and_only_so_many_wait(two: Two) -> None:
    holder = ReleaseHolder(two[0])
    have = two[0].bundle.digest
    waiting = [asyncio.create_task(holder.changed(have, 60)) for _ in range(POLLERS_MAX)]
    await asyncio.sleep(0.01)
    assert await holder.changed(have, 60) is False, "one too many comes again later"
    assert await holder.changed("another", 60) is True
    holder.serve(two[1].bundle)
    assert await asyncio.gather(*waiting) == [True] * POLLERS_MAX
    assert holder.served is two[1].bundle
    assert await holder.changed(two[1].bundle.digest, 0) is True, "the time is up"


async def test_nobody_waits_for_a_gateway_that_ends(two: Two) -> None:
    holder = ReleaseHolder(two[0])
    waiting = asyncio.create_task(holder.changed(two[0].bundle.digest, 60))
    await asyncio.sleep(0.01)
    holder.stop_waiting()
    assert await waiting is True
    assert await holder.changed(two[0].bundle.digest, 60) is True
