"""The demonstration itself: principals, services, director; then the log, read by a stranger.

It is given a gateway that runs and is served, and from then on uses what any caller has: HTTP and
keys. The gateway's parts are not touched, and it is told nothing.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import httpx2

from gateway.api.access import ENTROPY_BYTES, FILE_NAME, AccessFile, KeyScope
from gateway.demo import claims, closing, show, tally
from gateway.demo.director import Director, ask
from gateway.demo.schedule import plan
from gateway.demo.workers import worker
from gateway.domain.quantities import MICROS
from signing.keys import Vkey

HTTP_TIMEOUT_S: Final = 60.0

ACCOUNTS: Final[Mapping[str, str]] = {
    "primary": "400000",
    "second": "400000",
    "third": "304000",
    "fourth": "120000",
    "empty": "0",
}
"""Account -> what its simulated broker opens it with. The strategy trades the first, the rogue the
others; the last one has nothing, to meet the limits that ask for equity."""

RELEASE: Final = Path(__file__).parent / "release"
"""The demonstration's own release: the shipped rules with limits that are not zero."""

_SCOPES: Final[Mapping[str, tuple[KeyScope, ...]]] = {
    "strategy": (KeyScope.PROPOSE, KeyScope.READ),
    "rogue": (KeyScope.PROPOSE, KeyScope.READ),
    "demo-director": (KeyScope.READ, KeyScope.ADMIN, KeyScope.FACTS_WRITE),
}


@dataclass(frozen=True, slots=True)
class Played:
    """What the demonstration knows when the last day is over."""

    proposed: int
    missed: tuple[str, ...]
    accounts: tuple[Mapping[str, Any], ...]
    """Alias and equity in micros of each account, as the gateway told."""
    titles: Mapping[str, str]
    """Control -> its title in the release's catalogue."""


def add_key(data: Path, name: str, scopes: Sequence[KeyScope]) -> str:
    """Make a key as ``writ access add`` does."""
    return AccessFile(data / FILE_NAME).add(
        name, scopes, entropy=os.urandom(ENTROPY_BYTES), now_us=time.time_ns() // 1000
    )


async def play(data: Path, url: str, sessions: Sequence[tuple[str, int]], orders: int) -> Played:
    """Play every session.

    Args:
        data: the gateway's data folder, for the access file alone.
        url: where the gateway is served.
        sessions: date and quote time (UTC microseconds) of each session, oldest first.
        orders: proposals to make in all.

    Raises:
        UnavailableError: a service ended, or the gateway refused what it should not.
    """
    keys = {name: add_key(data, name, scopes) for name, scopes in _SCOPES.items()}
    days = plan(sessions, orders)
    async with (
        httpx2.AsyncClient(
            base_url=url,
            headers={"Authorization": f"Bearer {keys['demo-director']}"},
            timeout=HTTP_TIMEOUT_S,
            trust_env=False,
        ) as http,
        worker("strategy", url, keys["strategy"]) as strategy,
        worker("rogue", url, keys["rogue"]) as rogue,
    ):
        with show.days_bar(len(days)) as bar:
            director = Director(http, strategy, rogue, bar)
            await director.run(days)
        return Played(
            proposed=director.proposed,
            missed=tuple(director.missed),
            accounts=tuple([await _account(http, alias) for alias in ACCOUNTS]),
            titles=await _titles(http),
        )


async def _account(http: httpx2.AsyncClient, alias: str) -> dict[str, Any]:
    found = await ask(http, "GET", "/v1/account", params={"account": alias})
    equity = found["equity"]
    micros = None if equity is None else int(Decimal(equity).scaleb(MICROS))
    return {"account": alias, "equity_micros": micros}


async def _titles(http: httpx2.AsyncClient) -> dict[str, str]:
    found = await ask(http, "GET", "/v1/policy/controls")
    return {control["id"]: control["title"] for control in found["controls"]}


def close(data: Path, orders: int, played: Played) -> bool:
    """Count the published log, have it verified, damage a copy; whether every claim held."""
    log_dir, vkey_file = data / "log", data / "log.vkey"
    counted = tally.count(log_dir, Vkey.parse(vkey_file.read_text().strip()))
    show.controls(counted, played.titles)
    show.figures(counted)
    show.results(played.accounts, counted)
    show.note("verifying the log, then a copy with one bit flipped")
    sound = closing.verify(log_dir, vkey_file)
    flip, damaged = closing.verify_damaged(log_dir, vkey_file)
    show.verdicts(sound, flip, damaged)
    for text in played.missed:
        show.note(f"missed: {text}")
    made = claims.all_claims(
        counted,
        orders,
        played.proposed,
        played.missed,
        claims.of_log(sound, flip, damaged),
    )
    show.claims(made)
    return all(claim.held for claim in made)
