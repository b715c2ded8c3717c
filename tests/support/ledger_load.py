"""A gateway's worth of load on a ledger, in a process that is there to be killed.

Reads directories from standard input. For each it forks a process that opens the ledger there
and commits as fast as it can, and writes `pid N`, `ack INDEX DECISION` after each acknowledged
decision, and `ended` when that process is dead. Forking saves the imports, which take longer
than the load.
"""

import asyncio
import os
import random
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from support.ledgers import Story, opened


def say(line: str) -> None:
    """One write for one line: whole even when several processes share the pipe."""
    os.write(1, f"{line}\n".encode())


async def load(directory: Path) -> None:
    story = Story(f"{os.getpid()}-")
    rng = random.Random(os.getpid())
    async with opened(directory) as ledger:
        story.book = await ledger.replay()
        if "main" not in story.book.accounts:
            await ledger.commit(story.opening())

        async def commit() -> None:
            while True:
                batch = story.next(rng)
                committed = await ledger.commit(batch)
                for index, draft in zip(committed.indices, batch.drafts, strict=True):
                    if draft.kind == "decision":
                        say(f"ack {index} {draft.payload['decision_id']}")

        await asyncio.gather(*(commit() for _ in range(8)))


def main() -> None:
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            asyncio.run(load(Path(line.strip())))
            os._exit(0)
        say(f"pid {child}")
        os.waitpid(child, 0)
        say("ended")


if __name__ == "__main__":
    main()
