"""Quotes from Alpaca's market data, which is another service than the one that takes orders.

Each quote is as the service states it: the bid and ask of its feed with their own instant, and the
price of the last trade. A symbol whose quote cannot be held exactly is left out, and so is one that
has none: whoever asks sees that it is missing, and nothing stands in for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from gateway.brokers.alpaca.assets import SYMBOL
from gateway.brokers.alpaca.client import AlpacaClient
from gateway.brokers.alpaca.mapping import PRICE_DECIMALS
from gateway.brokers.alpaca.wire import (
    Fields,
    UnreadableError,
    an_object,
    floored_number,
    instant_us,
)
from gateway.domain.execution import OutcomeUnknownError
from gateway.domain.market import Quote

BATCH: Final = 100
"""Symbols in one question, so that its address stays short."""
SYMBOLS_MAX: Final = 400
"""Symbols that are asked for at once: the first of those that are named."""
_SNAPSHOTS: Final = "/v2/stocks/snapshots"


class Quotes:
    """Asks one feed of the market data, with the credentials of one account."""

    def __init__(self, client: AlpacaClient, feed: str) -> None:
        """``client`` speaks to the data service; ``feed`` is iex or sip."""
        self._client = client
        self._feed = feed

    async def newest(self, symbols: Sequence[str]) -> list[Quote]:
        """The newest quote of each symbol that it knows; one account's requests are one budget.

        Raises:
            OutcomeUnknownError: it did not answer, or nothing that can be read.
        """
        wanted = [each for each in dict.fromkeys(symbols) if SYMBOL.fullmatch(each)][:SYMBOLS_MAX]
        quotes: list[Quote] = []
        for start in range(0, len(wanted), BATCH):
            quotes += await self._batch(wanted[start : start + BATCH])
        return quotes

    async def _batch(self, symbols: list[str]) -> list[Quote]:
        asked = {"symbols": ",".join(symbols), "feed": self._feed}
        answer = await self._client.read_document(_SNAPSHOTS, asked)
        try:
            found = an_object(answer)
        except UnreadableError:
            raise OutcomeUnknownError("ERR_UNREADABLE") from None
        read = (_quote(symbol, found.get(symbol)) for symbol in symbols)
        return [quote for quote in read if quote is not None]


def _quote(symbol: str, snapshot: object) -> Quote | None:
    try:
        fields = an_object(snapshot)
        quote, trade = an_object(fields.get("latestQuote")), an_object(fields.get("latestTrade"))
        # A trade may be at a price between two ticks, and only says about where the market was.
        last, _ = floored_number(trade, "p", PRICE_DECIMALS)
        return Quote(
            symbol=symbol,
            bid=_price(quote, "bp"),
            ask=_price(quote, "ap"),
            last=last,
            price_decimals=PRICE_DECIMALS,
            at_us=instant_us(quote, "t"),
        )
    except UnreadableError:
        return None


def _price(fields: Fields, name: str) -> int:
    value, rest = floored_number(fields, name, PRICE_DECIMALS)
    if rest:
        raise UnreadableError(f"{name} has more than {PRICE_DECIMALS} decimals")
    return value
