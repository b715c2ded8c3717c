"""Whether a release fits to what stands: the engine in use, the books of money, what is held."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from gateway.domain.book import NONE, Book
from gateway.domain.errors import RefusedError
from gateway.domain.instrument import Instrument
from gateway.policy.release import Release
from gateway.policy.release_data import ReleaseData, parse_data
from signing import canonical

_NAMED_MAX: Final = 5
"""How many of the instruments that it lacks, or lists otherwise, are named."""

_MEANING: Final = ("price_decimals", "currency", "multiplier")
"""What the price of a unit means, beside ``qty_decimals``. A tick or a lot only says which new
orders are well formed, and may change."""


def check_fits(release: Release, current: Release, book: Book) -> None:
    """Refuse a release that the gateway could not go on with.

    Raises:
        RefusedError: ``release-opa-version``, ``release-currency``, ``release-lacks-instrument``
            or ``release-rescales-instrument``.
    """
    if release.opa_version != current.opa_version:
        raise RefusedError(
            "release-opa-version",
            f"it was built with OPA {release.opa_version}, and {current.opa_version} is in use",
            "build it with the same version, or start the gateway anew with it",
        )
    _check_books(release.parsed, current.parsed, book)


async def check_fits_at_start(
    release: Release, book: Book, document: Callable[[str], Awaitable[bytes | None]]
) -> None:
    """Refuse to start with a release that does not fit to what the log says is held or working.

    Args:
        release: what the gateway would start with.
        book: as the log tells it; it names the release that was in force when it ended.
        document: the stored bytes of a digest, ``None`` where they were removed; the book alone
            is compared then.

    Raises:
        RefusedError: as :func:`check_fits`, but for ``release-opa-version``.
    """
    if book.release_digest not in (NONE, release.digest):
        _check_books(release.parsed, await _recorded(book.release_digest, document), book)


async def _recorded(
    digest: str, document: Callable[[str], Awaitable[bytes | None]]
) -> ReleaseData | None:
    """What the log keeps of a release's data, if it still does."""
    descriptor = await document(digest)
    if descriptor is None:
        return None
    data = await document(str(canonical.decode_object(descriptor)["data_sha256"]))
    return None if data is None else parse_data(data)


def _check_books(new: ReleaseData, old: ReleaseData | None, book: Book) -> None:
    if old is not None and new.base_currency != old.base_currency:
        raise RefusedError(
            "release-currency",
            "it counts money in another currency than the accounts are kept in",
            f"build it with {old.base_currency} as base currency",
        )
    standing = _standing(book)
    lacking = sorted(set(standing) - set(new.instruments))
    if lacking:
        raise RefusedError(
            "release-lacks-instrument",
            f"it does not list what is held or working: {', '.join(lacking[:_NAMED_MAX])}",
            "list them, or close and cancel first: nobody could get out of them",
        )
    before: Mapping[str, Instrument] = old.instruments if old else {}
    changes = [
        f"{symbol} ({change})"
        for symbol, scales in sorted(standing.items())
        if (change := _changed(new.instruments[symbol], before.get(symbol), scales))
    ]
    if changes:
        raise RefusedError(
            "release-rescales-instrument",
            "it changes what a unit of something held or working means: "
            + ", ".join(changes[:_NAMED_MAX]),
            "list them as they were; or close and cancel first, under the release of before",
        )


def _changed(new: Instrument, old: Instrument | None, scales: set[int]) -> str:
    """What of an instrument would not be what it was when it was bought or ordered.

    ``scales`` are those of the quantities in the book: a list that comes back to them is welcome,
    and one that leaves them where they were makes nothing worse.
    """
    changes: list[str] = []
    if scales != {new.qty_decimals} and (old is None or old.qty_decimals != new.qty_decimals):
        stands = " and ".join(map(str, sorted(scales)))
        changes.append(f"qty_decimals {new.qty_decimals}, where {stands} stands")
    if old is not None:
        changes += [
            f"{name} from {getattr(old, name)} to {getattr(new, name)}"
            for name in _MEANING
            if getattr(old, name) != getattr(new, name)
        ]
    return ", ".join(changes)


def _standing(book: Book) -> dict[str, set[int]]:
    """What is held or may still be filled in any account, and at which scales of quantity."""
    found: dict[str, set[int]] = {}
    for account in book.accounts.values():
        for symbol, (_, decimals) in account.positions.items():
            found.setdefault(symbol, set()).add(decimals)
        for order in account.working.values():
            found.setdefault(order.symbol, set()).add(order.qty_decimals)
    return found
