"""The published log as a client sees it: entries read from the bundles, only what is new each time.

It believes the files: whether they verify is another question, asked elsewhere.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

FULL = 256
ROUNDS = 5


@dataclass(slots=True)
class Published:
    """The entries up to the newest checkpoint that was read."""

    folder: Path
    entries: list[tuple[str, dict[str, Any]]] = field(
        default_factory=list[tuple[str, dict[str, Any]]]
    )
    """(kind, payload), by index."""
    decisions: dict[str, tuple[int, dict[str, Any]]] = field(
        default_factory=dict[str, tuple[int, dict[str, Any]]]
    )
    """decision_id -> (index, payload)."""
    by_caller: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    """client_order_id -> every decision_id; there must be one."""

    def read_on(self) -> int:
        """Read what is new under the checkpoint of this moment; returns the log's size."""
        for _ in range(ROUNDS):
            try:
                return self._read_on()
            except FileNotFoundError:  # a partial bundle went as its successor came: look again
                continue
        return self._read_on()

    def _read_on(self) -> int:
        try:
            size = int((self.folder / "checkpoint").read_bytes().split(b"\n")[1])
        except FileNotFoundError:
            return 0
        while len(self.entries) < size:
            number = len(self.entries) // FULL
            width = min(FULL, size - number * FULL)
            for index, data in enumerate(self._bundle(number, width), number * FULL):
                if index >= len(self.entries):
                    self._take(data)
        return len(self.entries)

    def _bundle(self, number: int, width: int) -> list[bytes]:
        name = f"{number % 1000:03d}"
        while number := number // 1000:
            name = f"x{number % 1000:03d}/{name}"
        path = self.folder / "tile" / "entries" / name
        data = (
            path if width == FULL else path.with_name(f"{path.name}.p") / str(width)
        ).read_bytes()
        found, at = list[bytes](), 0
        while at < len(data):
            end = at + 2 + int.from_bytes(data[at : at + 2], "big")
            found.append(data[at + 2 : end])
            at = end
        assert len(found) == width
        return found

    def _take(self, data: bytes) -> None:
        envelope = json.loads(data)
        kind = envelope["payloadType"].split(".")[2]
        payload = json.loads(base64.b64decode(envelope["payload"]))
        if kind == "decision":
            self.decisions[payload["decision_id"]] = (len(self.entries), payload)
            self.by_caller.setdefault(payload["client_order_id"], []).append(payload["decision_id"])
        self.entries.append((kind, payload))
