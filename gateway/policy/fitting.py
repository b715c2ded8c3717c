"""Whether a release fits to what stands: the engine in use, the books of money, what is held."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from gateway.domain.book import Book
from gateway.domain.errors import RefusedError
from gateway.policy.release import Release

_NAMED_MAX: Final = 5
"""How many of the instruments that it lacks are named."""


def check_fits(release: Release, current: Release, book: Book) -> None:
    """Refuse a release that the gateway could not go on with.

    Raises:
        RefusedError: ``release-opa-version``, ``release-currency`` or
            ``release-lacks-instrument``.
    """
    if release.opa_version != current.opa_version:
        raise RefusedError(
            "release-opa-version",
            f"it was built with OPA {release.opa_version}, and {current.opa_version} is in use",
            "build it with the same version, or start the gateway anew with it",
        )
    if release.parsed.base_currency != current.parsed.base_currency:
        raise RefusedError(
            "release-currency",
            "it counts money in another currency than the accounts are kept in",
            f"build it with {current.parsed.base_currency} as base currency",
        )
    lacking = sorted(set(_symbols(book)) - set(release.instruments))
    if lacking:
        raise RefusedError(
            "release-lacks-instrument",
            f"it does not list what is held or working: {', '.join(lacking[:_NAMED_MAX])}",
            "list them, or close and cancel first: nobody could get out of them",
        )


def _symbols(book: Book) -> Iterator[str]:
    """What is held or may still be filled, in any account."""
    for account in book.accounts.values():
        yield from account.positions
        yield from (order.symbol for order in account.working.values())
