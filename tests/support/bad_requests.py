"""Bad requests, by class and field, for every address of the HTTP interface."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

from support.bad_input import BODIES, NUMBERS, TEXTS
from support.tickets import TICKET

JSON_TYPE: Final = (b"content-type", b"application/json")


@dataclass(frozen=True, slots=True)
class Route:
    """An address that takes a body, with one that is good."""

    path: str
    scope: str
    body: dict[str, Any]
    headers: tuple[tuple[bytes, bytes], ...] = ()
    method: str = "POST"
    numbers: tuple[str, ...] = ()
    """Fields of text that hold a number."""


@dataclass(frozen=True, slots=True)
class BadRequest:
    """A request that must be refused with one of ``codes``."""

    name: str
    method: str
    target: str
    scope: str
    codes: tuple[str, ...]
    headers: tuple[tuple[bytes, bytes], ...] = ()
    content: bytes = b""


KEY: Final = (b"idempotency-key", b"bad-input")
LIMIT: Final = {**TICKET, "limit_price": "24.80"}
STOP: Final = {**LIMIT, "type": "stop_limit", "stop_price": "24.70"}
IDS: Final = {"client_order_id": "c-1", "strategy_id": "s-1", "source_signal_id": "g-1"}
WHY: Final = {"reason": "drill"}
PRICED: Final = ("qty", "limit_price", "stop_price")
COUNTED: Final = ("ttl_ms", "sequence")
FACT: Final = {
    "at": "2015-01-02T15:30:00-05:00",
    "ttl_ms": "60000",
    "source": "monitor",
    "sequence": "7",
}
PRICES: Final = {"bid": "24.50", "ask": "24.52", "last": "24.51"}


def _fact(name: str, value: object, *numbers: str) -> Route:
    body = {"value": value, **FACT}
    return Route(
        f"/v1/facts/{name}", "facts:write", body, method="PUT", numbers=(*numbers, *COUNTED)
    )


ROUTES: Final = {
    "orders": Route("/v1/orders", "propose", {**STOP, **IDS}, (KEY,), numbers=PRICED),
    "preview": Route("/v1/orders/preview", "propose", {**STOP, **IDS}, numbers=PRICED),
    "mode": Route("/v1/mode", "admin", {"mode": "RESEARCH"}),
    "omega4": Route(
        "/v1/omega4", "admin", {"lifted": True, "until": "2090-01-01T00:00:00Z", **WHY}
    ),
    "exit-only": Route(
        "/v1/exit-only",
        "admin",
        {
            "opened": True,
            "scope": {"kind": "symbol", "name": "AAPL"},
            "until": "2090-01-01T00:00:00Z",
            **WHY,
        },
    ),
    "kill": Route("/v1/kill", "operate", {"scope": {"kind": "symbol", "name": "AAPL"}, **WHY}),
    "resume": Route("/v1/resume", "admin", {"halt_id": "all-of-them", **WHY}),
    "clock": Route("/v1/market/clock", "admin", {"now": "2015-01-05T15:30:00-05:00"}),
    "drift": _fact("model.drift", "0.1", "value"),
    "quote": _fact("quote.AAPL", PRICES, "bid", "ask", "last"),
}
"""Every address that takes a body."""

_NUMBER_CODES: Final = (
    *("invalid-value", "number-malformed", "number-not-positive", "number-too-large"),
    *("price-missing", "price-unexpected", "json-malformed", "fact-value-invalid"),
)
_TEXT_CODES: Final = ("invalid-value", "account-unknown", "time-malformed", "fact-value-invalid")
_FREE_TEXT: Final = frozenset({"newline", "NUL", "lone surrogate", "right-to-left", "over-long"})
_SPELLED_IN_ANY_CASE: Final = ("side", "type", "time_in_force")
_CASE_IS_ANOTHER_ID: Final = (*IDS, "now", "until", "at", "source")
"""The swapped case of an id is another id, and that of an instant the same instant."""


def _bodies(route: Route) -> Iterator[tuple[tuple[str, ...], str]]:
    """The paths to every text of a good body."""
    for name, value in route.body.items():
        if isinstance(value, dict):
            yield from (((name, inner), text) for inner, text in value.items())
        elif isinstance(value, str):
            yield (name,), value


def _with(body: dict[str, Any], path: tuple[str, ...], value: object) -> dict[str, Any]:
    if len(path) == 1:
        return {**body, path[0]: value}
    return {**body, path[0]: {**body[path[0]], path[1]: value}}


def _post(route: Route, name: str, content: bytes, codes: tuple[str, ...]) -> BadRequest:
    return BadRequest(
        f"{route.method} {route.path} {name}",
        route.method,
        route.path,
        route.scope,
        codes,
        (JSON_TYPE, *route.headers),
        content,
    )


def numbers_in_bodies() -> Iterator[BadRequest]:
    """Each class of number in each field that holds one: as text, and bare."""
    for route in ROUTES.values():
        for path in (path for path, _ in _bodies(route) if path[-1] in route.numbers):
            field = path[-1]
            good = json.dumps(_with(route.body, path, "@"))
            for kind, text in NUMBERS.items():
                as_text = good.replace('"@"', json.dumps(text))
                yield _post(route, f"{field} '{kind}'", as_text.encode(), _NUMBER_CODES)
                if text.strip() and (field, kind) != ("sequence", "null"):  # it may be left out
                    bare = good.replace('"@"', text)
                    yield _post(route, f"{field} bare {kind}", bare.encode(), _NUMBER_CODES)


def numbers_where_text_belongs() -> Iterator[BadRequest]:
    """A bare number, a truth, nothing, a list or an object in each field of text."""
    values: dict[str, object] = {"number": 1, "bool": True, "list": [], "object": {}}
    for route in ROUTES.values():
        for path, _ in _bodies(route):
            for kind, value in values.items():
                content = json.dumps(_with(route.body, path, value)).encode()
                codes = ("invalid-value", "invalid-missing-field", "fact-value-invalid")
                yield _post(route, f"{'.'.join(path)} {kind}", content, codes)


def texts_in_bodies() -> Iterator[BadRequest]:
    """Each class of text in each field of each body."""
    for route in ROUTES.values():
        for path, good in _bodies(route):
            field = path[-1]
            if field in route.numbers:
                continue
            for kind, make in TEXTS.items():
                if kind not in _FREE_TEXT and field == "reason":
                    continue
                if kind == "case" and field in (*_SPELLED_IN_ANY_CASE, *_CASE_IS_ANOTHER_ID):
                    continue
                codes = ("halt-not-standing",) if (field, kind) == ("halt_id", "case") else ()
                content = json.dumps(_with(route.body, path, make(good))).encode()
                yield _post(route, f"{'.'.join(path)} {kind}", content, codes or _TEXT_CODES)


def malformed_bodies() -> Iterator[BadRequest]:
    """Each class of JSON for each address that takes a body."""
    for route in ROUTES.values():
        for kind, (code, make) in BODIES.items():
            yield _post(route, kind, make(route.body), (code,))


NUMBER_QUERIES: Final = (
    ("/v1/orders", "limit"),
    ("/v1/fills", "limit"),
    ("/v1/fills", "after"),
    ("/v1/market/bars?symbol=AAPL", "limit"),
    ("/v1/facts", "limit"),
)
_FILTERS: Final = (("/v1/orders", "account"), ("/v1/fills", "account"))
TEXT_QUERIES: Final = (
    ("/v1/orders", "account", "primary"),
    ("/v1/orders", "status", "FILLED"),
    ("/v1/orders", "cursor", "ca1"),
    ("/v1/fills", "account", "primary"),
    ("/v1/account", "account", "primary"),
    ("/v1/positions", "account", "primary"),
    ("/v1/pnl", "account", "primary"),
    ("/v1/market/bars", "symbol", "AAPL"),
    ("/v1/market/quotes", "symbol", "AAPL"),
    ("/v1/facts", "after", "model.drift"),
)


def _quoted(text: str) -> str:
    return quote(text.encode("utf-8", "surrogatepass"), safe="")


def _get(name: str, target: str, codes: tuple[str, ...]) -> BadRequest:
    return BadRequest(f"GET {name}", "GET", target, "read", codes)


def queries() -> Iterator[BadRequest]:
    """Each class in each parameter of each address."""
    for path, field in NUMBER_QUERIES:
        joint = "&" if "?" in path else "?"
        values = {**NUMBERS, "too many": "1001", "fraction": "10.0", "invalid": "%ff"}
        if field != "after":
            values |= {"zero": "0"}
        for kind, text in values.items():
            target = f"{path}{joint}{field}={text if kind == 'invalid' else _quoted(text)}"
            codes = ("invalid-value", "target-too-long", "request-malformed")
            if (field, kind) == ("after", "too many"):
                continue
            yield _get(f"{path} {field} {kind}", target, codes)
    for path, field, good in TEXT_QUERIES:
        for kind, make in TEXTS.items():
            if kind == "case" and (path, field) in _FILTERS:
                continue  # a good name that nothing has: an empty page
            codes = ("invalid-value", "account-unknown", "cursor-malformed", "target-too-long")
            target = f"{path}?{field}={_quoted(make(good))}"
            yield _get(f"{path} {field} {kind}", target, codes)
        twice = f"{path}?{field}={good}&{field}={good}"
        yield _get(f"{path} {field} twice", twice, ("parameter-duplicate",))
        unknown = f"{path}?{field}={good}&bypass=true"
        yield _get(f"{path} unknown beside {field}", unknown, ("invalid-unknown-field",))


PATHS: Final = (
    ("GET", "/v1/orders/{}", "read"),
    ("DELETE", "/v1/orders/{}", "cancel"),
    ("GET", "/v1/decisions/{}", "read"),
    ("GET", "/v1/decisions/{}/receipt", "read"),
    ("GET", "/log/{}", "audit:read"),
    ("PUT", "/v1/facts/{}", "facts:write"),
)


_IN_ADDRESS: Final = {"/log/{}": "checkpoint", "/v1/facts/{}": "model.drift"}
_GOOD_FACT: Final = json.dumps(ROUTES["drift"].body).encode()


def paths() -> Iterator[BadRequest]:
    """Each class in each part of an address."""
    codes = (
        *("invalid-value", "not-found", "order-unknown", "decision-unknown", "log-file-unknown"),
        *("fact-unknown",),
        *("target-too-long", "request-malformed"),
    )
    tricks = {"dots": "..", "encoded slash": "a%2fb", "bad escape": "%zz", "invalid": "%ff"}
    for method, path, scope in PATHS:
        good = _IN_ADDRESS.get(path, "ord_1")
        made = {kind: _quoted(make(good)) for kind, make in TEXTS.items()} | tricks
        for kind, text in made.items():
            target = path.format(text)
            sent = ((JSON_TYPE,), _GOOD_FACT) if method == "PUT" else ((), b"")
            yield BadRequest(f"{method} {path} {kind}", method, target, scope, codes, *sent)


def headers() -> Iterator[BadRequest]:
    """Each class in each header that decides something."""
    route, body = ROUTES["orders"], json.dumps(LIMIT).encode()
    good = {b"idempotency-key": "bad-input", b"content-type": "application/json"}
    codes = (
        *("idempotency-key-malformed", "media-type-unsupported", "header-malformed"),
        "headers-too-large",
    )
    for name, value in good.items():
        for kind, make in TEXTS.items():
            if kind in ("case", "newline"):
                continue  # another id, the same media type; and no line break reaches us
            text = make(value) * (2 if kind == "over-long" else 1)
            sent = {header: v.encode() for header, v in good.items()}
            sent[name] = text.encode("utf-8", "surrogatepass")
            case = f"{name.decode()} {kind}"
            pairs = tuple(sent.items())
            yield BadRequest(case, "POST", route.path, route.scope, codes, pairs, body)


def credentials(key: str) -> Iterator[tuple[str, bytes]]:
    """Each class in the header that says who asks."""
    for kind, make in TEXTS.items():
        if kind == "newline":
            continue  # no line break reaches us
        yield kind, b"Bearer " + make(key).encode("utf-8", "surrogatepass")
    for kind, text in NUMBERS.items():
        yield f"number {kind}", b"Bearer " + text.encode()
    yield "two keys", f"Bearer {key}, Bearer {key}".encode()
    yield "another scheme", f"Basic {key}".encode()
    yield "no scheme", key.encode()
    yield "nothing", b""
    yield "bytes", b"Bearer \xff\xfe"


def everything() -> list[BadRequest]:
    """All of them."""
    return [
        *numbers_in_bodies(),
        *numbers_where_text_belongs(),
        *texts_in_bodies(),
        *malformed_bodies(),
        *queries(),
        *paths(),
        *headers(),
    ]
