"""`writ serve`: one gateway, until it is told to stop."""

from __future__ import annotations

import asyncio
import logging
import resource
import signal
import ssl
import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated, Final

import structlog
import typer

from gateway.api.access import FILE_NAME, AccessFile
from gateway.api.protocol import CONNECTIONS_MAX
from gateway.api.server import serving
from gateway.api.tls import door_tls
from gateway.bootstrap import running
from gateway.cli import output
from gateway.config import Settings, load_settings
from gateway.host import keep_loaded, new_event_loop

app = typer.Typer()

_FILES_BESIDE: Final = 1_024
"""Files that may be open beside the connections: database, published log, libraries."""


@app.command()
def serve(
    data: Annotated[Path | None, typer.Option(help="Data folder. [WRIT_DATA, writ-data]")] = None,
    host: Annotated[str | None, typer.Option(help="Address. [WRIT_HOST, 127.0.0.1]")] = None,
    port: Annotated[int | None, typer.Option(help="Port, 0: any. [WRIT_PORT, 8470]")] = None,
    mode: Annotated[str | None, typer.Option(help="Mode. [WRIT_MODE, RESEARCH]")] = None,
    release: Annotated[
        Path | None, typer.Option(help="Policy release folder. [WRIT_RELEASE, the shipped one]")
    ] = None,
    market: Annotated[
        str | None, typer.Option(help="none, historical or venue. [WRIT_MARKET, none]")
    ] = None,
    market_start: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%dT%H:%M:%S%z"], help="Where a historical market clock begins."
        ),
    ] = None,
) -> None:
    """Run the gateway. Options stand above the WRIT_ variables; docs/operating.md lists all."""
    settings = load_settings(
        data=data,
        host=host,
        port=port,
        mode=mode.upper() if mode else None,
        release=release,
        market=market,
        market_start=market_start,
    )
    tls = door_tls(
        settings.tls_certificate_file, settings.tls_key_file, settings.tls_client_ca_file
    )
    _log_to_stderr()
    _allow_open_files()
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(_serve(settings, tls))


async def _serve(settings: Settings, tls: ssl.SSLContext | None) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for signum in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(signum, stop.set)
    async with (
        running(settings) as gateway,
        serving(gateway, host=settings.host, port=settings.port, tls=tls) as address,
    ):
        keep_loaded()
        sys.stdout.write(f"{address}\n")
        sys.stdout.flush()
        output.note(
            f"mode {gateway.book().mode}, release {gateway.release.digest} "
            f"({gateway.release.label}), data in {settings.data}"
        )
        if not any(not key.revoked_us for key in AccessFile(settings.data / FILE_NAME).records()):
            output.note(
                "nobody can get in yet; in another terminal:\n"
                f"  writ access add ops --data {settings.data} --scope propose --scope cancel "
                "--scope read --scope audit:read --scope operate --scope admin"
            )
        await stop.wait()
        output.note("stopping")


def _allow_open_files() -> None:
    """Have room for every connection and for the ledger's files beside them, if we may."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = CONNECTIONS_MAX + _FILES_BESIDE
    if soft != resource.RLIM_INFINITY and soft < wanted:
        most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, most), hard))


def _log_to_stderr() -> None:
    """Structured lines on stderr; stdout has the address and nothing else."""
    shared: list[structlog.typing.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                structlog.processors.JSONRenderer(sort_keys=True),
            ],
        )
    )
    logging.basicConfig(handlers=[handler], level=logging.INFO, force=True)
    # The library tells every request; a broker alone is asked two hundred times a minute.
    logging.getLogger("httpx2").setLevel(logging.WARNING)
