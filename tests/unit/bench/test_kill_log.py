"""The benchmark of the kill reads the log: it must see an allow that should not be there."""

from pathlib import Path

from bench.kill import halts_in
from support.ledgers import Story, opened


async def test_an_allow_behind_a_kill_is_seen(tmp_path: Path) -> None:
    story = Story()
    async with opened(tmp_path) as ledger:
        for batch in (story.opening(), story.decide(), story.halt(), story.decide(allow=False)):
            await ledger.commit(batch)
        await ledger.commit(story.resume(next(iter(story.book.halts))))
        await ledger.commit(story.decide())
        for batch in (story.halt(), story.decide(allow=False), story.decide()):
            await ledger.commit(batch)
        await ledger.commit(story.resume(next(iter(story.book.halts))))
    good, bad = halts_in(tmp_path)
    assert (good.allows_after, bad.allows_after) == (0, 1)
    for halt in (good, bad):
        assert 0 < halt.last_allow_us <= halt.at_us <= halt.first_denial_us
        assert halt.last_cancel_us == halt.at_us, "nothing was cancelled"
