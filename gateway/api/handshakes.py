"""TLS handshakes, bounded in number and time before a connection counts as one.

The event loop by itself begins a handshake with whoever connects, and tells nobody before it is
over: callers who never end theirs would use up the files that the ledger needs.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable
from typing import Final

TIMEOUT_S: Final = 5
"""How long a caller may take over its handshake; nobody else waits for it meanwhile."""
SHUTDOWN_TIMEOUT_S: Final = 2
HANDSHAKES_MAX: Final = 256
"""Handshakes under way; one more finds the door shut."""
_NO_FILE_PAUSE_S: Final = 0.1


class Handshakes:
    """Takes connections at a door, and hands on those that have shaken hands."""

    def __init__(self, tls: ssl.SSLContext, connected: Callable[[], asyncio.Protocol]) -> None:
        """`connected` makes the protocol that such a connection then has."""
        self._tls = tls
        self._connected = connected
        self._under_way = set[asyncio.Task[None]]()
        self._doors = list[asyncio.Task[None]]()

    def open(self, listener: socket.socket, backlog: int) -> None:
        """Take connections there until :meth:`close`."""
        listener.listen(backlog)
        listener.settimeout(0)
        self._doors.append(asyncio.create_task(self._take(listener)))

    def close(self) -> None:
        """Take no more, and leave those standing who have not got in yet."""
        for task in (*self._doors, *self._under_way):
            task.cancel()

    async def _take(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                connection, _ = await loop.sock_accept(listener)
            except OSError:  # the caller is gone again, or no file is free
                await asyncio.sleep(_NO_FILE_PAUSE_S)
                continue
            if len(self._under_way) >= HANDSHAKES_MAX:
                connection.close()
                continue
            task = asyncio.create_task(self._shake(connection))
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)

    async def _shake(self, connection: socket.socket) -> None:
        try:
            await asyncio.get_running_loop().connect_accepted_socket(
                self._connected,
                connection,
                ssl=self._tls,
                ssl_handshake_timeout=TIMEOUT_S,
                ssl_shutdown_timeout=SHUTDOWN_TIMEOUT_S,
            )
        except OSError:  # of which a handshake that failed, or took too long, is a kind
            connection.close()
