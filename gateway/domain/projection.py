"""The one projector: how each entry of the log changes the book.

Used by the running gateway (before an entry is durable, so that the next turn sees its
reservation) and by the rebuild at start (from the log): both see the same state.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from gateway.domain import account_entries, order_entries, trade_entries
from gateway.domain.activity import REPEATED_EXECUTION
from gateway.domain.book import NONE, Book, BookError, Handler, OrderState, Payload
from gateway.domain.exits import ExitOnly
from gateway.domain.halt import REPEATED_REJECTIONS, Halt, Scope
from gateway.domain.mode import Mode
from gateway.domain.permission import Accepted
from signing.lifecycle import LifecycleError

FEEDS_MAX: Final = 2_000
"""Symbols whose source of quotes is remembered; of more those that changed last."""


def apply(
    book: Book, kind: str, payload: Payload, document: Payload | None = None
) -> tuple[OrderState, ...]:
    """Take one entry into the book and return the orders it changed.

    Args:
        book: changed in place.
        kind: the entry's kind (``signing.records``); kinds without a handler change nothing.
        payload: its fields; ``at_us`` is not read, so drafts can be applied.
        document: the input document, for a decision.

    Raises:
        BookError: the entry contradicts the book.
    """
    book.market_us = max(book.market_us, payload.get("market_us", 0))
    handler = _HANDLERS.get(kind)
    try:
        return handler(book, payload, document) if handler else ()
    except LifecycleError as error:
        raise BookError(f"{kind} of {payload.get('order_id')}: {error}") from error


def _mode(book: Book, payload: Payload, _: Payload | None) -> tuple[OrderState, ...]:
    book.mode = Mode(payload["mode"])
    book.control_version += 1
    return ()


def _omega4(book: Book, payload: Payload, _: Payload | None) -> tuple[OrderState, ...]:
    until = payload["until_us"]
    book.omega4_lifted_until_us = (0 if until == NONE else until) if payload["lifted"] else None
    book.control_version += 1
    return ()


def _release(book: Book, payload: Payload, _: Payload | None) -> tuple[OrderState, ...]:
    book.release_digest = payload["release_digest"]
    if "catalogue_digest" in payload:
        book.catalogues[payload["release_digest"]] = payload["catalogue_digest"]
    book.control_version += 1
    return ()


def _halt(book: Book, payload: Payload, _: Payload | None) -> tuple[OrderState, ...]:
    book.halts[payload["halt_id"]] = Halt(
        halt_id=payload["halt_id"],
        scope=Scope(payload["scope"]["kind"], payload["scope"]["name"]),
        cause=payload["cause"],
        cancels=payload["cancels"],
        reduce_allowed=payload["reduce_allowed"],
        clear_by=payload["clear_by"],
        by=payload["by"],
        observed=payload.get("observed"),
        limit=payload.get("limit"),
        reason=payload.get("reason"),
    )
    book.control_version += 1
    return ()


def _exit_only(book: Book, payload: Payload, _: Payload | None) -> tuple[OrderState, ...]:
    scope, until = Scope(payload["scope"]["kind"], payload["scope"]["name"]), payload["until_us"]
    if payload["opened"]:
        book.exit_only[scope] = ExitOnly(
            scope, payload["by"], payload["reason"], None if until == NONE else until
        )
    else:
        book.exit_only.pop(scope, None)
    book.control_version += 1
    return ()


def _trust(book: Book, payload: Payload, _: Payload | None) -> tuple[OrderState, ...]:
    book.trust_floor = payload["floor"]
    book.control_version += 1  # its overlays may tighten what a turn under way allows
    return ()


def _manifest(book: Book, payload: Payload, _: Payload | None) -> tuple[OrderState, ...]:
    book.manifest = Accepted(
        digest=payload["manifest_digest"],
        epoch=payload["epoch"],
        mode=Mode(payload["mode"]),
        release_digest=payload["release_digest"],
        lapses_us=payload["lapses_us"],
        cancels_at_lapse=payload["at_lapse"] == "cancel",
    )
    book.epoch = max(book.epoch, payload["epoch"])
    book.control_version += 1
    return ()


def _lapse(book: Book, payload: Payload, _: Payload | None) -> tuple[OrderState, ...]:
    manifest = book.manifest
    if payload["of"] == "manifest" and manifest and manifest.digest == payload["manifest_digest"]:
        book.manifest = replace(manifest, lapsed=payload["cause"])
    book.control_version += 1
    return ()


def _unlock(book: Book, _: Payload, __: Payload | None) -> tuple[OrderState, ...]:
    book.control_version += 1
    return ()


def _feed(book: Book, payload: Payload, _: Payload | None) -> tuple[OrderState, ...]:
    book.feeds.pop(payload["symbol"], None)
    book.feeds[payload["symbol"]] = payload["source"]
    while len(book.feeds) > FEEDS_MAX:
        del book.feeds[next(iter(book.feeds))]
    return ()


def _resume(book: Book, payload: Payload, _: Payload | None) -> tuple[OrderState, ...]:
    ended = book.halts.pop(payload["halt_id"], None)
    if ended is not None and ended.cause == REPEATED_EXECUTION:
        book.activity.begin_anew((ended.scope.kind, ended.scope.name))
    if ended is not None and ended.cause == REPEATED_REJECTIONS:
        for account in book.accounts.values():
            if ended.scope.covers(account.alias, NONE, NONE):
                account.rejected_in_a_row = 0
    book.control_version += 1
    return ()


_HANDLERS: Final[Mapping[str, Handler]] = {
    **order_entries.HANDLERS,
    **trade_entries.HANDLERS,
    **account_entries.HANDLERS,
    "mode": _mode,
    "omega4": _omega4,
    "exit-only": _exit_only,
    "release": _release,
    "halt": _halt,
    "resume": _resume,
    "trust": _trust,
    "manifest": _manifest,
    "lapse": _lapse,
    "unlock": _unlock,
    "feed": _feed,
}
