"""The state of a venue that speaks Alpaca's trading API: accounts, orders with a life, fills.

``peers.alpaca`` puts it on a socket. Every body is held to Alpaca's own OpenAPI description, and
so is every order that comes.
"""

from __future__ import annotations

import json
import re
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote

from jsonschema import Draft202012Validator
from jsonschema.validators import validator_for
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from peers.alpaca_stream import Listener

SPECS: Final = Path(__file__).resolve().parents[2] / ".tools/alpaca-spec/alpaca_mcp_server/specs"
TRADING: Final = "trading-api.json"
MARKET_DATA: Final = "market-data-api.json"
SYMBOLS: Final = ("AAPL", "AMD", "BAC", "GE", "JNJ", "JPM", "KO", "MSFT", "PG", "WMT", "XOM")
WORKING: Final = ("accepted", "new", "partially_filled", "pending_cancel", "pending_replace")
FILLS: Final = "/v2/account/activities/{activity_type}"
SNAPSHOTS: Final = "/v2/stocks/snapshots"
_URN: Final = "urn:alpaca"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class RefusedError(Exception):
    """An answer that is an error."""

    def __init__(self, status: int, code: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"code": code, "message": message}


@cache
def validator(pointer: str, spec: str = TRADING) -> Draft202012Validator:
    """The schema at a JSON pointer of one of Alpaca's own descriptions."""
    contents = json.loads((SPECS / spec).read_text())
    resource = Resource(contents=contents, specification=DRAFT202012)
    registry: Registry[Any] = Registry().with_resource(_URN, resource)
    schema = {"$ref": f"{_URN}#{pointer}"}
    assert validator_for(schema, Draft202012Validator) is Draft202012Validator
    formats = Draft202012Validator.FORMAT_CHECKER
    return Draft202012Validator(schema, registry=registry, format_checker=formats)


def answer_schema(path: str, method: str) -> str:
    """Where the description says what a good answer is.

    For fills it says "either a trade or no trade", and a trade fits both: so it is held to a trade.
    """
    if path == FILLS:
        return "/components/schemas/TradingActivities"
    if path == SNAPSHOTS:
        return "/components/schemas/stock_snapshots_resp"
    name = path.replace("/", "~1")
    return f"/paths/{name}/{method}/responses/200/content/application~1json/schema"


@dataclass(slots=True)
class Account:
    """One account, and what opens it."""

    number: str
    cash: Decimal
    key_id: str
    secret: str
    identity: str = field(default_factory=lambda: str(uuid.uuid4()))
    status: str = "ACTIVE"
    blocked: bool = False
    shorting: bool = True
    positions: dict[str, Decimal] = field(default_factory=dict)
    orders: dict[str, dict[str, Any]] = field(default_factory=dict)
    fills: list[dict[str, Any]] = field(default_factory=list)

    def by_client_id(self, client_id: str) -> dict[str, Any] | None:
        found = [o for o in self.orders.values() if o["client_order_id"] == client_id]
        return found[0] if found else None


