"""How this package's own services are served: as the gateway is, on a port of their own."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import sys
from collections.abc import Generator
from typing import TYPE_CHECKING, Final

import uvicorn
import uvloop

if TYPE_CHECKING:
    from fastapi import FastAPI

_BACKLOG: Final = 256


class _Server(uvicorn.Server):
    """Leaves SIGTERM to us."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        """Capture none."""
        yield


async def serve(app: FastAPI) -> None:
    """Serve until SIGTERM, on uvloop and httptools, and print the address once it listens."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=_BACKLOG)
    config = uvicorn.Config(
        app, http="httptools", ws="none", log_config=None, access_log=False, backlog=_BACKLOG
    )
    server = _Server(config)

    def stop() -> None:
        server.should_exit = True

    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop)
    sys.stdout.write(f"http://127.0.0.1:{listener.getsockname()[1]}\n")
    sys.stdout.flush()  # the socket listens already: who connects now waits for the server
    await server.serve(sockets=[listener])


def run(app: FastAPI) -> None:
    """Serve in this process until it is told to stop."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(app))
