"""The server around the application: its socket, its limits, its clean end."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager
from typing import Final

import uvicorn

from gateway.api.application import build
from gateway.api.handshakes import Handshakes
from gateway.api.protocol import WRITE_TIMEOUT_MS, BoundedProtocol
from gateway.bootstrap import App
from gateway.domain.errors import UnavailableError

KEEP_ALIVE_S: Final = 15
GRACE_S: Final = 10
"""How long requests under way may take to end once the gateway is told to stop."""
BACKLOG: Final = 256


class _Server(uvicorn.Server):
    """Leaves signals to whoever runs us: the command line decides what they mean."""

    def __init__(self, config: uvicorn.Config, tls: ssl.SSLContext | None) -> None:
        super().__init__(config)
        self._handshakes = None if tls is None else Handshakes(tls, self._connected)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen; uvicorn itself would have as many handshakes under way as there are callers."""
        await self.lifespan.startup()
        loop = asyncio.get_running_loop()
        backlog = self.config.backlog
        self.servers = list[asyncio.Server]()
        for listener in sockets or ():
            if self._handshakes is None:
                made = await loop.create_server(self._connected, sock=listener, backlog=backlog)
                self.servers.append(made)
            else:
                self._handshakes.open(listener, backlog)
        self.started = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Take no more connections, and let requests under way end."""
        if self._handshakes is not None:
            self._handshakes.close()
        await super().shutdown(sockets)

    def _connected(self) -> asyncio.Protocol:
        return BoundedProtocol(self.config, self.server_state, self.lifespan.state)

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        """Capture none."""
        yield


@asynccontextmanager
async def serving(
    app: App, *, host: str, port: int, tls: ssl.SSLContext | None = None
) -> AsyncGenerator[str]:
    """Serve a running gateway for as long as the block lasts; yields its address.

    Args:
        app: from ``gateway.bootstrap.running``.
        host: address to listen on.
        port: port to listen on; 0 takes a free one.
        tls: from ``door_tls``; plain HTTP if there is none.

    Raises:
        UnavailableError: ``port-taken``: nobody can listen there.
    """
    listener = _listen(host, port)
    server = _Server(
        uvicorn.Config(
            build(app),
            http=BoundedProtocol,
            ws="none",
            lifespan="off",
            interface="asgi3",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            backlog=BACKLOG,
            timeout_keep_alive=KEEP_ALIVE_S,
            timeout_graceful_shutdown=GRACE_S,
        ),
        tls,
    )
    task = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        while not server.started and not task.done():  # noqa: ASYNC110  uvicorn sets a flag
            await asyncio.sleep(0.005)
        if task.done():
            await task  # it says why
        name = f"[{host}]" if ":" in host else host
        yield f"{'http' if tls is None else 'https'}://{name}:{listener.getsockname()[1]}"
    finally:
        app.releases.stop_waiting()
        server.should_exit = True
        await task


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # The protocol is named, or asyncio would leave Nagle on and every answer would wait 40 ms.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # A peer that reads nothing at all is given up by the kernel, whatever still waits for it.
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, WRITE_TIMEOUT_MS)
        listener.bind((host, port))
    except (OSError, UnicodeError) as error:
        listener.close()
        why = error.strerror if isinstance(error, OSError) else "that is no address"
        raise UnavailableError(
            "port-taken",
            f"cannot listen on {host!a} port {port}: {why}",
            "stop what listens there, or choose another --port (0: any free one)",
        ) from error
    return listener