@dataclass(frozen=True, slots=True)
class Asked:
    """One request as it came."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes


@dataclass(slots=True)
class Fault:
    """What goes wrong with the next requests of a method and path; ``after`` it was done, or not.

    Kinds: a status as a number, ``hang``, ``reset``, ``html``, ``redirect``, ``huge``, ``cut``,
    ``packed``, ``drip``, or bytes that are sent as the body of a 200.
    """

    method: str
    path: str
    kind: int | str | bytes
    after: bool = False
    times: int = 1


class AlpacaPeer:
    """The venue's state; every call may come on any thread."""

    def __init__(self, now_us: Callable[[], int] | None = None) -> None:
        self.url = ""
        self.now_us = now_us or (lambda: time.time_ns() // 1000)
        self.skew_s = 0
        self.fills_at_limit = False
        self.queues = False
        """Whether orders wait for the market to open: accepted, and not replaceable yet."""
        self.decides = True
        """Whether cancels and replacements are decided at once, or left pending."""
        self.prices: dict[str, tuple[str, str, str]] = {}
        """Symbol -> bid, ask and last price of the market data."""
        self.listeners: list[Listener] = []
        """Whoever has opened the stream, those included that have gone away."""
        self.silent = False
        """Whether the stream shows no sign of life."""
        self.retry_headers: dict[str, str] = {}
        """What a 429 says of when to come again."""
        self.symbols = set(SYMBOLS)
        self.holidays: set[date] = set()
        self.half_days: set[date] = set()
        self.asked: list[Asked] = []
        self.flaws: list[str] = []
        self.faults: list[Fault] = []
        self.over = threading.Event()
        self.accounts: dict[str, Account] = {}
        self._late: list[tuple[Account, dict[str, Any]]] = []
        self._filled = 0
        self._lock = threading.RLock()

    def account(self, number: str = "PA1TEST", cash: str = "100000") -> Account:
        """A new account."""
        made = Account(
            number, Decimal(cash), f"PK{uuid.uuid4().hex[:18].upper()}", uuid.uuid4().hex
        )
        with self._lock:
            self.accounts[made.key_id] = made
        return made

    def rotate(self, account: Account, secret: str) -> None:
        """From now on another secret opens the account."""
        with self._lock:
            account.secret = secret

    def orders_sent(self) -> list[Asked]:
        """Every request that would place an order."""
        return [asked for asked in self.asked if asked.method == "POST"]

    # --- what the market does ----------------------------------------------------------------

    def fill(self, client_id: str, qty: str, price: str, *, listed: bool = True) -> None:
        """Fill a part of an order; ``listed=False``: the list of fills does not show it yet."""
        with self._lock:
            account, order = self._find(client_id)
            part, at = Decimal(qty), Decimal(price)
            before = Decimal(order["filled_qty"])
            total = before + part
            assert total <= Decimal(order["qty"]), "more than was ordered"
            value = before * Decimal(order["filled_avg_price"] or 0) + part * at
            whole = total == Decimal(order["qty"])
            order |= {
                "filled_qty": plain(total),
                "filled_avg_price": plain(value / total),
                "status": "filled" if whole else "partially_filled",
                "filled_at": self._now() if whole else None,
            }
            buys = order["side"] == "buy"
            held = account.positions.get(order["symbol"], Decimal(0)) + (part if buys else -part)
            account.positions[order["symbol"]] = held
            if held == 0:
                del account.positions[order["symbol"]]
            account.cash += -part * at if buys else part * at
            fill = self._fill_entry(order, part, at, whole=whole)
            self._news(account, "fill" if whole else "partial_fill", order)
            if listed:
                account.fills.append(fill)
            else:
                self._late.append((account, fill))

    def list_late_fills(self) -> None:
        """Show the fills that were held back, where their time puts them."""
        with self._lock:
            for account, fill in self._late:
                account.fills.append(fill)
                account.fills.sort(key=lambda entry: entry["id"])
            self._late.clear()

    def end(self, client_id: str, status: str) -> None:
        """An order comes to rest: canceled, expired, rejected, replaced, or anything else.

        Also a word of the venue's own that nobody has heard of, or one of its working states.
        """
        with self._lock:
            account, order = self._find(client_id)
            order["status"] = status
            self._news(account, status, order)
            for ended in ("canceled", "expired"):
                if status == ended:
                    order[f"{ended}_at"] = self._now()

    def decide(self, client_id: str, *, done: bool) -> None:
        """What was left pending of an order: it is done, or the order goes on as it was."""
        with self._lock:
            account, order = self._find(client_id)
            works = "partially_filled" if Decimal(order["filled_qty"]) else "new"
            if order["status"] == "pending_cancel":
                self.end(client_id, "canceled" if done else works)
                if not done:
                    self._news(account, "order_cancel_rejected", order)
                return
            assert order["status"] == "pending_replace", order["status"]
            replacement = account.orders[order["replaced_by"]]
            if done:
                self.end(client_id, "replaced")
                replacement["status"] = "new"
            else:
                self.end(client_id, works)
                order["replaced_by"] = None
                replacement["status"] = "rejected"
                self._news(account, "order_replace_rejected", order)

    def trade(self, quotes: Mapping[str, tuple[Decimal, Decimal]]) -> None:
        """Fill whatever a bid and ask fill, in the order of arrival."""
        with self._lock:
            for account in self.accounts.values():
                for order in list(account.orders.values()):
                    self._trade(order, quotes.get(order["symbol"]))

    def end_day(self) -> None:
        """Orders for the day expire."""
        with self._lock:
            for account in self.accounts.values():
                for order in account.orders.values():
                    if order["status"] in WORKING and order["time_in_force"] == "day":
                        self.end(order["client_order_id"], "expired")

    def by_hand(
        self, account: Account, symbol: str, qty: str, price: str, filled_at: str | None = None
    ) -> None:
        """Somebody else buys on the account, and is filled at once."""
        with self._lock:
            self.fill(self.placed_by_hand(account, symbol, qty, price), qty, filled_at or price)

    def placed_by_hand(self, account: Account, symbol: str, qty: str, price: str) -> str:
        """Somebody else's order to buy, which works; returns its client id."""
        client_id = str(uuid.uuid4())
        body = {"symbol": symbol, "qty": qty, "side": "buy", "type": "limit"}
        body |= {"time_in_force": "day", "limit_price": price, "client_order_id": client_id}
        with self._lock:
            self.place(account, body)
        return client_id

    def _trade(self, order: dict[str, Any], quote: tuple[Decimal, Decimal] | None) -> None:
        if quote is None or order["status"] not in WORKING:
            return
        (bid, ask), buys = quote, order["side"] == "buy"
        if order["type"] == "stop_limit":
            stop = Decimal(order["stop_price"])
            if (ask < stop) if buys else (bid > stop):
                return
        limit, price = Decimal(order["limit_price"]), ask if buys else bid
        if (price <= limit) if buys else (price >= limit):
            left = Decimal(order["qty"]) - Decimal(order["filled_qty"])
            self.fill(order["client_order_id"], plain(left), plain(price))

    # --- the API -----------------------------------------------------------------------------

    def answer(self, asked: Asked) -> tuple[int, Any, str]:
        """Status, body (``None``: there is none) and the path as the description has it."""
        with self._lock:
            account = self.accounts.get(asked.headers.get("apca-api-key-id", ""))
            if account is None or asked.headers.get("apca-api-secret-key") != account.secret:
                raise RefusedError(401, 40110000, "request is not authorized")
            for pattern, method, path, handler in _ROUTES:
                found = re.fullmatch(pattern, asked.path)
                if found and method == asked.method:
                    named = [unquote(part) for part in found.groups()]
                    body = handler(self, account, asked, *named)
                    return (204 if body is None else 200), body, path
            raise RefusedError(404, 40410000, "endpoint not found")

    def place(self, account: Account, body: dict[str, Any]) -> dict[str, Any]:
        errors = list(validator("/components/schemas/CreateOrderRequest").iter_errors(body))
        if errors:
            self.flaws.append(f"an order that is none: {errors[0].message}")
            raise RefusedError(422, 42210000, errors[0].message)
        if account.by_client_id(body["client_order_id"]) is not None:
            raise RefusedError(422, 40010001, "client_order_id must be unique")
        if body["symbol"] not in self.symbols:
            raise RefusedError(422, 42210000, f'asset "{body["symbol"]}" not found')
        self._admit(account, body)
        order = self._order(body)
        account.orders[order["id"]] = order
        shown = dict(order)
        if not self.queues:
            order["status"] = "new"
            self._news(account, "new", order)
        if self.fills_at_limit:
            self.fill(order["client_order_id"], order["qty"], order["limit_price"])
        return shown

    def _admit(
        self, account: Account, body: dict[str, Any], in_place_of: dict[str, Any] | None = None
    ) -> None:
        qty, price = Decimal(body["qty"]), Decimal(body["limit_price"])
        if price >= 1 and price * 100 % 1:
            said = f"invalid limit_price {price}. sub-penny increment does not fulfill"
            raise RefusedError(422, 42210000, f"{said} minimum pricing criteria")
        if account.blocked:
            raise RefusedError(403, 40310000, "account is restricted")
        held, buys = account.positions.get(body["symbol"], Decimal(0)), body["side"] == "buy"
        closes = held < 0 if buys else held > 0
        inferred = f"{body['side']}_to_{'close' if closes else 'open'}"
        if body.get("position_intent", inferred) != inferred:
            said = f"position intent mismatch, inferred: {inferred}"
            raise RefusedError(422, 42210000, f"{said}, specified: {body['position_intent']}")
        free = abs(held) - self._working(account, body["symbol"], body["side"])
        if in_place_of is not None:
            free += Decimal(in_place_of["qty"]) - Decimal(in_place_of["filled_qty"])
        if closes and qty > free:
            said = f"insufficient qty available for order (requested: {qty}, available: {free})"
            raise RefusedError(403, 40310000, said)
        if not buys and not closes and not account.shorting:
            raise RefusedError(403, 40310000, "account is not allowed to short")
        if not closes and qty * price > account.cash * 2:
            raise RefusedError(403, 40310000, "insufficient buying power")

    def _working(self, account: Account, symbol: str, side: str) -> Decimal:
        orders = [o for o in account.orders.values() if (o["symbol"], o["side"]) == (symbol, side)]
        left = [
            Decimal(o["qty"]) - Decimal(o["filled_qty"]) for o in orders if o["status"] in WORKING
        ]
        return sum(left, Decimal(0))

    def get_order(self, account: Account, asked: Asked, order_id: str) -> dict[str, Any]:
        del asked
        if order_id not in account.orders:
            raise RefusedError(404, 40410000, f"order not found for {order_id}")
        return account.orders[order_id]

    def get_by_client_id(self, account: Account, asked: Asked) -> dict[str, Any]:
        found = account.by_client_id(asked.query["client_order_id"])
        if found is None:
            raise RefusedError(404, 40410000, "order not found")
        return found

    def list_orders(self, account: Account, asked: Asked) -> list[dict[str, Any]]:
        query, found = asked.query, list(account.orders.values())
        if "after_order_id" in query:
            assert not {"after", "until"} & set(query), "the description forbids it"
            names = [order["id"] for order in found]
            found = found[names.index(query["after_order_id"]) + 1 :]
        found = within(found, "submitted_at", query)
        if query["status"] != "all":
            works = query["status"] == "open"
            found = [order for order in found if (order["status"] in WORKING) is works]
        if query.get("direction", "desc") == "desc":
            found.reverse()
        return found[: min(500, int(query.get("limit", "50")))]

    def post_order(self, account: Account, asked: Asked) -> dict[str, Any]:
        return self.place(account, json.loads(asked.body))

    def delete_order(self, account: Account, asked: Asked, order_id: str) -> None:
        order = self.get_order(account, asked, order_id)
        if order["status"] not in WORKING or order["status"] == "pending_replace":
            raise RefusedError(422, 42210000, f'order is already in "{order["status"]}" state')
        self.end(order["client_order_id"], "canceled" if self.decides else "pending_cancel")

    def patch_order(self, account: Account, asked: Asked, order_id: str) -> dict[str, Any]:
        """The new order for the quantity that is asked for, whatever was filled of the old one."""
        body, old = json.loads(asked.body), self.get_order(account, asked, order_id)
        errors = list(validator("/components/schemas/PatchOrderRequest").iter_errors(body))
        if errors:
            self.flaws.append(f"a replacement that is none: {errors[0].message}")
        if old["status"] not in ("new", "partially_filled"):
            raise RefusedError(422, 42210000, f"order in {old['status']} status cannot be replaced")
        if account.by_client_id(body["client_order_id"]) is not None:
            raise RefusedError(422, 40010001, "client_order_id must be unique")
        kept = ("symbol", "side", "type", "time_in_force", "extended_hours", "limit_price")
        kept += ("stop_price", "position_intent")
        asked_for = {name: old[name] for name in kept if name in old} | body
        self._admit(account, asked_for, in_place_of=old)
        new = self._order(asked_for)
        new |= {"replaces": old["id"], "extended_hours": old["extended_hours"]}
        account.orders[new["id"]] = new
        old |= {"replaced_by": new["id"], "replaced_at": self._now()}
        old["status"] = "pending_replace"
        shown = dict(new)
        if self.decides:
            self.decide(old["client_order_id"], done=True)
        return shown

    def list_fills(self, account: Account, asked: Asked) -> list[dict[str, Any]]:
        query = asked.query
        fills = within(account.fills, "transaction_time", query)
        if "order_id" in query:
            fills = [fill for fill in fills if fill["order_id"] == query["order_id"]]
        if query.get("direction", "desc") == "desc":
            fills.reverse()
        if "page_token" in query:
            names = [fill["id"] for fill in fills]
            if query["page_token"] not in names:
                raise RefusedError(422, 42210000, "page_token not found")
            fills = fills[names.index(query["page_token"]) + 1 :]
        return fills[: int(query.get("page_size", "100"))]

    def get_account(self, account: Account, asked: Asked) -> dict[str, Any]:
        del asked
        return {
            "id": account.identity,
            "account_number": account.number,
            "status": account.status,
            "currency": "USD",
            "cash": plain(account.cash),
            "buying_power": plain(account.cash * 2),
            "equity": plain(account.cash),
            "multiplier": "2",
            "trading_blocked": account.blocked,
            "account_blocked": False,
            "transfers_blocked": False,
            "trade_suspended_by_user": False,
            "shorting_enabled": account.shorting,
            "created_at": self._now(),
        }

    def get_clock(self, account: Account, asked: Asked) -> dict[str, Any]:
        del account, asked
        now = self._now()
        return {"timestamp": now, "is_open": True, "next_open": now, "next_close": now}

    def get_snapshots(self, account: Account, asked: Asked) -> dict[str, Any]:
        del account
        assert asked.query["feed"] in ("iex", "sip")
        wanted = asked.query["symbols"].split(",")
        return {symbol: self._snapshot(symbol) for symbol in wanted if symbol in self.prices}

    def _snapshot(self, symbol: str) -> dict[str, Any]:
        bid, ask, last = (json.loads(price) for price in self.prices[symbol])
        at = {"t": self._now(), "c": ["R"], "z": "C"}
        return {
            "latestQuote": at | {"bp": bid, "bs": 1, "bx": "V", "ap": ask, "as": 2, "ax": "V"},
            "latestTrade": at | {"i": 1, "p": last, "s": 100, "x": "V"},
        }

    def list_positions(self, account: Account, asked: Asked) -> list[dict[str, Any]]:
        del asked
        return [self._position(account, *held) for held in account.positions.items()]

    def _position(self, account: Account, symbol: str, qty: Decimal) -> dict[str, Any]:
        closing = self._working(account, symbol, "buy" if qty < 0 else "sell")
        free = qty + closing if qty < 0 else qty - closing
        money = ("avg_entry_price", "market_value", "cost_basis", "current_price")
        money += ("unrealized_pl", "unrealized_plpc", "unrealized_intraday_pl")
        money += ("unrealized_intraday_plpc", "lastday_price", "change_today")
        return dict.fromkeys(money, "0") | {
            "asset_id": asset_id(symbol),
            "symbol": symbol,
            "exchange": "NASDAQ",
            "asset_class": "us_equity",
            "asset_marginable": True,
            "qty": plain(qty),
            "qty_available": plain(free),
            "side": "short" if qty < 0 else "long",
        }

    def get_asset(self, account: Account, asked: Asked, symbol: str) -> dict[str, Any]:
        del account, asked
        if symbol not in self.symbols:
            raise RefusedError(404, 40410000, f"asset not found for {symbol}")
        return {
            "id": asset_id(symbol),
            "class": "us_equity",
            "exchange": "NASDAQ",
            "symbol": symbol,
            "name": f"{symbol} Common Stock",
            "status": "active",
            "tradable": True,
            "marginable": True,
            "shortable": True,
            "easy_to_borrow": True,
            "fractionable": True,
            "maintenance_margin_requirement": 30.5,
        }

    def list_calendar(self, account: Account, asked: Asked) -> list[dict[str, Any]]:
        del account
        first, last = (date.fromisoformat(asked.query[name]) for name in ("start", "end"))
        days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
        return [
            {
                "date": on.isoformat(),
                "open": "09:30",
                "close": "13:00" if on in self.half_days else "16:00",
                "session_open": "0400",
                "session_close": "2000",
                "settlement_date": (on + timedelta(days=1)).isoformat(),
            }
            for on in days
            if on.weekday() < 5 and on not in self.holidays
        ]

    def opens(self, key_id: str, secret: str) -> Account | None:
        """Whose account these open."""
        account = self.accounts.get(key_id)
        return account if account is not None and account.secret == secret else None

    def _news(self, account: Account, event: str, order: dict[str, Any]) -> None:
        shape = validator("/components/schemas/Order")
        self.flaws += [f"the stream: {error.message}" for error in shape.iter_errors(order)]
        told = {"event": event, "at": self._now(), "order": order}
        for listener in self.listeners:
            if listener.listens and listener.account is account:
                listener.send({"stream": "trade_updates", "data": told})

    def _find(self, client_id: str) -> tuple[Account, dict[str, Any]]:
        for account in self.accounts.values():
            if order := account.by_client_id(client_id):
                return account, order
        raise AssertionError(f"no order {client_id}")

    def _now(self) -> str:
        return (_EPOCH + timedelta(microseconds=self.now_us())).isoformat().replace("+00:00", "Z")

    def _order(self, body: dict[str, Any]) -> dict[str, Any]:
        now = self._now()
        nothing = ("filled_at", "expired_at", "canceled_at", "failed_at", "replaced_at")
        nothing += ("replaced_by", "replaces", "filled_avg_price", "legs", "trail_percent")
        nothing += ("trail_price", "hwm", "notional", "stop_price", "limit_price")
        return (
            dict.fromkeys(nothing)
            | {
                "id": str(uuid.uuid4()),
                "created_at": now,
                "updated_at": now,
                "submitted_at": now,
                "asset_id": asset_id(body["symbol"]),
                "asset_class": "us_equity",
                "filled_qty": "0",
                "order_class": "",
                "order_type": body["type"],
                "extended_hours": body.get("extended_hours", False),
                "status": "accepted",
            }
            | {name: value for name, value in body.items() if name != "extended_hours"}
        )

    def _fill_entry(
        self, order: dict[str, Any], qty: Decimal, price: Decimal, *, whole: bool
    ) -> dict[str, Any]:
        moment = _EPOCH + timedelta(microseconds=self.now_us())
        stamp = moment.strftime("%Y%m%d%H%M%S") + f"{moment.microsecond // 1000:03d}"
        self._filled += 1
        name = uuid.UUID(int=(self._filled << 64) + uuid.uuid4().int % 2**64)
        return {
            "id": f"{stamp}::{name}",
            "activity_type": "FILL",
            "transaction_time": self._now(),
            "type": "fill" if whole else "partial_fill",
            "price": plain(price),
            "qty": plain(qty),
            "side": order["side"],
            "symbol": order["symbol"],
            "leaves_qty": plain(Decimal(order["qty"]) - Decimal(order["filled_qty"])),
            "order_id": order["id"],
            "cum_qty": order["filled_qty"],
            "order_status": order["status"],
        }

    def take_fault(self, method: str, path: str) -> Fault | None:
        with self._lock:
            for fault in self.faults:
                if fault.times and fault.method == method and path.startswith(fault.path):
                    fault.times -= 1
                    return fault
        return None


def plain(value: Decimal) -> str:
    """A decimal without exponent or padding."""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def within(
    entries: list[dict[str, Any]], name: str, query: Mapping[str, str]
) -> list[dict[str, Any]]:
    """The entries between ``after`` and ``until``, where these are asked for, both exclusive."""
    bounds = {
        bound: datetime.fromisoformat(query[bound])
        for bound in ("after", "until")
        if bound in query
    }
    moments = [(datetime.fromisoformat(entry[name]), entry) for entry in entries]
    return [
        entry
        for at, entry in moments
        if ("after" not in bounds or bounds["after"] < at)
        and ("until" not in bounds or at < bounds["until"])
    ]


def asset_id(symbol: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_DNS, symbol))


