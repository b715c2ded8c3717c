"""What every ledger promises, whatever it stores with. A new one joins by a line in LEDGERS."""

import asyncio
import random
import tempfile
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.domain.errors import ConflictError, NotFoundError, RefusedError, UnavailableError
from gateway.ports import Batch, Committed, Draft, Ledger
from signing import canonical
from signing.checkpoint import verify_checkpoint
from signing.lifecycle import State
from signing.receipt import encode_permit, open_receipt, verify
from support.ledgers import VKEY, SetClock, Story, claims, opened, opened_on_postgresql

Open = Callable[..., AbstractAsyncContextManager[Ledger]]
LEDGERS = [
    pytest.param(opened, id="sqlite"),
    pytest.param(opened_on_postgresql, id="postgresql"),
]

pytestmark = pytest.mark.parametrize("opens", LEDGERS)


def mode(name: str = "SIMULATION") -> Batch:
    return Batch((Draft("mode", {"mode": name, "by": "alice"}),))


async def payload_at(ledger: Ledger, index: int) -> dict[str, Any]:
    return open_receipt(await ledger.receipt(index), VKEY).envelope.payload


async def test_a_trade_and_its_corrections_are_found_by_their_ids(
    opens: Open, tmp_path: Path
) -> None:
    story = Story()
    async with opens(tmp_path) as ledger:
        await ledger.commit(story.opening())
        await ledger.commit(story.decide(qty=100))
        await ledger.commit(story.submit(story.book.orders["o1"]))
        fill = story.execute(story.book.orders["o1"], 10)
        await ledger.commit(fill)
        [draft] = fill.drafts
        told = draft.payload
        kept = ("order_id", "broker_client_id", "account", "symbol", "side", "qty_decimals")
        kept += ("price_decimals", "market_us", "session")
        bust = {name: told[name] for name in kept} | {
            "execution_id": "bust-1",
            "of_execution_id": told["execution_id"],
            "cause": "bust",
            "qty_before": 10,
            "qty_after": 0,
            "price_before": told["price"],
            "price_after": 0,
            "fee_change_micros": 0,
            "cum_qty": 0,
        }
        await ledger.commit(Batch((Draft("trade-correction", bust),)))
        with pytest.raises(ConflictError, match="ledger-duplicate"):
            await ledger.commit(Batch((Draft("trade-correction", bust),)))
        client_id = told["broker_client_id"]
        found = await ledger.trade(client_id, told["execution_id"])
        assert found is not None
        assert found.payload["qty"] == 10
        assert await ledger.trade(client_id, "x-none") is None
        assert await ledger.trade("wr-none", told["execution_id"]) is None
        trades = [trade.payload["execution_id"] for trade in await ledger.trades(client_id)]
        assert trades == [told["execution_id"], "bust-1"]
        assert await ledger.trades("wr-none") == []
        assert len(await ledger.executions(account=None, after=0, limit=10)) == 1
        row = await ledger.order_of(client_id)
        assert row is not None
        assert row.order_id == "o1"
        assert await ledger.order_of("wr-none") is None


@pytest.mark.requirement("W-01")
async def test_what_is_committed_is_proven_by_its_receipt(opens: Open, tmp_path: Path) -> None:
    story = Story()
    async with opens(tmp_path) as ledger:
        first = await ledger.commit(story.opening())
        second = await ledger.commit(story.decide())
        assert second.indices[0] == first.indices[-1] + 1
        assert verify_checkpoint(second.checkpoint, VKEY).size == second.indices[-1] + 1
        receipt = open_receipt(await ledger.receipt(second.indices[0]), VKEY)
        assert (receipt.envelope.kind, receipt.envelope.payload["decision_id"]) == (
            "decision",
            "d1",
        )
        assert receipt.checkpoint.size == second.indices[-1] + 1


@pytest.mark.requirement("W-01")
async def test_only_a_durable_allow_makes_a_permit(opens: Open, tmp_path: Path) -> None:
    story = Story()
    async with opens(tmp_path) as ledger:
        await ledger.commit(story.opening())
        allow = await ledger.commit(story.decide())
        deny = await ledger.commit(story.decide(allow=False))
        for committed, decision_id in ((allow, "d1"), (deny, "d2")):
            found = await ledger.entry(decision_id)
            assert found is not None
            index, payload = found
            assert index == committed.indices[0]
            document = await ledger.document(payload["input_digest"])
            assert document is not None
            permit = encode_permit(await ledger.receipt(index), document)
            if decision_id == "d1":
                assert verify(permit, VKEY).decision_id == "d1"
            else:
                with pytest.raises(ValueError, match="does not allow"):
                    verify(permit, VKEY)


