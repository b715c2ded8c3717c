"""A gateway's worth of load on a PostgreSQL ledger, in a process that is there to be disturbed.

Takes a directory and the address of a database. Writes `open SIZE` when it has opened the ledger,
`ack INDEX DECISION` after each acknowledged decision, `refused CODE` for each that was refused, and
ends by itself when the ledger takes nothing more for good.
"""

import asyncio
import os
import random
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from gateway.domain.errors import UnavailableError
from gateway.ledger.postgresql.session import Address
from support.ledgers import Story, opened_on

COMMITTERS = 16


def say(line: str) -> None:
    """One write for one line."""
    os.write(1, f"{line}\n".encode())


async def load(directory: Path, url: str) -> None:
    rng = random.Random(os.getpid())
    async with opened_on(directory, Address(url)) as ledger:
        say(f"open {ledger.size}")
        main = Story(f"{os.getpid()}-")
        if not (await ledger.replay()).accounts:
            await ledger.commit(main.opening())

        async def commit(story: Story) -> None:
            while ledger.latched is None:
                # Decisions stand by themselves: one that was refused leaves no gap behind it.
                batch = story.decide(allow=rng.random() < 0.5)
                try:
                    committed = await ledger.commit(batch)
                except UnavailableError as error:
                    say(f"refused {error.code}")
                    await asyncio.sleep(0.02)
                else:
                    say(f"ack {committed.indices[0]} {batch.drafts[0].payload['decision_id']}")

        stories = [Story(f"{os.getpid()}-{number}-") for number in range(COMMITTERS)]
        for story in stories:
            story.opening()
        await asyncio.gather(*(commit(story) for story in stories))
        say(f"latched {ledger.latched}")


if __name__ == "__main__":
    asyncio.run(load(Path(sys.argv[1]), sys.argv[2]))