_ID: Final = "([0-9a-f-]{36})"
_ROUTES: Final[list[tuple[str, str, str, Callable[..., Any]]]] = [
    ("/v2/account", "GET", "/v2/account", AlpacaPeer.get_account),
    ("/v2/positions", "GET", "/v2/positions", AlpacaPeer.list_positions),
    ("/v2/orders", "GET", "/v2/orders", AlpacaPeer.list_orders),
    ("/v2/orders", "POST", "/v2/orders", AlpacaPeer.post_order),
    (
        "/v2/orders:by_client_order_id",
        "GET",
        "/v2/orders:by_client_order_id",
        AlpacaPeer.get_by_client_id,
    ),
    (f"/v2/orders/{_ID}", "GET", "/v2/orders/{order_id}", AlpacaPeer.get_order),
    (f"/v2/orders/{_ID}", "PATCH", "/v2/orders/{order_id}", AlpacaPeer.patch_order),
    (f"/v2/orders/{_ID}", "DELETE", "/v2/orders/{order_id}", AlpacaPeer.delete_order),
    ("/v2/account/activities/FILL", "GET", FILLS, AlpacaPeer.list_fills),
    ("/v2/assets/([^/]+)", "GET", "/v2/assets/{symbol_or_asset_id}", AlpacaPeer.get_asset),
    ("/v2/calendar", "GET", "/v2/calendar", AlpacaPeer.list_calendar),
    ("/v2/clock", "GET", "/v2/clock", AlpacaPeer.get_clock),
    (SNAPSHOTS, "GET", SNAPSHOTS, AlpacaPeer.get_snapshots),
]