async def test_a_receipt_is_under_the_newest_checkpoint(opens: Open, tmp_path: Path) -> None:
    async with opens(tmp_path) as ledger:
        first = await ledger.commit(mode())
        [*_, last] = [await ledger.commit(mode()) for _ in range(9)]
        receipt = open_receipt(await ledger.receipt(first.indices[0]), VKEY)
        assert receipt.checkpoint.size == last.indices[0] + 1
        for index in (-1, last.indices[0] + 1):
            with pytest.raises(NotFoundError) as refused:
                await ledger.receipt(index)
            assert refused.value.code == "entry-unknown"


async def test_nothing_is_known_of_what_was_never_recorded(opens: Open, tmp_path: Path) -> None:
    async with opens(tmp_path) as ledger:
        assert await ledger.entry("d1") is None
        assert await ledger.order("o1") is None
        assert await ledger.document("0" * 64) is None
        assert await ledger.find_key("strategy", "idempotency", "k") is None
        assert await ledger.cursor("simulator") == 0
        assert await ledger.orders(account=None, status=None, before=None, limit=10) == []
        assert await ledger.executions(account=None, after=0, limit=10) == []
        assert ledger.latched is None


async def test_a_decision_is_found_by_its_id_and_both_keys(opens: Open, tmp_path: Path) -> None:
    story = Story()
    async with opens(tmp_path) as ledger:
        await ledger.commit(story.opening())
        batch = story.decide(allow=False)
        [index] = (await ledger.commit(batch)).indices
        payload = batch.drafts[0].payload
        assert await ledger.entry("d1") == (index, await payload_at(ledger, index))
        assert {**payload, "at_us": 0} == {**await payload_at(ledger, index), "at_us": 0}
        assert await ledger.document(payload["input_digest"]) == batch.drafts[0].blobs[0]
        assert await ledger.order("o1") == batch.orders[0]
        for claim in batch.keys:
            assert await ledger.find_key(claim.principal, claim.kind, claim.key) == claim
        assert await ledger.find_key("another", "client_order_id", "c1") is None


async def test_an_order_row_follows_the_book(opens: Open, tmp_path: Path) -> None:
    story = Story()
    async with opens(tmp_path) as ledger:
        await ledger.commit(story.opening())
        await ledger.commit(story.decide(qty=100))
        await ledger.commit(story.submit(story.book.orders["o1"]))
        await ledger.commit(story.execute(story.book.orders["o1"], 40))
        await ledger.commit(story.execute(story.book.orders["o1"], 60))
        row = await ledger.order("o1")
        assert row == story.book.orders["o1"]
        assert row is not None
        assert (row.status, row.filled_qty, row.filled_value) == (State.FILLED, 100, 1_035_000)


async def test_amounts_beyond_64_bits_come_back_whole(opens: Open, tmp_path: Path) -> None:
    story = Story()
    async with opens(tmp_path) as ledger:
        await ledger.commit(story.opening())
        batch = story.decide()
        value = (2**53 - 1) ** 2
        await ledger.commit(replace(batch, orders=(replace(batch.orders[0], filled_value=value),)))
        row = await ledger.order("o1")
        assert row is not None
        assert row.filled_value == value


async def test_orders_are_paged_newest_first(opens: Open, tmp_path: Path) -> None:
    story = Story()
    async with opens(tmp_path) as ledger:
        await ledger.commit(story.opening())
        for number in range(7):
            await ledger.commit(story.decide(allow=number % 2 == 0))
        await ledger.commit(story.submit(story.book.orders["o1"]))  # no order moves in the list
        page = await ledger.orders(account="main", status=None, before=None, limit=3)
        assert [row.order_id for _, row in page] == ["o7", "o6", "o5"]
        rest = await ledger.orders(account="main", status=None, before=page[-1][0], limit=100)
        assert [row.order_id for _, row in rest] == ["o4", "o3", "o2", "o1"]
        denied = await ledger.orders(account=None, status="DENIED", before=None, limit=100)
        assert [row.order_id for _, row in denied] == ["o6", "o4", "o2"]
        assert await ledger.orders(account="other", status=None, before=None, limit=100) == []
        assert await ledger.orders(account=None, status=None, before=None, limit=-1) == []


