"""A release that changes what a held unit means is refused: while it runs, and at a start."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from gateway.domain.book import Book
from gateway.domain.errors import RefusedError
from gateway.policy.fitting import check_fits, check_fits_at_start
from gateway.policy.release import Release
from gateway.policy.release_data import parse_data
from signing import canonical
from support.facts import account, working
from support.releases import release_with


def listing(**apple: Any) -> Release:
    """The test's release with changes to how AAPL is listed."""
    base = release_with()
    data: dict[str, Any] = canonical.decode_object(base.data)
    data["instruments"]["AAPL"] |= apple
    return with_data(base, data)


def with_data(base: Release, parts: dict[str, Any]) -> Release:
    """A release of other data, its digests in step."""
    data = canonical.encode(parts)
    fields: dict[str, Any] = canonical.decode_object(base.descriptor)
    descriptor = canonical.encode(fields | {"data_sha256": canonical.digest(data)})
    return replace(
        base,
        data=data,
        data_digest=canonical.digest(data),
        descriptor=descriptor,
        digest=canonical.digest(descriptor),
        parsed=parse_data(data),
    )


def holding(symbol: str = "AAPL") -> Book:
    book = Book()
    book.accounts["primary"] = account(positions={symbol: 10})
    return book


def awaiting(symbol: str = "AAPL") -> Book:
    book = Book()
    book.accounts["primary"] = account()
    book.accounts["primary"].hold(working("ord_1", symbol, "buy", 10, 1_000_000))
    return book


CHANGES: dict[str, dict[str, Any]] = {
    "qty_decimals 2, where 0 stands": {"qty_decimals": 2},
    "price_decimals from 4 to 2": {"price_decimals": 2, "tick": 1},
    "currency from USD to EUR": {"currency": "EUR"},
    "multiplier from 1 to 10": {"multiplier": 10},
}


@pytest.mark.parametrize("book", [holding(), awaiting()], ids=["held", "working"])
@pytest.mark.parametrize(("told", "change"), CHANGES.items(), ids=list(CHANGES))
async def test_what_a_held_or_working_unit_means_does_not_change(
    told: str, change: dict[str, Any], book: Book
) -> None:
    old, new = listing(), listing(**change)
    with pytest.raises(RefusedError) as hot:
        check_fits(new, old, book)
    assert hot.value.code == "release-rescales-instrument"
    assert f"AAPL ({told})" in str(hot.value)
    assert "close and cancel first" in str(hot.value.remedy)
    book.release_digest = old.digest
    with pytest.raises(RefusedError) as cold:
        await check_fits_at_start(new, book, stored(old))
    assert (cold.value.code, str(cold.value)) == (hot.value.code, str(hot.value))


@pytest.mark.parametrize("change", [*CHANGES.values(), {"tick": 50}, {"lot": 5}, {"sector": "x"}])
async def test_what_nobody_holds_may_change(change: dict[str, Any]) -> None:
    old, new = listing(), listing(**change)
    for book in (holding("MSFT"), awaiting("MSFT"), Book()):
        check_fits(new, old, book)
        book.release_digest = old.digest
        await check_fits_at_start(new, book, stored(old))


@pytest.mark.parametrize("change", [{"tick": 50}, {"lot": 5}, {"min_notional_micros": 1}])
async def test_what_only_shapes_new_orders_may_change(change: dict[str, Any]) -> None:
    check_fits(listing(**change), listing(), holding())


def test_a_list_that_comes_back_to_what_is_held_is_welcome_and_one_that_stays_is_no_worse() -> None:
    strayed = listing(qty_decimals=2)
    check_fits(listing(), strayed, holding())
    check_fits(with_data(strayed, limited(strayed)), strayed, holding())


def limited(release: Release) -> dict[str, Any]:
    """Its data with a tighter limit."""
    data: dict[str, Any] = canonical.decode_object(release.data)
    data["limits"]["global"]["order_qty_max_e8"] = 1
    return data


async def test_a_start_compares_the_book_alone_where_the_old_list_was_removed() -> None:
    book = holding()
    book.release_digest = listing().digest
    await check_fits_at_start(listing(tick=50), book, stored())
    with pytest.raises(RefusedError, match="where 0 stands") as refused:
        await check_fits_at_start(listing(qty_decimals=2), book, stored())
    assert refused.value.code == "release-rescales-instrument"


async def test_a_start_refuses_other_money_and_a_list_without_what_is_held() -> None:
    old = listing()
    data: dict[str, Any] = canonical.decode_object(old.data)
    book = holding()
    book.release_digest = old.digest
    euros = with_data(old, data | {"base_currency": "EUR"})
    with pytest.raises(RefusedError) as refused:
        await check_fits_at_start(euros, book, stored(old))
    assert refused.value.code == "release-currency"
    fewer = {symbol: one for symbol, one in data["instruments"].items() if symbol != "AAPL"}
    with pytest.raises(RefusedError) as refused:
        await check_fits_at_start(with_data(old, data | {"instruments": fewer}), book, stored(old))
    assert refused.value.code == "release-lacks-instrument"


async def test_a_first_start_and_one_with_the_same_release_ask_for_nothing() -> None:
    book = holding("XXXX")  # as a broker's statement may say
    await check_fits_at_start(listing(), book, stored())
    book.release_digest = listing().digest
    await check_fits_at_start(listing(), book, stored())


def stored(*releases: Release) -> Callable[[str], Awaitable[bytes | None]]:
    """What a ledger keeps of these releases."""
    kept = {r.digest: r.descriptor for r in releases} | {r.data_digest: r.data for r in releases}

    async def document(digest: str) -> bytes | None:
        return kept.get(digest)

    return document
