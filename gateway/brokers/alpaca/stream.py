"""Alpaca's stream of an account's updates, as news and nothing more.

What it says is not recorded: it replays nothing after a break, so the venue has to be asked in any
case, and one way to hear of a fill is easier to trust than two. It only says that there is
something to ask for, at once instead of at the next poll; and of a cancel or a replacement that was
refused, which order is to be looked at, because whoever polls may see it only before and after.

Frames are JSON, in text or binary ones. The credentials go to the venue's own host and nowhere
else: no redirect is followed and no proxy taken from the environment.
"""

from __future__ import annotations

import asyncio
import json
import logging
import ssl
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from types import MappingProxyType
from typing import Final, NoReturn

import aiohttp

from gateway.brokers.alpaca.address import Address
from gateway.brokers.alpaca.client import CONNECT_TIMEOUT_S, REQUEST_TIMEOUT_S
from gateway.brokers.alpaca.mapping import order_id
from gateway.brokers.alpaca.wire import Fields, UnreadableError, an_object, read_json, text
from gateway.brokers.contract import Credentials
from gateway.ports import Clock
from signing.lifecycle import State

UPDATES: Final = "trade_updates"
MESSAGE_BYTES_MAX: Final = 256 * 1024
HEARTBEAT_S: Final = 20
"""How often the venue is asked to show that the connection lives; half as long to answer."""
CLOSE_TIMEOUT_S: Final = 1
"""How long the venue may take to say goodbye: whoever ends the gateway waits for it."""
GAP_MS: Final = 1_000
"""Between two tellings, so that a burst of updates does not use up the requests of the account."""
BACK_OFF_MS: Final = (1_000, 60_000)
"""The first pause before connecting again, which doubles, and the longest."""
LASTED_MS: Final = 60_000
"""A connection that held for so long was a good one: the pauses begin anew after it."""
_REFUSALS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "order_cancel_rejected": State.PENDING_CANCEL.value,
        "order_replace_rejected": State.PENDING_REPLACE.value,
    }
)
_NS_PER_MS: Final = 1_000_000
_log = logging.getLogger(__name__)


class _StreamError(Exception):
    """The stream is none that can be listened to; the message holds nothing of the credentials."""


class Stream:
    """Listens for one account."""

    def __init__(
        self,
        account: str,
        venue: Address,
        credentials: Credentials,
        clock: Clock,
        news: Callable[[], object],
        reconnected: Callable[[], object],
        undecided: Callable[[str, str], Awaitable[object]],
    ) -> None:
        """Wire it.

        Args:
            account: its alias.
            venue: where it is.
            credentials: what opens it, asked for at each connection.
            clock: for pauses.
            news: there is something to ask for.
            reconnected: nobody listened for a while.
            undecided: what was pending of an order, by the venue's id, is to be looked at.
        """
        self._account = account
        self._venue = venue
        self._credentials = credentials
        self._clock = clock
        self._news = news
        self._reconnected = reconnected
        self._undecided = undecided
        self._heard = asyncio.Event()
        self._listened = False
        self._failures = 0

    async def run(self) -> None:
        """Listen for ever; the caller ends it by cancelling."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._tell())
            tasks.create_task(self._listen())

    async def _tell(self) -> None:
        while True:
            await self._heard.wait()
            self._heard.clear()
            self._news()
            await self._clock.sleep_ms(GAP_MS)

    async def _listen(self) -> None:
        while True:
            began_ns = self._clock.monotonic_ns()
            try:
                await self._connect()
            except Exception as error:  # noqa: BLE001  polls go on meanwhile, and it is tried again
                # Only its kind: what the library says may name what it was given.
                _log.warning("%s: the stream broke off (%s)", self._account, type(error).__name__)
            lasted_ms = (self._clock.monotonic_ns() - began_ns) // _NS_PER_MS
            self._failures = 1 if lasted_ms >= LASTED_MS else self._failures + 1
            first, longest = BACK_OFF_MS
            await self._clock.sleep_ms(min(first << min(self._failures - 1, 16), longest))

    async def _connect(self) -> None:
        """Connect, show the credentials, and listen until it ends."""
        # The total is of the opening handshake; afterwards the heartbeat sees that it lives.
        timeout = aiohttp.ClientTimeout(total=REQUEST_TIMEOUT_S, sock_connect=CONNECT_TIMEOUT_S)
        tracing = aiohttp.TraceConfig()
        tracing.on_request_redirect.append(_no_redirect)
        context = ssl.create_default_context() if self._venue.tls else False
        async with (
            aiohttp.ClientSession(
                timeout=timeout, trust_env=False, trace_configs=[tracing]
            ) as session,
            session.ws_connect(
                f"{self._venue.url}/stream",
                ssl=context,
                heartbeat=HEARTBEAT_S,
                timeout=aiohttp.ClientWSTimeout(ws_close=CLOSE_TIMEOUT_S),  # pyright: ignore[reportCallIssue]  attrs
                max_msg_size=MESSAGE_BYTES_MAX,
            ) as socket,
        ):
            async with asyncio.timeout(REQUEST_TIMEOUT_S):
                await self._begin(socket)
            self._begun()
            async for message in socket:
                await self._take(message)

    async def _begin(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        """Say who we are and what we listen for; both must be confirmed."""
        await socket.send_str(self._shown())
        if _field(await socket.receive(), "authorization", "status") != "authorized":
            raise _StreamError("not authorized")
        wanted = {"action": "listen", "data": {"streams": [UPDATES]}}
        await socket.send_str(json.dumps(wanted))
        if _field(await socket.receive(), "listening", "streams") != [UPDATES]:
            raise _StreamError("no updates to listen for")

    def _shown(self) -> str:
        data = {
            "key_id": self._credentials.key_id().reveal(),
            "secret_key": self._credentials.secret().reveal(),
        }
        return json.dumps({"action": "authenticate", "data": data})

    def _begun(self) -> None:
        """What happened before is asked for now."""
        self._heard.set()
        if self._listened:
            self._reconnected()
        self._listened = True

    async def _take(self, message: aiohttp.WSMessage) -> None:
        """Anything that is told is news: what it says exactly is for the venue's lists to say."""
        with suppress(UnreadableError):
            told = _data(message, UPDATES)
            pending = _REFUSALS.get(text(told, "event"))
            if pending is not None:
                await self._undecided(order_id(an_object(told.get("order")), "id"), pending)
        self._heard.set()


def _field(message: aiohttp.WSMessage, stream: str, name: str) -> object:
    return _data(message, stream).get(name)


def _data(message: aiohttp.WSMessage, stream: str) -> Fields:
    """What a message of a stream says, which it must be."""
    if message.type is aiohttp.WSMsgType.TEXT:
        content = str(message.data).encode()
    elif message.type is aiohttp.WSMsgType.BINARY:
        content = bytes(message.data)
    else:
        raise UnreadableError("no message")
    fields = an_object(read_json(content))
    if fields.get("stream") != stream:
        raise UnreadableError("another stream")
    return an_object(fields.get("data"))


async def _no_redirect(*_: object) -> NoReturn:
    raise _StreamError("it leads elsewhere")