async def test_executions_are_read_from_an_index_on(opens: Open, tmp_path: Path) -> None:
    story = Story()
    async with opens(tmp_path) as ledger:
        await ledger.commit(story.opening())
        await ledger.commit(story.decide(qty=100))
        await ledger.commit(story.submit(story.book.orders["o1"]))
        indices = [
            (await ledger.commit(story.execute(story.book.orders["o1"], 10))).indices[0]
            for _ in range(3)
        ]
        fills = await ledger.executions(account="main", after=0, limit=10)
        assert [fill.index for fill in fills] == indices
        assert [fill.payload["qty"] for fill in fills] == [10, 10, 10]
        later = await ledger.executions(account=None, after=indices[0], limit=1)
        assert [fill.index for fill in later] == indices[1:2]
        assert await ledger.executions(account="other", after=0, limit=10) == []
        assert await ledger.cursor("simulator") == story.number


async def test_a_batch_without_entries_needs_no_checkpoint(opens: Open, tmp_path: Path) -> None:
    async with opens(tmp_path) as ledger:
        before = await ledger.commit(mode())
        after = await ledger.commit(Batch((), cursors={"simulator": 7}))
        assert after == Committed((), before.checkpoint)
        assert await ledger.cursor("simulator") == 7
        await ledger.commit(Batch((), cursors={"simulator": 9}))
        assert await ledger.cursor("simulator") == 9


def _same_decision(story: Story) -> Batch:
    story.number -= 1
    return Batch((story.decision(client_order_id="other", order_id="other"),))


def _same_order(story: Story) -> Batch:
    story.number -= 1
    return Batch((story.decision(decision_id="other"),))


def _same_key(story: Story) -> Batch:
    batch = story.decide()
    [idempotency, client] = batch.keys
    return replace(batch, keys=(replace(idempotency, key="k-c1"), client))


def _same_client_order_id(story: Story) -> Batch:
    return story.decide(client_order_id="c1")


@pytest.mark.parametrize("again", [_same_decision, _same_order, _same_key, _same_client_order_id])
async def test_what_is_recorded_is_not_recorded_twice(
    opens: Open, tmp_path: Path, again: Callable[[Story], Batch]
) -> None:
    story = Story()
    async with opens(tmp_path) as ledger:
        await ledger.commit(story.opening())
        good = await ledger.commit(story.decide())
        with pytest.raises(ConflictError) as refused:
            await ledger.commit(replace(again(story), cursors={"told": 1}))
        assert refused.value.code == "ledger-duplicate"
        # Nothing of the refused batch stays, and the next is recorded right behind the good one.
        assert await ledger.cursor("told") == 0
        assert (await ledger.commit(mode())).indices == (good.indices[0] + 1,)


async def test_an_execution_counts_once(opens: Open, tmp_path: Path) -> None:
    story = Story()
    async with opens(tmp_path) as ledger:
        for batch in (story.opening(), story.decide(qty=100)):
            await ledger.commit(batch)
        await ledger.commit(story.submit(story.book.orders["o1"]))
        fill = story.execute(story.book.orders["o1"], 10)
        await ledger.commit(fill)
        with pytest.raises(ConflictError, match="ledger-duplicate"):
            await ledger.commit(fill)
        assert len(await ledger.executions(account=None, after=0, limit=10)) == 1


@pytest.mark.requirement("W-01")
async def test_a_decision_is_spent_once(opens: Open, tmp_path: Path) -> None:
    story = Story()
    async with opens(tmp_path) as ledger:
        for batch in (story.opening(), story.decide()):
            await ledger.commit(batch)
        batch = story.submit(story.book.orders["o1"])
        await ledger.commit(batch)
        with pytest.raises(ConflictError, match="ledger-duplicate"):
            await ledger.commit(batch)


