"""A way to the database that loses what a test wants lost: one TCP proxy, one plan at a time."""

from __future__ import annotations

import select
import socket
import threading
from enum import Enum, auto

COMMIT = b"COMMIT\x00"


class Plan(Enum):
    """What happens to the next COMMIT, once; `PASS` lets everything through."""

    PASS = auto()
    LOSE_ANSWER = auto()
    """The server commits; its answer never comes, the connection is cut."""
    SILENCE = auto()
    """The server commits; its answer never comes, the connection stays."""
    LOSE_REQUEST = auto()
    """The server never sees it; both connections are cut."""
    HOLD_REQUEST = auto()
    """The server never sees it and keeps its end open; the client's is cut."""


class Proxy:
    """Forwards to a port of this host until it is closed; `refusing` takes no new connections."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.plan = Plan.PASS
        self.refusing = False
        self.refuse_after = False
        """Refuse new connections from the moment that the plan has happened."""
        self.happened = 0
        self._held: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.close()
        for held in self._held:
            held.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            if self.refusing:
                client.close()
                continue
            threading.Thread(target=self._forward, args=(client,), daemon=True).start()

    def _forward(self, client: socket.socket) -> None:
        server = socket.create_connection(("127.0.0.1", self._target), 10)
        keep: set[socket.socket] = set()
        try:
            while True:
                ready, _, _ = select.select([client, server], [], [], 30)
                if client in ready:
                    data = client.recv(65_536)
                    if not data:
                        return
                    if COMMIT in data and self.plan is not Plan.PASS:
                        keep = self._carry_out(data, client, server)
                        return
                    server.sendall(data)
                if server in ready:
                    data = server.recv(65_536)
                    if not data:
                        return
                    client.sendall(data)
        except OSError:
            return
        finally:
            for end in (client, server):
                if end in keep:
                    self._held.append(end)
                else:
                    end.close()

    def _carry_out(
        self, data: bytes, client: socket.socket, server: socket.socket
    ) -> set[socket.socket]:
        """Do as planned; returns the ends that stay open."""
        plan, self.plan = self.plan, Plan.PASS
        self.refusing = self.refuse_after
        if plan in {Plan.LOSE_ANSWER, Plan.SILENCE}:
            server.sendall(data)
            assert server.recv(65_536)  # whatever it says, it is done
        self.happened += 1
        if plan is Plan.SILENCE:
            return {client, server}
        return {server} if plan is Plan.HOLD_REQUEST else set()
