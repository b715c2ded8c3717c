"""A time server that speaks NTP (RFC 5905, mode 4) over UDP, with a clock and faults on demand."""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

FROM_1900_S = 2_208_988_800
HEADER = struct.Struct("!BBBb II4s")


@dataclass(slots=True)
class NtpPeer:
    """``skew_ms`` is how far its clock is ahead of the host's; ``fault`` is one of FAULTS."""

    host: str
    port: int
    skew_ms: int = 0
    fault: str = ""
    questions: list[bytes] = field(default_factory=list)

    def answer(self, question: bytes) -> bytes | None:
        """What goes back, or nothing."""
        if self.fault == "silent":
            return None
        if self.fault == "garbage":
            return b"\xff" * 48
        if self.fault == "short":
            return b"\x24\x02"
        leap, stratum, reference = 0, 2, b"\x7f\x00\x00\x01"
        if self.fault == "kiss-of-death":
            leap, stratum, reference = 3, 0, b"RATE"
        if self.fault == "unsynchronized":
            leap, stratum = 3, 16
        mode = 5 if self.fault == "broadcast" else 4
        head = HEADER.pack(leap << 6 | 4 << 3 | mode, stratum, 6, -20, 66, 99, reference)
        # The time of sending that the question holds is repeated, whatever it is.
        origin = bytes(8) if self.fault == "unasked" else question[40:48]
        now = self._stamp()
        return head + now + origin + now + now

    def _stamp(self) -> bytes:
        us = time.time_ns() // 1_000 + self.skew_ms * 1_000
        seconds, rest = divmod(us, 1_000_000)
        return struct.pack("!II", (seconds + FROM_1900_S) % 2**32, (rest << 32) // 1_000_000)


@contextmanager
def ntp_peer() -> Iterator[NtpPeer]:
    """A server at a free port of this machine, for as long as the block lasts."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listening:
        listening.bind(("127.0.0.1", 0))
        listening.settimeout(0.05)
        peer = NtpPeer(*listening.getsockname())
        over = threading.Event()
        thread = threading.Thread(target=_serve, args=(peer, listening, over))
        thread.start()
        try:
            yield peer
        finally:
            over.set()
            thread.join()


def _serve(peer: NtpPeer, listening: socket.socket, over: threading.Event) -> None:
    while not over.is_set():
        try:
            question, sender = listening.recvfrom(512)
        except TimeoutError:
            continue
        peer.questions.append(question)
        answer = peer.answer(question)
        if answer is not None:
            listening.sendto(answer, sender)