async def test_one_bad_batch_in_a_group_fails_alone(opens: Open, tmp_path: Path) -> None:
    story = Story()
    async with opens(tmp_path) as ledger:
        await ledger.commit(story.opening())
        await ledger.commit(story.decide())
        batches = [story.decide() for _ in range(20)]
        batches.insert(
            5,
            replace(mode(), keys=claims({**batches[0].drafts[0].payload, "client_order_id": "c1"})),
        )
        batches.insert(11, Batch((Draft("mode", {"mode": "NONE", "by": "alice"}),)))
        outcomes = await asyncio.gather(
            *(ledger.commit(batch) for batch in batches), return_exceptions=True
        )
        assert isinstance(outcomes.pop(11), ValueError)
        assert isinstance(outcomes.pop(5), ConflictError)
        good = [outcome for outcome in outcomes if isinstance(outcome, Committed)]
        assert len(good) == 20
        indices = [index for committed in good for index in committed.indices]
        assert indices == list(range(indices[0], indices[0] + 20))
        for number, index in enumerate(indices, start=2):
            assert (await payload_at(ledger, index))["decision_id"] == f"d{number}"


@pytest.mark.parametrize(
    "draft",
    [
        Draft("genesis", {"origin": "a", "log_key": "0" * 64, "identity_key": "0" * 64}),
        Draft("certificate", {"decision_key": "0" * 64, "not_before_us": 1, "not_after_us": 2}),
        Draft("identity", {"identity_key": "0" * 64, "revoked": True, "by": "a", "reason": "b"}),
        Draft("mode", {"mode": "SIMULATION", "by": "alice", "at_us": 1}),
        Draft("mode", {"mode": "SIMULATION"}),
        Draft("mode", {"mode": "SIMULATION", "by": "alice", "why": "none"}),
        Draft(
            "mode", {"mode": "SIMULATION", "by": "alice"}, (b"a document that it does not name",)
        ),
        Draft("nothing", {"by": "alice"}),
        Draft(
            "day",
            {"account": "main", "session": "2015-08-20", "equity_micros": 1.0, "market_us": 1},
        ),
        Draft(
            "day",
            {"account": "main", "session": "2015-08-20", "equity_micros": 2**53, "market_us": 1},
        ),
    ],
)
async def test_what_is_no_record_is_not_recorded(opens: Open, tmp_path: Path, draft: Draft) -> None:
    async with opens(tmp_path) as ledger:
        good = await ledger.commit(mode())
        with pytest.raises(ValueError):  # noqa: PT011  any of signing's own refusals
            await ledger.commit(Batch((draft,)))
        assert (await ledger.commit(mode())).indices == (good.indices[0] + 1,)


async def test_a_decision_comes_with_its_own_document(opens: Open, tmp_path: Path) -> None:
    story = Story()
    async with opens(tmp_path) as ledger:
        await ledger.commit(story.opening())
        draft, other = story.decision(), story.decision()
        swapped = {**draft.payload, "input_digest": other.payload["input_digest"]}
        long = canonical.encode({"text": "x" * 1_048_577})
        named = {**draft.payload, "input_digest": canonical.digest(long)}
        for refused, why in (
            (replace(draft, blobs=()), "carries its input"),
            (Draft("decision", swapped, other.blobs), "decision_id"),
            (Draft("decision", named, (long,)), "at most"),
        ):
            with pytest.raises(ValueError, match=why):
                await ledger.commit(Batch((refused,)))
        assert (await ledger.entry(draft.payload["decision_id"])) is None


async def test_64_committers_each_get_their_own_place(opens: Open, tmp_path: Path) -> None:
    story = Story()
    async with opens(tmp_path) as ledger:
        await ledger.commit(story.opening())
        batches = [[story.decide() for _ in range(5)] for _ in range(64)]

        async def commit_all(own: list[Batch]) -> list[int]:
            return [(await ledger.commit(batch)).indices[0] for batch in own]

        places = await asyncio.gather(*(commit_all(own) for own in batches))
        assert all(own == sorted(own) for own in places)
        assert len({index for own in places for index in own}) == 320
        for own, indices in zip(batches, places, strict=True):
            for batch, index in zip(own, indices, strict=True):
                found = await ledger.entry(batch.drafts[0].payload["decision_id"])
                assert found is not None
                assert found[0] == index


