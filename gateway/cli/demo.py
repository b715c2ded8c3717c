"""`writ demo`: the whole gateway on four years of real prices, then its log read by a stranger."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import tempfile
from pathlib import Path
from typing import Annotated, Final

import typer

from gateway.api.access import KeyScope
from gateway.api.server import serving
from gateway.bootstrap import running
from gateway.cli import exits, output
from gateway.config import PREFIX, AccountSettings, Settings
from gateway.demo import run
from gateway.domain.errors import InvalidInputError
from gateway.domain.mode import Mode
from gateway.host import new_event_loop

DEFAULT_ORDERS: Final = 400
ORDERS_MAX: Final = 5_000
"""More than five a day the rule does not always have to propose."""
HOST: Final = "127.0.0.1"

app = typer.Typer()


@app.command()
def demo(
    once: Annotated[
        bool, typer.Option("--once", help="End when the demonstration is over.")
    ] = False,
    data: Annotated[
        Path | None,
        typer.Option("--data", help="Where to leave everything; a new or empty folder."),
    ] = None,
    orders: Annotated[
        int,
        typer.Option("--orders", min=1, max=ORDERS_MAX, help="Proposals to make in all."),
    ] = DEFAULT_ORDERS,
) -> None:
    """Run the whole gateway on four years of real prices.

    A strategy and a rogue, each a process with a key that can only propose, post orders day by
    day; a director moves the market clock. Then the log is verified, and a flipped byte found.
    """
    directory = _folder(data)
    # A demonstration is configured here alone: what the shell holds for another gateway is not
    # meant for this one.
    for name in [name for name in os.environ if name.startswith(PREFIX)]:
        del os.environ[name]
    output.note(f"everything is left in {directory}")
    try:
        with asyncio.Runner(loop_factory=new_event_loop) as runner:
            played = runner.run(_play(_settings(directory), orders))
            held = run.close(directory, orders, played)
            if held and not once:
                runner.run(_stay(_settings(directory)))
    except (KeyboardInterrupt, asyncio.CancelledError):
        output.note(f"interrupted; what was recorded stands in {directory}")
        raise typer.Exit(exits.INTERRUPTED) from None
    raise typer.Exit(exits.DONE if held else exits.DENIED)


async def _play(settings: Settings, orders: int) -> run.Played:
    """Play on a running gateway and end it in order, so that everything is published."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None
    loop.add_signal_handler(signal.SIGTERM, task.cancel)
    try:
        async with running(settings) as gateway, serving(gateway, host=HOST, port=0) as url:
            assert gateway.feed is not None  # the settings below ask for one
            output.note(f"gateway at {url}, mode {settings.mode}, release {gateway.release.label}")
            return await run.play(settings.data, url, gateway.feed.tradable_sessions(), orders)
    finally:
        loop.remove_signal_handler(signal.SIGTERM)


async def _stay(settings: Settings) -> None:
    """Start the gateway again on what was left, and keep it up until it is told to stop."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with running(settings) as gateway, serving(gateway, host=HOST, port=0) as url:
        key = run.add_key(settings.data, "visitor", (KeyScope.READ, KeyScope.AUDIT_READ))
        output.note("the gateway was started again on the same data; Ctrl-C ends it. To look:")
        output.note(f"  export WRIT_URL={url} WRIT_API_KEY={key}")
        # As it was typed: the reader may not have it on PATH.
        writ = sys.argv[0] if Path(sys.argv[0]).name == "writ" else "writ"
        output.note(f"  {writ} status; {writ} order list; {writ} halts")
        await stop.wait()
    output.note("ended")


def _folder(data: Path | None) -> Path:
    """The data folder: the one asked for if it is new or empty, else a temporary one.

    Raises:
        InvalidInputError: ``demo-data-not-empty``.
    """
    if data is None:
        return Path(tempfile.mkdtemp(prefix="writ-demo-"))
    if data.exists() and (not data.is_dir() or any(data.iterdir())):
        raise InvalidInputError(
            "demo-data-not-empty", f"{data} is not an empty folder", "name a new one"
        )
    data.mkdir(parents=True, exist_ok=True)
    return data


def _settings(directory: Path) -> Settings:
    """All that sets a demonstration apart: release, market feed, accounts, and where it is left."""
    return Settings(
        data=directory,
        mode=Mode.SIMULATION,
        release=run.RELEASE,
        market="historical",
        accounts={
            alias: AccountSettings(opening_cash=cash) for alias, cash in run.ACCOUNTS.items()
        },
    )
