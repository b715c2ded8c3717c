"""Asks one NTP server for the time (RFC 5905, as a client: mode 3), and believes little of it.

The packet is ``ntplib``'s. The socket is our own, because that library takes the answer to any
question for the answer to its own: here an answer counts only if it repeats the random number that
was asked with, comes from the address that was asked, and is from a server that says that its own
clock is right.
"""

from __future__ import annotations

import asyncio
import socket
from typing import Final

import ntplib  # pyright: ignore[reportMissingTypeStubs]  it has none

from gateway.control.clock_skew import NoTimeError, Told
from gateway.ports import BlockingRunner, Clock, Entropy

PORT: Final = 123
SOCKET_TIMEOUT_S: Final = 3
TIMEOUT_S: Final = 10
"""For everything, the look-up of the name included."""
PACKET_BYTES: Final = 48
_VERSION: Final = 4
_CLIENT: Final = 3
_SERVER: Final = 4
_UNSYNCHRONIZED: Final = 3
_STRATUM_MAX: Final = 15
"""0 is a kiss of death, 16 and more a clock that follows none."""
_NONCE: Final = slice(40, 48)
_ORIGIN: Final = slice(24, 32)
_RECEIVED: Final = slice(32, 40)
_SENT: Final = slice(40, 48)
_ERA_S: Final = 2**32


class NtpTeller:
    """Implements :class:`gateway.control.clock_skew.TimeTeller`."""

    def __init__(
        self, host: str, port: int, clock: Clock, entropy: Entropy, runner: BlockingRunner
    ) -> None:
        """Ask nobody yet."""
        self._address = (host, port)
        self._clock = clock
        self._entropy = entropy
        self._runner = runner

    @property
    def name(self) -> str:
        """Which server."""
        host, port = self._address
        return f"ntp:{host}" if port == PORT else f"ntp:{host}:{port}"

    async def told(self) -> Told:
        """Ask once.

        Raises:
            NoTimeError: ``ntp-silent``, ``ntp-unreachable``, ``ntp-unreadable``, ``ntp-refused``
                (a kiss of death) or ``ntp-unsynchronized``.
        """
        try:
            async with asyncio.timeout(TIMEOUT_S):
                return await self._runner.run(self._ask)
        except TimeoutError:
            raise NoTimeError("ntp-silent") from None

    def _ask(self) -> Told:
        # What is sent as the time of sending is random: whoever answers without having seen the
        # question cannot know it, and it tells nobody our clock.
        nonce = self._entropy.token(8)
        question = bytearray(ntplib.NTPPacket(version=_VERSION, mode=_CLIENT).to_data())
        question[_NONCE] = nonce
        try:
            answer, asked_us, heard_us = self._exchange(bytes(question))
        except TimeoutError:
            raise NoTimeError("ntp-silent") from None
        except OSError:
            raise NoTimeError("ntp-unreachable") from None
        return Told(_server_us(answer, nonce, heard_us), asked_us, heard_us)

    def _exchange(self, question: bytes) -> tuple[bytes, int, int]:
        """One packet there and one back, and our own times of both."""
        family, kind, protocol, _, address = socket.getaddrinfo(
            *self._address, type=socket.SOCK_DGRAM
        )[0]
        with socket.socket(family, kind, protocol) as asking:
            asking.settimeout(SOCKET_TIMEOUT_S)
            asking.connect(address)  # from here on nobody else's packets arrive
            asked_us = self._clock.wall_us()
            asking.send(question)
            answer = asking.recv(512)
            return answer, asked_us, self._clock.wall_us()


def _server_us(answer: bytes, nonce: bytes, now_us: int) -> int:
    """The server's time in the middle of its work, if the answer is one that may be believed."""
    if len(answer) < PACKET_BYTES or answer[_ORIGIN] != nonce:
        raise NoTimeError("ntp-unreadable")
    packet = ntplib.NTPPacket()
    packet.from_data(answer)  # pyright: ignore[reportUnknownMemberType]  the library has no types
    if packet.mode != _SERVER:
        raise NoTimeError("ntp-unreadable")
    if packet.stratum == 0:
        raise NoTimeError("ntp-refused")
    if packet.leap == _UNSYNCHRONIZED or packet.stratum > _STRATUM_MAX:
        raise NoTimeError("ntp-unsynchronized")
    received_us, sent_us = _us(answer[_RECEIVED], now_us), _us(answer[_SENT], now_us)
    if sent_us < received_us:
        raise NoTimeError("ntp-unreadable")
    return (received_us + sent_us) // 2


def _us(stamp: bytes, now_us: int) -> int:
    """An NTP timestamp in microseconds since 1970, of the era that is nearest to our own clock.

    Its 32 bits of seconds begin anew in 2036; the exact fraction is rounded down.
    """
    seconds = int.from_bytes(stamp[:4], "big") - ntplib.NTP.NTP_DELTA
    fraction = int.from_bytes(stamp[4:], "big")
    eras = (2 * (now_us // 1_000_000 - seconds) + _ERA_S) // (2 * _ERA_S)
    return (seconds + eras * _ERA_S) * 1_000_000 + fraction * 1_000_000 // _ERA_S