async def test_too_many_at_once_are_told_to_wait(opens: Open, tmp_path: Path) -> None:
    async with opens(tmp_path) as ledger:
        outcomes = await asyncio.gather(
            *(ledger.commit(mode()) for _ in range(1_200)), return_exceptions=True
        )
        busy = [e for e in outcomes if isinstance(e, UnavailableError)]
        assert {error.code for error in busy} == {"ledger-busy"}
        good = [c.indices[0] for c in outcomes if isinstance(c, Committed)]
        assert len(good) + len(busy) == 1_200
        assert len(good) >= 1_024
        assert good == list(range(good[0], good[0] + len(good)))
        await ledger.commit(mode())


async def test_a_caller_that_stops_waiting_does_not_withdraw(opens: Open, tmp_path: Path) -> None:
    story = Story()
    async with opens(tmp_path) as ledger:
        await ledger.commit(story.opening())
        task = asyncio.create_task(ledger.commit(story.decide()))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await ledger.commit(mode())
        assert await ledger.entry("d1") is not None


async def test_closing_writes_what_waits_and_takes_no_more(opens: Open, tmp_path: Path) -> None:
    story = Story()
    async with opens(tmp_path) as ledger:
        await ledger.commit(story.opening())
        waiting = [asyncio.create_task(ledger.commit(story.decide())) for _ in range(100)]
        await asyncio.sleep(0)
    assert len({(await task).indices for task in waiting}) == 100
    with pytest.raises(UnavailableError) as refused:
        await ledger.commit(mode())
    assert refused.value.code == "ledger-closed"
    with pytest.raises(UnavailableError):
        await ledger.entry("d1")


async def test_everything_is_there_after_reopening(opens: Open, tmp_path: Path) -> None:
    story = Story()
    async with opens(tmp_path) as ledger:
        await ledger.commit(story.opening())
        committed = await ledger.commit(story.decide())
        await ledger.commit(story.submit(story.book.orders["o1"]))
    async with opens(tmp_path) as ledger:
        assert await ledger.replay() == story.book
        found = await ledger.entry("d1")
        assert found is not None
        assert found[0] == committed.indices[0]
        assert await ledger.order("o1") == story.book.orders["o1"]
        assert await ledger.find_key("strategy", "client_order_id", "c1") is not None
        with pytest.raises(ConflictError):
            await ledger.commit(Batch((), keys=claims({**found[1]})))
        await ledger.commit(story.execute(story.book.orders["o1"], 100))
        assert await ledger.replay() == story.book


async def test_time_in_the_log_never_goes_back(opens: Open, tmp_path: Path) -> None:
    start_us, day_us = 1_700_000_000_000_000, 86_400_000_000
    clock = SetClock(start_us)
    async with opens(tmp_path, clock=clock) as ledger:
        indices: list[int] = []
        for moment_us in (start_us + 5, start_us - day_us, start_us + 6):
            clock.now_us = moment_us
            indices += (await ledger.commit(mode())).indices
        times = [(await payload_at(ledger, index))["at_us"] for index in indices]
        assert times == [start_us + 5, start_us + 5, start_us + 6]
    clock.now_us = start_us - 4_000_000  # as a time server may mend it
    async with opens(tmp_path, clock=clock) as ledger:
        [index] = (await ledger.commit(mode())).indices
        assert (await payload_at(ledger, index))["at_us"] == start_us + 6
    clock.now_us = start_us - 30 * day_us
    with pytest.raises(RefusedError) as refused:
        async with opens(tmp_path, clock=clock):
            pass
    assert refused.value.code == "clock-behind-log"


@settings(max_examples=15)
@given(seed=st.integers(0, 2**32), groups=st.lists(st.integers(1, 12), min_size=1, max_size=8))
def test_the_log_adds_up_to_the_book(opens: Open, seed: int, groups: list[int]) -> None:
    """Random batches: the book from the log equals the book that was applied before each commit."""

    async def run(directory: Path) -> None:
        rng, story = random.Random(seed), Story()
        async with opens(directory) as ledger:
            await ledger.commit(story.opening())
            for size in groups:
                batches = [story.next(rng) for _ in range(size)]
                await asyncio.gather(*(ledger.commit(batch) for batch in batches))
            assert await ledger.replay() == story.book
            for order in story.book.orders.values():
                assert await ledger.order(order.order_id) == order

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(run(Path(folder)))
